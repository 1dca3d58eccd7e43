//! Provers that lie in one place and argue everything else honestly: each is rejected, by the check that should.
//!
//! A lie alters cells, public values, messages or commitments of an honest proof; everything that follows from them is
//! then recomputed, so that the lie is as consistent as it can be. Each is told twice: without zero knowledge, where
//! the check that fails has a name, and with private input and weights, where the verifier only sees that
//! `closing.constraints` fails. There the prover's own replay of the verifier says which constraints its values
//! violate: exactly the one that should.
//!
//! - `trace`: false cells, parameters and public values;
//! - `blocks`: false blocks of a matrix of weights, and of columns of the trace;
//! - `attention`: false cells of attentions, and tokens that are not the greedy one;
//! - `softmax`: false cells of softmaxes, products and ranges of indices;
//! - `messages`: false messages of the argument, false codewords;
//! - `gadgets`: false advice of quotients, norms, rotary positions and embeddings;
//! - `masks`: pads and masks that are not what they should be;
//! - `weights`: commitments to weights that are none, in setup proofs and rotations;
//! - `chunks`: setup proofs in chunks;
//! - `wide_argmax`: false margins of 57 bits.

mod attention;
mod blocks;
mod chunks;
mod gadgets;
mod masks;
mod messages;
mod own_circuit;
mod softmax;
mod trace;
mod weights;
mod wide_argmax;

use std::collections::{BTreeMap, BTreeSet};

use ndarray::ArrayD;

use super::fixture::{CONTEXT, fresh_seed, judge};
use super::forwarding::sends;
use super::network::Network;
use crate::argument::Trace;
use crate::argument::claims_to_prove;
use crate::argument::{Statement, Subject, bindings};
use crate::circuit::{Circuit, ColumnId, ColumnKind, Public};
use crate::field::{K, M61, from_i64, to_i64_centered};
use crate::keys::{CompiledModel, ProvingKey};
use crate::masking::{self, MaskedProver, Pads};
use crate::pcs::{CommittedMatrix, Rows, prove_columns, prove_combination, prove_opening};
use crate::privacy::Privacy;
use crate::proof::{Proof, PublicValues};
use crate::prove::commit_tensors;
use crate::prove::replay;
use crate::reduce::{Cells, Cpu, Values};
use crate::secret::Seed;
use crate::setup::{SetupOptions, setup};
use crate::transcript::{PROTOCOL_SETUP, ProverChannel, ProverTranscript, VerifierTranscript, VerifyError};
use crate::verify::{check_answer, verify_statement};

/// A key, and an input for it.
struct Scene {
    key: ProvingKey,
    input: ArrayD<i64>,
}

impl Scene {
    fn new(model: CompiledModel, seed: u64) -> Self {
        let input = Network::random_input(seed, &model);
        let options = SetupOptions {
            proofs_per_key: 2,
            ..SetupOptions::default()
        };
        Self {
            key: setup(model, &options).expect("setup"),
            input,
        }
    }

    /// The same model without and with zero knowledge.
    fn both(model: &CompiledModel, seed: u64) -> [Self; 2] {
        [Privacy::PUBLIC, Privacy::default()]
            .map(|privacy| Self::new(model.clone().with_privacy(privacy), seed))
    }
}

/// What became of a proof.
struct Verdict {
    result: Result<(), VerifyError>,
    /// Names of the constraints that the prover's values violate; nothing where there is no zero knowledge.
    violated: Option<BTreeSet<&'static str>>,
}

/// Checks of what is public even in zero knowledge.
const IN_THE_CLEAR: [&str; 2] = ["opening.merkle", "opening.column"];

impl Verdict {
    #[track_caller]
    fn rejected_by(&self, check: &str) {
        self.rejected_by_all(&[check]);
    }

    /// The first of `checks` fails; with zero knowledge all of them are violated.
    #[track_caller]
    fn rejected_by_all(&self, checks: &[&str]) {
        let (name, constraints) = match &self.violated {
            None => (checks[0], vec![]),
            Some(_) if IN_THE_CLEAR.contains(&checks[0]) => (checks[0], vec![]),
            Some(_) => ("closing.constraints", checks.to_vec()),
        };
        match &self.result {
            Err(VerifyError::Check { name: found, .. }) if *found == name => {}
            other => panic!("expected {name} to fail, found {other:?} {:?}", self.violated),
        }
        if let Some(violated) = &self.violated {
            assert_eq!(violated.iter().copied().collect::<Vec<_>>(), constraints);
        }
    }

