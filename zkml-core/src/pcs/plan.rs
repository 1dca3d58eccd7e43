//! How the claims of an opening share work; prover and verifier derive the same plan from the points.

use std::collections::BTreeMap;

use ark_ff::{AdditiveGroup, Field};

use super::claim::{ClaimPoint, MaskRows};
use super::stored::StoredRows;
use crate::field::{K, M61, mul_k};
use crate::poly::Coordinate;

/// A fold: the combination `f = sum_a eq(high, a) row_a` over stored rows. Each claim is a claim on one fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFold {
    /// Index among the matrices opened together.
    pub matrix: usize,
    /// First of its stored rows.
    pub first_row: usize,
    /// Which of the `2^high.len()` rows are stored.
    pub stored: StoredRows,
    /// The coordinates over the rows.
    pub high: Vec<Coordinate>,
}

impl RowFold {
    /// `scale` times the weight of each of its stored rows.
    pub fn weights(&self, scale: K) -> Vec<K> {
        self.stored.weights(&self.high, scale)
    }
}

/// The distinct row combinations and the distinct points in the row.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Distinct row combinations, in the order of their first claim.
    pub folds: Vec<RowFold>,
    /// Distinct points in the row, in the order of their first claim.
    pub lows: Vec<Vec<K>>,
    /// For each claim its place in `folds` and in `lows`.
    pub claims: Vec<(usize, usize)>,
}

impl Plan {
    /// The plan for claims at `points`.
    pub fn new<'a>(points: impl IntoIterator<Item = &'a ClaimPoint>) -> Self {
        let mut plan = Self::default();
        let mut folds_at: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        let mut lows_at: BTreeMap<Vec<(u64, u64)>, usize> = BTreeMap::new();
        for point in points {
            let here = folds_at.entry((point.matrix, point.first_row)).or_default();
            let known = here.iter().find(|fold| {
                plan.folds
                    .get(**fold)
                    .is_some_and(|fold| fold.high == point.high && fold.stored == point.stored)
            });
            let fold = match known {
                Some(fold) => *fold,
                None => {
                    let ClaimPoint {
                        matrix,
                        first_row,
                        ref stored,
                        ref high,
                        ..
                    } = *point;
                    plan.folds.push(RowFold {
                        matrix,
                        first_row,
                        stored: stored.clone(),
                        high: high.clone(),
                    });
                    here.push(plan.folds.len() - 1);
                    plan.folds.len() - 1
                }
            };
            let key = point
                .low
                .iter()
                .map(|value| (value.c0.value, value.c1.value))
                .collect();
            let low = *lows_at.entry(key).or_insert_with(|| {
                plan.lows.push(point.low.clone());
                plan.lows.len() - 1
            });
            plan.claims.push((fold, low));
        }
        plan
    }

    /// Which of `count` matrices are opened: those with a claim, and that of the mask.
    pub fn opened_matrices(&self, count: usize, mask: Option<MaskRows>) -> Vec<bool> {
        let mut opened = vec![false; count];
        let of_claims = self.folds.iter().map(|fold| fold.matrix);
        for matrix in of_claims.chain(mask.map(|rows| rows.mask.matrix)) {
            if let Some(opened) = opened.get_mut(matrix) {
                *opened = true;
            }
        }
        opened
    }
}

/// The coefficients of the random fold, for each of the `rows` of each `opened` matrix; none for the others. Both sides
/// `draw` them in the order of matrices and rows: one for a row over F, and one `delta` for a row over K, whose parts
/// get `delta` and `i delta`. So the fold is K-linear in rows over K, on which hiding by pads relies (see
/// `docs/protocol/zero-knowledge.md`). The mask has no part in the fold: its rows get 0, and nothing is drawn.
pub(crate) fn random_coefficients(
    rows: &[usize],
    opened: &[bool],
    mask: Option<MaskRows>,
    mut draw: impl FnMut() -> K,
) -> Vec<Vec<K>> {
    let imaginary = K::new(M61::ZERO, M61::ONE);
    let mut of_matrix = |(index, (&rows, &opened)): (usize, (&usize, &bool))| {
        let rows = if opened { rows } else { 0 };
        let mask = mask.filter(|mask| mask.mask.matrix == index);
        let mut coefficients = Vec::with_capacity(rows);
        while coefficients.len() < rows {
            let row = coefficients.len();
            match mask {
                Some(mask) if mask.rows().contains(&row) => coefficients.push(K::ZERO),
                Some(MaskRows { mask, first_pair, .. }) if (first_pair..mask.first_row).contains(&row) => {
                    let delta = draw();
                    coefficients.extend([delta, mul_k(delta, imaginary)]);
                }
                _ => coefficients.push(draw()),
            }
        }
        coefficients
    };
    rows.iter().zip(opened).enumerate().map(&mut of_matrix).collect()
}

