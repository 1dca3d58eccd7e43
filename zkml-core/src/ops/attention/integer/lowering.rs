//! The columns of an attention; the module above says why they determine the result.

use super::{IntegerAttention, Sizes};
use crate::circuit::{
    Axis, CircuitError, ColumnId, ColumnKind, Factor, Selector, Table, TableError, View, check_bound,
};
use crate::field::{M61, from_i64};
use crate::graph::IntFact;
use crate::ops::quotient::{Quotient, Width, advice, bits_of, within};
use crate::ops::reciprocal::Reciprocal;
use crate::ops::{Hint, Lowering};

/// Numbers of bits that follow from the sizes and from the table.
struct Bits {
    /// The weight of a largest score.
    one: i64,
    /// `R`: of a reciprocal.
    reciprocal: u32,
    /// `b`: of a sum of weights.
    sum: u32,
    /// Of the number of largest scores in a row.
    marks: u32,
}

impl Bits {
    /// The bits, and the bounds of scores. [`Reciprocal`] and [`Quotient`] check theirs.
    fn new(
        op: &IntegerAttention,
        name: &str,
        sizes: &Sizes,
        [q, k]: [&IntFact; 2],
    ) -> Result<Self, CircuitError> {
        let table = |error: TableError| CircuitError::Table {
            place: name.to_owned(),
            error,
        };
        let (one, least) = (op.decay.one().map_err(table)?, op.decay.least().map_err(table)?);
        if one < 1 || least != 0 || op.decay.bits == 0 {
            return Err(CircuitError::Unsupported {
                layer: name.to_owned(),
                what: format!("a table of weights from {one} to {least}, instead of to 0"),
            });
        }
        let two_to = |bits: u32| 1i128 << bits.min(126);
        let dividend = two_to(op.reciprocal_bits);
        check_bound(name, "scaled score", sizes.largest_score(op, q.range, k.range))?;
        let shifted = op.decay.bits.saturating_add(1).saturating_add(op.shift);
        check_bound(name, "score times 2^shift", two_to(shifted))?;
        check_bound(name, "dividend of a reciprocal", dividend)?;
        let one_weight = i128::from(one);
        Ok(Self {
            one,
            reciprocal: bits_of(dividend / one_weight),
            sum: bits_of(one_weight.saturating_mul(sizes.keys as i128) - 1),
            marks: bits_of(sizes.keys as i128),
        })
    }
}

/// What the steps share.
struct Columns<'o, 'g> {
    op: &'o IntegerAttention,
    name: &'g str,
    sizes: Sizes,
    bits: Bits,
    /// Shapes: one cell for each query and key, for each query, and for each result.
    cells: [usize; 5],
    rows: [usize; 4],
    results: [usize; 5],
    /// Filled by the room's advice, in its order, and what stands on padding.
    advice: Vec<(ColumnId, i64)>,
}

/// Adds the columns; returns that of the result.
pub(super) fn lower(
    op: &IntegerAttention,
    lowering: &mut dyn Lowering<'_>,
) -> Result<ColumnId, CircuitError> {
    let (name, shape) = (lowering.name(), &lowering.fact().shape);
    let [(q, q_fact), (k, k_fact), (v, v_fact)] = [0, 1, 2].map(|index| lowering.operand(index));
    let sizes = Sizes::of([&q_fact.shape, &k_fact.shape, &v_fact.shape]);
    let sizes = sizes.ok_or_else(|| CircuitError::Malformed {
        place: name.to_owned(),
        expected: "operands of four dimensions".into(),
        found: "others".into(),
    })?;
    let bits = Bits::new(op, name, &sizes, [q_fact, k_fact])?;
    let mut columns = Columns::new(op, name, sizes, bits);
    let k = cropped(lowering, &format!("{name}/keys"), k);
    let v = cropped(lowering, &format!("{name}/values"), v);
    let score = columns.scores(lowering, q, k);
    let (weight, mark) = columns.weights(lowering, score);
    let divisor = columns.sums(lowering, weight, mark);
    let reciprocal = Reciprocal {
        name: &columns.part("reciprocal"),
        shape: &columns.rows,
        numerator: 1i64 << op.reciprocal_bits,
        divisor,
        divisor_bits: columns.bits.sum,
        bits: columns.bits.reciprocal,
    }
    .lower(lowering)?;
    let mean = columns.mix(lowering, weight, v, reciprocal);
    let (node, advice) = (lowering.id(), columns.advice.split_off(0));
    lowering.hint(Hint::Advice {
        node,
        columns: advice,
    });
    let output = Quotient {
        name: &columns.part("output"),
        shape: &columns.results,
        numerator: &[(1, mean)],
        reached: op.largest_mean(v_fact.range),
        shift: op.reciprocal_bits,
        bits: op.output_bits,
    }
    .lower(lowering)?;
    let factors = vec![
        Factor::identity(0, 0),
        Factor::reshape(1..2, shape, 1..3),
        Factor::identity(2, 3),
        Factor::identity(3, 4),
    ];
    Ok(lowering.circuit().view(name, shape, output, factors))
}

