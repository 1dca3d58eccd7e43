//! Provers that lie in one place and argue everything else honestly: each is rejected, by the check that should.
//!
//! A lie alters committed cells, parameters or public values of an honest trace; everything virtual, the public
//! outputs and the multiplicities are then recomputed, so that the lie is as consistent as it can be.

use std::collections::BTreeMap;

use ndarray::ArrayD;

use super::fixture::{CONTEXT, Fixture, fixture, input_of, outputs_of};
use super::network::{Network, window};
use crate::circuit::{Circuit, ColumnId, ColumnKind, Function, Public, Table};
use crate::field::{M61, from_i64, to_i64_centered};
use crate::graph::{IntOp, NodeId};
use crate::proof::PublicValues;
use crate::prove::{CompiledModel, ProvingKey, SetupOptions, Trace, prove_trace, setup, trace_seed};
use crate::reduce::{Cells, Values};
use crate::transcript::VerifyError;
use crate::verify::{Statement, verify};

/// The given columns of a trace, as integers, for a lie to alter.
struct Lie<'a> {
    circuit: &'a Circuit,
    cells: BTreeMap<ColumnId, Vec<i64>>,
    /// Added to the multiplicity of `(table, row)`.
    multiplicities: Vec<(usize, usize, i64)>,
    /// Public outputs that replace the recomputed ones.
    outputs: Vec<(usize, Vec<i64>)>,
}

impl Lie<'_> {
    fn column(&self, name: &str) -> ColumnId {
        self.circuit
            .ids()
            .find(|&id| self.circuit[id].name == name)
            .unwrap_or_else(|| panic!("no column {name}"))
    }

    fn cells(&mut self, name: &str) -> &mut Vec<i64> {
        let id = self.column(name);
        self.cells
            .get_mut(&id)
            .unwrap_or_else(|| panic!("{name} is not given"))
    }

    /// A padded cell outside the logical shape.
    fn padding_of(&self, name: &str) -> usize {
        let shape = &self.circuit[self.column(name)].shape;
        let mut inside = vec![false; shape.padded_len()];
        shape.for_each_cell(|_, padded| inside[padded] = true);
        inside
            .iter()
            .position(|inside| !inside)
            .unwrap_or_else(|| panic!("{name} has no padding"))
    }
}