#[cfg(test)]
mod tests {
    use super::super::claim::{Commitment, ExtensionRow, check_mask};
    use super::*;

    /// Coefficients with the numbers 1, 2, ... in place of challenges.
    fn numbered(rows: &[usize], opened: &[bool], mask: Option<MaskRows>) -> Vec<Vec<K>> {
        let mut number = 0u64;
        random_coefficients(rows, opened, mask, || {
            number += 1;
            K::from(number)
        })
    }

    fn mask(matrix: usize, first_row: usize, first_pair: usize) -> Option<MaskRows> {
        let mask = ExtensionRow { matrix, first_row };
        Some(MaskRows {
            mask,
            classes: 1,
            first_pair,
        })
    }

    fn matrices(sizes: &[(usize, u32)]) -> Vec<Commitment> {
        let of = |&(rows, log_stride): &(usize, u32)| Commitment {
            root: [0; 32],
            rows,
            log_stride,
        };
        sizes.iter().map(of).collect()
    }

    #[test]
    fn each_row_over_either_field_has_one_coefficient_and_the_mask_none() {
        let real = |numbers: &[u64]| numbers.iter().map(|&number| K::from(number)).collect::<Vec<K>>();
        let i = |number: u64| K::new(M61::ZERO, M61::from(number));
        assert_eq!(
            numbered(&[2, 3, 1], &[true, false, true], None),
            [real(&[1, 2]), vec![], real(&[3])]
        );
        // Three rows, two pairs, the mask, one row after it.
        let matrix: Vec<K> = [
            &real(&[2, 3, 4, 5])[..],
            &[i(5), K::from(6u64), i(6), K::ZERO, K::ZERO, K::from(7u64)],
        ]
        .concat();
        let found = numbered(&[1, 10, 2], &[true; 3], mask(1, 7, 3));
        assert_eq!(found, [real(&[1]), matrix, real(&[8, 9])]);
        assert_eq!(numbered(&[3], &[true], mask(0, 1, 1)), [real(&[1, 0, 0])]);
    }

    #[test]
    fn a_mask_that_does_not_fit_is_refused() {
        for good in [mask(1, 7, 3), mask(1, 8, 0), mask(0, 0, 0), None] {
            assert_eq!(check_mask(&matrices(&[(2, 0), (10, 0)]), good), Ok(()));
        }
        for bad in [
            mask(2, 0, 0),
            mask(1, 9, 9),
            mask(0, 1, 1),
            mask(1, usize::MAX, 1),
            // An odd number of rows before it; pairs after it.
            mask(1, 7, 4),
            mask(1, 7, 9),
            mask(1, 7, usize::MAX),
        ] {
            assert!(check_mask(&matrices(&[(2, 0), (10, 0)]), bad).is_err(), "{bad:?}");
        }
        // Four pairs make up a message of stride 4, no more and no less, and all of them are there.
        let wide = |classes, first_row| mask(0, first_row, 0).map(|mask| MaskRows { classes, ..mask });
        let narrow = matrices(&[(10, 2)]);
        assert_eq!(check_mask(&narrow, wide(4, 2)), Ok(()));
        for bad in [
            wide(4, 4),
            wide(1, 2),
            wide(2, 2),
            wide(8, 0),
            wide(0, 2),
            wide(usize::MAX, 2),
        ] {
            assert!(check_mask(&narrow, bad).is_err(), "{bad:?}");
        }
        let coefficients = numbered(&[10], &[true], wide(4, 2));
        assert_eq!(
            coefficients[0][..2],
            [K::from(1u64), mul_k(K::from(1u64), K::new(M61::ZERO, M61::ONE))]
        );
        assert_eq!(coefficients[0][2..], [K::ZERO; 8]);
    }
}
