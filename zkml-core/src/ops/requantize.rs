//! Requantization to 2 to 24 bits, with a residual: a [`Rescale`](super::Rescale) without a table.
//!
//! ```text
//! v = floor((x * m + h * 2^(s-k) + 2^(s-1)) / 2^s)
//! ```
//!
//! With the residual as a term of the numerator this is one [quotient](super::quotient): its range and its uniqueness
//! are shown there. A residual of the same steps as the result, `k = 0`, is added as it is: `floor((x * m + 2^(s-1)) /
//! 2^s) + h`. Nothing clamps. An execution with a value outside of the range stops, and there is no proof of it.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Dimension};
#[cfg(feature = "prover")]
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::display::factors;
use super::multipliers::Multipliers;
#[cfg(feature = "prover")]
use super::quotient::in_bits;
use super::quotient::{Quotient, check_range, multiplied, result_range};
use super::range::{magnitude, wide};
use super::sum::summed;
#[cfg(feature = "prover")]
use super::{Computed, ExecutionError, IntegerSite, PARALLEL_CELLS};
use super::{IntegerRoom, Lowering, RangeError, RangeSite, Room};
use crate::circuit::{CircuitError, ColumnId};
use crate::graph::{OperandError, Shape, Site, entries};

/// `floor((x * m + h * 2^(shift-k) + 2^(shift-1)) / 2^shift)`. `m` is `multipliers[c]`, where `c` is the row-major index
/// along `axes`, which ascend, or the only multiplier. Multipliers are positive, `shift >= 1`. The result lies in
/// `[-2^(bits-1), 2^(bits-1))`.
///
/// `h` is the second operand, if there is one. `k` is 0, or `residual_shifts[c]` for each index `c` of the last axis, at
/// most `shift`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields are named in the lines above")]
pub struct Requantize {
    pub multipliers: Vec<i64>,
    pub axes: Vec<usize>,
    pub shift: u32,
    pub bits: u32,
    pub residual_shifts: Vec<u32>,
}

