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

#[cfg(feature = "prover")]
use super::quotient::in_bits;
use super::quotient::{Quotient, check_range, multiplied, result_range};
use super::range::{magnitude, wide};
use super::sum::summed;
#[cfg(feature = "prover")]
use super::{Computed, ExecutionError, IntegerSite, PARALLEL_CELLS};
use super::{IntegerRoom, Lowering, RangeError, RangeSite, Room};
use crate::circuit::{CircuitError, ColumnId};
use crate::graph::{OperandError, Shape, ShapeError, Site, entries};

/// `floor((x * m + 2^(shift-1)) / 2^shift)`, plus the second operand if there is one. `m` is `multipliers[c]`, where `c`
/// is the row-major index along `axes`, which ascend, or the only multiplier. Multipliers are positive, `shift >= 1`. The
/// result lies in `[-2^(bits-1), 2^(bits-1))`.
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
        let missing = self.axes.iter().find(|axis| **axis >= x.rank());
        if let Some(&axis) = missing.or_else(|| self.unordered()) {
            let axis = isize::try_from(axis).unwrap_or(isize::MAX);
            return Err(ShapeError::Axis {
                operation: "requantize",
                axis,
                of: x,
            }
            .into());
        }
        if self.multipliers.len() != 1 {
            let sizes = self.axes.iter().map(|axis| x.size(*axis));
            entries(sizes.product(), self.multipliers.len())?;
        }
        Ok(x)
    }
}

impl IntegerRoom for Requantize {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let (least, most) = self.extremes();
        if least < 1 {
            return Err(RangeError::BadRescale {
                layer: site.name.to_owned(),
                found: least,
                shift: self.shift,
            });
        }
        let mut ranges = site.operands.iter().map(|fact| fact.range);
        let x = ranges.next().ok_or_else(|| site.inconsistent())?;
        let residual = ranges.next().unwrap_or((0, 0));
        check_range(site, self.reached(x, residual), self.shift, self.bits)?;
        // Floors of integers below 2^60, by the check above.
        let half = 1i128 << (self.shift - 1);
        let scaled = |x: i128, m: i64| (x * i128::from(m) + half) >> self.shift;
        let ((low, high), (least_added, most_added)) = (wide(x), wide(residual));
        let low = scaled(low, if low < 0 { most } else { least }) + least_added;
        let high = scaled(high, if high < 0 { least } else { most }) + most_added;
        Ok(result_range((low, high), self.bits))
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let residual = (lowering.operands() > 1).then(|| lowering.operand(1));
        let added = residual.map_or((0, 0), |(_, fact)| fact.range);
        let mut numerator = match self.multipliers.as_slice() {
            [multiplier] => vec![(*multiplier, x)],
            multipliers => {
                let name = format!("{name}/multiplied");
                vec![(
                    1,
                    multiplied(lowering, (&name, shape), x, (multipliers, &self.axes)),
                )]
            }
        };
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
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(self.execute_table(site).ok()?.value)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(self.reference_table(site).ok()?.value)
    }

    #[cfg(feature = "prover")]
    fn execute_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let inconsistent = || site.inconsistent();
        let x = site.operand(0).ok_or_else(inconsistent)?;
        // Cells that lie together and have one multiplier: those along the axes behind the last one of `axes`.
        let inner = match self.axes.last() {
            Some(last) => x
                .shape()
                .get(last + 1..)
                .ok_or_else(inconsistent)?
                .iter()
                .product(),
            None => x.len(),
        };
        let half = self.shift.checked_sub(1).map(|shift| 1i64 << shift.min(62));
        let half = half.ok_or_else(inconsistent)?;
        if inner == 0 || self.multipliers.is_empty() {
            return Err(inconsistent());
        }
        let of_blocks = self.of_blocks(x.shape());
        let mut values = x.as_slice().ok_or_else(inconsistent)?.to_vec();
        let blocks = values.par_chunks_mut(inner).enumerate();
        // Below 2^60, by range analysis.
        blocks
            .with_min_len(PARALLEL_CELLS.div_ceil(inner))
            .for_each(|(index, block)| {
                let multiplier = of_blocks[index % of_blocks.len()];
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
        let x = site.operand(0).ok_or_else(|| site.inconsistent())?;
        let values = ArrayD::from_shape_fn(x.shape(), |at| {
            let m = self.multipliers[self.index(x.shape(), |axis| at[axis])];
            let added = site.operand(1).map_or(0, |residual| residual[&at]);
            let product = i128::from(x[&at]) * i128::from(m);
            let divisor = 1i128 << self.shift;
            ((product + divisor / 2).div_euclid(divisor) + i128::from(added)) as i64
        });
        in_bits(site, values, self.bits).map(Computed::plain)
    }
}

impl Requantize {
    /// An axis that does not come behind the one before it.
    fn unordered(&self) -> Option<&usize> {
        let mut pairs = self.axes.windows(2);
        pairs.find(|pair| pair[0] >= pair[1]).map(|pair| &pair[1])
    }

    /// Which multiplier a cell has: `at` is its index along an axis.
    #[cfg(feature = "prover")]
    fn index(&self, shape: &[usize], at: impl Fn(usize) -> usize) -> usize {
        if self.multipliers.len() == 1 {
            return 0;
        }
        let axes = self.axes.iter();
        axes.fold(0, |index, &axis| index * shape[axis] + at(axis))
    }

    /// The multipliers of the blocks of a tensor of this shape, a block being the cells behind one index along all axes
    /// up to the last one of `axes`. They repeat with the axes before the first one of `axes`.
    #[cfg(feature = "prover")]
    fn of_blocks(&self, shape: &[usize]) -> Vec<i64> {
        let (Some(&first), Some(&last)) = (self.axes.first(), self.axes.last()) else {
            return self.multipliers.clone();
        };
        let sizes = &shape[first..=last];
        let blocks: usize = sizes.iter().product();
        let of_block = |block: usize| {
            let at = |axis: usize| {
                let inner: usize = shape[axis + 1..=last].iter().product();
                block / inner % shape[axis]
            };
            self.multipliers[self.index(shape, at)]
        };
        (0..blocks).map(of_block).collect()
    }

    /// The least and the largest multiplier, 0 where there is none.
    fn extremes(&self) -> (i64, i64) {
        let (least, most) = (self.multipliers.iter().min(), self.multipliers.iter().max());
        (least.copied().unwrap_or(0), most.copied().unwrap_or(0))
    }

    /// The largest magnitude of `x m + h 2^s`.
    fn reached(&self, x: (i64, i64), residual: (i64, i64)) -> i128 {
        let added = magnitude(residual).saturating_mul(1i128 << self.shift.min(62));
        (magnitude(x) * i128::from(self.extremes().1)).saturating_add(added)
    }
}
