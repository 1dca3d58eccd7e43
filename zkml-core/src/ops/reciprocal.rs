//! Reciprocals: a constant divided by each cell of a column, rounded down.
//!
//! ```text
//! r * s + rem = N,      r in [0, 2^c),      rem and s - 1 - rem in [0, 2^b)
//! ```
//!
//! The divisor `s` is an integer of `[0, 2^b]`. Both sides of the first equation are integers of `[0, p)`, because
//! `2^(c+b) + 2^b < p/2` and `N < p/2`: the equation holds over the integers. `s - 1 - rem` is an integer above `-2^b`
//! and below `2^b`, hence not negative: `rem < s`. So `s > 0`, and `r = floor(N / s)` is the only one. Without the
//! range of `r` every `rem` would have a solution in the field.
//!
//! Padding is divided as well: there, too, `s > 0`.

use super::quotient::{Width, advice, within};
use super::{Hint, Lowering};
use crate::circuit::{Axis, CircuitError, ColumnId};
use crate::field::{M61, from_i64};

/// `floor(numerator / divisor)`, cell by cell, padding included.
pub(super) struct Reciprocal<'a> {
    /// Name of the result's column.
    pub name: &'a str,
    /// Shape of divisor and result; at least one axis.
    pub shape: &'a [usize],
    /// Positive.
    pub numerator: i64,
    /// In `[1, 2^divisor_bits]` in every cell, padding included.
    pub divisor: ColumnId,
    /// Bits of divisor and remainder.
    pub divisor_bits: u32,
    /// The result lies in `[0, 2^bits)`.
    pub bits: u32,
}

impl Reciprocal<'_> {
    /// Adds the column of the result.
    ///
    /// # Errors
    /// [`CircuitError::Overflow`] where the result would not be unique.
    pub(super) fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, divisor) = (self.name, self.shape, self.divisor);
        let power = |exponent: u32| 1i128 << exponent.min(120);
        let product = power(self.bits.saturating_add(self.divisor_bits)) + power(self.divisor_bits);
        lowering
            .circuit()
            .check_bound(name, "reciprocal times divisor", product)?;
        lowering.circuit().check_bound(
            name,
            "numerator of a reciprocal",
            i128::from(self.numerator).abs(),
        )?;
        let width = Width::unsigned(self.bits);
        let reciprocal = advice(lowering, (name, shape), width, false, |output| Hint::Reciprocal {
            numerator: self.numerator,
            input: divisor,
            output,
        });
        let product_name = format!("{name}/product");
        let product = cellwise(
            lowering,
            (&product_name, shape),
            reciprocal,
            (divisor, shape.len()),
        );
        let (one, minus) = (M61::from(1u64), -M61::from(1u64));
        let remainder_name = format!("{name}/remainder");
        let numerator = from_i64(self.numerator);
        let circuit = lowering.circuit();
        let remainder = circuit.linear_column(&remainder_name, shape, &[(minus, product)], numerator);
        within(lowering, (&remainder_name, shape), remainder, self.divisor_bits);
        let gap_name = format!("{name}/gap");
        let terms = [(one, divisor), (minus, remainder)];
        let gap = lowering.circuit().linear_column(&gap_name, shape, &terms, minus);
        within(lowering, (&gap_name, shape), gap, self.divisor_bits);
        Ok(reciprocal)
    }
}

/// The product of two columns, cell by cell. `right` has all axes of `left`, or the first `rank` of them.
pub(super) fn cellwise(
    lowering: &mut dyn Lowering<'_>,
    (name, shape): (&str, &[usize]),
    left: ColumnId,
    (right, rank): (ColumnId, usize),
) -> ColumnId {
    let axis = |axis: usize| match axis < rank {
        true => Axis::shared(axis, axis, axis),
        false => Axis::free_left(axis, axis),
    };
    let axes = (0..shape.len()).map(axis).collect();
    lowering.circuit().contraction(name, shape, left, right, axes)
}