    #[track_caller]
    fn accepted(&self) {
        assert_eq!(self.result, Ok(()));
        assert!(self.violated.as_ref().is_none_or(BTreeSet::is_empty));
    }
}

#[track_caller]
fn rejected_by(verdicts: impl IntoIterator<Item = Verdict>, check: &str) {
    rejected_by_all(verdicts, &[check]);
}

#[track_caller]
fn rejected_by_all(verdicts: impl IntoIterator<Item = Verdict>, checks: &[&str]) {
    for verdict in verdicts {
        verdict.rejected_by_all(checks);
    }
}

/// The given columns of a trace, as integers, for a lie to alter.
struct Lie<'a> {
    circuit: &'a Circuit,
    cells: BTreeMap<ColumnId, Vec<i64>>,
    /// Added to the multiplicity of `(table, row)`; the tables of all chunks come one after the other.
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

/// The trace that a lie leads to, and the cells of its parameters.
struct Told<'a> {
    trace: Trace<'a>,
    parameters: Vec<Vec<M61>>,
}

/// Alters `honest` and recomputes what follows.
fn told<'a>(statement: &'a Statement<'_>, honest: &Trace<'_>, tell: impl FnOnce(&mut Lie<'_>)) -> Told<'a> {
    let circuit = statement.circuit();
    let given = |id: &ColumnId| {
        !matches!(
            circuit[*id].kind,
            ColumnKind::Linear(_) | ColumnKind::View(_) | ColumnKind::Contraction(_)
        )
    };
    let integers = |id: ColumnId| -> Vec<i64> {
        let cells = honest.values.cells(id).to_base();
        cells.iter().map(|&cell| to_i64_centered(cell)).collect()
    };
    let mut lie = Lie {
        circuit,
        cells: circuit.ids().filter(given).map(|id| (id, integers(id))).collect(),
        multiplicities: vec![],
        outputs: vec![],
    };
    tell(&mut lie);

    let base = |cells: &[i64]| cells.iter().map(|&cell| from_i64(cell)).collect::<Vec<M61>>();
    let values = Values::new(circuit);
    for (&id, cells) in &lie.cells {
        let is_output = statement.outputs.iter().any(|output| output.column == id);
        // A selector follows from its ids, unless it is the lie.
        let is_rule = matches!(circuit[id].kind, ColumnKind::Public(Public::Selector(_)));
        if !(is_output || is_rule && *cells == integers(id)) {
            values.set(id, Cells::Base(base(cells)));
        }
    }
    let parameters = statement
        .parameters
        .iter()
        .map(|id| base(&lie.cells[id]))
        .collect();
    // Outputs say what the lie leads to, unless they are the lie.
    let logical = |id: ColumnId, cells: &[M61]| {
        let mut list = Vec::new();
        circuit[id]
            .shape
            .for_each_cell(|_, padded| list.push(to_i64_centered(cells[padded])));
        list
    };
    let mut outputs = Vec::new();
    for (index, output) in statement.outputs.iter().enumerate() {
        let mut equalities = circuit.equalities.iter().map(|&id| circuit.sides(id));
        let equality = equalities.find(|sides| sides[1] == output.column);
        // Of an output that is the node's own column, only the prover knows what it should be.
        let computed = match equality {
            Some([left, _]) => logical(output.column, &values.cells(left).to_base()),
            None => logical(output.column, &base(&lie.cells[&output.column])),
        };
        let told = lie
            .outputs
            .iter()
            .find(|told| told.0 == index)
            .map_or(computed, |told| told.1.clone());
        let cells = circuit[output.column].shape.pad(&base(&told), from_i64(0));
        values.set(output.column, Cells::Base(cells));
        outputs.push(told);
    }
    let public = PublicValues {
        input: statement
            .inputs
            .first()
            .map(|input| logical(input.column, values.base(input.column))),
        outputs: (!outputs.is_empty()).then_some(outputs),
    };
    let tables = &circuit.tables;
    let mut counts: Vec<Vec<i64>> = Vec::new();
    for chunk in &statement.chunks.parts {
        let first = counts.len();
        counts.extend(tables.iter().map(|table| vec![0; 1 << table.variables()]));
        for part in chunk {
            let lookup = &circuit.lookups[part.lookup];
            let table = lookup.table as usize;
            let cells = values.cells(lookup.columns[0]).to_base();
            for &cell in &cells[part.start()..][..1 << part.variables] {
                // What is in no row cannot be counted.
                if let Some(row) = tables[table].row_of(to_i64_centered(cell)) {
                    counts[first + table][row] += 1;
                }
            }
        }
    }
    for &(table, row, more) in &lie.multiplicities {
        counts[table][row] += more;
    }
    let trace = Trace {
        public,
        answer: Default::default(),
        values,
        multiplicities: counts.iter().map(|counts| base(counts)).collect(),
        tables: circuit
            .tables
            .iter()
            .map(|table| {
                (0..table.arity())
                    .map(|column| table.column(column).expect("a table"))
                    .collect()
            })
            .collect(),
    };
    Told { trace, parameters }
}

/// A commitment to parameters, in range or not, with randomness of its own.
fn commit(statement: &Statement<'_>, parameters: &[Vec<M61>], seed: u8) -> CommittedMatrix {
    let columns: Vec<&[M61]> = parameters.iter().map(Vec::as_slice).collect();
    let rows = Rows::Field(statement.weights.fill(&columns));
    CommittedMatrix::commit(rows, &statement.key.code, Seed::from_bytes([seed; 32])).expect("commit")
}

/// A message on its way, for a lie to alter.
struct Message<'m> {
    label: &'static str,
    /// Messages of that label before.
    number: usize,
    /// What was drawn until now.
    drawn: &'m [(&'static str, K)],
    values: &'m mut [K],
}

