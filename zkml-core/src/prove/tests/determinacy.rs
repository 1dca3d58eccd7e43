//! Every gadget with advice, exhaustively: the constraints admit exactly one result, the one of the integer semantics.
//!
//! A committed cell stands in a lookup table or is bound by an equality, so the field elements it may be are few and
//! known ([`Search::candidates`]); all assignments of all committed columns are tried, one column after the other, and
//! those that violate a lookup or an equality are dropped. What is left is every proof there could be.

use crate::ops;
use std::collections::BTreeSet;

use ndarray::ArrayD;

use super::network::{Network, window};
use crate::circuit::{
    Circuit, Column, ColumnId, ColumnKind, Curve, CurveKind, Dyadic, Function, FunctionTable, Public, Table,
};
use crate::execute::execute_reference;
use crate::field::{M61, from_i64, to_i64_centered};
use crate::graph::{NodeId, Window2d};
use crate::keys::CompiledModel;
use crate::lower::Filled;
use crate::ops::Hint;
use crate::ops::IntOp;
use crate::privacy::{Privacy, Visibility};
use crate::reduce::{Cells, Values};

const INPUT: NodeId = NodeId(0);

/// All assignments of the committed columns that satisfy a circuit, for given cells of other columns.
struct Search<'c> {
    circuit: &'c Circuit,
    /// Columns to be assigned, in order.
    committed: Vec<ColumnId>,
    /// For each column how many of `committed` must be assigned before its cells are known.
    needs: Vec<usize>,
    given: Vec<(ColumnId, Vec<M61>)>,
    /// The column whose cells are asked for.
    wanted: ColumnId,
    found: BTreeSet<Vec<i64>>,
    assignments: usize,
}

impl<'c> Search<'c> {
    fn new(circuit: &'c Circuit, given: Vec<(ColumnId, Vec<M61>)>, wanted: ColumnId) -> Self {
        let is_given = |id: ColumnId| given.iter().any(|given| given.0 == id);
        let committed: Vec<ColumnId> = circuit
            .ids()
            .filter(|id| matches!(circuit[*id].kind, ColumnKind::Committed { .. }) && !is_given(*id))
            .collect();
        let mut needs: Vec<usize> = Vec::new();
        for id in circuit.ids() {
            let known = |id: ColumnId| needs[id.index()];
            needs.push(match &circuit[id].kind {
                _ if is_given(id) => 0,
                ColumnKind::Committed { .. } => {
                    1 + committed
                        .iter()
                        .position(|column| *column == id)
                        .expect("committed")
                }
                ColumnKind::Parameter { .. } | ColumnKind::Public(_) => 0,
                ColumnKind::Linear(linear) => linear
                    .terms
                    .iter()
                    .map(|term| known(term.column))
                    .max()
                    .unwrap_or(0),
                ColumnKind::View(view) => known(view.source),
                ColumnKind::Contraction(c) => known(c.left).max(known(c.right)),
            });
        }
        Self {
            circuit,
            committed,
            needs,
            given,
            wanted,
            found: BTreeSet::new(),
            assignments: 0,
        }
    }

    /// What each cell of a committed column can be: the elements of every table it is looked up in, or the cells of a
    /// known column it must equal.
    fn candidates(&self, values: &Values<'_>, id: ColumnId) -> Vec<Vec<M61>> {
        let cells = self.circuit[id].shape.padded_len();
        let mut sets: Vec<Option<Vec<M61>>> = vec![None; cells];
        for lookup in &self.circuit.lookups {
            let table = &self.circuit.tables[lookup.table as usize];
            let own = |(_, column): &(usize, &ColumnId)| **column == id;
            for (position, _) in lookup.columns.iter().enumerate().filter(own) {
                let entries: Vec<Vec<M61>> = (0..table.arity())
                    .map(|column| table.column(column).expect("a table"))
                    .collect();
                // Of the other columns some are known: only rows that have their cells are left.
                let known: Vec<(usize, &[M61])> = lookup
                    .columns
                    .iter()
                    .enumerate()
                    .filter(|(_, column)| self.needs[column.index()] < self.needs[id.index()])
                    .map(|(place, &column)| (place, values.base(column)))
                    .collect();
                for (cell, set) in sets.iter_mut().enumerate() {
                    let fits = |row: &usize| {
                        known
                            .iter()
                            .all(|(place, cells)| entries[*place][*row] == cells[cell])
                    };
                    let rows = (0..entries[0].len()).filter(fits);
                    let mut allowed: Vec<M61> = rows.map(|row| entries[position][row]).collect();
                    allowed.sort_unstable_by_key(|element| element.value);
                    allowed.dedup();
                    match set {
                        Some(set) => set.retain(|element| allowed.contains(element)),
                        None => *set = Some(allowed),
                    }
                }
            }
        }
        for &equality in &self.circuit.equalities {
            let [left, right] = self.circuit.sides(equality);
            if right == id && self.needs[left.index()] < self.needs[id.index()] {
                for (set, &cell) in sets.iter_mut().zip(values.base(left)) {
                    *set = Some(vec![cell]);
                }
            }
        }
        let bound = |set: Option<Vec<M61>>| {
            set.unwrap_or_else(|| panic!("nothing bounds `{}`", self.circuit[id].name))
        };
        sets.into_iter().map(bound).collect()
    }

