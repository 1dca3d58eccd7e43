//! The factors of rows in the row combination; prover and verifier compute them with the same code.

use ark_ff::{AdditiveGroup, Field};

use super::claim::ExtensionRow;
use super::plan::{Group, RowSum};
use crate::field::{K, M61, mul_k};

/// For each matrix the factors of its rows in the combination, without the mask: those of the groups' sums, and those of
/// the random fold, which has the last of `gammas`. An empty list for a matrix that takes no part.
pub(super) fn combination_weights(
    rows: &[usize],
    (groups, sums): (&[Group], &[RowSum]),
    gammas: &[K],
    random: &[Vec<K>],
) -> Vec<Vec<K>> {
    let mut weights = row_weights(rows, (groups, sums), gammas);
    let last = gammas.last().copied().unwrap_or(K::ZERO);
    for (weights, random) in weights.iter_mut().zip(random) {
        weights.resize(random.len(), K::ZERO);
        for (weight, coefficient) in weights.iter_mut().zip(random) {
            *weight += mul_k(*coefficient, last);
        }
    }
    weights
}

/// For each matrix the factor of each of its rows in the combination; nothing for a matrix without a claim.
fn row_weights(rows: &[usize], (groups, sums): (&[Group], &[RowSum]), gammas: &[K]) -> Vec<Vec<K>> {
    let mut weights: Vec<Vec<K>> = vec![Vec::new(); rows.len()];
    for ((group, sum), gamma) in groups.iter().zip(sums).zip(gammas) {
        let (Some(weights), Some(rows)) = (weights.get_mut(group.matrix), rows.get(group.matrix)) else {
            continue;
        };
        weights.resize(*rows, K::ZERO);
        for (first, run) in sum {
            let places = weights.iter_mut().skip(*first).zip(run);
            places.for_each(|(place, weight)| *place += mul_k(*weight, *gamma));
        }
    }
    weights
}

/// Adds `factor` times the row over K that `place` holds to a combination's weights.
pub(crate) fn add_extension_row(rows: &[usize], weights: &mut [Vec<K>], place: ExtensionRow, factor: K) {
    let (Some(weights), Some(rows)) = (weights.get_mut(place.matrix), rows.get(place.matrix)) else {
        return;
    };
    weights.resize(*rows, K::ZERO);
    let parts = [factor, mul_k(factor, K::new(M61::ZERO, M61::ONE))];
    for (weight, part) in weights.iter_mut().skip(place.first_row).zip(parts) {
        *weight += part;
    }
}
