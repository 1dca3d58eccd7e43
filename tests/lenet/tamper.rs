//! The tamper manifest of the core on proofs of a whole model: LeNet, plain and in zero knowledge.

use std::time::Instant;

use zkml::field::{M61, P, pack, unpack};
use zkml::keys::CompiledModel;
use zkml::keys::WeightsKey;
use zkml::prelude::*;
use zkml::proof::Proof;
use zkml::prove::prove;
use zkml::setup::{SetupOptions, setup};
use zkml::transcript::{Event, Kind, VerifyError};
use zkml::verify::{TrustedKey, verify_setup};

use super::{digits, float_network, integer_network};

#[path = "../../zkml-core/src/prove/tests/manifest.rs"]
mod manifest;

use manifest::{Random, Subject, labels, reject_all, tails};

/// Elements of each row that are altered in every way.
const SAMPLES: usize = 8;

/// Elements of each row that are altered in one way at least.
const MORE: usize = 60;

#[test]
fn every_altered_message_of_a_proof_of_lenet_is_rejected_by_its_check() {
    let (samples, _) = digits();
    let network = integer_network(&float_network().with_argmax().unwrap(), &samples);
    for (name, privacy) in [("plain", Privacy::PUBLIC), ("zero knowledge", Privacy::default())] {
        let model = CompiledModel::new("lenet", network.clone()).with_privacy(privacy);
        let key = setup(model, &SetupOptions::default()).unwrap();
        let input = key.model().network.quantize_input(&samples[5]).unwrap().integers;
        let proof = prove(&key, &input, b"lenet").unwrap();
        let trusted = TrustedKey::new(key.verifying()).unwrap();
        let events: Vec<Event> = trusted.verify_recording(&proof, b"lenet").accepted().unwrap();
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
                trusted.verify(&proof, b"lenet").map(|_| ())
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
        assert!(tally.rejected > 50 * seen.len(), "{name}: {}", tally.rejected);
        every_altered_setup_proof_is_rejected(name, &key.verifying().weights);
    }
}

/// Bits of the setup proof of a key, here and there.
fn every_altered_setup_proof_is_rejected(name: &str, key: &WeightsKey) {
    verify_setup(key).unwrap();
    let mut random = Random(6);
    let mut altered = key.clone();
    for round in 0..100 {
        let byte = random.below(key.setup_proof.len());
        altered.setup_proof[byte] ^= 1 << random.below(8);
        let error = verify_setup(&altered).expect_err("an altered setup proof");
        let expected = matches!(
            error,
            VerifyError::Check { .. } | VerifyError::NonCanonical { .. }
        );
        assert!(expected, "LeNet, {name}, byte {byte} in round {round}: {error}");
        altered.setup_proof[byte] = key.setup_proof[byte];
    }
}
