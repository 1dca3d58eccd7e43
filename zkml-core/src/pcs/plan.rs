//! How the claims of an opening share work; prover and verifier derive the same plan from the points.

use std::collections::BTreeMap;

use super::claim::{ClaimPoint, Coordinate};
use super::stored::StoredRows;
use crate::field::K;

/// A combination of rows, `f = sum_a eq(high, a) row_a` over stored rows: what the claims speak of.
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

    /// Whether the claims end at different points and must be merged to one.
    pub fn needs_merge(&self) -> bool {
        self.lows.len() > 1
    }
}
