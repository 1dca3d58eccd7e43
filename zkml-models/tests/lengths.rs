//! One key for texts of any length.

// Helpers outside of test functions unwrap as well.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::OnceLock;

use ndarray::{ArrayD, Axis, Slice};
use zkml_core::graph::{Lengths, Sizing};
use zkml_core::keys::{CompiledModel, ProveError, ProvingKey, VerifyingKey};
use zkml_core::nn::Weights;
use zkml_core::optimize::{Switches, optimize};
use zkml_core::proof::{Proof, write_file};
use zkml_core::prove::prove;
use zkml_core::quant::{Calibration, CalibrationMethod, QuantizeOptions, Quantized, quantize};
use zkml_core::setup::{SetupOptions, setup};
use zkml_core::transcript::VerifyError;
use zkml_core::verify::{TrustedKey, verify};
use zkml_models::hugging_face::{PretrainedLlama, PretrainedModel};
use zkml_models::llama::LlamaForCausalLM;

/// With biases and normalized heads, so that every operation of the families is resized.
const FAMILY: &str = "qwen3";

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/families")
}

fn model() -> PretrainedLlama {
    LlamaForCausalLM::from_pretrained(fixtures().join(FAMILY)).unwrap()
}

/// The first tokens of a text.
fn text(tokens: usize) -> ArrayD<f32> {
    let weights = Weights::open(fixtures().join(FAMILY).with_extension("safetensors")).unwrap();
    let values = weights.values("ids").unwrap().unwrap();
    let ids = ArrayD::from_shape_vec(weights.shape("ids").unwrap(), values).unwrap();
    let row = ids.slice_axis(Axis(0), Slice::from(..1));
    row.slice_axis(Axis(1), Slice::from(..tokens)).to_owned()
}

/// The network for texts of this length, made from the floats.
fn quantized(tokens: usize) -> Quantized {
    let model = model();
    let graph = |tokens| {
        optimize(
            model.graph(tokens).unwrap().with_tokens().unwrap(),
            &Switches::default(),
        )
        .unwrap()
        .0
    };
    let calibration = Calibration::collect(&graph(7), [text(7)], CalibrationMethod::MinMax).unwrap();
    quantize(&graph(tokens), &calibration, &QuantizeOptions::language_model()).unwrap()
}

fn reference() -> Lengths {
    let graph = model().graph(1).unwrap();
    Lengths::standing_apart_from(graph.nodes.iter().flat_map(|node| node.fact.clone()), false)
}

fn of_any_length() -> Quantized {
    let lengths = reference();
    Quantized {
        sizing: Sizing::AnyLength(lengths),
        ..quantized(lengths.tokens as usize)
    }
}

fn key() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let options = SetupOptions {
            typical_tokens: 4,
            maximum_tokens: 32,
            ..SetupOptions::default()
        };
        setup(CompiledModel::new(FAMILY, of_any_length()), &options).unwrap()
    })
}

fn proof(tokens: u32) -> Proof {
    let key = key().at(Lengths::text(tokens)).unwrap();
    let ids = key
        .model()
        .network
        .quantize_input(&text(tokens as usize))
        .unwrap();
    prove(&key, &ids.integers, b"context").unwrap()
}

/// With `ZKML_WRITE_PROOFS=folder`, for a second verifier.
fn hand_over(name: &str, key: &VerifyingKey, proof: &Proof) {
    let Some(folder) = std::env::var_os("ZKML_WRITE_PROOFS") else {
        return;
    };
    let file = |ending: &str| Path::new(&folder).join(format!("lengths {name}.{ending}"));
    write_file(file("vkey"), key).unwrap();
    write_file(file("proof"), proof).unwrap();
    std::fs::write(file("context"), b"context").unwrap();
}

#[test]
fn a_resized_network_is_the_one_made_for_that_length() {
    let general = of_any_length();
    for tokens in [1, 2, 5, 7] {
        let resized = general.at(Lengths::text(tokens)).unwrap();
        let made = quantized(tokens as usize);
        assert_eq!(resized.graph.skeleton(), made.graph.skeleton(), "{tokens} tokens");
        assert_eq!(resized.limb_bits, made.limb_bits);
        // It is of one length now.
        assert!(resized.at(reference()).is_err());
    }
}

#[test]
fn one_key_proves_texts_of_any_length() {
    let verifying = key().verifying();
    for tokens in [1, 3, 6] {
        let proof = proof(tokens);
        assert_eq!(proof.lengths, Some(Lengths::text(tokens)));
        assert_eq!(proof.public.input.as_ref().unwrap().len(), tokens as usize);
        verify(verifying, &proof, b"context").unwrap();
        hand_over(&tokens.to_string(), verifying, &proof);
    }
    // All of them spend openings of one budget; other tests do, too.
    let resized = key().at(Lengths::text(2)).unwrap();
    let spent = || key().budget().unwrap().used().unwrap();
    assert!(spent() >= 3);
    assert!(resized.budget().unwrap().used().unwrap() >= 3);
}

