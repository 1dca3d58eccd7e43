//! The weights of a row of scores: fast, by definition, and as advice for the columns of
//! [`Weights`](super::weights::Weights).

#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the prover's side"
)]

use crate::circuit::{Cells, DecayTable};
use crate::ops::{ExecutionError, IntegerSite};

const MAXIMUM: &str = "largest score";
const DISTANCE: &str = "distance to the largest score";

/// What does not fit, of a row: the quantity, the cell where there is one, the value and its range.
pub(in crate::ops) struct Outside(pub &'static str, pub Option<usize>, pub i64, pub (i64, i64));

impl Outside {
    /// The error, for the row with this index.
    pub(in crate::ops) fn at(
        self,
        site: &IntegerSite<'_>,
        row: impl IntoIterator<Item = usize>,
    ) -> ExecutionError {
        let Self(quantity, last, value, range) = self;
        ExecutionError::Outside {
            layer: site.node.name.clone(),
            quantity,
            index: row.into_iter().chain(last).collect(),
            value,
            range,
        }
    }
}

/// The table of weights, and the bits of a reciprocal.
pub(in crate::ops) struct Weigher {
    cells: Cells,
    bits: u32,
    reciprocal_bits: u32,
}

impl Weigher {
    /// # Errors
    /// Widths that the lowering refuses as well; a table that cannot be computed.
    pub(in crate::ops) fn new(
        decay: &DecayTable,
        reciprocal_bits: u32,
        site: &IntegerSite<'_>,
    ) -> Result<Self, ExecutionError> {
        if ![decay.bits, reciprocal_bits]
            .iter()
            .all(|bits| (1..60).contains(bits))
        {
            return Err(site.inconsistent());
        }
        let cells = decay.cells().map_err(|error| ExecutionError::Table {
            layer: site.node.name.clone(),
            error,
        })?;
        Ok(Self {
            cells,
            bits: decay.bits,
            reciprocal_bits,
        })
    }

    fn farthest(&self) -> i64 {
        (1i64 << self.bits) - 1
    }

    fn maximum(&self, scores: &[i64]) -> Result<i64, Outside> {
        let maximum = scores.iter().copied().max().unwrap_or(i64::MIN);
        let end = 1i64 << (self.bits - 1);
        match (-end..end).contains(&maximum) {
            true => Ok(maximum),
            false => Err(Outside(MAXIMUM, None, maximum, (-end, end - 1))),
        }
    }

    /// Replaces the scores of a row by their weights; returns the reciprocal of the sum of these.
    ///
    /// # Errors
    /// Scores that have no room.
    pub(in crate::ops) fn weigh(&self, scores: &mut [i64]) -> Result<i64, Outside> {
        let maximum = self.maximum(scores)?;
        let sum = self.replace(maximum, scores)?;
        Ok(self.reciprocal(sum))
    }

    /// Replaces scores by their weights; returns the sum of these.
    fn replace(&self, maximum: i64, scores: &mut [i64]) -> Result<i64, Outside> {
        let mut sum = 0;
        for (index, score) in scores.iter_mut().enumerate() {
            let distance = maximum - *score;
            let range = (0, self.farthest());
            *score = self
                .cells
                .at(distance)
                .ok_or(Outside(DISTANCE, Some(index), distance, range))?;
            sum += *score;
        }
        Ok(sum)
    }

    fn reciprocal(&self, sum: i64) -> i64 {
        (1i64 << self.reciprocal_bits).checked_div(sum).unwrap_or(0)
    }

    /// The cells of a row in the columns of advice, `[maximum, apart, weight, mark, marks, sum]`, and the reciprocal.
    /// The row has `length` cells, of which the first ones count and have scores.
    ///
    /// # Errors
    /// Scores that have no room.
    pub(in crate::ops) fn advice(
        &self,
        scores: &[i64],
        length: usize,
    ) -> Result<([Vec<i64>; 6], i64), Outside> {
        let maximum = self.maximum(scores)?;
        let column = |of: &dyn Fn(i64) -> i64| {
            let mut cells: Vec<i64> = scores.iter().map(|score| of(*score)).collect();
            cells.resize(length, 0);
            cells
        };
        let apart = column(&|score| maximum - score - self.farthest());
        let marks = column(&|score| i64::from(maximum == score));
        let mut weights = column(&|score| score);
        let sum = self.replace(maximum, &mut weights[..scores.len()])?;
        let marked = marks.iter().sum();
        let advice = [vec![maximum], apart, weights, marks, vec![marked], vec![sum]];
        Ok((advice, self.reciprocal(sum)))
    }

    /// The weights of a row and the reciprocal of their sum, by definition.
    ///
    /// # Errors
    /// Scores that have no room.
    pub(in crate::ops) fn reference(&self, scores: &[i128]) -> Result<(Vec<i128>, i128), Outside> {
        let maximum = scores.iter().copied().max().unwrap_or(i128::MIN);
        let end = 1i64 << (self.bits - 1);
        if !(-i128::from(end)..i128::from(end)).contains(&maximum) {
            return Err(Outside(MAXIMUM, None, maximum as i64, (-end, end - 1)));
        }
        let mut weights = Vec::with_capacity(scores.len());
        for (index, score) in scores.iter().enumerate() {
            let distance = (maximum - score) as i64;
            let outside = || Outside(DISTANCE, Some(index), distance, (0, self.farthest()));
            weights.push(i128::from(self.cells.at(distance).ok_or_else(outside)?));
        }
        let sum: i128 = weights.iter().sum();
        Ok((weights, (1i128 << self.reciprocal_bits) / sum.max(1)))
    }
}

/// Columns of advice from the advice of all rows.
pub(in crate::ops) fn columns(rows: &[Vec<Vec<i64>>]) -> Vec<Vec<i64>> {
    let count = rows.first().map_or(0, Vec::len);
    let column = |index: usize| {
        let parts = rows.iter().filter_map(|row| row.get(index));
        parts.flatten().copied().collect()
    };
    (0..count).map(column).collect()
}
