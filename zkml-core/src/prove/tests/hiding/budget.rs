//! Over the whole life of a key no commitment to its private weights shows more columns than its tails hide; nor does
//! one to a private tensor that two proofs speak of.

use std::collections::BTreeSet;

use super::super::network::Network;
use super::rank::TailMap;
use super::{ALL_PRIVATE, heard, heard_of_setup, small_key};
use crate::argument::Statement;
use crate::circuit::Function;
use crate::graph::NodeId;
use crate::keys::ROTATION_RESERVE;
use crate::keys::{BudgetError, ProveError};
use crate::privacy::Privacy;
use crate::prove::{Input, prove, prove_with_secrets};
use crate::setup::{SetupOptions, rotate, setup};

#[test]
fn no_commitment_is_opened_at_more_columns_than_its_tails_hide() {
    let (key, input) = small_key(Privacy::default(), 5);
    let verifying = &key.verifying;
    let weights = &verifying.weights.commitments;
    let mut opened = vec![BTreeSet::new(); weights.roots.len()];
    let mut times = vec![0u32; opened.len()];

    // The setup proof opens all of them.
    let setup = heard_of_setup(&verifying.weights);
    for (opened, times) in opened.iter_mut().zip(&mut times) {
        opened.extend(&setup.positions);
        *times += 1;
    }
    let statement = Statement::new(verifying).expect("statement");
    let mut proofs = 0;
    let refused = loop {
        let proof = match prove(&key, &input, b"") {
            Ok(proof) => proof,
            Err(error) => break error,
        };
        let heard = heard(&statement, &proof, b"");
        let number = weights.commitment_of(proof.opening);
        opened[number].extend(&heard.positions);
        times[number] += 1;
        proofs += 1;
    };
    assert!(matches!(
        refused,
        ProveError::Budget(BudgetError::Exhausted { .. })
    ));
    assert!(proofs >= 5);
    // What is left is for rotations, each of which shows columns of one commitment too.
    let mut rotations = 0;
    let refused = loop {
        let next = match rotate(&key) {
            Ok(next) => next.verifying,
            Err(error) => break error,
        };
        let previous = next.weights.previous.expect("a previous key");
        let number = weights
            .roots
            .iter()
            .position(|root| *root == previous)
            .expect("one of the old");
        opened[number].extend(&heard_of_setup(&next.weights).positions);
        times[number] += 1;
        rotations += 1;
    };
    assert!(matches!(
        refused,
        ProveError::Budget(BudgetError::NothingLeft { .. })
    ));
    assert_eq!(proofs + rotations, weights.budget());
    assert!(rotations >= ROTATION_RESERVE);

    let stride = verifying.weights.code.stride();
    let tail = weights.tail(verifying.weights.code.queries, stride);
    let map = TailMap::new(&verifying.weights.code.wide(), tail);
    // Few rows: where the mask's rows are narrow, all positions of a symbol count as opened.
    assert!(weights.rows <= 2 * weights.openings as usize);
    let mates = |position: &usize| (position / stride * stride..).take(stride);
    let opened: Vec<BTreeSet<usize>> = (opened.iter())
        .map(|opened| opened.iter().flat_map(mates).collect())
        .collect();
    for (opened, times) in opened.iter().zip(times) {
        assert!(times <= weights.openings, "{times} of {}", weights.openings);
        assert!(opened.len() <= weights.openings as usize * verifying.weights.code.queries * stride);
        assert!(opened.len() + 2 <= tail);
        let positions: Vec<usize> = opened.iter().copied().collect();
        assert_eq!(map.rank(&positions), positions.len());
    }
}

#[test]
fn rows_of_weights_carry_the_randomness_that_the_key_says() {
    let (key, _) = small_key(Privacy::default(), 2);
    let weights = &key.verifying.weights;
    for number in 0..weights.commitments.roots.len() {
        let matrix = key.commitment(number).expect("a commitment");
        let tails = matrix.tails();
        assert_eq!(
            tails.length,
            weights.commitments.tail(
                key.verifying.weights.code.queries,
                key.verifying.weights.code.stride()
            )
        );
        for row in 0..weights.commitments.rows {
            let tail = matrix.tail(row);
            assert!(tail[..tails.length].iter().all(|cell| cell.value != 0));
        }
    }
}

#[test]
fn a_tensor_of_two_linked_proofs_is_opened_at_no_more_columns_than_its_tails_hide() {
    // A model that can be asked what it has answered.
    let mut n = Network::new(5, &[1, 2], (-127, 127));
    let layer = n.linear("layer", NodeId(0), 2, false);
    let q = n.rescale("q", layer, Function::Identity, None);
    let model = n.finish(&[q]).with_privacy(ALL_PRIVATE);
    let input = Network::random_input(1, &model);
    let key = setup(model, &SetupOptions::default()).expect("setup");
    let statement = Statement::new(&key.verifying).expect("statement");

    let first = prove_with_secrets(&key, Input::Values(&input), b"").expect("a proof");
    let secret = first.output.expect("the secret of the output");
    let second = prove_with_secrets(&key, Input::Committed(secret), b"").expect("a linked proof");
    let heard = [first.proof, second.proof].map(|proof| heard(&statement, &proof, b""));
    let root = |proof: usize, label: &str| {
        let found = heard[proof].digests.iter().find(|(own, _)| *own == label);
        found.expect("a root").1
    };
    assert_eq!(root(0, "output.root"), root(1, "input.root"));

    let rows = key.verifying.weights.code.narrow();
    let positions: BTreeSet<usize> = (heard.iter())
        .flat_map(|heard| rows.symbols(&heard.positions))
        .collect();
    let tail = statement.tensor_tail();
    assert!(positions.len() > key.verifying.weights.code.queries && positions.len() + 2 <= tail);
    let positions: Vec<usize> = positions.into_iter().collect();
    assert_eq!(TailMap::new(&rows, tail).rank(&positions), positions.len());
}
