//! Quotients: floor division by a power of two, rounded to the nearest, with a result that nothing clamps.
//!
//! ```text
//! x + 2^(s-1) = v * 2^s + rem,      v in [-2^(b-1), 2^(b-1)),      rem in [0, 2^s)
//! ```
//!
//! `v` is committed. `rem` is virtual, `x + 2^(s-1) - v * 2^s` in the field, and stands in its range. Both sides of the
//! line are integers of absolute value below `p/2`: the left one by range analysis, the right one because of the ranges
//! of `v` and `rem`, as long as `2^(b-1) 2^s + 2^s < p/2`. So the line holds over the integers, and `v` is the floor of
//! `x / 2^s + 1/2`, the only one. A residual `h` that is added to the quotient is the term `h * 2^s` of `x`,
//! or `h * 2^(s-k)` if it is divided by `2^k`.
//!
//! On padding `x = 0`. Then `v = 0`: no other `v` has a remainder in `[0, 2^s)`.
//!
//! A range that no table holds is one of digits in base `2^w`. The digits of advice are committed, and the value is
//! their sum. Of a virtual value all digits but the highest one are committed. The highest one is virtual as well:
//! `2^-wk (value - sum_i digit_i 2^(w i))` stands in a range of `t` bits, hence the value is an integer of
//! `[0, 2^(wk + t))`.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Dimension};

use super::range::LIMIT;
#[cfg(feature = "prover")]
use super::{ExecutionError, IntegerSite};
use super::{Hint, Lowering, RangeError, RangeSite};
use crate::circuit::{Axis, CircuitError, ColumnId, Table};
use crate::field::{M61, from_i64};

/// Most bits of a digit: its table has `2^16` rows.
const MAXIMUM_DIGIT_BITS: u32 = 16;

/// Widths of results.
pub(super) const RESULT_BITS: core::ops::RangeInclusive<u32> = 2..=24;

/// A division by `2^shift`.
pub(super) struct Quotient<'a> {
    /// Name of the result's column.
    pub name: &'a str,
    /// Its shape.
    pub shape: &'a [usize],
    /// `sum_k coefficient_k column_k`, 0 on padding.
    pub numerator: &'a [(i64, ColumnId)],
    /// Largest magnitude of the numerator, which is an integer.
    pub reached: i128,
    /// At least 1.
    pub shift: u32,
    /// The result lies in `[-2^(bits-1), 2^(bits-1))`.
    pub bits: u32,
}

/// What must stay below `p/2` for the quotient to be unique.
fn bounds(reached: i128, shift: u32, bits: u32) -> [(&'static str, i128); 2] {
    let power = |exponent: u32| 1i128 << exponent.min(120);
    [
        (
            "numerator of a quotient",
            reached.saturating_add(power(shift.saturating_sub(1))),
        ),
        (
            "quotient times 2^shift",
            power(bits.saturating_sub(1).saturating_add(shift)) + power(shift),
        ),
    ]
}

/// The range analysis of a division.
///
/// # Errors
/// A width or shift that is not supported; a numerator or quotient that may wrap.
pub(super) fn check_range(
    site: &RangeSite<'_>,
    reached: i128,
    shift: u32,
    bits: u32,
) -> Result<(), RangeError> {
    if !RESULT_BITS.contains(&bits) || shift == 0 {
        return Err(RangeError::BadQuotient {
            layer: site.name.to_owned(),
            bits,
            shift,
        });
    }
    bounds(reached, shift, bits)
        .into_iter()
        .try_for_each(|(quantity, bound)| below_limit(site, quantity, bound))
}

/// Refuses a quantity that may reach `2^60 - 1`.
///
/// # Errors
/// [`RangeError::Reached`].
pub(super) fn below_limit(
    site: &RangeSite<'_>,
    quantity: &'static str,
    reached: i128,
) -> Result<(), RangeError> {
    if reached < LIMIT - 1 {
        return Ok(());
    }
    Err(RangeError::Reached {
        layer: site.name.to_owned(),
        quantity,
        reached,
    })
}

/// The range of a result whose exact values lie in `[low, high]`.
pub(super) fn result_range((low, high): (i128, i128), bits: u32) -> (i64, i64) {
    let end = 1i128 << bits.saturating_sub(1).min(62);
    let inside = |value: i128| value.clamp(-end, end - 1) as i64;
    (inside(low), inside(high))
}

impl Quotient<'_> {
    /// Adds `floor(numerator / 2^shift + 1/2)`: a column that is 0 on padding.
    ///
    /// # Errors
    /// [`CircuitError::Overflow`] where the quotient would not be unique; [`CircuitError::UnsoundPadding`] for a
    /// numerator that may be other than 0 on padding; a width or shift that is not supported.
    pub(super) fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, shift, bits) = (self.name, self.shape, self.shift, self.bits);
        if !RESULT_BITS.contains(&bits) || shift == 0 {
            return Err(CircuitError::Unsupported {
                layer: name.to_owned(),
                what: format!("a quotient of {bits} bits by 2^{shift}"),
            });
        }
        for (quantity, bound) in bounds(self.reached, shift, bits) {
            lowering.circuit().check_bound(name, quantity, bound)?;
        }
        for &(_, column) in self.numerator {
            if !lowering.circuit().is_zero_padded(column) {
                return Err(CircuitError::UnsoundPadding {
                    place: format!("quotient `{name}`"),
                });
            }
        }
        let width = Width { bits, signed: true };
        let value = advice(lowering, (name, shape), width, true, |output| Hint::Quotient {
            numerator: self.numerator.to_vec(),
            shift,
            output,
        });
        let mut terms: Vec<(M61, ColumnId)> = vec![(-from_i64(1i64 << shift), value)];
        terms.extend(self.numerator.iter().map(|&(c, column)| (from_i64(c), column)));
        let name = format!("{name}/remainder");
        let half = from_i64(1i64 << (shift - 1));
        let remainder = lowering.circuit().linear_column(&name, shape, &terms, half);
        within(lowering, (&name, shape), remainder, shift);
        Ok(value)
    }
}