/// The column, or a view of it that is 0 on padding.
fn cropped(lowering: &mut dyn Lowering<'_>, name: &str, column: ColumnId) -> ColumnId {
    let circuit = lowering.circuit();
    if circuit.is_zero_padded(column) {
        return column;
    }
    let shape = circuit.circuit[column].shape.sizes();
    circuit.column(name, &shape, ColumnKind::View(View::crop(column, shape.len())))
}

/// The axes of a product of the query side `[batch, group, repeat, query, s]` with the key side, `[batch, group, ..,
/// ..]`: summed over `s`, the key side's axis `summed`, with its axis `free` as the last one of the result.
fn by_head(free: usize, summed: usize) -> Vec<Axis> {
    vec![
        Axis::shared(0, 0, 0),
        Axis::shared(1, 1, 1),
        Axis::free_left(2, 2),
        Axis::free_left(3, 3),
        Axis::free_right(free, 4),
        Axis::summed(4, summed),
    ]
}

impl<'o, 'g> Columns<'o, 'g> {
    fn new(op: &'o IntegerAttention, name: &'g str, sizes: Sizes, bits: Bits) -> Self {
        let Sizes {
            batch,
            groups,
            repeats,
            queries,
            keys,
            outputs,
            ..
        } = sizes;
        Self {
            op,
            name,
            sizes,
            bits,
            cells: [batch, groups, repeats, queries, keys],
            rows: [batch, groups, repeats, queries],
            results: [batch, groups, repeats, queries, outputs],
            advice: Vec::new(),
        }
    }

    fn part(&self, what: &str) -> String {
        format!("{}/{what}", self.name)
    }

    /// `x = 2^-s (q . k m + 2^(s-1) - rem)`.
    fn scores(&mut self, lowering: &mut dyn Lowering<'_>, q: ColumnId, k: ColumnId) -> ColumnId {
        let Sizes {
            batch,
            groups,
            repeats,
            queries,
            features,
            ..
        } = self.sizes;
        let circuit = lowering.circuit();
        let by_group = [batch, groups, repeats, queries, features];
        let factors = vec![
            Factor::identity(0, 0),
            Factor::affine(&[(1, repeats as i64), (2, 1)], 0, 1),
            Factor::identity(3, 2),
            Factor::identity(4, 3),
        ];
        let q = circuit.view(&self.part("queries"), &by_group, q, factors);
        let scores = circuit.contraction(&self.part("scores"), &self.cells, q, k, by_head(2, 3));
        self.advice.push((scores, 0));
        // On padding the accumulator is 0, and the remainder that of 2^(s-1).
        let (shift, half) = (self.op.shift, from_i64(1i64 << (self.op.shift - 1)));
        let terms = [(from_i64(self.op.multiplier), scores)];
        let scaled = circuit.linear_column(&self.part("scaled"), &self.cells, &terms, half);
        let name = self.part("score_remainder");
        let hint = |output| Hint::Remainder {
            input: scaled,
            bits: shift,
            output,
        };
        let remainder = advice(
            lowering,
            (&name, &self.cells),
            Width::unsigned(shift),
            false,
            hint,
        );
        let inverse = ark_ff::Field::inverse(&from_i64(1i64 << shift)).unwrap_or_default();
        let (name, terms) = (self.part("score"), [(inverse, scaled), (-inverse, remainder)]);
        let circuit = lowering.circuit();
        circuit.linear_column(&name, &self.cells, &terms, M61::from(0u64))
    }

    /// 1 on the cells that a query sees.
    fn seen(&self, lowering: &mut dyn Lowering<'_>) -> ColumnId {
        let circuit = lowering.circuit();
        if !self.op.causal {
            return circuit.selector(&self.part("seen"), &self.cells, Selector::Ones);
        }
        let offset = self.sizes.offset() as u32;
        let causal = [self.sizes.queries, self.sizes.keys];
        let causal = circuit.selector(&self.part("causal"), &causal, Selector::Causal { offset });
        let factors = vec![
            Factor::broadcast(0),
            Factor::broadcast(1),
            Factor::broadcast(2),
            Factor::identity(3, 0),
            Factor::identity(4, 1),
        ];
        circuit.view(&self.part("seen"), &self.cells, causal, factors)
    }

