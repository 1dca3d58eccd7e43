//! Weights of a softmax, and the reciprocal of their sum: what an attention and a softmax have in common.
//!
//! For the scores `x_j` of a row, integers in the steps of a table:
//!
//! ```text
//! M = max_j x_j,   e_j = table(M - x_j)           one lookup a cell: (d, e, [d = 0]) with d = M - x_j in [0, 2^D)
//! S = sum_j e_j,   r = floor(2^K / S)             r * S + rem = 2^K
//! ```
//!
//! # What is committed, and why no other value passes
//!
//! `sel` is 1 on the cells that count and 0 on masked and padded ones: a public column.
//!
//! - **The maximum.** `M`, one cell a row, looked up in `[-2^(D-1), 2^(D-1))`. `d = sel (M - x) + (1 - sel) (2^D - 1)`
//!   is looked up with `e` and the mark `z = [d = 0]`, both committed. `d >= 0` on every cell that counts: no score is
//!   above `M`. `sum_j z_j >= 1` in every row, by a range lookup: some score is `M`. So `M` is the maximum. The caller
//!   sees to it that `x` is an integer, and that `x`, `M` and `d` are so small that `M - x = d` holds over the
//!   integers.
//! - **Masked and padded cells.** There `d = 2^D - 1`, and the table's last entry is 0, so `e = 0` and `z = 0`: no
//!   weight and no mark. Nothing reads `x`.
//! - **The reciprocal.** `r` in digits, looked up in `[0, 2^R)`, where `2^R > 2^K / e(0)`; every row that has a mark
//!   has a sum of `e(0)` at least. `rem = 2^K - r S'` is virtual; `rem` and `S' - 1 - rem` are in `[0, 2^b)`, where
//!   `2^b` is at least every `S'`. As `2^R max S' + 2^b < p/2`, the equation holds over the integers, and `r` is the
//!   quotient. `S' = S` on rows, and `e(0)` on padded ones, where `S = 0`: the equation holds there too.
//!
//! `M` on padded rows is not determined; nothing reads it.

use crate::circuit::{
    Axis, CircuitError, ColumnId, ColumnKind, Curve, CurveKind, DecayTable, Dyadic, Factor, Selector, Table,
    TableError,
};
use crate::field::{M61, from_i64};
use crate::ops::Lowering;
use crate::ops::quotient::{bits_of, within};
use crate::ops::reciprocal::Reciprocal;

/// Bits of a score, and of a difference of two.
pub(in crate::ops) const SCORE_BITS: u32 = 16;

/// Exponentials of differences of scores with this step, as weights of that many bits.
///
/// # Errors
/// A step that is not positive.
pub(in crate::ops) fn decay(step: Dyadic, bits: i16) -> Result<DecayTable, TableError> {
    let curve = Curve::new(CurveKind::Exp, step, Dyadic::new(1, -bits)?)?;
    Ok(DecayTable {
        curve,
        bits: SCORE_BITS,
    })
}

/// The weights of all rows.
pub(in crate::ops) struct Weights<'a> {
    /// Name of the operation.
    pub name: &'a str,
    /// Shape of the scores. Rows run along the last axis; there is another one before it.
    pub cells: &'a [usize],
    /// The exponentials of differences of scores. Its last entry must be 0: it is that of cells that do not count.
    pub decay: &'a DecayTable,
    /// `K`: sums of exponentials have the reciprocals `floor(2^K / sum)`.
    pub reciprocal_bits: u32,
}

/// Columns of weights.
pub(in crate::ops) struct Weighed {
    /// `e`, of the shape of the scores; 0 on padding and where nothing counts.
    pub weight: ColumnId,
    /// `r`, of the shape of the rows. `r sum_j e_j <= 2^K`.
    pub reciprocal: ColumnId,
}