    fn values(&self, assigned: &[Vec<M61>]) -> Values<'c> {
        let values = Values::new(self.circuit);
        let own = self.committed.iter().copied().zip(assigned.iter().cloned());
        for (id, cells) in self.given.iter().cloned().chain(own) {
            values.set(id, Cells::Base(cells));
        }
        values
    }

    /// Do all constraints hold whose columns are known after `step` assignments, and not before?
    fn holds(&self, values: &Values<'_>, step: usize) -> bool {
        let due = |columns: &[ColumnId]| {
            columns.iter().map(|column| self.needs[column.index()]).max() == Some(step)
        };
        let lookups = self.circuit.lookups.iter().filter(|lookup| due(&lookup.columns));
        for lookup in lookups {
            let table = &self.circuit.tables[lookup.table as usize];
            let entries: Vec<Vec<M61>> = (0..table.arity())
                .map(|column| table.column(column).expect("a table"))
                .collect();
            let columns: Vec<&[M61]> = lookup.columns.iter().map(|&id| values.base(id)).collect();
            let stands = |cell: usize| {
                (0..entries[0].len()).any(|row| {
                    entries
                        .iter()
                        .zip(&columns)
                        .all(|(entry, column)| entry[row] == column[cell])
                })
            };
            if !(0..columns[0].len()).all(stands) {
                return false;
            }
        }
        let equalities = self.circuit.equalities.iter().copied();
        let mut equalities = equalities.filter(|&id| due(&[id])).filter(|&id| {
            // What the public output is, is what is being asked.
            let [_, right] = self.circuit.sides(id);
            !matches!(
                self.circuit[right].kind,
                ColumnKind::Public(Public::Output { .. })
            )
        });
        equalities.all(|id| values.base(id).iter().all(|cell| cell.value == 0))
    }

    fn walk(&mut self, assigned: &mut Vec<Vec<M61>>) {
        let values = self.values(assigned);
        if !self.holds(&values, assigned.len()) {
            return;
        }
        let Some(&column) = self.committed.get(assigned.len()) else {
            let cells = values.base(self.wanted);
            self.found
                .insert(cells.iter().map(|&cell| to_i64_centered(cell)).collect());
            self.assignments += 1;
            return;
        };
        let candidates = self.candidates(&values, column);
        if candidates.iter().any(Vec::is_empty) {
            return;
        }
        let mut choice = vec![0usize; candidates.len()];
        loop {
            let cells = choice
                .iter()
                .zip(&candidates)
                .map(|(&choice, cell)| cell[choice])
                .collect();
            assigned.push(cells);
            self.walk(assigned);
            assigned.pop();
            let Some(cell) = (0..choice.len())
                .rev()
                .find(|&cell| choice[cell] + 1 < candidates[cell].len())
            else {
                return;
            };
            choice[cell] += 1;
            choice[cell + 1..].fill(0);
        }
    }

    /// The cells that the wanted column can have, and in how many ways.
    fn run(mut self) -> (BTreeSet<Vec<i64>>, usize) {
        self.walk(&mut Vec::new());
        (self.found, self.assignments)
    }
}

fn padded(column: &Column, integers: &[i64]) -> Vec<M61> {
    let cells: Vec<M61> = integers.iter().map(|&integer| from_i64(integer)).collect();
    column.shape.pad(&cells, from_i64(0))
}