/// Bits of the integers `0..=largest`, at least one.
pub(super) fn bits_of(largest: i128) -> u32 {
    i128::BITS - largest.max(1).leading_zeros()
}

/// The range of advice: `[0, 2^bits)`, or with a sign `[-2^(bits-1), 2^(bits-1))`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    pub bits: u32,
    pub signed: bool,
}

impl Width {
    /// `[0, 2^bits)`.
    pub(super) fn unsigned(bits: u32) -> Self {
        Self { bits, signed: false }
    }

    fn table(self) -> Table {
        let bits = self.bits;
        match self.signed {
            false => Table::range(bits),
            true => Table::Integers {
                minimum: -(1i64 << bits.saturating_sub(1)),
                bits,
            },
        }
    }
}

/// Bits of a digit: as wide as two limbs of a rescale, so that small limbs, which tests use, give small digits.
fn digit_bits(lowering: &mut dyn Lowering<'_>) -> u32 {
    (2 * lowering.circuit().limb_bits).clamp(1, MAXIMUM_DIGIT_BITS)
}

/// A committed column whose cells, padding included, stand in a range, or the sum of its committed digits. `hint` says
/// how the prover fills the column. `zero_padded`: do other constraints force 0 on its padding? Digits are then 0 there
/// as well, since they are unique.
pub(super) fn advice(
    lowering: &mut dyn Lowering<'_>,
    (name, shape): (&str, &[usize]),
    width: Width,
    zero_padded: bool,
    hint: impl FnOnce(ColumnId) -> Hint,
) -> ColumnId {
    let digit = digit_bits(lowering);
    if width.bits <= digit {
        let circuit = lowering.circuit();
        let column = circuit.committed(name, shape, zero_padded);
        let table = circuit.table(width.table());
        circuit.lookup(name.to_owned(), vec![column], table);
        lowering.hint(hint(column));
        return column;
    }
    let count = (width.bits - 1) / digit;
    let mut low = digits(lowering, (name, shape), zero_padded, (digit, count));
    let top_width = Width {
        bits: width.bits - digit * count,
        ..width
    };
    let circuit = lowering.circuit();
    let top_name = format!("{name}/digit.{count}");
    let top = circuit.committed(&top_name, shape, zero_padded);
    let table = circuit.table(top_width.table());
    circuit.lookup(top_name, vec![top], table);
    low.push(top);
    let weight = |k: usize| from_i64(1i64 << (digit * k as u32));
    let terms: Vec<(M61, ColumnId)> = low.iter().enumerate().map(|(k, &c)| (weight(k), c)).collect();
    let value = circuit.linear_column(name, shape, &terms, M61::from(0u64));
    low.pop();
    lowering.hint(hint(value));
    lowering.hint(Hint::Digits {
        input: value,
        low,
        bits: digit,
        top: Some(top),
    });
    value
}