/// Alters a message.
type Alter<'h> = Box<dyn FnMut(Message<'_>) + 'h>;

/// Alters a committed trace.
type Recommit<'h> = Box<dyn FnOnce(&mut CommittedMatrix) + 'h>;

/// Where a prover departs from the protocol, apart from what its trace says.
#[derive(Default)]
struct Hooks<'h> {
    /// Alters messages.
    message: Option<Alter<'h>>,
    /// Alters the committed trace.
    commitment: Option<Recommit<'h>>,
    /// Adds others than the committed pads; and answers with them, or with the committed ones.
    pads: Option<(Pads, bool)>,
    /// Judges the proof by this statement instead of the prover's own.
    judge: Option<&'h Statement<'h>>,
}

impl<'h> Hooks<'h> {
    fn message(alter: impl FnMut(Message<'_>) + 'h) -> Self {
        Self {
            message: Some(Box::new(alter)),
            ..Self::default()
        }
    }
}

/// A channel that alters messages before they are padded and sent.
struct Lying<'h, C> {
    inner: C,
    alter: Option<Alter<'h>>,
    sent: BTreeMap<&'static str, usize>,
    drawn: Vec<(&'static str, K)>,
}

impl<'h, C> Lying<'h, C> {
    fn new(inner: C, alter: Option<Alter<'h>>) -> Self {
        Self {
            inner,
            alter,
            sent: BTreeMap::new(),
            drawn: vec![],
        }
    }

    fn altered(&mut self, label: &'static str, values: &[K]) -> Vec<K> {
        let mut values = values.to_vec();
        let number = self.sent.entry(label).or_default();
        if let Some(alter) = &mut self.alter {
            alter(Message {
                label,
                number: *number,
                drawn: &self.drawn,
                values: &mut values,
            });
        }
        *number += 1;
        values
    }
}

impl<C: ProverChannel> ProverChannel for Lying<'_, C> {
    sends!(send_base, send_digest, send_node, positions, grind);

    fn send_scalars(&mut self, label: &'static str, values: &[K]) {
        let values = self.altered(label, values);
        self.inner.send_scalars(label, &values);
    }

    fn send_extension(&mut self, label: &'static str, values: &[K]) {
        let values = self.altered(label, values);
        self.inner.send_extension(label, &values);
    }

    fn challenge(&mut self, label: &'static str) -> K {
        let challenge = self.inner.challenge(label);
        self.drawn.push((label, challenge));
        challenge
    }
}