/// All inputs of the range, cell by cell.
fn every_input(model: &CompiledModel) -> Vec<Vec<i64>> {
    let fact = &model.network.graph[model.network.graph.input].fact;
    let (minimum, maximum) = fact.range;
    (0..fact.shape.iter().product()).fold(vec![vec![]], |inputs, _| {
        let longer = |input: Vec<i64>| (minimum..=maximum).map(move |value| [&input[..], &[value]].concat());
        inputs.into_iter().flat_map(longer).collect()
    })
}

/// What the wanted column can be on a public input.
fn results(
    lowered: &Filled,
    circuit: &Circuit,
    input: &[i64],
    wanted: ColumnId,
) -> (BTreeSet<Vec<i64>>, usize) {
    let given = vec![(lowered.input, padded(&circuit[lowered.input], input))];
    Search::new(circuit, given, wanted).run()
}

/// For every input of the network: the constraints admit the result of the integer semantics and no other; none where
/// that has no result. Returns how often there was one.
pub(super) fn exactly_one_result(model: &CompiledModel) -> usize {
    let lowered = model.lower().expect("lower");
    let graph = &model.network.graph;
    let node = graph.outputs[0];
    let wanted = lowered.nodes[node.0];
    let mut answered = 0;
    for input in every_input(model) {
        let tensor =
            ArrayD::from_shape_vec(graph[graph.input].fact.shape.clone(), input.clone()).expect("fits");
        let expected: Vec<Vec<i64>> = execute_reference(graph, &tensor)
            .ok()
            .map(|execution| execution.values[node.0].iter().copied().collect())
            .into_iter()
            .collect();
        answered += expected.len();
        let (found, _) = results(&lowered, &lowered.circuit, &input, wanted);
        let mut logical = Vec::new();
        for cells in &found {
            let mut own = Vec::new();
            lowered.circuit[wanted]
                .shape
                .for_each_cell(|_, cell| own.push(cells[cell]));
            logical.push(own);
        }
        assert_eq!(logical, expected, "input {input:?}");
    }
    answered
}

/// A rescale of the input itself.
fn rescaled(
    shape: &[usize],
    range: (i64, i64),
    (limb_bits, shift): (u32, u32),
    multipliers: &[i64],
    table: FunctionTable,
) -> CompiledModel {
    let mut n = Network::new(1, shape, range);
    n.limb_bits = limb_bits;
    let results = (table.minimum, table.maximum);
    let op = IntOp::Rescale(ops::Rescale {
        multipliers: multipliers.to_vec(),
        axis: shape.len() - 1,
        shift,
        table,
    });
    let out = n.node("q", op, &[INPUT], shape.to_vec(), results);
    n.finish(&[out])
}

fn tables(domain_bits: u32) -> [FunctionTable; 3] {
    let end = 1i64 << domain_bits;
    let table = |function, minimum, maximum| FunctionTable {
        function,
        domain_bits,
        minimum,
        maximum,
    };
    [
        table(Function::Identity, -end, end - 1),
        table(Function::Identity, -1, 1),
        table(Function::Relu, 0, end - 1),
    ]
}

#[test]
fn a_rescale_has_one_result_for_every_input() {
    for (limb_bits, shift) in [(1, 1), (1, 2), (1, 3), (2, 2), (2, 4), (3, 3)] {
        for table in tables(2) {
            for multiplier in [1, 3, 5] {
                // Reaches beyond the domain of the table on both sides.
                let reach = 6i64 << shift;
                let model = rescaled(
                    &[1],
                    (-reach, reach),
                    (limb_bits, shift),
                    &[multiplier],
                    table.clone(),
                );
                let answered = exactly_one_result(&model);
                assert!(0 < answered && answered as i64 <= 2 * reach, "{answered}");
            }
        }
    }
}

#[test]
fn a_rescale_by_channel_or_with_padding_has_one_result() {
    for table in &tables(2)[1..] {
        exactly_one_result(&rescaled(&[1, 2], (-5, 5), (1, 2), &[3, 1], table.clone()));
    }
    exactly_one_result(&rescaled(&[3], (-2, 2), (1, 1), &[1], tables(1)[1].clone()));
}