/// Requires that a virtual column stands in `[0, 2^bits)`, padding included.
pub(super) fn within(
    lowering: &mut dyn Lowering<'_>,
    (name, shape): (&str, &[usize]),
    value: ColumnId,
    bits: u32,
) {
    let digit = digit_bits(lowering);
    if bits <= digit {
        let looked_up = lowering.looked_up(value);
        let circuit = lowering.circuit();
        let table = circuit.table(Table::range(bits));
        circuit.lookup(name.to_owned(), vec![looked_up], table);
        if looked_up != value {
            lowering.hint(Hint::Copy {
                input: value,
                output: looked_up,
            });
        }
        return;
    }
    let count = (bits - 1) / digit;
    let low = digits(lowering, (name, shape), false, (digit, count));
    let inverse = ark_ff::Field::inverse(&from_i64(1i64 << (digit * count))).unwrap_or_default();
    let weight = |k: usize| -(inverse * from_i64(1i64 << (digit * k as u32)));
    let mut terms: Vec<(M61, ColumnId)> = low.iter().enumerate().map(|(k, &c)| (weight(k), c)).collect();
    terms.push((inverse, value));
    let circuit = lowering.circuit();
    let top_name = format!("{name}/digit.{count}");
    let top = circuit.linear_column(&top_name, shape, &terms, M61::from(0u64));
    let table = circuit.table(Table::range(bits - digit * count));
    circuit.lookup(top_name, vec![top], table);
    lowering.hint(Hint::Digits {
        input: value,
        low,
        bits: digit,
        top: None,
    });
}

/// The lowest `count` digits, committed.
fn digits(
    lowering: &mut dyn Lowering<'_>,
    (name, shape): (&str, &[usize]),
    zero_padded: bool,
    (bits, count): (u32, u32),
) -> Vec<ColumnId> {
    let circuit = lowering.circuit();
    let table = circuit.table(Table::range(bits));
    let digit = |k: u32| {
        let name = format!("{name}/digit.{k}");
        let column = circuit.committed(&name, shape, zero_padded);
        circuit.lookup(name, vec![column], table);
        column
    };
    (0..count).map(digit).collect()
}

/// `x` times `multipliers[c]`, where `c` is the row-major index along `axes`, which ascend.
pub(super) fn multiplied(
    lowering: &mut dyn Lowering<'_>,
    (name, shape): (&str, &[usize]),
    x: ColumnId,
    (multipliers, axes): (&[i64], &[usize]),
) -> ColumnId {
    let circuit = lowering.circuit();
    let sizes: Vec<usize> = axes.iter().map(|axis| shape[*axis]).collect();
    let constants = circuit.constant(&sizes, multipliers.to_vec());
    let along = |a: usize| match axes.iter().position(|axis| *axis == a) {
        Some(of_constants) => Axis::shared(of_constants, a, a),
        None => Axis::free_right(a, a),
    };
    let axes = (0..shape.len()).map(along).collect();
    circuit.contraction(name, shape, constants, x, axes)
}

/// The operand `x` of the node that is lowered with all channels of the last axis in one unit: `2^(k_c) x_c` for the
/// exponents `k`, one for each channel or one for all.
pub(super) fn in_one_unit(lowering: &mut dyn Lowering<'_>, x: ColumnId, exponents: &[u32]) -> ColumnId {
    let (name, shape) = (format!("{}/scaled", lowering.name()), &lowering.fact().shape);
    match exponents {
        [0] => x,
        [all] => {
            let terms = [(1i64 << all, x)];
            lowering.circuit().integer_sum(&name, shape, &terms)
        }
        exponents => {
            let powers: Vec<i64> = exponents.iter().map(|exponent| 1i64 << exponent).collect();
            let last = shape.len().saturating_sub(1);
            multiplied(lowering, (&name, shape), x, (&powers, &[last]))
        }
    }
}

/// The values, unless one of them is outside of `[-2^(bits-1), 2^(bits-1))`.
///
/// # Errors
/// [`ExecutionError::Domain`], naming the layer and the first such value.
#[cfg(feature = "prover")]
pub(super) fn in_bits(
    site: &IntegerSite<'_>,
    values: ArrayD<i64>,
    bits: u32,
) -> Result<ArrayD<i64>, ExecutionError> {
    let domain_bits = bits.saturating_sub(1).min(62);
    let end = 1i64 << domain_bits;
    match values.indexed_iter().find(|(_, v)| !(-end..end).contains(*v)) {
        None => Ok(values),
        Some((index, &value)) => Err(ExecutionError::Domain {
            layer: site.node.name.clone(),
            index: index.slice().to_vec(),
            value,
            domain_bits,
        }),
    }
}
