//! The tamper manifest of the core on proofs of a whole model: LeNet, plain and in zero knowledge.

use std::time::Instant;

use zkml::field::P;
use zkml::prelude::*;
use zkml::transcript::{Event, Kind, VerifyError};
use zkml::verify::TrustedKey;

use super::{digits, float_network, integer_network};

#[path = "../../zkml-core/src/prove/tests/manifest.rs"]
mod manifest;

use manifest::{Random, Subject, labels, reject_all, tails};

/// Elements of each row that are altered in every way.
const SAMPLES: usize = 3;

/// Elements of each row that are altered in one way at least.
const MORE: usize = 10;

#[test]
fn every_altered_message_of_a_proof_of_lenet_is_rejected_by_its_check() {
    let (samples, _) = digits();
    let network = integer_network(&float_network().with_argmax().unwrap(), &samples);
    for (name, privacy) in [("plain", Privacy::PUBLIC), ("zero knowledge", Privacy::default())] {
        let model = CompiledModel::new("lenet", network.clone()).with_privacy(privacy);
        let key = setup(model, &SetupOptions::default()).unwrap();
        let input = key.model.network.quantize_input(&samples[5]).unwrap();
        let (public, proof) = prove(&key, &input, b"lenet").unwrap();
        let trusted = TrustedKey::new(&key.verifying).unwrap();
        let events: Vec<Event> = trusted.verify_recording(&public, &proof, b"lenet").unwrap();
        let masking = trusted.statement().masking;
        assert_eq!(masking.is_some(), privacy.zero_knowledge());
        let subject = Subject {
            name,
            proof: &proof.messages,
            hidden: masking.is_some(),
            messages: events
                .into_iter()
                .filter(|event| event.kind.is_message())
                .collect(),
            tails: masking.map_or_else(Vec::new, |masking| {
                tails(
                    (0..masking.pairs()).map(|pair| masking.pads_in(pair)),
                    masking.tail,
                )
            }),
            judge: Box::new(|messages| {
                let messages = messages.to_vec();
                let proof = Proof {
                    messages,
                    ..proof.clone()
                };
                trusted.verify(&public, &proof, b"lenet").map(|_| ())
            }),
        };
        let seen = labels(&subject);
        let start = Instant::now();
        let tally = reject_all(&subject, SAMPLES, MORE, &mut Random(5));
        println!(
            "LeNet, {name}: {} altered proofs rejected in {:.1?}, {} labels: {:?}",
            tally.rejected,
            start.elapsed(),
            seen.len(),
            tally.checks
        );
        assert!(tally.rejected > 20 * seen.len(), "{name}: {}", tally.rejected);
    }
}