/// For every field element, not only for integers of the range: as the value is linear in the operand `x`, each pair of
/// a value in the domain and a remainder belongs to one `x`; no `x` has two.
#[test]
fn a_rescale_has_at_most_one_value_for_every_field_element() {
    for (limb_bits, shift, multiplier) in [(1, 3, 1), (1, 4, 7), (2, 4, 5), (4, 8, 91), (4, 4, 1)] {
        let table = tables(4)[0].clone();
        let model = rescaled(&[1], (-3, 3), (limb_bits, shift), &[multiplier], table.clone());
        let lowered = model.lower().expect("lower");
        let circuit = &lowered.circuit;
        let Some(Hint::Rescale { value, limbs, .. }) = lowered.hints.first() else {
            panic!("a rescale");
        };
        let range = circuit
            .lookups
            .iter()
            .find(|lookup| lookup.columns == [limbs[0]])
            .map(|lookup| circuit.tables[lookup.table as usize].column(0).expect("a table"))
            .expect("limbs stand in a range");
        let at = |x: u64, limb_values: &[M61]| {
            let values = Values::new(circuit);
            values.set(lowered.input, Cells::Base(vec![M61::from(x)]));
            for (&limb, &cell) in limbs.iter().zip(limb_values) {
                values.set(limb, Cells::Base(vec![cell]));
            }
            values.base(*value)[0]
        };
        let mut operands = BTreeSet::new();
        let mut pairs = 0;
        for index in 0..range.len().pow(limbs.len() as u32) {
            let limb_values: Vec<M61> = (0..limbs.len())
                .map(|k| range[index / range.len().pow(k as u32) % range.len()])
                .collect();
            let start = at(0, &limb_values);
            let slope = at(1, &limb_values) - start;
            let inverse = ark_ff::Field::inverse(&slope).expect("the multiplier is not 0");
            for &element in &Table::Function(table.clone()).column(0).expect("a table") {
                operands.insert(((element - start) * inverse).value);
                pairs += 1;
            }
        }
        assert_eq!(operands.len(), pairs, "limbs of {limb_bits} bits, shift {shift}");
    }
}

#[test]
fn a_maximum_has_one_result_for_every_input() {
    for range in [(-2, 1), (0, 2)] {
        let mut n = Network::new(1, &[1, 1, 2, 2], range);
        let pool = n.max_pool("pool", INPUT, window(2, 2, 0));
        exactly_one_result(&n.finish(&[pool]));
    }
}

/// The windows leave the input, whose values may all be negative.
#[test]
fn a_padded_maximum_has_one_result_for_every_input() {
    let along = Window2d::new([1, 2], [1, 1], [0, 1], [1, 1]);
    for range in [(-3, -1), (-2, 1)] {
        let mut n = Network::new(1, &[1, 1, 1, 2], range);
        let pool = n.max_pool("pool", INPUT, along);
        exactly_one_result(&n.finish(&[pool]));
    }
}

/// Ties included: the result is the lowest index of a largest value.
#[test]
fn an_argmax_has_one_result_for_every_input() {
    for (shape, axis, limb_bits) in [
        (vec![1, 2], 1, 1),
        (vec![1, 3], 1, 2),
        (vec![3], 0, 1),
        (vec![2, 2], 0, 2),
        (vec![1, 4], 1, 2),
    ] {
        let mut n = Network::new(1, &shape, (-1, 1));
        n.limb_bits = limb_bits;
        let arg = n.argmax("argmax", INPUT, axis);
        let inputs = 3usize.pow(shape.iter().product::<usize>() as u32);
        assert_eq!(exactly_one_result(&n.finish(&[arg])), inputs);
    }
}

/// A private input can be what the range says and nothing else, and is 0 on padding whatever is committed there.
#[test]
fn a_private_input_is_exactly_in_its_range() {
    let private = Privacy {
        input: Visibility::Private,
        ..Privacy::PUBLIC
    };
    for range in [
        (-4, 3),
        (0, 3),
        (0, 2),
        (-2, 2),
        (-3, 0),
        (1, 5),
        (-7, -3),
        (3, 3),
        (2, 3),
        (-1, 6),
    ] {
        for shape in [vec![1], vec![3]] {
            let mut n = Network::new(1, &shape, range);
            // The input is the output.
            n.limb_bits = 8;
            let model = n.finish(&[INPUT]).with_privacy(private);
            let lowered = model.lower().expect("lower");
            let circuit = &lowered.circuit;
            let (found, _) = Search::new(circuit, vec![], lowered.input).run();
            let expected: BTreeSet<Vec<i64>> = every_input(&model)
                .iter()
                .map(|input| {
                    let cells = padded(&circuit[lowered.input], input);
                    cells.into_iter().map(to_i64_centered).collect()
                })
                .collect();
            assert_eq!(found, expected, "{range:?} {shape:?}");
        }
    }
}