/// Proves `input` with a lie; `commit` says whether altered parameters are committed anew (another root than the key's).
fn attack(
    key: &ProvingKey,
    input: &ArrayD<i64>,
    commit: bool,
    tell: impl FnOnce(&mut Lie<'_>),
) -> Result<(), VerifyError> {
    let statement = Statement::new(&key.verifying).expect("statement");
    let honest = Trace::generate(key, &statement, input).expect("trace");
    lie_about(key, &statement, &honest, commit, tell)
}

fn lie_about(
    key: &ProvingKey,
    statement: &Statement<'_>,
    honest: &Trace<'_>,
    commit: bool,
    tell: impl FnOnce(&mut Lie<'_>),
) -> Result<(), VerifyError> {
    let circuit = statement.circuit();
    let given = |id: &ColumnId| {
        !matches!(
            circuit[*id].kind,
            ColumnKind::Linear(_) | ColumnKind::View(_) | ColumnKind::Contraction(_)
        )
    };
    let integers = |id: ColumnId| {
        honest
            .values
            .cells(id)
            .to_base()
            .iter()
            .map(|&cell| to_i64_centered(cell))
            .collect()
    };
    let cells = circuit.ids().filter(given).map(|id| (id, integers(id))).collect();
    let mut lie = Lie {
        circuit,
        cells,
        multiplicities: vec![],
        outputs: vec![],
    };
    tell(&mut lie);

    let parameters: Vec<Vec<i8>> = statement
        .parameters
        .iter()
        .map(|id| lie.cells[id].iter().map(|&cell| cell as i8).collect())
        .collect();
    let values = Values::new(circuit);
    for (&id, cells) in &lie.cells {
        let base = || Cells::Base(cells.iter().map(|&cell| from_i64(cell)).collect());
        match &circuit[id].kind {
            ColumnKind::Public(Public::Output { .. }) => {}
            ColumnKind::Parameter { .. } => {
                let index = statement
                    .parameters
                    .iter()
                    .position(|&parameter| parameter == id)
                    .expect("a parameter");
                values.set(id, Cells::Int8(&parameters[index]));
            }
            _ => values.set(id, base()),
        }
    }
    // Outputs say what the lie leads to, unless they are the lie.
    let logical = |id: ColumnId, cells: &[M61]| {
        let mut list = Vec::new();
        circuit[id]
            .shape
            .for_each_cell(|_, padded| list.push(to_i64_centered(cells[padded])));
        list
    };
    let mut public = PublicValues {
        input: statement
            .input
            .map(|input| logical(input.column, values.base(input.column))),
        outputs: Some(vec![]),
    };
    for (index, output) in statement.outputs.iter().enumerate() {
        let equality = circuit
            .equalities
            .iter()
            .find(|equality| equality.right == output.column)
            .expect("an equality");
        let computed = logical(output.column, &values.cells(equality.left).to_base());
        let told = lie
            .outputs
            .iter()
            .find(|told| told.0 == index)
            .map_or(computed, |told| told.1.clone());
        let elements: Vec<M61> = told.iter().map(|&value| from_i64(value)).collect();
        values.set(
            output.column,
            Cells::Base(circuit[output.column].shape.pad(&elements, from_i64(0)).into()),
        );
        outputs_of(&mut public).push(told);
    }
    let mut counts: Vec<Vec<i64>> = circuit
        .tables
        .iter()
        .map(|table| vec![0; 1 << table.variables()])
        .collect();
    for lookup in &circuit.lookups {
        let table = &circuit.tables[lookup.table as usize];
        for &cell in values.cells(lookup.columns[0]).to_base().iter() {
            // What is in no row cannot be counted.
            if let Some(row) = table.row_of(to_i64_centered(cell)) {
                counts[lookup.table as usize][row] += 1;
            }
        }
    }
    for &(table, row, more) in &lie.multiplicities {
        counts[table][row] += more;
    }
    let trace = Trace {
        public: public.clone(),
        answer: Default::default(),
        values,
        multiplicities: counts
            .into_iter()
            .map(|table| table.into_iter().map(from_i64).collect())
            .collect(),
        tables: honest.tables.clone(),
    };
    let (committed, kept);
    let weights = if commit {
        let columns: Vec<&[i8]> = parameters.iter().map(Vec::as_slice).collect();
        let rows = crate::pcs::Rows::Int8(statement.weights.fill(&columns));
        committed = crate::pcs::CommittedMatrix::commit(
            rows,
            &key.verifying.code,
            crate::pcs::Seed::from_bytes([9; 32]),
        )
        .expect("commit");
        &committed
    } else {
        kept = key.commitment(0).expect("a commitment");
        &kept
    };
    let secrets = trace_seed(statement).expect("randomness");
    let proof =
        prove_trace(statement, &trace, (0, &[weights]), CONTEXT, secrets).expect("a proof of something");
    verify(&key.verifying, &public, &proof, CONTEXT)
}

fn rejected_by(result: Result<(), VerifyError>, check: &str) {
    match result {
        Err(VerifyError::Check { name, .. }) if name == check => {}
        other => panic!("expected {check} to fail, found {other:?}"),
    }
}

fn lied(tell: impl FnOnce(&mut Lie<'_>)) -> Result<(), VerifyError> {
    let Fixture { key, input, .. } = fixture();
    attack(key, input, false, tell)
}

/// A linear layer and a rescale whose result is public.
fn small(domain_bits: u32) -> CompiledModel {
    let mut n = Network::new(5, &[1, 7], (-127, 127));
    let fc = n.linear("fc", NodeId(0), 5, false);
    let q = n.rescale("q", fc, Function::Identity, None);
    if let IntOp::Rescale { table, .. } = &mut n.graph.nodes[q.0].op {
        table.domain_bits = domain_bits;
    }
    n.finish(&[q])
}

fn small_key(domain_bits: u32) -> (ProvingKey, ArrayD<i64>) {
    let model = small(domain_bits);
    let input = Network::random_input(2, &model);
    (setup(model, &SetupOptions::default()).expect("setup"), input)
}

/// A cell of `q` that is not clamped.
fn unclamped(lie: &mut Lie<'_>) -> usize {
    let cells = lie.cells("q");
    cells
        .iter()
        .position(|&cell| cell.abs() < 120 && cell != 0)
        .expect("an unclamped cell")
}

#[test]
fn without_a_lie_the_proof_is_accepted() {
    lied(|_| {}).expect("honest");
    let (key, input) = small_key(12);
    attack(&key, &input, false, |_| {}).expect("honest");
}

#[test]
fn a_wrong_activation() {
    rejected_by(lied(|lie| lie.cells("relu")[0] += 1), "lookup.sum");
    let (key, input) = small_key(12);
    let result = attack(&key, &input, false, |lie| {
        let cell = unclamped(lie);
        lie.cells("q")[cell] += 1;
    });
    rejected_by(result, "lookup.sum");
}

#[test]
fn a_remainder_that_is_no_remainder() {
    // Then the value is no integer.
    rejected_by(lied(|lie| lie.cells("relu/remainder.0")[0] ^= 1), "lookup.sum");
}

#[test]
fn rounding_the_wrong_way_with_a_negative_remainder() {
    let (key, input) = small_key(12);
    let result = attack(&key, &input, false, |lie| {
        let cell = unclamped(lie);
        // value + 1 and remainder - 2^16: the equation holds, the value is in the table.
        lie.cells("q")[cell] += 1;
        lie.cells("q/remainder.1")[cell] -= 1 << 8;
    });
    rejected_by(result, "lookup.sum");
}

#[test]
fn a_limb_that_borrows_from_the_next() {
    // The remainder is the same, its digits are not.
    let result = lied(|lie| {
        lie.cells("relu/remainder.0")[0] += 1 << 8;
        lie.cells("relu/remainder.1")[0] -= 1;
    });
    rejected_by(result, "lookup.sum");
}

#[test]
fn a_wrong_multiplicity() {
    for (table, row, more) in [(0, 3, 1), (0, 3, -1), (1, 0, 5)] {
        rejected_by(
            lied(|lie| lie.multiplicities.push((table, row, more))),
            "lookup.sum",
        );
    }
    // Right in sum, wrong in place.
    rejected_by(
        lied(|lie| lie.multiplicities.extend([(0, 3, 1), (0, 4, -1)])),
        "lookup.sum",
    );
}

#[test]
fn a_value_outside_of_the_table() {
    // The trace of the same network with a wide table, for the key of a narrow one.
    let (narrow, _) = small_key(3);
    let (wide, input) = small_key(12);
    let statement = Statement::new(&wide.verifying).expect("statement");
    let honest = Trace::generate(&wide, &statement, &input).expect("the wide table holds the values");
    let narrow_statement = Statement::new(&narrow.verifying).expect("statement");
    assert!(
        Trace::generate(&narrow, &narrow_statement, &input).is_err(),
        "an honest prover refuses"
    );
    let trace = Trace {
        public: honest.public,
        answer: honest.answer,
        values: honest.values,
        multiplicities: vec![],
        tables: narrow
            .verifying
            .circuit
            .tables
            .iter()
            .map(|t| (0..t.arity()).map(|c| t.column(c)).collect())
            .collect(),
    };
    rejected_by(
        lie_about(&narrow, &narrow_statement, &trace, false, |_| {}),
        "lookup.sum",
    );
}

#[test]
fn a_wrong_maximum() {
    rejected_by(lied(|lie| lie.cells("pool/max.0.0/excess")[0] += 1), "lookup.sum");
    // The smaller one wins: its excess is 0 (or the negative difference).
    let result = lied(|lie| {
        let cells = lie.cells("pool/max.0.0/excess");
        let cell = cells
            .iter()
            .position(|&excess| excess > 0)
            .expect("a pair whose first is larger");
        cells[cell] = 0;
    });
    rejected_by(result, "lookup.sum");
}

/// Moves the one-hot row's one to another index; returns both.
fn move_one(lie: &mut Lie<'_>, to: usize) -> (usize, usize) {
    let cells = lie.cells("argmax/one_hot");
    let from = cells.iter().position(|&cell| cell == 1).expect("a one");
    let to = if from == to { to + 1 } else { to };
    cells[from] = 0;
    cells[to] = 1;
    (from, to)
}

#[test]
fn a_wrong_argmax_with_its_own_index() {
    // The margins' digits are left: they no longer compose to the margins.
    let result = lied(|lie| {
        move_one(lie, 4);
    });
    rejected_by(result, "reduce.stage");
}

#[test]
fn a_wrong_argmax_with_negative_margins() {
    let Fixture { public, .. } = fixture();
    let logits = outputs_of(&mut public.clone())[0].clone();
    let result = lied(|lie| {
        let (_, to) = move_one(lie, 4);
        let limbs = (0..)
            .take_while(|k| {
                lie.circuit
                    .columns
                    .iter()
                    .any(|c| c.name == format!("argmax/margin_limb.{k}"))
            })
            .count();
        for (index, &logit) in logits.iter().enumerate() {
            let mut rest = logits[to] - logit - i64::from(index < to);
            for k in 0..limbs {
                // The last digit takes what is left, and its sign.
                let digit = if k + 1 == limbs {
                    rest
                } else {
                    rest.rem_euclid(256)
                };
                lie.cells(&format!("argmax/margin_limb.{k}"))[index] = digit;
                rest = (rest - digit) >> 8;
            }
        }
    });
    rejected_by(result, "lookup.sum");
}

#[test]
fn no_or_two_indices() {
    rejected_by(lied(|lie| lie.cells("argmax/one_hot").fill(0)), "reduce.stage");
    let two = lied(|lie| {
        let cells = lie.cells("argmax/one_hot");
        let other = usize::from(cells[0] == 1);
        cells[other] = 1;
    });
    rejected_by(two, "reduce.stage");
}

#[test]
fn half_an_index_here_and_half_there() {
    // 2 i - j is an index again, and the ones still sum to 1.
    let result = lied(|lie| {
        let cells = lie.cells("argmax/one_hot");
        let from = cells.iter().position(|&cell| cell == 1).expect("a one");
        let other = (0..10)
            .find(|&j| j != from && j <= 2 * from && 2 * from - j < 10)
            .unwrap_or(1);
        (cells[from], cells[other]) = if from == 0 { (-1, 2) } else { (2, -1) };
    });
    rejected_by(result, "lookup.sum");
}

#[test]
fn ones_in_the_padding_of_the_one_hot_row_change_nothing() {
    // Every sum along the row has a factor that is 0 there.
    let result = lied(|lie| {
        let padding = lie.padding_of("argmax/one_hot");
        lie.cells("argmax/one_hot")[padding] = 1;
    });
    result.expect("harmless");
}

#[test]
fn other_weights_than_the_committed_ones() {
    // Nothing but a linear layer: the outputs are those of the other weights.
    let mut n = Network::new(7, &[1, 7], (-127, 127));
    let fc = n.linear("fc", NodeId(0), 5, true);
    let model = n.finish(&[fc]);
    let input = Network::random_input(4, &model);
    let key = setup(model, &SetupOptions::default()).expect("setup");
    for parameter in ["fc.weight", "fc.bias"] {
        let alter = |lie: &mut Lie<'_>| lie.cells(parameter)[0] ^= 1;
        // Opened against the committed ones: the claims do not fit.
        rejected_by(attack(&key, &input, false, alter), "opening.merge");
        // Opened against a commitment of their own: the root is another.
        rejected_by(attack(&key, &input, true, alter), "opening.merkle");
    }
    // The same weights with other salts.
    rejected_by(attack(&key, &input, true, |_| {}), "opening.merkle");
}

#[test]
fn weights_in_the_padding() {
    let result = lied(|lie| {
        let padding = lie.padding_of("fc.weight");
        lie.cells("fc.weight")[padding] = 1;
    });
    rejected_by(result, "opening.merge");
}

#[test]
fn another_input() {
    let Fixture { key, input, .. } = fixture();
    let statement = Statement::new(&key.verifying).expect("statement");
    let honest = Trace::generate(key, &statement, input).expect("trace");
    // The statement says another input than the trace was made from; only what depends on it is wrong.
    let result = lie_about(key, &statement, &honest, false, |lie| {
        let id = statement.input.expect("a public input").column;
        lie.cells.get_mut(&id).expect("the input")[0] -= 1;
    });
    // The accumulators are others, hence the values: they are no integers.
    rejected_by(result, "lookup.sum");
}

#[test]
fn another_input_for_values_already_committed() {
    let (key, input) = small_key(12);
    let statement = Statement::new(&key.verifying).expect("statement");
    let honest = Trace::generate(&key, &statement, &input).expect("trace");
    let mut public = honest.public.clone();
    input_of(&mut public)[0] -= 1;
    // The argument speaks of the old input from end to end, the statement of the new one.
    let trace = Trace {
        public: public.clone(),
        ..honest
    };
    let weights = key.commitment(0).expect("a commitment");
    let secrets = trace_seed(&statement).expect("randomness");
    let proof = prove_trace(&statement, &trace, (0, &[&weights]), CONTEXT, secrets).expect("a proof");
    rejected_by(verify(&key.verifying, &public, &proof, CONTEXT), "reduce.stage");
}

#[test]
fn a_wrong_public_output() {
    let Fixture { public, .. } = fixture();
    let (logits, index) = (
        outputs_of(&mut public.clone())[0].clone(),
        outputs_of(&mut public.clone())[1][0],
    );
    let told = move |output: usize, values: Vec<i64>| lied(move |lie| lie.outputs.push((output, values)));
    rejected_by(
        told(0, logits.iter().map(|logit| logit + 1).collect()),
        "reduce.stage",
    );
    rejected_by(told(1, vec![if index == 0 { 1 } else { 0 }]), "reduce.stage");
    // A committed column that is the output.
    let (key, input) = small_key(12);
    let result = attack(&key, &input, false, |lie| {
        lie.outputs.push((0, vec![1, 2, 3, 4, 5]))
    });
    rejected_by(result, "opening.merge");
}

#[test]
fn a_cell_in_the_padding() {
    for column in ["relu", "relu/remainder.0", "pool/max.0.0/excess"] {
        let result = lied(|lie| {
            let padding = lie.padding_of(column);
            lie.cells(column)[padding] += 1;
        });
        rejected_by(result, "lookup.sum");
    }
    // Padded margins are compared too.
    let result = lied(|lie| {
        let padding = lie.padding_of("argmax/margin_limb.0");
        lie.cells("argmax/margin_limb.0")[padding] += 1;
    });
    rejected_by(result, "reduce.stage");
}

#[test]
fn a_window_that_reads_beyond_its_image() {
    // Zero padding of a convolution is part of the statement: other values there give other accumulators.
    let mut n = Network::new(6, &[1, 1, 3, 3], (-127, 127));
    let conv = n.convolution("conv", NodeId(0), 1, window(3, 1, 1), 1);
    let model = n.finish(&[conv]);
    let input = Network::random_input(3, &model);
    let key = setup(model, &SetupOptions::default()).expect("setup");
    let result = attack(&key, &input, false, |lie| {
        // The circuit has no committed column at all: nothing can be chosen but the outputs.
        assert!(lie.circuit.committed().next().is_none());
        let honest: Vec<i64> = vec![0; 9];
        lie.outputs.push((0, honest));
    });
    assert!(matches!(result, Err(VerifyError::Check { .. })), "{result:?}");
}

#[test]
fn the_tables_of_the_attacked_network_are_of_both_kinds() {
    let tables = &fixture().key.verifying.circuit.tables;
    assert!(tables.iter().any(|table| matches!(table, Table::Range { .. })));
    assert!(tables.iter().any(|table| matches!(table, Table::Function(_))));
}
