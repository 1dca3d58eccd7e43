//! The trace: executes the integer network and fills the committed columns.

#![cfg(feature = "prover")]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the prover's side"
)]

mod cells;
mod commit;
mod count;
mod hints;

use ndarray::ArrayD;
use rayon::prelude::*;
use tracing::info_span;

use super::Statement;
use super::chunks::Part;
use crate::circuit::{Circuit, CircuitError, ColumnId, ColumnKind, Public, TableError};
use crate::field::M61;
use crate::keys::{ProveError, ProvingKey};
use crate::lookup::{self, LookedUp};
use crate::lower::FilledColumn;
use crate::ops::Hint;
use crate::proof::PublicValues;
use crate::reduce::{Backend, Cells, Values};
use cells::{padded, row_major};
use count::count;
use hints::Filler;

/// Inputs and outputs of the model, row-major, private ones included: for the prover alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The quantized input; several one after the other.
    pub input: Vec<i64>,
    /// The outputs, by number.
    pub outputs: Vec<Vec<i64>>,
}

crate::debug_without_values!(Answer, self => "Answer({} integers, {} outputs)", self.input.len(), self.outputs.len());

/// The cells of all columns and tables, and the multiplicities.
pub struct Trace<'a> {
    /// The public values.
    pub public: PublicValues,
    /// All values, private ones too.
    pub answer: Answer,
    /// The cells of every column.
    pub values: Values<'a>,
    /// For each chunk, and each table, how often each row is looked up.
    pub(crate) multiplicities: Vec<Vec<M61>>,
    /// The cells of the tables' columns.
    pub(crate) tables: Vec<Vec<Vec<M61>>>,
}

impl<'a> Trace<'a> {
    /// Executes the network on `input` and fills every committed column.
    ///
    /// # Errors
    /// [`ProveError::InvalidInput`] for an input that does not fit or a value outside a table's domain.
    pub fn generate<B: Backend>(
        key: &'a ProvingKey<B>,
        statement: &'a Statement<'_>,
        input: &ArrayD<i64>,
    ) -> Result<Self, ProveError> {
        Self::generate_with(key, statement, core::slice::from_ref(input), None)
    }

    /// As [`Self::generate`], on several inputs, in their order.
    ///
    /// # Errors
    /// As [`Self::generate`].
    pub fn generate_on<B: Backend>(
        key: &'a ProvingKey<B>,
        statement: &'a Statement<'_>,
        inputs: &[ArrayD<i64>],
    ) -> Result<Self, ProveError> {
        Self::generate_with(key, statement, inputs, None)
    }

    /// As [`Self::generate_on`], but the committed input column has the given cells, padding included, which another
    /// proof has committed to. They must hold `inputs`.
    pub(crate) fn generate_with<B: Backend>(
        key: &'a ProvingKey<B>,
        statement: &'a Statement<'_>,
        inputs: &[ArrayD<i64>],
        committed: Option<(ColumnId, &[M61])>,
    ) -> Result<Self, ProveError> {
        let graph = &key.model.network.graph;
        let execution = info_span!("execute").in_scope(|| key.execute(inputs))?;
        let _span = info_span!("fill the trace").entered();
        let circuit = statement.circuit();
        let values = Values::new(circuit);
        let set = |column: ColumnId, cells: Vec<M61>| values.set(column, Cells::Base(cells));
        if let Some((column, cells)) = committed {
            // What is set first stays.
            set(column, cells.to_vec());
        }
        for parameter in &key.lowered.parameters {
            values.set(parameter.column, Cells::Int8(&parameter.cells));
        }
        let nodes = execution.values.par_iter().zip(&key.lowered.nodes);
        nodes.for_each(|(node, &column)| {
            // Views are folded through their source, and need no cells of their own.
            if !matches!(
                circuit[column].kind,
                ColumnKind::View(_)
                    | ColumnKind::Committed { .. }
                    | ColumnKind::Parameter { .. }
                    | ColumnKind::Public(Public::Constant(_) | Public::Selector(_))
            ) {
                set(column, padded(circuit, column, row_major(node), 0));
            }
        });
        let integers = |tensor: &ArrayD<i64>| tensor.iter().copied().collect::<Vec<i64>>();
        let outputs: Vec<Vec<i64>> = execution.outputs(graph).map(integers).collect();
        for (&column, output) in key.lowered.outputs.iter().zip(&outputs) {
            if matches!(circuit[column].kind, ColumnKind::Public(_)) {
                set(column, padded(circuit, column, output, 0));
            }
        }
        let filler = Filler {
            graph,
            lowered: &key.lowered,
            circuit,
            execution: &execution,
            values: &values,
        };
        fill_hints(filler)?;
        let answer = Answer {
            input: inputs.iter().flat_map(|input| input.iter().copied()).collect(),
            outputs,
        };
        let public = shown(key, circuit, inputs, &answer);
        Self::of(statement, public, answer, values)
    }