/// A private output is the node's, padding included.
#[test]
fn a_private_output_is_the_result() {
    let private = Privacy {
        output: Visibility::Private,
        ..Privacy::PUBLIC
    };
    let model = rescaled(&[3], (-3, 3), (1, 1), &[1], tables(2)[1].clone()).with_privacy(private);
    let lowered = model.lower().expect("lower");
    for input in every_input(&model) {
        let given = |wanted| results(&lowered, &lowered.circuit, &input, wanted).0;
        let output = given(lowered.outputs[0]);
        assert_eq!(output.len(), 1);
        assert_eq!(output, given(lowered.nodes[1]));
    }
}

/// The search finds what a missing constraint would admit.
#[test]
fn weaker_circuits_admit_more() {
    let count = |lowered: &Filled, circuit: &Circuit, input: &[i64], node: usize| {
        results(lowered, circuit, input, lowered.nodes[node]).0.len()
    };
    // A remainder that may be 2^s and more.
    let model = rescaled(&[1], (-4, 4), (1, 1), &[1], tables(2)[0].clone());
    let lowered = model.lower().expect("lower");
    assert_eq!(count(&lowered, &lowered.circuit, &[3], 1), 1);
    let mut wider = lowered.circuit.clone();
    for table in &mut wider.tables {
        if let Table::Integers { minimum: 0, bits } = table {
            *bits += 1;
        }
    }
    assert_eq!(count(&lowered, &wider, &[3], 1), 2);

    // An argmax without the rule for ties.
    let mut n = Network::new(1, &[3], (-1, 1));
    n.limb_bits = 2;
    let arg = n.argmax("argmax", INPUT, 0);
    let lowered = n.finish(&[arg]).lower().expect("lower");
    assert_eq!(count(&lowered, &lowered.circuit, &[1, 0, 1], 1), 1);
    let mut lenient = lowered.circuit.clone();
    for column in &mut lenient.columns {
        if let (ColumnKind::Linear(linear), "argmax/margin") = (&mut column.kind, &column.name[..]) {
            linear.terms.pop();
        }
    }
    assert_eq!(count(&lowered, &lenient, &[1, 0, 1], 1), 2);
    assert_eq!(count(&lowered, &lenient, &[1, 0, -1], 1), 1);

    // An excess that is in the table's range, but of no row.
    let mut n = Network::new(1, &[1, 1, 1, 2], (-1, 1));
    let along = Window2d::new([1, 2], [1, 1], [0, 0], [1, 1]);
    let pool = n.max_pool("pool", INPUT, along);
    let lowered = n.finish(&[pool]).lower().expect("lower");
    let mut unrelated = lowered.circuit.clone();
    let excess = unrelated.lookups[0].columns[1];
    unrelated.lookups[0].columns = vec![excess, excess];
    assert!(count(&lowered, &unrelated, &[0, 1], 1) > 1);
}

/// Attention of a network to its own input, `[1, heads, tokens, 1]`: the first token's query, or those of all.
fn self_attention(
    shape: [usize; 4],
    range: (i64, i64),
    op: ops::IntegerAttention,
    first: bool,
) -> CompiledModel {
    let mut n = Network::new(1, &shape, range);
    n.limb_bits = 1;
    let [batch, heads, tokens, features] = shape;
    let (mut q, mut queries) = (INPUT, tokens);
    if first {
        let mut one = window(1, 1, 0);
        one.stride = [tokens, 1];
        (q, queries) = (n.max_pool("first", INPUT, one), 1);
    }
    let shape = vec![batch, heads, queries, features];
    let range = (range.0.min(0), range.1.max(0));
    let attended = n.node("attended", op.into(), &[q, INPUT, INPUT], shape, range);
    n.finish(&[attended])
}

/// Weights `4, 1, 1, 0` of differences from 0 to 3.
fn tiny_attention(causal: bool) -> ops::IntegerAttention {
    let mut op = ops::IntegerAttention::new(1, 1).expect("constants");
    op.causal = causal;
    let step = |exponent| Dyadic::new(1, exponent).expect("a step");
    op.decay.curve = Curve::new(CurveKind::Exp, step(0), step(-2)).expect("a curve");
    op.decay.bits = 2;
    op.reciprocal_bits = 5;
    op.output_bits = 3;
    op
}

