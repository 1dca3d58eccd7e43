//! Multipliers along an axis, as a rescale and a requantization have them.

use super::Lowering;
use super::quotient::multiplied;
use super::range::wide;
use crate::circuit::ColumnId;
use crate::graph::{OperandError, Shape, entries, one_of_first};

/// `values[c]` for index `c` along `axis`, or the only value.
#[derive(Clone, Copy)]
pub(super) struct Multipliers<'a> {
    pub values: &'a [i64],
    pub axis: usize,
}

impl Multipliers<'_> {
    /// Requires that the axis exists and has an index for each value.
    ///
    /// # Errors
    /// An axis that `x` does not have, or another number of values than it has indices.
    pub(super) fn check(&self, operation: &'static str, x: Shape) -> Result<Shape, OperandError> {
        one_of_first(operation, x.rank(), self.axis, x)?;
        if self.values.len() != 1 {
            entries(x.size(self.axis), self.values.len())?;
        }
        Ok(x)
    }

    /// The least and the largest, 0 where there is none.
    pub(super) fn extremes(&self) -> (i64, i64) {
        let (least, most) = (self.values.iter().min(), self.values.iter().max());
        (least.copied().unwrap_or(0), most.copied().unwrap_or(0))
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
            multiplied(lowering, (&name, shape), x, (self.values, self.axis)),
        )
    }

    /// How many cells in a row have the same multiplier, in a value of that shape; at least one. None where the
    /// multipliers do not fit it.
    #[cfg(feature = "prover")]
    pub(super) fn run(&self, shape: &[usize]) -> Option<usize> {
        let run = shape.get(self.axis + 1..)?.iter().product();
        (run > 0 && !self.values.is_empty()).then_some(run)
    }

    /// The multiplier of all cells of a run.
    #[cfg(feature = "prover")]
    pub(super) fn of_run(&self, index: usize) -> i64 {
        self.values[index % self.values.len()]
    }

    /// The multiplier of a cell, by definition.
    #[cfg(feature = "prover")]
    pub(super) fn of_cell(&self, at: &ndarray::IxDyn) -> i64 {
        let one = self.values.len() == 1;
        self.values[if one { 0 } else { at[self.axis] }]
    }
}