    /// The trace of a setup proof, of the circuit that has these parameters; it has no committed columns.
    ///
    /// # Errors
    /// [`ProveError::Malformed`] for the parameters of another circuit.
    pub fn of_weights(
        statement: &'a Statement<'_>,
        parameters: &'a [FilledColumn],
    ) -> Result<Self, ProveError> {
        let circuit = statement.circuit();
        let values = Values::new(circuit);
        let columns: Vec<ColumnId> = circuit.parameters().collect();
        let fit = columns
            .iter()
            .zip(parameters)
            .all(|(&column, parameter)| circuit[column].shape.sizes() == parameter.cells.shape());
        if columns.len() != parameters.len() || !fit {
            return Err(mismatch("weights"));
        }
        for (&column, parameter) in columns.iter().zip(parameters) {
            values.set(column, Cells::Int8(&parameter.cells));
        }
        let public = PublicValues {
            input: None,
            outputs: None,
        };
        Self::of(statement, public, Answer::default(), values)
    }

    /// Counts rows of tables, once all columns are filled.
    fn of(
        statement: &Statement<'_>,
        public: PublicValues,
        answer: Answer,
        values: Values<'a>,
    ) -> Result<Self, ProveError> {
        let circuit = statement.circuit();
        let multiplicities = info_span!("count rows of tables").in_scope(|| count(statement, &values))?;
        let tables = circuit.tables.par_iter().enumerate().map(|(index, table)| {
            let evaluated = table.evaluated();
            let evaluated = evaluated.map_err(|error| uncomputable(&format!("table {index}"), error))?;
            Ok((0..table.arity())
                .into_par_iter()
                .map(|c| evaluated.column(c))
                .collect())
        });
        let tables =
            info_span!("columns of tables").in_scope(|| tables.collect::<Result<_, ProveError>>())?;
        Ok(Self {
            public,
            answer,
            values,
            multiplicities,
            tables,
        })
    }

    /// What the lookup argument of a chunk reads.
    pub fn lookup_witness(&self, statement: &Statement<'_>, chunk: usize) -> lookup::Witness<'_> {
        let circuit = statement.circuit();
        let multiplicities = self.multiplicities[chunk * circuit.tables.len()..].iter();
        let columns = |part: &Part| {
            let columns = &circuit.lookups[part.lookup].columns;
            let cells = |&column| looked_up(&self.values, column, part);
            columns.iter().map(cells).collect()
        };
        lookup::Witness {
            lookups: statement.chunks.parts[chunk].iter().map(columns).collect(),
            tables: self
                .tables
                .iter()
                .map(|table| table.iter().map(|cells| cells.as_slice().into()).collect())
                .collect(),
            multiplicities: multiplicities
                .take(circuit.tables.len())
                .map(Vec::as_slice)
                .collect(),
        }
    }
}

/// The cells of a part of a looked-up column.
fn looked_up<'v>(values: &'v Values<'_>, column: ColumnId, part: &Part) -> LookedUp<'v> {
    let (start, length) = (part.start(), 1 << part.variables);
    match values.cells(column) {
        Cells::Base(cells) => LookedUp::Field(&cells[start..start + length]),
        Cells::Int8(tensor) => LookedUp::Int8 {
            tensor,
            start,
            length,
        },
    }
}

/// The public part of an answer: the inputs and outputs that stand in public columns.
fn shown<B: Backend>(
    key: &ProvingKey<B>,
    circuit: &Circuit,
    inputs: &[ArrayD<i64>],
    answer: &Answer,
) -> PublicValues {
    let is_public = |column: &ColumnId| matches!(circuit[*column].kind, ColumnKind::Public(_));
    let columns = key.model.network.graph.inputs().map(|id| key.lowered.nodes[id.0]);
    let inputs = columns.zip(inputs).filter(|(column, _)| is_public(column));
    let inputs: Vec<_> = inputs.map(|(_, input)| input).collect();
    let outputs = key.lowered.outputs.iter().zip(&answer.outputs);
    let outputs: Vec<_> = outputs.filter(|(column, _)| is_public(column)).collect();
    PublicValues {
        input: (!inputs.is_empty()).then(|| inputs.into_iter().flatten().copied().collect()),
        outputs: (!outputs.is_empty())
            .then(|| outputs.into_iter().map(|(_, output)| output.clone()).collect()),
    }
}

/// Fills the columns of all hints. Rescales, most of the trace, and advice need the execution alone; the other columns
/// may need theirs, in order.
fn fill_hints(filler: Filler<'_, '_>) -> Result<(), ProveError> {
    let hints = filler.lowered.hints.iter();
    let (executed, others): (Vec<&Hint>, Vec<&Hint>) =
        hints.partition(|hint| matches!(hint, Hint::Rescale { .. } | Hint::Advice { .. }));
    executed.into_par_iter().try_for_each(|hint| filler.fill(hint))?;
    others.into_iter().try_for_each(|hint| filler.fill(hint))
}

fn mismatch(place: &str) -> ProveError {
    ProveError::Malformed {
        place: place.to_owned(),
        expected: "the node it was lowered from".into(),
        found: "another".into(),
    }
}

fn uncomputable(place: &str, error: TableError) -> ProveError {
    ProveError::Unsupported(CircuitError::Table {
        place: place.to_owned(),
        error,
    })
}