/// The proof names its lengths; with others it is one of another network, or of none.
#[test]
fn a_proof_of_another_length_is_rejected() {
    let general = key().verifying();
    let trusted = TrustedKey::new(general).unwrap();
    let honest = proof(3);
    let at = |lengths: Option<Lengths>| {
        let proof = Proof {
            lengths,
            ..honest.clone()
        };
        trusted.verify(&proof, b"context").map(|_| ())
    };
    assert_eq!(at(honest.lengths), Ok(()));
    // The public values do not fit the circuit of another length.
    assert!(matches!(
        at(Some(Lengths::text(4))),
        Err(VerifyError::PublicValue { .. })
    ));
    let refused = [
        None,
        Some(Lengths::text(0)),
        Some(Lengths { tokens: 3, past: 1 }),
        Some(Lengths::text(u32::MAX)),
    ];
    for lengths in refused {
        assert!(
            matches!(at(lengths), Err(VerifyError::Lengths { .. })),
            "{lengths:?}"
        );
    }
    // Values that fit do not help: the transcript binds the network at its lengths.
    let mut longer = honest.clone();
    longer.lengths = Some(Lengths::text(4));
    longer.public.input.as_mut().unwrap().push(1);
    longer.public.outputs.as_mut().unwrap()[0].push(1);
    assert!(matches!(
        trusted.verify(&longer, b"context"),
        Err(VerifyError::Check { .. } | VerifyError::Truncated { .. } | VerifyError::NonCanonical { .. })
    ));
}

/// What a network reads is part of what it is: a network of images is not one of any size.
#[test]
fn a_sizing_is_part_of_the_architecture() {
    let general = key().verifying().network.clone();
    let Lengths { tokens, past } = reference();
    let others = [
        Sizing::Fixed,
        Sizing::Resized(Lengths { tokens, past }),
        Sizing::AnyLength(Lengths::text(tokens + 2)),
    ];
    for sizing in others {
        let mut other = general.clone();
        other.sizing = sizing;
        let difference = general.architecture().difference(&other.architecture()).unwrap();
        assert!(difference.to_string().contains("sizing"), "{difference}");
        assert!(general.difference(&other).is_some());
        assert_ne!(general.architecture().digest(), other.architecture().digest());
    }
}

/// A proof of another key is refused before its lengths are looked at.
#[test]
fn a_stranger_costs_no_work() {
    let trusted = TrustedKey::new(key().verifying()).unwrap();
    let stranger = Proof {
        key: [7; 32],
        lengths: Some(Lengths::text(u32::MAX)),
        ..proof(2)
    };
    assert!(matches!(
        trusted.verify(&stranger, b"context"),
        Err(VerifyError::OtherKey { .. })
    ));
}

/// A text that the network can read, but for which the key's code was not chosen, or no circuit exists.
#[test]
fn lengths_without_a_proof_are_refused() {
    let refused = |tokens| key().at(Lengths::text(tokens)).err();
    for tokens in [0, (1 << 20) + 1] {
        assert!(
            matches!(refused(tokens), Some(ProveError::Lengths { .. })),
            "{tokens}"
        );
    }
    assert!(refused(1 << 20).is_some());
    let fixed = CompiledModel::new(FAMILY, quantized(3));
    let error = fixed.at(Lengths::text(4)).unwrap_err().to_string();
    assert!(
        error.contains("a network that reads inputs of one size"),
        "{error}"
    );
}

/// A key that was resized is written as the key it came from.
#[test]
fn a_resized_key_is_saved_as_the_key_of_all_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pkey");
    let options = SetupOptions {
        typical_tokens: 2,
        maximum_tokens: 4,
        ..SetupOptions::default()
    };
    let key = setup(CompiledModel::new(FAMILY, of_any_length()), &options).unwrap();
    let verifying = key.verifying().digest().unwrap();
    let resized = key.at(Lengths::text(2)).unwrap();
    assert_eq!(resized.verifying().digest().unwrap(), verifying);
    drop(key);
    resized.write_file(&path).unwrap();
    drop(resized);
    let read = ProvingKey::read_file(&path).unwrap();
    assert_eq!(read.verifying().digest().unwrap(), verifying);
    assert_eq!(read.model().network.sizing, Sizing::AnyLength(reference()));
}