impl Room for Requantize {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = match site.operands {
            [x] => *x,
            [x, residual] => summed(*x, *residual)?,
            _ => return Err(site.arity(1)),
        };
        if !self.residual_shifts.is_empty() {
            let channels = x.rank().checked_sub(1).map_or(0, |last| x.size(last));
            entries(channels, self.residual_shifts.len())?;
            if site.operands.len() < 2 {
                return Err(site.arity(2));
            }
        }
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
        self.check_residual(site)?;
        let (low, high) = self.multipliers().scaled_range(x, self.shift);
        let (mut least_added, mut most_added) = wide(residual);
        if !self.residual_shifts.is_empty() {
            // What is divided comes nearer to 0.
            (least_added, most_added) = (least_added.min(0), most_added.max(0));
        }
        Ok(result_range((low + least_added, high + most_added), self.bits))
    }

    fn forget_calibration(&mut self) {
        (self.multipliers, self.axes, self.shift) = (vec![1], Vec::new(), 1);
        self.residual_shifts = Vec::new();
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        let divided = match self.residual_shifts.iter().max() {
            Some(most) => format!(", residual divided by up to 2^{most}"),
            None => String::new(),
        };
        format!(
            "{}, bits={}{divided}",
            factors(&self.multipliers, self.shift),
            self.bits
        )
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let residual = (lowering.operands() > 1).then(|| lowering.operand(1));
        let added = residual.map_or((0, 0), |(_, fact)| fact.range);
        let mut numerator = vec![self.multipliers().product(lowering, x)];
        if let Some((residual, _)) = residual {
            numerator.push(self.residual_term(lowering, residual)?);
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
        let residual = match site.operand(1) {
            Some(residual) => residual.as_slice().ok_or_else(inconsistent)?,
            None => &[],
        };
        if !self.residual_shifts.is_empty() {
            return self.execute_divided(site, values, residual);
        }
        let blocks = values.par_chunks_mut(run).enumerate();
        // Below 2^60, by range analysis.
        blocks
            .with_min_len(PARALLEL_CELLS.div_ceil(run))
            .for_each(|(index, block)| {
                let multiplier = multipliers[index % multipliers.len()];
                let cells = block.iter_mut();
                cells.for_each(|value| *value = (*value * multiplier + half) >> self.shift);
            });
        let added = values.par_iter_mut().zip(residual);
        added.for_each(|(value, added)| *value += added);
        let values = ArrayD::from_shape_vec(x.shape(), values).map_err(|_| inconsistent())?;
        in_bits(site, values, self.bits).map(Computed::plain)
    }

    #[cfg(feature = "prover")]
    fn reference_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let x = site.needed(0)?;
        let values = ArrayD::from_shape_fn(x.shape(), |at| {
            let m = self.multipliers().of_cell(x.shape(), &at);
            let added = site.operand(1).map_or(0, |residual| residual[&at]);
            let by = at
                .slice()
                .last()
                .and_then(|channel| self.residual_shifts.get(*channel));
            let by = by.copied().unwrap_or(0);
            let (product, divisor) = (i128::from(x[&at]) * i128::from(m), 1i128 << self.shift);
            let numerator = product + i128::from(added) * (divisor >> by);
            (numerator + divisor / 2).div_euclid(divisor) as i64
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

    /// # Errors
    /// [`RangeError::BadResidual`].
    fn check_residual(&self, site: &RangeSite<'_>) -> Result<(), RangeError> {
        match self.residual_shifts.iter().all(|by| *by <= self.shift) {
            true => Ok(()),
            false => Err(RangeError::BadResidual {
                layer: site.name.to_owned(),
                by: self.residual_shifts.iter().copied().max().unwrap_or(0),
                shift: self.shift,
            }),
        }
    }

    /// A column and a coefficient whose product is `h 2^(s-k)`.
    fn residual_term(
        &self,
        lowering: &mut dyn Lowering<'_>,
        residual: ColumnId,
    ) -> Result<(i64, ColumnId), CircuitError> {
        let power = |by: u32| 1i64 << by.min(62);
        if self.residual_shifts.is_empty() {
            return Ok((power(self.shift), residual));
        }
        let (name, shape) = (format!("{}/residual", lowering.name()), &lowering.fact().shape);
        let factors = self
            .residual_shifts
            .iter()
            .map(|by| self.shift.checked_sub(*by).map(power));
        let factors: Option<Vec<i64>> = factors.collect();
        let (Some(factors), Some(last)) = (factors, shape.len().checked_sub(1)) else {
            return Err(CircuitError::Unsupported {
                layer: lowering.name().to_owned(),
                what: "a residual that is divided by more than the numerator".to_owned(),
            });
        };
        Ok((
            1,
            multiplied(lowering, (&name, shape), residual, (&factors, &[last])),
        ))
    }

    /// The quotients where channels of the residual are divided as well.
    #[cfg(feature = "prover")]
    fn execute_divided(
        &self,
        site: &IntegerSite<'_>,
        mut values: Vec<i64>,
        residual: &[i64],
    ) -> Result<Computed, ExecutionError> {
        let (shape, inconsistent) = (site.shape(), || site.inconsistent());
        let run = self.multipliers().run(shape).ok_or_else(inconsistent)?;
        let multipliers = self.multipliers().of_runs(shape);
        let half = self.shift.checked_sub(1).map(|shift| 1i64 << shift.min(62));
        let half = half.ok_or_else(inconsistent)?;
        let factors = self
            .residual_shifts
            .iter()
            .map(|by| Some(1i64 << self.shift.checked_sub(*by)?.min(62)));
        let factors: Vec<i64> = factors.collect::<Option<_>>().ok_or_else(inconsistent)?;
        // Below 2^60, by range analysis.
        let rows = values
            .par_chunks_mut(factors.len())
            .zip(residual.par_chunks(factors.len()));
        rows.enumerate().for_each(|(row, (values, residual))| {
            let cells = values.iter_mut().zip(residual).zip(&factors).enumerate();
            cells.for_each(|(channel, ((value, added), factor))| {
                let run = (row * factors.len() + channel) / run;
                let multiplier = multipliers[run % multipliers.len()];
                *value = (*value * multiplier + added * factor + half) >> self.shift;
            });
        });
        let values = ArrayD::from_shape_vec(shape, values).map_err(|_| inconsistent())?;
        in_bits(site, values, self.bits).map(Computed::plain)
    }

    /// The largest magnitude of `x m + h 2^(s-k)`.
    fn reached(&self, x: (i64, i64), residual: (i64, i64)) -> i128 {
        let added = magnitude(residual).saturating_mul(1i128 << self.shift.min(62));
        (magnitude(x) * i128::from(self.multipliers().extremes().1)).saturating_add(added)
    }
}