    /// Weights and marks of all cells: `d = sel (M - x - D_max) + D_max`, and `(d, e, z)` in the table.
    fn weights(&mut self, lowering: &mut dyn Lowering<'_>, score: ColumnId) -> (ColumnId, ColumnId) {
        let seen = self.seen(lowering);
        let bits = self.op.decay.bits;
        let farthest = from_i64((1i64 << bits) - 1);
        let circuit = lowering.circuit();
        let maximum = circuit.column(&self.part("maximum"), &self.rows, ColumnKind::trace(false));
        let minimum = -(1i64 << (bits - 1));
        let table = circuit.table(Table::Integers { minimum, bits });
        circuit.lookup(self.part("maximum"), vec![maximum], table);
        self.advice.push((maximum, 0));
        let mut factors: Vec<Factor> = (0..4).map(|a| Factor::identity(a, a)).collect();
        factors.push(Factor::broadcast(4));
        let maxima = circuit.view(&self.part("maxima"), &self.cells, maximum, factors);
        let one = M61::from(1u64);
        let terms = [(one, maxima), (-one, score)];
        let apart = circuit.linear_column(&self.part("apart"), &self.cells, &terms, -farthest);
        let axes = (0..5).map(|a| Axis::shared(a, a, a)).collect();
        let chosen = circuit.contraction(&self.part("apart_seen"), &self.cells, seen, apart, axes);
        self.advice.push((chosen, 0));
        let terms = [(one, chosen)];
        let distance = circuit.linear_column(&self.part("distance"), &self.cells, &terms, farthest);
        // The selector is 0 on padding, where the distance is the largest, and its row ends in 0, 0.
        let weight = circuit.column(&self.part("weight"), &self.cells, ColumnKind::trace(true));
        let mark = circuit.column(&self.part("mark"), &self.cells, ColumnKind::trace(true));
        let table = circuit.table(Table::Decay(self.op.decay.clone()));
        circuit.lookup(self.part("weight"), vec![distance, weight, mark], table);
        self.advice.extend([(weight, 0), (mark, 0)]);
        (weight, mark)
    }

    /// `S'`: the sum of a row's weights, and that of a largest score on padding. Every row has a mark.
    fn sums(&mut self, lowering: &mut dyn Lowering<'_>, weight: ColumnId, mark: ColumnId) -> ColumnId {
        let circuit = lowering.circuit();
        let ones = circuit.selector(&self.part("keys_of_a_row"), &[self.sizes.keys], Selector::Ones);
        let rows = circuit.selector(&self.part("rows"), &self.rows, Selector::Ones);
        let mut axes: Vec<Axis> = (0..4).map(|a| Axis::free_left(a, a)).collect();
        axes.push(Axis::summed(4, 0));
        let marks = circuit.contraction(&self.part("marks"), &self.rows, mark, ones, axes.clone());
        let sum = circuit.contraction(&self.part("sum"), &self.rows, weight, ones, axes);
        self.advice.extend([(marks, 0), (sum, 0)]);
        let terms = [(1, marks), (-1, rows)];
        let more = circuit.integer_sum(&self.part("more_marks"), &self.rows, &terms);
        let one = from_i64(self.bits.one);
        let terms = [(M61::from(1u64), sum), (-one, rows)];
        let divisor = circuit.linear_column(&self.part("divisor"), &self.rows, &terms, one);
        within(
            lowering,
            (&self.part("more_marks"), &self.rows),
            more,
            self.bits.marks,
        );
        divisor
    }

    /// `r sum_j e_j v_j`.
    fn mix(
        &mut self,
        lowering: &mut dyn Lowering<'_>,
        weight: ColumnId,
        v: ColumnId,
        reciprocal: ColumnId,
    ) -> ColumnId {
        let circuit = lowering.circuit();
        let mix = circuit.contraction(&self.part("mix"), &self.results, weight, v, by_head(3, 2));
        let mut axes: Vec<Axis> = (0..4).map(|a| Axis::shared(a, a, a)).collect();
        axes.push(Axis::free_right(4, 4));
        let mean = circuit.contraction(&self.part("mean"), &self.results, reciprocal, mix, axes);
        self.advice.extend([(mix, 0), (mean, 0)]);
        mean
    }
}
