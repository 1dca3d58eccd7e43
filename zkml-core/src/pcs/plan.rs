//! How the claims of an opening share work; prover and verifier derive the same plan from the points.
//!
//! A claim speaks of a fold of rows, at a point in the row. Claims are merged in groups: those on one fold, at whatever
//! points, or those at one point, on whatever folds. The latter are one claim on the sum of their folds, each times its
//! coefficient in the merge, so they cost one table and one value together. The layers of a language model end at one
//! point for each of a few shapes.

use std::collections::BTreeMap;

use ark_ff::{AdditiveGroup, Field};

use super::claim::{ClaimPoint, MaskRows};
use super::stored::StoredRows;
use crate::field::{K, M61, mul_k};
use crate::poly::Coordinate;

/// A fold: the combination `f = sum_a eq(high, a) row_a` over stored rows.
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

/// A sum of rows of one matrix, each times its weight: rows that follow each other, with the number of the first one.
pub type RowSum = Vec<(usize, Vec<K>)>;

/// Claims that are merged together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Index among the matrices opened together.
    pub matrix: usize,
    /// Do the claims share their point in the row, and not their fold?
    pub one_point: bool,
    /// The claims, by number.
    pub claims: Vec<usize>,
}

/// The distinct folds and the distinct points in the row, and the groups of claims.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Distinct folds, in the order of their first claim.
    pub folds: Vec<RowFold>,
    /// Distinct points in the row, in the order of their first claim.
    pub lows: Vec<Vec<K>>,
    /// For each claim its place in `folds` and in `lows`.
    pub claims: Vec<(usize, usize)>,
    /// The groups, in the order of their first claim.
    pub groups: Vec<Group>,
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
        plan.group();
        plan
    }

    /// Groups the claims: each joins those at its point, if they are more than those on its fold.
    fn group(&mut self) {
        let matrix_of = |fold: usize| self.folds.get(fold).map_or(0, |fold| fold.matrix);
        let mut at_point: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut on_fold: BTreeMap<usize, usize> = BTreeMap::new();
        for &(fold, low) in &self.claims {
            *at_point.entry((matrix_of(fold), low)).or_default() += 1;
            *on_fold.entry(fold).or_default() += 1;
        }
        let mut groups: Vec<Group> = Vec::new();
        let mut known: BTreeMap<(bool, usize, usize), usize> = BTreeMap::new();
        for (number, &(fold, low)) in self.claims.iter().enumerate() {
            let matrix = matrix_of(fold);
            let one_point = at_point.get(&(matrix, low)) > on_fold.get(&fold);
            let key = (one_point, matrix, if one_point { low } else { fold });
            let group = *known.entry(key).or_insert_with(|| {
                groups.push(Group {
                    matrix,
                    one_point,
                    claims: Vec::new(),
                });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(group) {
                group.claims.push(number);
            }
        }
        self.groups = groups;
    }

    /// What each group speaks of, where the claims have the coefficients `rhos`: its fold, or the sum of its folds.
    pub fn sums(&self, rhos: &[K]) -> Vec<RowSum> {
        let sum = |group: &Group| {
            let fold_of = |claim: &usize| self.folds.get(self.claims.get(*claim)?.0);
            let mut terms: Vec<(&RowFold, K)> = match group.one_point {
                false => group
                    .claims
                    .first()
                    .and_then(fold_of)
                    .map(|fold| (fold, K::ONE))
                    .into_iter()
                    .collect(),
                true => {
                    let claims = group.claims.iter();
                    claims
                        .filter_map(|claim| Some((fold_of(claim)?, *rhos.get(*claim)?)))
                        .collect()
                }
            };
            terms.sort_by_key(|(fold, _)| fold.first_row);
            let mut runs = RowSum::new();
            for (fold, scale) in terms {
                add_rows(&mut runs, fold.first_row, fold.stored.weights(&fold.high, scale));
            }
            runs
        };
        self.groups.iter().map(sum).collect()
    }

    /// The coefficient of each claim in its group, where `rhos` are those in the merge: for claims that share their point
    /// it is part of the sum.
    pub fn evaluations<'a>(
        &'a self,
        group: &'a Group,
        rhos: &'a [K],
    ) -> impl Iterator<Item = (&'a Vec<K>, K)> {
        let claims = match group.one_point {
            true => group.claims.get(..1).unwrap_or_default(),
            false => group.claims.as_slice(),
        };
        claims.iter().filter_map(move |claim| {
            let low = self.lows.get(self.claims.get(*claim)?.1)?;
            let coefficient = match group.one_point {
                true => K::ONE,
                false => *rhos.get(*claim)?,
            };
            Some((low, coefficient))
        })
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

/// Adds weights of rows from `first` on, which is not before the last run.
fn add_rows(runs: &mut RowSum, first: usize, weights: Vec<K>) {
    if let Some((start, run)) = runs.last_mut()
        && let Some(offset) = first.checked_sub(*start)
        && offset <= run.len()
    {
        run.resize(run.len().max(offset.saturating_add(weights.len())), K::ZERO);
        let places = run.iter_mut().skip(offset).zip(weights);
        places.for_each(|(place, weight)| *place += weight);
        return;
    }
    runs.push((first, weights));
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

    /// A claim on rows from `first_row` on, as many as `high` has indices.
    fn point(matrix: usize, first_row: usize, high: &[u64], low: &[u64]) -> ClaimPoint {
        let high: Vec<K> = high.iter().map(|&value| K::from(value)).collect();
        ClaimPoint {
            matrix,
            first_row,
            stored: StoredRows::full(high.len()).unwrap(),
            high: Coordinate::challenges(&high),
            low: low.iter().map(|&value| K::from(value)).collect(),
        }
    }

    #[test]
    fn claims_are_grouped_by_point_where_more_share_it_than_share_the_fold() {
        // Three folds at one point, of which the second has another claim; two claims on one row; the same point in
        // another matrix.
        let points = [
            point(1, 0, &[7], &[5, 6]),
            point(1, 2, &[8], &[5, 6]),
            point(1, 8, &[9], &[5, 6]),
            point(1, 2, &[8], &[3, 4]),
            point(1, 12, &[], &[1, 1]),
            point(1, 12, &[], &[2, 2]),
            point(2, 0, &[7], &[5, 6]),
        ];
        let plan = Plan::new(&points);
        let found = plan
            .groups
            .iter()
            .map(|group| (group.matrix, group.one_point, group.claims.as_slice()));
        let expected: [(usize, bool, &[usize]); 4] = [
            (1, true, &[0, 1, 2]),
            (1, false, &[3]),
            (1, false, &[4, 5]),
            (2, false, &[6]),
        ];
        assert!(found.eq(expected));
        let rhos: Vec<K> = (11..18u64).map(K::from).collect();
        let sums = plan.sums(&rhos);
        let weights = |high: u64, scale: u64| {
            let (high, scale) = (K::from(high), K::from(scale));
            [scale * (K::ONE - high), scale * high]
        };
        // The first two folds are rows 0 to 3, the third one is rows 8 and 9.
        assert_eq!(
            sums[0],
            [
                (0, [weights(7, 11), weights(8, 12)].concat()),
                (8, weights(9, 13).to_vec())
            ]
        );
        assert_eq!(sums[1], [(2, weights(8, 1).to_vec())]);
        assert_eq!(sums[2], [(12, vec![K::ONE])]);
        let evaluations = |group: usize| plan.evaluations(&plan.groups[group], &rhos).collect::<Vec<_>>();
        assert_eq!(evaluations(0), [(&points[0].low, K::ONE)]);
        assert_eq!(
            evaluations(2),
            [(&points[4].low, rhos[4]), (&points[5].low, rhos[5])]
        );
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