#[test]
fn an_attention_has_one_result_for_every_input() {
    let weights = tiny_attention(true).decay.cells().expect("a table");
    assert_eq!([0, 1, 2, 3].map(|d| weights.at(d)), [4, 1, 1, 0].map(Some));
    // Two keys, both seen by the one query; some differences have no room.
    let model = self_attention([1, 1, 2, 1], (-3, 2), tiny_attention(true), true);
    let answered = exactly_one_result(&model);
    assert!(10 < answered && answered < 36, "{answered}");
    // Three keys: a padded one.
    let model = self_attention([1, 1, 3, 1], (-1, 1), tiny_attention(false), true);
    assert!(exactly_one_result(&model) > 20);
    // Two queries, the first of which sees one key.
    let model = self_attention([1, 1, 2, 1], (-1, 2), tiny_attention(true), false);
    assert!(exactly_one_result(&model) > 5);
}

/// How many lookups have this name, and how many results there are for a column without them.
pub(super) fn results_without(
    model: &CompiledModel,
    missing: &str,
    input: &[i64],
    wanted: &str,
) -> (usize, usize) {
    let lowered = model.lower().expect("lower");
    let mut circuit = lowered.circuit.clone();
    circuit.lookups.retain(|lookup| lookup.name != missing);
    let missing = lowered.circuit.lookups.len() - circuit.lookups.len();
    let wanted = circuit.ids().find(|id| circuit[*id].name == wanted);
    let found = results(&lowered, &circuit, input, wanted.expect("a column"));
    (missing, found.0.len())
}

/// What an attention would admit with one constraint less.
#[test]
fn weaker_attentions_admit_more() {
    let model = self_attention([1, 1, 3, 1], (-2, 1), tiny_attention(true), true);
    for (missing, input, wanted) in [
        // A maximum above every score.
        ("attended/more_marks", [0, 0, 0], "attended/sum"),
        // A reciprocal that is too small.
        (
            "attended/reciprocal/gap/digit.1",
            [1, 0, -2],
            "attended/reciprocal",
        ),
        // A result that is rounded another way.
        ("attended/output/remainder/digit.2", [1, 0, -2], "attended/output"),
    ] {
        assert_eq!(results_without(&model, "", &input, wanted), (0, 1));
        let (lookups, found) = results_without(&model, missing, &input, wanted);
        assert!(lookups == 1 && found > 1, "{missing}: {found}");
    }
}

/// For every input exactly one token fits, the first maximum; ties included.
#[test]
fn a_greedy_token_is_the_only_one_for_every_input() {
    for (shape, range, multipliers) in [
        (vec![1, 3], (-1, 1), vec![]),
        (vec![5], (-2, -1), vec![]),
        (vec![2, 2], (-1, 1), vec![]),
        (vec![1, 3], (-2, 2), vec![3, 2, 1]),
    ] {
        let mut n = Network::new(1, &shape, range);
        n.limb_bits = 1;
        let token = n.greedy("token", INPUT, multipliers);
        let model = n.finish(&[token]);
        let (lowered, graph) = (model.lower().expect("lower"), &model.network.graph);
        let (circuit, column) = (&lowered.circuit, lowered.nodes[token.0]);
        assert_eq!(lowered.outputs, [column]);
        assert!(circuit.equalities.is_empty());
        let fact = &graph[token].fact;
        let rows: usize = fact.shape.iter().product();
        let size = fact.range.1 + 1;
        for input in every_input(&model) {
            let tensor = ArrayD::from_shape_vec(shape.clone(), input.clone()).expect("fits");
            let execution = execute_reference(graph, &tensor).expect("a result");
            let expected: Vec<i64> = execution.values[token.0].iter().copied().collect();
            for number in 0..size.pow(rows as u32) {
                let tokens: Vec<i64> = (0..rows)
                    .map(|row| number / size.pow(row as u32) % size)
                    .collect();
                let given = vec![
                    (lowered.input, padded(&circuit[lowered.input], &input)),
                    (column, padded(&circuit[column], &tokens)),
                ];
                let (found, _) = Search::new(circuit, given, column).run();
                assert_eq!(
                    found.len(),
                    usize::from(tokens == expected),
                    "{input:?} {tokens:?}"
                );
            }
        }
    }
}
