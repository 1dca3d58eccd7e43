//! Proofs of a small whole network, plain and in zero knowledge, for the tests that alter them.

use std::sync::LazyLock;

use ndarray::ArrayD;

use super::network::{Network, window};
use crate::argument::Statement;
use crate::circuit::Function;
use crate::graph::NodeId;
use crate::keys::VerifyingKey;
use crate::keys::{CompiledModel, ProvingKey};
use crate::privacy::{Privacy, Visibility};
use crate::proof::{Proof, PublicValues};
use crate::prove::prove;
use crate::secret::Seed;
use crate::setup::{SetupOptions, rotate, setup};
use crate::transcript::VerifyError;
use crate::verify::{TrustedKey, verify};

/// A key, a statement and its proof.
pub(crate) struct Fixture {
    pub(crate) key: ProvingKey,
    pub(crate) input: ArrayD<i64>,
    pub(crate) proof: Proof,
}

/// The public input, to be altered.
pub(crate) fn input_of(public: &mut PublicValues) -> &mut Vec<i64> {
    public.input.as_mut().expect("a public input")
}

/// The public outputs, to be altered.
pub(crate) fn outputs_of(public: &mut PublicValues) -> &mut Vec<Vec<i64>> {
    public.outputs.as_mut().expect("public outputs")
}

/// The messages of a proof with other public values.
pub(crate) fn with_public(proof: &Proof, public: &PublicValues) -> Proof {
    Proof {
        public: public.clone(),
        ..proof.clone()
    }
}

/// Randomness for a proof that a test makes by hand: fresh if the statement hides anything, else the public seed.
pub(crate) fn fresh_seed(statement: &Statement<'_>) -> Seed {
    match statement.masking {
        Some(_) => Seed::from_os().expect("randomness"),
        None => Seed::PUBLIC,
    }
}

/// What the fixture's proof is bound to.
pub(crate) const CONTEXT: &[u8] = b"context";

/// Convolution, rescale with ReLU, max-pool, linear layer, argmax; the logits and the index are public.
pub(crate) fn whole_network(seed: u64) -> CompiledModel {
    let mut n = Network::new(seed, &[1, 3, 9, 9], (-127, 127));
    let conv = n.convolution("conv", NodeId(0), 5, window(3, 1, 1), 1);
    let act = n.rescale("relu", conv, Function::Relu, Some(1));
    let pool = n.max_pool("pool", act, window(2, 2, 0));
    let flat = n.flatten("flatten", pool);
    let fc = n.linear("fc", flat, 10, true);
    let arg = n.argmax("argmax", fc, 1);
    n.finish(&[fc, arg])
}

/// Verifies with a key that is trusted as it is, without its setup proof.
pub(crate) fn judge(key: &VerifyingKey, proof: &Proof, context: &[u8]) -> Result<(), VerifyError> {
    TrustedKey::remembered(key, &key.weights.digest()?)?
        .verify(proof, context)
        .map(|_| ())
}

/// Is this what notices other challenges than the prover's? In zero knowledge that is a proof of work, which another
/// nonce than the honest one seldom fits, and else the closing check.
pub(crate) fn noticed(key: &VerifyingKey, error: &VerifyError) -> bool {
    let checks: &[&str] = match key.privacy().zero_knowledge() {
        true => &["transcript.grind", "closing.constraints"],
        false => &["lookup.layer"],
    };
    matches!(error, VerifyError::Check { name, .. } if checks.contains(name))
}

/// The proof of [`whole_network`], made once: everything is public.
pub(crate) fn fixture() -> &'static Fixture {
    static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| make(Privacy::PUBLIC));
    &FIXTURE
}

/// The same network in zero knowledge: private input and weights, public outputs. Each proof and each key has
/// randomness of its own.
pub(crate) fn hidden() -> &'static Fixture {
    static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| make(Privacy::default()));
    &FIXTURE
}

/// The same network with everything private; input and outputs are committed apart.
pub(crate) fn secret() -> &'static Fixture {
    static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
        let privacy = Privacy {
            output: Visibility::Private,
            commit_input: true,
            ..Privacy::default()
        };
        make(privacy)
    });
    &FIXTURE
}

/// All of them, for tests that must hold with and without zero knowledge.
pub(crate) fn fixtures() -> [(&'static str, &'static Fixture); 3] {
    [
        ("plain", fixture()),
        ("zero knowledge", hidden()),
        ("everything private", secret()),
    ]
}

/// A key made from that of [`hidden`]: it names a commitment of it.
pub(crate) fn rotated() -> &'static ProvingKey {
    static KEY: LazyLock<ProvingKey> = LazyLock::new(|| rotate(&hidden().key).expect("rotate"));
    &KEY
}

/// Proofs of a network with so many rows in its lookups that they ask for proof of work: plain and in zero knowledge;
/// of narrow rows, and the first with nodes that are cut.
pub(crate) fn large() -> &'static [Fixture; 2] {
    static FIXTURES: LazyLock<[Fixture; 2]> = LazyLock::new(|| {
        [(Privacy::PUBLIC, 1, 26), (Privacy::default(), 2, 32)].map(|(privacy, log_stride, digest_bytes)| {
            let mut n = Network::new(18, &[1, 1, 64, 64], (-127, 127));
            let conv = n.convolution("conv", NodeId(0), 8, window(3, 1, 1), 1);
            let act = n.rescale("relu", conv, Function::Relu, Some(1));
            let pool = n.max_pool("pool", act, window(8, 8, 0));
            let options = SetupOptions {
                log_strides: log_stride..=log_stride,
                digest_bytes,
                ..SetupOptions::default()
            };
            prove_once(n.finish(&[pool]).with_privacy(privacy), &options)
        })
    });
    &FIXTURES
}

fn make(privacy: Privacy) -> Fixture {
    prove_once(whole_network(18).with_privacy(privacy), &SetupOptions::default())
}

fn prove_once(model: CompiledModel, options: &SetupOptions) -> Fixture {
    let input = Network::random_input(1, &model);
    let key = setup(model, options).expect("setup");
    assert!(
        options
            .log_strides
            .contains(&key.verifying.weights.code.log_stride)
    );
    let proof = prove(&key, &input, CONTEXT).expect("prove");
    verify(&key.verifying, &proof, CONTEXT).expect("verify");
    Fixture { key, input, proof }
}
