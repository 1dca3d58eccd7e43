//! Zero knowledge end to end: every choice of what is private is proved and verified, and what must be hidden is.

use ndarray::ArrayD;

use super::fixture::{CONTEXT, whole_network};
use super::handed;
use super::network::{Network, window};
use crate::argument::{Statement, soundness};
use crate::graph::NodeId;
use crate::keys::{Choice, ProvingKey};
use crate::keys::{ROTATION_RESERVE, Secret, WeightCommitments, weight_extents};
use crate::pcs::{CodeParameters, Packing, RecursionParameters, RowCode, TARGET_BITS};
use crate::privacy::{Privacy, Visibility};
use crate::prove::prove;
use crate::reduce::Cpu;
use crate::setup::build;
use crate::setup::{SetupOptions, rotate, setup};
use crate::verify::{TrustedKey, verify};

/// All privacies that make sense.
fn privacies() -> impl Iterator<Item = Privacy> {
    (0..16).filter(|bits| bits & 9 != 8).map(|bits| {
        let choose = |bit: usize| match bits >> bit & 1 {
            0 => Visibility::Public,
            _ => Visibility::Private,
        };
        Privacy {
            input: choose(0),
            weights: choose(1),
            output: choose(2),
            commit_input: bits & 8 == 8,
        }
    })
}

#[test]
fn every_privacy_proves_and_verifies() {
    for privacy in privacies() {
        let model = whole_network(18).with_privacy(privacy);
        let input = Network::random_input(1, &model);
        let key = setup(model, &SetupOptions::default()).expect("setup");
        let proof = prove(&key, &input, CONTEXT).expect("prove");
        verify(&key.verifying, &proof, CONTEXT).expect("verify");
        assert_eq!(proof.public.input.is_some(), privacy.input == Visibility::Public);
        assert_eq!(
            proof.public.outputs.is_some(),
            privacy.output == Visibility::Public
        );
        let statement = Statement::new(&key.verifying).expect("statement");
        assert_eq!(statement.masking.is_some(), privacy.zero_knowledge());
        assert!(soundness(&statement).bits >= 100.0);
        eprintln!(
            "{privacy:?}: proof {} setup {} code {:?} masking {:?} commitments {} of {} constraints {}\n{}",
            proof.messages.len(),
            key.verifying.weights.setup_proof.len(),
            key.verifying.weights.code,
            statement.masking,
            key.verifying.weights.commitments.roots.len(),
            key.verifying.weights.commitments.openings,
            statement.tape.constraints,
            soundness(&statement),
        );
    }
}

/// A key whose row combinations are committed: of a model without parameters.
pub(super) fn recursive() -> (ProvingKey, ArrayD<i64>) {
    let mut n = Network::new(4, &[1, 1, 4, 4], (-127, 127));
    let pool = n.max_pool("pool", NodeId(0), window(2, 2, 0));
    let model = n.finish(&[pool]).with_privacy(Privacy {
        output: Visibility::Private,
        ..Privacy::default()
    });
    assert!(model.network.graph.parameters.is_empty());
    let lowered = model.lower().expect("lower");
    let mut weights = WeightCommitments {
        roots: vec![[0; 32]; ROTATION_RESERVE as usize + 1],
        rows: 0,
        openings: 2,
    };
    weights.rows = Packing::new(&weight_extents(&lowered.circuit), RowCode::uncoded(10))
        .expect("a packing")
        .rows;
    let tail = 256;
    let code = CodeParameters::for_target(10, tail, 13, 16, TARGET_BITS).expect("a code");
    assert!(weights.tail(code.queries, 1) <= tail);
    // Rows of 128 each for the 1024 + 256 coordinates of the combination.
    let levels = vec![CodeParameters::for_target(7, 0, 11, 16, TARGET_BITS).expect("a code")];
    let choice = Choice {
        code,
        recursion: RecursionParameters { levels },
        weights,
    };
    let input = Network::random_input(1, &model);
    let secret = Secret::fresh(Visibility::Private).expect("randomness");
    let key = build(Cpu, model, lowered, choice, secret, None).expect("setup");
    (key, input)
}

#[test]
fn a_model_without_parameters_is_proved_with_a_recursion() {
    let (key, input) = recursive();
    // Nothing is claimed of weights: the setup proof opens its mask alone.
    let statement = Statement::of_setup(&key.verifying.weights).expect("statement");
    assert!(statement.circuit().columns.is_empty() && statement.masking.is_some());
    let proof = prove(&key, &input, CONTEXT).expect("prove");
    verify(&key.verifying, &proof, CONTEXT).expect("verify");
    handed::answer(&key.verifying, &proof, CONTEXT);
}

#[test]
fn a_rotated_key_holds_the_same_weights_and_names_the_one_before() {
    let model = whole_network(18).with_privacy(Privacy::default());
    let input = Network::random_input(1, &model);
    let old = setup(model, &SetupOptions::default()).expect("setup");
    let new = rotate(&old).expect("rotate");
    let previous = new.verifying.weights.previous.expect("a previous key");
    assert!(old.verifying.weights.commitments.roots.contains(&previous));
    assert!(
        new.verifying.weights.commitments.roots.iter().all(|root| !old
            .verifying
            .weights
            .commitments
            .roots
            .contains(root))
    );
    let proof = prove(&new, &input, CONTEXT).expect("prove");
    verify(&new.verifying, &proof, CONTEXT).expect("verify");
    handed::answer(&new.verifying, &proof, CONTEXT);
    let trusted = TrustedKey::new(&old.verifying).expect("the old key");
    trusted
        .verify(&proof, CONTEXT)
        .expect_err("a proof of the new key");
}