/// A proof for `trace` by a prover with `hooks`, against `weights`; and the verdict on it, by `key` if the statement is
/// an answer, else as the setup proof of the statement's own key.
fn prove_lying(
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    weights: &[&CommittedMatrix],
    hooks: Hooks<'_>,
) -> Verdict {
    let mut transcript = ProverTranscript::new(statement.protocol());
    for (label, bytes) in bindings(statement, &trace.public, 0, CONTEXT) {
        transcript.absorb(label, &bytes);
    }
    let seed = fresh_seed(statement);
    let separate = commit_tensors(&Cpu, statement, trace, &seed, None).expect("commitments");
    let (mut committed, pads) = trace.commit(&Cpu, statement, seed).expect("a commitment");
    if let Some(alter) = hooks.commitment {
        alter(&mut committed);
    }
    transcript.send_digest("trace.root", &committed.commitment().root);
    for (tensors, matrix) in statement.separate.iter().zip(&separate) {
        transcript.send_digest(tensors.label(), &matrix.commitment().root);
    }
    transcript.harden("trace.harden", statement.hardening);
    let matrices: Vec<&CommittedMatrix> = core::iter::once(&committed)
        .chain(weights.iter().copied())
        .chain(&separate)
        .collect();
    let code = statement.key.opening();
    let mut violated = None;
    match (statement.masking, pads) {
        (Some(masking), Some(pads)) => {
            let (other, with_others) = match hooks.pads {
                Some((other, with_others)) => (Some(other), with_others),
                None => (None, false),
            };
            let adds = other.as_ref().unwrap_or(&pads);
            let mut channel = Lying::new(MaskedProver::new(&mut transcript, adds), hooks.message);
            let claims = claims_to_prove(&Cpu, &mut channel, statement, trace).expect("claims");
            let mask = Some(masking.opening_mask());
            let opened = prove_combination(&mut channel, code, &matrices, &claims, mask).expect("opening");
            let (record, alter) = (channel.inner.into_record(), channel.alter);
            let constraints = replay(statement, trace, &matrices, &record, adds.mask()).expect("replay");
            let failed = constraints
                .iter()
                .filter(|constraint| constraint.coefficients[2] != K::from(0u64));
            violated = Some(failed.map(|constraint| constraint.name).collect());
            let answers = other.filter(|_| with_others).unwrap_or(pads);
            let mut channel = Lying::new(transcript, alter);
            masking::close(&mut channel, &masking, answers, &committed, &constraints).expect("closing");
            prove_columns(&mut channel, code, &matrices, opened, 1 + masking.pairs()).expect("columns");
            transcript = channel.inner;
        }
        _ => {
            let mut channel = Lying::new(transcript, hooks.message);
            let claims = claims_to_prove(&Cpu, &mut channel, statement, trace).expect("claims");
            prove_opening(&mut channel, code, &matrices, &claims).expect("an opening");
            transcript = channel.inner;
        }
    }
    let messages = transcript.into_proof();
    let result = match statement.subject {
        Subject::Answer => {
            let proof = Proof {
                key: statement.digest,
                opening: 0,
                lengths: None,
                public: trace.public.clone(),
                messages,
            };
            check_answer(hooks.judge.unwrap_or(statement), &proof, CONTEXT)
        }
        Subject::Setup => {
            let mut transcript = VerifierTranscript::new(PROTOCOL_SETUP, &messages);
            verify_statement(hooks.judge.unwrap_or(statement), &mut transcript)
        }
    };
    Verdict { result, violated }
}

/// Alters the honest trace of a scene and proves it against the committed weights.
fn attack(scene: &Scene, tell: impl FnOnce(&mut Lie<'_>)) -> Verdict {
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let honest = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    lie_about(scene, &statement, &honest, tell)
}

/// Alters a trace and proves it against the committed weights of a scene.
fn lie_about(
    scene: &Scene,
    statement: &Statement<'_>,
    honest: &Trace<'_>,
    tell: impl FnOnce(&mut Lie<'_>),
) -> Verdict {
    let told = told(statement, honest, tell);
    let weights = scene.key.commitment(0).expect("a commitment");
    prove_lying(statement, &told.trace, &[&weights], Hooks::default())
}

/// Alters the honest trace of a scene and proves it against a commitment of its own.
fn attack_with_own_weights(scene: &Scene, tell: impl FnOnce(&mut Lie<'_>)) -> Verdict {
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let honest = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    let told = told(&statement, &honest, tell);
    let weights = commit(&statement, &told.parameters, 9);
    prove_lying(&statement, &told.trace, &[&weights], Hooks::default())
}

/// Proves the honest trace of a scene with hooks.
fn depart(scene: &Scene, hooks: Hooks<'_>) -> Verdict {
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let trace = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    let weights = scene.key.commitment(0).expect("a commitment");
    prove_lying(&statement, &trace, &[&weights], hooks)
}
