//! Over the whole life of a key no commitment to its private weights shows more columns than its tails hide.

use std::collections::BTreeSet;

use super::rank::TailMap;
use super::{heard, heard_of_setup, small_key};
use crate::privacy::Privacy;
use crate::prove::{BudgetError, ProveError, prove, rotate};
use crate::verify::{ROTATION_RESERVE, Statement};

#[test]
fn no_commitment_is_opened_at_more_columns_than_its_tails_hide() {
    let (key, input) = small_key(Privacy::default(), 5);
    let verifying = &key.verifying;
    let weights = &verifying.weights;
    let mut opened = vec![BTreeSet::new(); weights.roots.len()];
    let mut times = vec![0u32; opened.len()];

    // The setup proof opens all of them.
    let setup = heard_of_setup(verifying);
    for (opened, times) in opened.iter_mut().zip(&mut times) {
        opened.extend(&setup.positions);
        *times += 1;
    }
    let statement = Statement::new(verifying).expect("statement");
    let mut proofs = 0;
    let refused = loop {
        let (public, proof) = match prove(&key, &input, b"") {
            Ok(proved) => proved,
            Err(error) => break error,
        };
        let heard = heard(&statement, &public, &proof, b"");
        let number = proof.commitment as usize;
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
        let previous = next.previous.expect("a previous key");
        let number = weights
            .roots
            .iter()
            .position(|root| *root == previous)
            .expect("one of the old");
        opened[number].extend(&heard_of_setup(&next).positions);
        times[number] += 1;
        rotations += 1;
    };
    assert!(matches!(
        refused,
        ProveError::Budget(BudgetError::NothingLeft { .. })
    ));
    assert_eq!(proofs + rotations, weights.budget());
    assert!(rotations >= ROTATION_RESERVE);

    let tail = weights.tail(verifying.code.queries);
    let map = TailMap::new(&verifying.code, tail);
    for (opened, times) in opened.iter().zip(times) {
        assert!(times <= weights.openings, "{times} of {}", weights.openings);
        assert!(opened.len() <= weights.openings as usize * verifying.code.queries);
        assert!(opened.len() + 2 <= tail);
        let positions: Vec<usize> = opened.iter().copied().collect();
        assert_eq!(map.rank(&positions), positions.len());
    }
}

#[test]
fn rows_of_weights_carry_the_randomness_that_the_key_says() {
    let (key, _) = small_key(Privacy::default(), 2);
    let weights = &key.verifying.weights;
    for number in 0..weights.roots.len() {
        let matrix = key.commitment(number).expect("a commitment");
        let tails = matrix.tails();
        assert_eq!(tails.length, weights.tail(key.verifying.code.queries));
        for row in 0..weights.rows {
            let tail = matrix.tail(row);
            assert!(tail[..tails.length].iter().all(|cell| cell.value != 0));
        }
    }
}