impl Weights<'_> {
    /// Adds the columns for scores, and for a selector of the cells that count, which is 0 on padding. Appends those to
    /// `advice` that [`Weigher::advice`](super::rows::Weigher::advice) gives, in its order, and what stands on padding.
    ///
    /// # Errors
    /// A table that does not fall to 0, or cannot be computed; a reciprocal that would not be unique.
    pub(in crate::ops) fn lower(
        &self,
        lowering: &mut dyn Lowering<'_>,
        (score, seen): (ColumnId, ColumnId),
        advice: &mut Vec<(ColumnId, i64)>,
    ) -> Result<Weighed, CircuitError> {
        let one = self.one()?;
        let dividend = 1i128 << self.reciprocal_bits.min(126);
        lowering
            .circuit()
            .check_bound(self.name, "dividend of a reciprocal", dividend)?;
        let (weight, mark) = self.weigh(lowering, (score, seen), advice);
        let divisor = self.sums(lowering, (weight, mark), one, advice);
        let weight_of_one = i128::from(one);
        let reciprocal = Reciprocal {
            name: &self.part("reciprocal"),
            shape: self.rows(),
            numerator: 1i64 << self.reciprocal_bits,
            divisor,
            divisor_bits: bits_of(weight_of_one.saturating_mul(self.terms() as i128) - 1),
            bits: bits_of(dividend / weight_of_one),
        };
        let reciprocal = reciprocal.lower(lowering)?;
        Ok(Weighed { weight, reciprocal })
    }

    /// The weight of a largest score, in a table that falls from it to 0.
    fn one(&self) -> Result<i64, CircuitError> {
        let table = |error: TableError| CircuitError::Table {
            place: self.name.to_owned(),
            error,
        };
        let (one, least) = (
            self.decay.one().map_err(table)?,
            self.decay.least().map_err(table)?,
        );
        if one < 1 || least != 0 || self.decay.bits == 0 {
            return Err(CircuitError::Unsupported {
                layer: self.name.to_owned(),
                what: format!("a table of weights from {one} to {least}, instead of to 0"),
            });
        }
        Ok(one)
    }

    fn part(&self, what: &str) -> String {
        format!("{}/{what}", self.name)
    }

    /// The shape without its last axis.
    fn rows(&self) -> &[usize] {
        self.cells.split_last().map_or(&[], |(_, rows)| rows)
    }

    /// Cells of a row.
    fn terms(&self) -> usize {
        self.cells.last().copied().unwrap_or(1)
    }

    /// Weights and marks of all cells: `d = sel (M - x - D_max) + D_max`, and `(d, e, z)` in the table.
    fn weigh(
        &self,
        lowering: &mut dyn Lowering<'_>,
        (score, seen): (ColumnId, ColumnId),
        advice: &mut Vec<(ColumnId, i64)>,
    ) -> (ColumnId, ColumnId) {
        let (bits, last) = (self.decay.bits, self.rows().len());
        let farthest = from_i64((1i64 << bits) - 1);
        let circuit = lowering.circuit();
        let maximum = circuit.column(&self.part("maximum"), self.rows(), ColumnKind::trace(false));
        let minimum = -(1i64 << (bits - 1));
        let table = circuit.table(Table::Integers { minimum, bits });
        circuit.lookup(self.part("maximum"), vec![maximum], table);
        advice.push((maximum, 0));
        let mut factors: Vec<Factor> = (0..last).map(|a| Factor::identity(a, a)).collect();
        factors.push(Factor::broadcast(last));
        let maxima = circuit.view(&self.part("maxima"), self.cells, maximum, factors);
        let one = M61::from(1u64);
        let terms = [(one, maxima), (-one, score)];
        let apart = circuit.linear_column(&self.part("apart"), self.cells, &terms, -farthest);
        let axes = (0..=last).map(|a| Axis::shared(a, a, a)).collect();
        let chosen = circuit.contraction(&self.part("apart_seen"), self.cells, seen, apart, axes);
        advice.push((chosen, 0));
        let terms = [(one, chosen)];
        let distance = circuit.linear_column(&self.part("distance"), self.cells, &terms, farthest);
        // The selector is 0 on padding, where the distance is the largest, and its row ends in 0, 0.
        let weight = circuit.column(&self.part("weight"), self.cells, ColumnKind::trace(true));
        let mark = circuit.column(&self.part("mark"), self.cells, ColumnKind::trace(true));
        let table = circuit.table(Table::Decay(self.decay.clone()));
        circuit.lookup(self.part("weight"), vec![distance, weight, mark], table);
        advice.extend([(weight, 0), (mark, 0)]);
        (weight, mark)
    }

    /// `S'`: the sum of a row's weights, and `one`, that of a largest score, on padding. Every row has a mark.
    fn sums(
        &self,
        lowering: &mut dyn Lowering<'_>,
        (weight, mark): (ColumnId, ColumnId),
        one: i64,
        advice: &mut Vec<(ColumnId, i64)>,
    ) -> ColumnId {
        let (shape, last) = (self.rows(), self.rows().len());
        let circuit = lowering.circuit();
        let ones = circuit.selector(&self.part("keys_of_a_row"), &[self.terms()], Selector::Ones);
        let rows = circuit.selector(&self.part("rows"), shape, Selector::Ones);
        let mut axes: Vec<Axis> = (0..last).map(|a| Axis::free_left(a, a)).collect();
        axes.push(Axis::summed(last, 0));
        let marks = circuit.contraction(&self.part("marks"), shape, mark, ones, axes.clone());
        let sum = circuit.contraction(&self.part("sum"), shape, weight, ones, axes);
        advice.extend([(marks, 0), (sum, 0)]);
        let terms = [(1, marks), (-1, rows)];
        let more = circuit.integer_sum(&self.part("more_marks"), shape, &terms);
        let weight_of_one = from_i64(one);
        let terms = [(M61::from(1u64), sum), (-weight_of_one, rows)];
        let divisor = circuit.linear_column(&self.part("divisor"), shape, &terms, weight_of_one);
        let bits = bits_of(self.terms() as i128);
        within(lowering, (&self.part("more_marks"), shape), more, bits);
        divisor
    }
}
