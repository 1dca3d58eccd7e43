//! Softmax along the last axis, in integers.
//!
//! ```text
//! M = max_j x_j,   e_j = table(M - x_j),   S = sum_j e_j,   r = floor(2^K / S)      see `weights`
//! p_j = floor((r * e_j + 2^(s-1)) / 2^s)                                            s = K - P
//! ```
//!
//! 1 is `2^P`. The probabilities of a row sum to `2^P` up to their rounding.
//!
//! # What is committed, and why no other value passes
//!
//! - **Scores** are the operand, and nothing of them is committed: they are integers, of a range that the analysis
//!   finds. `M` is in `[-2^(D-1), 2^(D-1))` and `d` in `[0, 2^D)`, by their tables. With `max |x| + 2^(D+1) < p/2` the
//!   equation `d = M - x` holds over the integers.
//! - **`M`, `e`, `[d = 0]` and `r`**: see [`weights`]. All cells of the logical shape count.
//! - **The result.** `0 <= r e_j <= r S <= 2^K`, for `e_j` is a term of `S`, and none is negative. So `p` is a quotient
//!   in `[0, 2^P]`, looked up with `P + 2` bits, of which one is a sign, and its remainder is in `[0, 2^s)`: see
//!   [`quotient`]. On padding `e = 0`, hence `p = 0`. Whatever the scores are, no probability is out of range.
//!
//! [`weights`]: super::weights
//! [`quotient`]: crate::ops::quotient

#[cfg(feature = "prover")]
use ndarray::ArrayD;
#[cfg(feature = "prover")]
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::normalized;
#[cfg(feature = "prover")]
use super::rows::{Weigher, columns};
use super::weights::{Weighed, Weights, decay};
use crate::circuit::{CircuitError, ColumnId, DecayTable, Dyadic, Factor, Selector, Table, TableError};
use crate::graph::{OperandError, Shape, Site};
use crate::ops::quotient::{Quotient, below_limit, check_range};
use crate::ops::range::magnitude;
use crate::ops::reciprocal::cellwise;
#[cfg(feature = "prover")]
use crate::ops::{Computed, ExecutionError, IntegerSite, PARALLEL_CELLS};
use crate::ops::{Hint, IntegerRoom, Lowering, RangeError, RangeSite, Room};

/// `softmax(x)` along the last axis. The operand has the steps of `decay`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegerSoftmax {
    /// The exponentials of differences of scores. Its last entry must be 0.
    pub decay: DecayTable,
    /// `K`, above `output_bits`: sums of exponentials have the reciprocals `floor(2^K / sum)`.
    pub reciprocal_bits: u32,
    /// `P`, at most 22: 1 is `2^P`.
    pub output_bits: u32,
}

impl IntegerSoftmax {
    /// Scores of `step`, weights of 12 bits, and a remainder of 16 bits. The reciprocal moves a probability by `2^-4`
    /// of its step at most.
    ///
    /// # Errors
    /// A step that is not positive.
    pub fn new(step: Dyadic, output_bits: u32) -> Result<Self, TableError> {
        Ok(Self {
            decay: decay(step, 12)?,
            reciprocal_bits: output_bits.saturating_add(16),
            output_bits,
        })
    }

    /// `s`.
    fn shift(&self) -> u32 {
        self.reciprocal_bits.saturating_sub(self.output_bits)
    }

    /// Bits of a result, with a sign: `2^P` is one.
    fn bits(&self) -> u32 {
        self.output_bits.saturating_add(2)
    }

    /// The largest product of a weight and the reciprocal of its row.
    fn largest_product(&self) -> i128 {
        1i128 << self.reciprocal_bits.min(120)
    }

    /// The largest `|M - x - d|`, for whatever `M` and `d` stand in their tables.
    fn largest_distance(&self, x: (i64, i64)) -> i128 {
        magnitude(x).saturating_add(1i128 << self.decay.bits.saturating_add(1).min(120))
    }
}

const DISTANCE: &str = "distance of scores";

impl Room for IntegerSoftmax {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        Ok(normalized(site.one()?, -1)?)
    }
}

