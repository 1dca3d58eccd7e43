//! The columns of an attention; the module above says why they determine the result.

use super::{IntegerAttention, Sizes};
use crate::circuit::{Axis, CircuitError, ColumnId, Factor, Selector};
use crate::field::{M61, from_i64};
use crate::graph::IntFact;
use crate::ops::lowering::cropped;
use crate::ops::quotient::{Quotient, Width, advice};
use crate::ops::softmax::weights::{Weighed, Weights};
use crate::ops::{Hint, Lowering};

/// The bounds of scores.
fn check_scores(
    op: &IntegerAttention,
    lowering: &mut dyn Lowering<'_>,
    sizes: &Sizes,
    [q, k]: [&IntFact; 2],
) -> Result<(), CircuitError> {
    let (name, circuit) = (lowering.name(), lowering.circuit());
    circuit.check_bound(name, "scaled score", sizes.largest_score(op, q.range, k.range))?;
    let shifted = op.decay.bits.saturating_add(1).saturating_add(op.shift);
    circuit.check_bound(name, "score times 2^shift", 1i128 << shifted.min(126))
}

/// What the steps share.
struct Columns<'o, 'g> {
    op: &'o IntegerAttention,
    name: &'g str,
    sizes: Sizes,
    /// Shapes: one cell for each query and key, and for each result.
    cells: [usize; 5],
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
    check_scores(op, lowering, &sizes, [q_fact, k_fact])?;
    let mut columns = Columns::new(op, name, sizes);
    let k = cropped(lowering, &format!("{name}/keys"), k);
    let v = cropped(lowering, &format!("{name}/values"), v);
    let score = columns.scores(lowering, q, k);
    let seen = columns.seen(lowering);
    let weights = Weights {
        name,
        cells: &columns.cells,
        decay: &op.decay,
        reciprocal_bits: op.reciprocal_bits,
    };
    let Weighed { weight, reciprocal } = weights.lower(lowering, (score, seen), &mut columns.advice)?;
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
    fn new(op: &'o IntegerAttention, name: &'g str, sizes: Sizes) -> Self {
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
            cells: [batch, groups, repeats, queries, keys],
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
