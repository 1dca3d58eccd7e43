//! Multipliers along axes, as a rescale and a requantization have them.

#[cfg(feature = "prover")]
use std::borrow::Cow;

use super::quotient::multiplied;
use super::range::wide;
use super::{Lowering, RangeError, RangeSite};
use crate::circuit::ColumnId;
use crate::graph::{OperandError, Shape, entries, one_of_first};

/// Largest multiplier.
const LARGEST: i64 = (1 << 31) - 1;

/// `values[c]` for the row-major index `c` along `axes`, which ascend, or the only value.
#[derive(Clone, Copy)]
pub(super) struct Multipliers<'a> {
    pub values: &'a [i64],
    pub axes: &'a [usize],
}

impl<'a> Multipliers<'a> {
    /// Requires that the axes exist, ascend, and have an index for each value.
    ///
    /// # Errors
    /// An axis that `x` does not have or that comes before another, or another number of values than there are indices.
    pub(super) fn check(&self, operation: &'static str, x: Shape) -> Result<Shape, OperandError> {
        let mut end = x.rank();
        for &axis in self.axes.iter().rev() {
            one_of_first(operation, end, axis, x)?;
            end = axis;
        }
        if self.values.len() != 1 {
            let sizes = self.axes.iter().map(|axis| x.size(*axis));
            entries(sizes.product(), self.values.len())?;
        }
        Ok(x)
    }

    /// The least and the largest, 0 where there is none.
    pub(super) fn extremes(&self) -> (i64, i64) {
        let (least, most) = (self.values.iter().min(), self.values.iter().max());
        (least.copied().unwrap_or(0), most.copied().unwrap_or(0))
    }

    /// Requires that all are positive, for a division by `2^shift` with `shift` of at least 1.
    ///
    /// # Errors
    /// [`RangeError::BadRescale`].
    pub(super) fn check_positive(&self, site: &RangeSite<'_>, shift: u32) -> Result<(), RangeError> {
        let (found, most) = self.extremes();
        if found >= 1 && most <= LARGEST && shift >= 1 {
            return Ok(());
        }
        let found = if found >= 1 { most } else { found };
        let layer = site.name.to_owned();
        Err(RangeError::BadRescale { layer, found, shift })
    }

    /// The least and the largest `floor((x m + 2^(shift-1)) / 2^shift)` for positive multipliers and `x` of a range,
    /// where the products stay below 2^60.
    pub(super) fn scaled_range(&self, range: (i64, i64), shift: u32) -> (i128, i128) {
        let (least, most) = self.extremes();
        let half = 1i128 << (shift - 1);
        let scaled = |x: i128, m: i64| (x * i128::from(m) + half) >> shift;
        let (low, high) = wide(range);
        (
            scaled(low, if low < 0 { most } else { least }),
            scaled(high, if high < 0 { least } else { most }),
        )
    }

    /// A column and a coefficient whose product is `x m`. A single multiplier is the coefficient.
    pub(super) fn product(&self, lowering: &mut dyn Lowering<'_>, x: ColumnId) -> (i64, ColumnId) {
        if let [multiplier] = self.values {
            return (*multiplier, x);
        }
        let (name, shape) = (lowering.name(), &lowering.fact().shape);
        let name = format!("{name}/multiplied");
        (
            1,
            multiplied(lowering, (&name, shape), x, (self.values, self.axes)),
        )
    }

    /// How many cells in a row have the same multiplier, in a value of that shape; at least one. None where the
    /// multipliers do not fit it.
    #[cfg(feature = "prover")]
    pub(super) fn run(&self, shape: &[usize]) -> Option<usize> {
        let behind = self.axes.last().map_or(0, |axis| axis + 1);
        let run = shape.get(behind..)?.iter().product();
        (run > 0 && !self.values.is_empty()).then_some(run)
    }

    /// The multipliers of the runs, in their order; they repeat. The shape must be one that was checked.
    #[cfg(feature = "prover")]
    pub(super) fn of_runs(&self, shape: &[usize]) -> Cow<'a, [i64]> {
        let (&[first, .., last], false) = (self.axes, self.values.len() == 1) else {
            return Cow::Borrowed(self.values);
        };
        let runs: usize = shape[first..=last].iter().product();
        let of_run = |run: usize| {
            let index = self.axes.iter().fold(0, |index, &axis| {
                let inner: usize = shape[axis + 1..=last].iter().product();
                index * shape[axis] + run / inner % shape[axis]
            });
            self.values[index]
        };
        (0..runs).map(of_run).collect()
    }

    /// The multiplier of a cell, by definition.
    #[cfg(feature = "prover")]
    pub(super) fn of_cell(&self, shape: &[usize], at: &ndarray::IxDyn) -> i64 {
        let axes = self.axes.iter();
        let index = axes.fold(0, |index, &axis| index * shape[axis] + at[axis]);
        self.values[if self.values.len() == 1 { 0 } else { index }]
    }
}