impl IntegerRoom for IntegerSoftmax {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let [x] = site.operands.as_slice() else {
            return Err(site.inconsistent());
        };
        check_range(site, self.largest_product(), self.shift(), self.bits())?;
        below_limit(site, DISTANCE, self.largest_distance(x.range))?;
        // At most 22 bits, by the check above.
        Ok((0, 1i64 << self.output_bits.min(60)))
    }

    fn forget_calibration(&mut self) {
        self.decay.forget_calibration();
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Decay(self.decay.clone()))
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("dim=-1, bits={}", self.output_bits)
    }

    /// A tensor of one axis is one row.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        lowering
            .circuit()
            .check_bound(name, DISTANCE, self.largest_distance(fact.range))?;
        let &[size] = shape.as_slice() else {
            return self.lower_rows(lowering, (name, shape), x);
        };
        let (row, cells) = (format!("{name}/row"), [1, size]);
        let factors = vec![Factor::broadcast(0), Factor::identity(1, 0)];
        let x = lowering
            .circuit()
            .view(&format!("{name}/scores"), &cells, x, factors);
        let result = self.lower_rows(lowering, (&row, &cells), x)?;
        let factors = vec![Factor::fixed(0, 0), Factor::identity(0, 1)];
        Ok(lowering.circuit().view(name, shape, result, factors))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(self.execute_table(site).ok()?.value)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(self.reference_table(site).ok()?.value)
    }

    #[cfg(feature = "prover")]
    fn execute_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let (weigher, size, shift) = self.rows(site)?;
        let x = site.operand(0).ok_or_else(|| site.inconsistent())?;
        let mut values = x.as_slice().ok_or_else(|| site.inconsistent())?.to_vec();
        let half = 1i64 << (shift - 1);
        let rows = values.par_chunks_mut(size).enumerate();
        rows.with_min_len(PARALLEL_CELLS.div_ceil(size))
            .try_for_each(|(number, row)| {
                let reciprocal = weigher.weigh(row);
                let reciprocal = reciprocal.map_err(|outside| outside.at(site, index_of(site, number)))?;
                row.iter_mut()
                    .for_each(|cell| *cell = (*cell * reciprocal + half) >> shift);
                Ok(())
            })?;
        let values = ArrayD::from_shape_vec(site.shape(), values).map_err(|_| site.inconsistent())?;
        Ok(Computed::plain(values))
    }

    #[cfg(feature = "prover")]
    fn reference_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let (weigher, _, shift) = self.rows(site)?;
        let mut y = site.operand(0).ok_or_else(|| site.inconsistent())?.clone();
        let last = ndarray::Axis(y.ndim().saturating_sub(1));
        for (number, mut row) in y.lanes_mut(last).into_iter().enumerate() {
            let scores: Vec<i128> = row.iter().map(|&x| i128::from(x)).collect();
            let weighed = weigher.reference(&scores);
            let (weights, reciprocal) =
                weighed.map_err(|outside| outside.at(site, index_of(site, number)))?;
            for (cell, weight) in row.iter_mut().zip(weights) {
                let divisor = 1i128 << shift;
                *cell = (weight * reciprocal + divisor / 2).div_euclid(divisor) as i64;
            }
        }
        Ok(Computed::plain(y))
    }

    #[cfg(feature = "prover")]
    fn advice(&self, site: &IntegerSite<'_>) -> Result<Vec<Vec<i64>>, ExecutionError> {
        let (weigher, size, _) = self.rows(site)?;
        let x = site.operand(0).ok_or_else(|| site.inconsistent())?;
        let rows = x.as_slice().ok_or_else(|| site.inconsistent())?;
        let of_row = |(number, row): (usize, &[i64])| {
            let advice = weigher.advice(row, size);
            let (parts, reciprocal) = advice.map_err(|outside| outside.at(site, index_of(site, number)))?;
            let [_, _, weights, ..] = &parts;
            let products = weights.iter().map(|weight| weight * reciprocal).collect();
            Ok(parts.into_iter().chain([products]).collect())
        };
        let rows = rows.par_chunks(size).enumerate().map(of_row);
        Ok(columns(
            &rows.collect::<Result<Vec<Vec<Vec<i64>>>, ExecutionError>>()?,
        ))
    }
}

impl IntegerSoftmax {
    /// The columns of a tensor of rows; returns that of the result.
    fn lower_rows(
        &self,
        lowering: &mut dyn Lowering<'_>,
        (name, cells): (&str, &[usize]),
        score: ColumnId,
    ) -> Result<ColumnId, CircuitError> {
        let seen = format!("{name}/seen");
        let seen = lowering.circuit().selector(&seen, cells, Selector::Ones);
        let weights = Weights {
            name,
            cells,
            decay: &self.decay,
            reciprocal_bits: self.reciprocal_bits,
        };
        let mut columns = Vec::new();
        let Weighed { weight, reciprocal } = weights.lower(lowering, (score, seen), &mut columns)?;
        let product = format!("{name}/product");
        let last = cells.len().saturating_sub(1);
        let product = cellwise(lowering, (&product, cells), weight, (reciprocal, last));
        columns.push((product, 0));
        let node = lowering.id();
        lowering.hint(Hint::Advice { node, columns });
        let quotient = Quotient {
            name,
            shape: cells,
            numerator: &[(1, product)],
            reached: self.largest_product(),
            shift: self.shift(),
            bits: self.bits(),
        };
        quotient.lower(lowering)
    }

    /// The table, the cells of a row, and the shift.
    #[cfg(feature = "prover")]
    fn rows(&self, site: &IntegerSite<'_>) -> Result<(Weigher, usize, u32), ExecutionError> {
        let size = site.shape().last().copied().filter(|size| *size > 0);
        let size = size.ok_or_else(|| site.inconsistent())?;
        if self.shift() == 0 {
            return Err(site.inconsistent());
        }
        let weigher = Weigher::new(&self.decay, self.reciprocal_bits, site)?;
        Ok((weigher, size, self.shift()))
    }
}

/// The index of a row.
#[cfg(feature = "prover")]
fn index_of(site: &IntegerSite<'_>, mut number: usize) -> Vec<usize> {
    let rows = site.shape().split_last().map_or(&[][..], |(_, rows)| rows);
    let mut index: Vec<usize> = rows
        .iter()
        .rev()
        .map(|size| {
            let at = number % size;
            number /= size;
            at
        })
        .collect();
    index.reverse();
    index
}
