//! Requantization to 2 to 24 bits, with a residual: a [`Rescale`](super::Rescale) without a table.
//!
//! ```text
//! v = floor((x * m + 2^(s-1)) / 2^s) + h
//! ```
//!
//! With the residual as a term of the numerator, `x * m + h * 2^s`, this is one [quotient](super::quotient): its range
//! and its uniqueness are shown there. Nothing clamps. An execution with a value outside of the range stops, and there
//! is no proof of it.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
#[cfg(feature = "prover")]
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::display::factors;
use super::multipliers::Multipliers;
#[cfg(feature = "prover")]
use super::quotient::in_bits;
use super::quotient::{Quotient, check_range, result_range};
use super::range::{magnitude, wide};
use super::sum::summed;
#[cfg(feature = "prover")]
use super::{Computed, ExecutionError, IntegerSite, PARALLEL_CELLS};
use super::{IntegerRoom, Lowering, RangeError, RangeSite, Room};
use crate::circuit::{CircuitError, ColumnId};
use crate::graph::{OperandError, Shape, Site};

/// `floor((x * m + 2^(shift-1)) / 2^shift)`, plus the second operand if there is one. `m` is `multipliers[c]`, where
/// `c` is the row-major index along `axes`, which ascend, or the only multiplier. Multipliers are positive, `shift >=
/// 1`. The result lies in `[-2^(bits-1), 2^(bits-1))`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields are named in the lines above")]
pub struct Requantize {
    pub multipliers: Vec<i64>,
    pub axes: Vec<usize>,
    pub shift: u32,
    pub bits: u32,
}

impl Room for Requantize {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = match site.operands {
            [x] => *x,
            [x, residual] => summed(*x, *residual)?,
            _ => return Err(site.arity(1)),
        };
        self.multipliers().check("requantize", x)
    }
}

impl IntegerRoom for Requantize {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        self.multipliers().check_positive(site, self.shift)?;
        let mut ranges = site.operands.iter().map(|fact| fact.range);
        let x = ranges.next().ok_or_else(|| site.inconsistent())?;
        let residual = ranges.next().unwrap_or((0, 0));
        check_range(site, self.reached(x, residual), self.shift, self.bits)?;
        let (low, high) = self.multipliers().scaled_range(x, self.shift);
        let (least_added, most_added) = wide(residual);
        Ok(result_range((low + least_added, high + most_added), self.bits))
    }

    fn forget_calibration(&mut self) {
        (self.multipliers, self.axes, self.shift) = (vec![1], Vec::new(), 1);
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("{}, bits={}", factors(&self.multipliers, self.shift), self.bits)
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let residual = (lowering.operands() > 1).then(|| lowering.operand(1));
        let added = residual.map_or((0, 0), |(_, fact)| fact.range);
        let mut numerator = vec![self.multipliers().product(lowering, x)];
        if let Some((residual, _)) = residual {
            numerator.push((1i64 << self.shift.min(62), residual));
        }
        let quotient = Quotient {
            name,
            shape,
            numerator: &numerator,
            reached: self.reached(fact.range, added),
            shift: self.shift,
            bits: self.bits,
        };
        quotient.lower(lowering)
    }

    #[cfg(feature = "prover")]
    fn execute_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let (x, inconsistent) = (site.needed(0)?, || site.inconsistent());
        let run = self.multipliers().run(x.shape()).ok_or_else(inconsistent)?;
        let multipliers = self.multipliers().of_runs(x.shape());
        let half = self.shift.checked_sub(1).map(|shift| 1i64 << shift.min(62));
        let half = half.ok_or_else(inconsistent)?;
        let mut values = x.as_slice().ok_or_else(inconsistent)?.to_vec();
        let blocks = values.par_chunks_mut(run).enumerate();
        // Below 2^60, by range analysis.
        blocks
            .with_min_len(PARALLEL_CELLS.div_ceil(run))
            .for_each(|(index, block)| {
                let multiplier = multipliers[index % multipliers.len()];
                let cells = block.iter_mut();
                cells.for_each(|value| *value = (*value * multiplier + half) >> self.shift);
            });
        if let Some(residual) = site.operand(1) {
            let residual = residual.as_slice().ok_or_else(inconsistent)?;
            values
                .par_iter_mut()
                .zip(residual)
                .for_each(|(value, added)| *value += added);
        }
        let values = ArrayD::from_shape_vec(x.shape(), values).map_err(|_| inconsistent())?;
        in_bits(site, values, self.bits).map(Computed::plain)
    }

    #[cfg(feature = "prover")]
    fn reference_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let x = site.needed(0)?;
        let values = ArrayD::from_shape_fn(x.shape(), |at| {
            let m = self.multipliers().of_cell(x.shape(), &at);
            let added = site.operand(1).map_or(0, |residual| residual[&at]);
            let product = i128::from(x[&at]) * i128::from(m);
            let divisor = 1i128 << self.shift;
            ((product + divisor / 2).div_euclid(divisor) + i128::from(added)) as i64
        });
        in_bits(site, values, self.bits).map(Computed::plain)
    }
}

impl Requantize {
    fn multipliers(&self) -> Multipliers<'_> {
        Multipliers {
            values: &self.multipliers,
            axes: &self.axes,
        }
    }

    /// The largest magnitude of `x m + h 2^s`.
    fn reached(&self, x: (i64, i64), residual: (i64, i64)) -> i128 {
        let added = magnitude(residual).saturating_mul(1i128 << self.shift.min(62));
        (magnitude(x) * i128::from(self.multipliers().extremes().1)).saturating_add(added)
    }
}
