//! The trace: executes the integer network and fills the committed columns.

use ndarray::ArrayD;
use rayon::prelude::*;
use tracing::info_span;

use super::{SeparateTensors, Statement};
use crate::circuit::{Circuit, CircuitError, ColumnId, ColumnKind, Public, Table, TableError};
use crate::execute::Execution;
use crate::field::{M61, P, from_i64, from_u64, to_i64_centered};
use crate::keys::{ProveError, ProvingKey};
use crate::lookup;
use crate::lower::FilledColumn;
use crate::masking::Pads;
use crate::ops::{Hint, IntOp, Rescale};
use crate::pcs::{CommittedMatrix, Keep, Rows, Tails};
use crate::proof::PublicValues;
use crate::reduce::{Cells, Values};
use crate::secret::Seed;

/// What the model was asked and what it answered, row-major, whether public or private: for the prover alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The quantized input; several one after the other.
    pub input: Vec<i64>,
    /// The outputs, by number.
    pub outputs: Vec<Vec<i64>>,
}

/// All cells the argument speaks of.
pub struct Trace<'a> {
    /// The public values.
    pub public: PublicValues,
    /// All values, private ones too.
    pub answer: Answer,
    /// The cells of every column.
    pub values: Values<'a>,
    /// For each table how often each row is looked up.
    pub(crate) multiplicities: Vec<Vec<M61>>,
    /// The cells of the tables' columns.
    pub(crate) tables: Vec<Vec<Vec<M61>>>,
}

impl<'a> Trace<'a> {
    /// Executes the network on `input` and fills every committed column.
    ///
    /// # Errors
    /// [`ProveError::InvalidInput`] for an input that does not fit or a value outside a table's domain.
    pub fn generate(
        key: &'a ProvingKey,
        statement: &'a Statement<'_>,
        input: &ArrayD<i64>,
    ) -> Result<Self, ProveError> {
        Self::generate_with(key, statement, core::slice::from_ref(input), None)
    }

    /// As [`Self::generate`], on several inputs, in their order.
    ///
    /// # Errors
    /// As [`Self::generate`].
    pub fn generate_on(
        key: &'a ProvingKey,
        statement: &'a Statement<'_>,
        inputs: &[ArrayD<i64>],
    ) -> Result<Self, ProveError> {
        Self::generate_with(key, statement, inputs, None)
    }

    /// As [`Self::generate`], where the committed column of the input has the given cells, those of `input` among them:
    /// what another proof committed to, padding included.
    pub(crate) fn generate_with(
        key: &'a ProvingKey,
        statement: &'a Statement<'_>,
        inputs: &[ArrayD<i64>],
        committed: Option<(ColumnId, &[M61])>,
    ) -> Result<Self, ProveError> {
        let graph = &key.model.network.graph;
        let execution = info_span!("execute").in_scope(|| key.executor()?.run_on(inputs))?;
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
                    | ColumnKind::Public(Public::Constant(_))
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
        // Rescales, most of the trace, need the execution alone; the other columns may need theirs, in order.
        let (rescales, others): (Vec<&Hint>, Vec<&Hint>) = key
            .lowered
            .hints
            .iter()
            .partition(|hint| matches!(hint, Hint::Rescale { .. }));
        rescales
            .into_par_iter()
            .try_for_each(|hint| fill(key, circuit, &values, &execution, hint))?;
        for hint in others {
            fill(key, circuit, &values, &execution, hint)?;
        }
        let answer = Answer {
            input: inputs.iter().flat_map(|input| input.iter().copied()).collect(),
            outputs,
        };
        let public = shown(key, circuit, inputs, &answer);
        Self::of(circuit, public, answer, values)
    }

    /// The trace of the setup proof: `circuit` is the [`setup_circuit`](crate::circuit::setup_circuit) of the circuit
    /// that has these parameters; it has no committed columns.
    ///
    /// # Errors
    /// [`ProveError::Malformed`] for the parameters of another circuit.
    pub fn of_weights(circuit: &'a Circuit, parameters: &'a [FilledColumn]) -> Result<Self, ProveError> {
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
        Self::of(circuit, public, Answer::default(), values)
    }

    /// Counts rows of tables, once all columns are filled.
    fn of(
        circuit: &Circuit,
        public: PublicValues,
        answer: Answer,
        values: Values<'a>,
    ) -> Result<Self, ProveError> {
        let multiplicities = info_span!("count rows of tables").in_scope(|| count(circuit, &values))?;
        let tables = circuit
            .tables
            .iter()
            .enumerate()
            .map(|(index, table)| {
                let evaluated = table.evaluated();
                let evaluated = evaluated.map_err(|error| uncomputable(&format!("table {index}"), error))?;
                Ok((0..table.arity()).map(|c| evaluated.column(c)).collect())
            })
            .collect::<Result<_, ProveError>>()?;
        Ok(Self {
            public,
            answer,
            values,
            multiplicities,
            tables,
        })
    }

    /// What the lookup argument reads.
    pub fn lookup_witness(&self, statement: &Statement<'_>) -> lookup::Witness<'_> {
        let lookups = &statement.circuit().lookups;
        lookup::Witness {
            lookups: lookups
                .iter()
                .map(|lookup| {
                    let cells = |&column| self.values.base(column);
                    lookup.columns.iter().map(cells).collect()
                })
                .collect(),
            tables: self
                .tables
                .iter()
                .map(|table| table.iter().map(Vec::as_slice).collect())
                .collect(),
            multiplicities: self.multiplicities.iter().map(Vec::as_slice).collect(),
        }
    }

    /// Packs committed columns and multiplicities into rows, puts pads and masks behind them in zero knowledge, and
    /// commits to all with randomness from `seed`.
    ///
    /// # Errors
    /// [`ProveError::Commitment`].
    pub fn commit(
        &self,
        statement: &Statement<'_>,
        seed: Seed,
    ) -> Result<(CommittedMatrix, Option<Pads>), ProveError> {
        let columns: Vec<_> = statement
            .committed
            .iter()
            .map(|&column| self.values.cells(column).to_base())
            .collect();
        let multiplicities = self.multiplicities.iter().map(Vec::as_slice);
        let cells: Vec<&[M61]> = columns.iter().map(AsRef::as_ref).chain(multiplicities).collect();
        let mut rows = info_span!("pack rows").in_scope(|| statement.trace.fill(&cells));
        let mut pads = None;
        let mut tails = Tails::NONE;
        if let Some(masking) = &statement.masking {
            let (drawn, cells) = Pads::draw(masking, &seed);
            rows.extend_from_slice(&cells);
            pads = Some(drawn);
            tails = Tails {
                length: masking.tail,
                full: masking.classes.saturating_mul(2),
            };
        }
        let code = statement.key.code.narrow();
        let matrix = CommittedMatrix::commit_with(Rows::Field(rows), code, seed, tails, Keep::Codeword)?;
        Ok((matrix, pads))
    }

    /// Commits to tensors that do not live in the trace, with randomness of its own that follows from the trace's
    /// `seed`.
    ///
    /// # Errors
    /// [`ProveError::Commitment`].
    pub fn commit_separate(
        &self,
        statement: &Statement<'_>,
        tensors: &SeparateTensors,
        seed: &Seed,
    ) -> Result<CommittedMatrix, ProveError> {
        let cells: Vec<&[M61]> = tensors.columns.iter().map(|&id| self.values.base(id)).collect();
        let rows = Rows::Field(tensors.packing.fill(&cells));
        let tails = Tails {
            length: statement.key.tensor_tail(),
            full: 0,
        };
        let (code, seed) = (statement.key.code.narrow(), seed.derive(tensors.label()));
        Ok(CommittedMatrix::commit_with(
            rows,
            code,
            seed,
            tails,
            Keep::Codeword,
        )?)
    }
}

/// What of an answer is public: where it stands in a public column.
fn shown(key: &ProvingKey, circuit: &Circuit, inputs: &[ArrayD<i64>], answer: &Answer) -> PublicValues {
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

/// The values of a node, row-major.
fn row_major(tensor: &ArrayD<i64>) -> &[i64] {
    // Executions are in standard layout.
    tensor.as_slice().unwrap_or(&[])
}

/// An integer of an execution as a cell: range analysis keeps it below `p / 2`.
fn cell(integer: i64) -> M61 {
    debug_assert!(integer.unsigned_abs() < P / 2);
    M61::from_raw(integer.wrapping_add(P as i64 & (integer >> 63)) as u64)
}

/// Integers over the padded shape of a column.
fn padded(circuit: &Circuit, column: ColumnId, integers: &[i64], padding: i64) -> Vec<M61> {
    padded_with(circuit, column, integers, padding, |integer| integer)
}

/// As [`padded`], of what `map` makes of each integer.
fn padded_with(
    circuit: &Circuit,
    column: ColumnId,
    integers: &[i64],
    padding: i64,
    map: impl Fn(i64) -> i64,
) -> Vec<M61> {
    let shape = &circuit[column].shape;
    if shape.is_exact() {
        return integers.iter().map(|&integer| cell(map(integer))).collect();
    }
    let mut table = vec![cell(padding); shape.padded_len()];
    shape.for_each_cell(|logical, padded| table[padded] = cell(map(integers[logical])));
    table
}

fn fill(
    key: &ProvingKey,
    circuit: &Circuit,
    values: &Values<'_>,
    execution: &Execution,
    hint: &Hint,
) -> Result<(), ProveError> {
    let set = |column: ColumnId, cells: Vec<M61>| values.set(column, Cells::Base(cells));
    match hint {
        Hint::Rescale {
            node,
            value,
            output,
            limbs,
            bits,
        } => {
            let graph = &key.model.network.graph;
            let (IntOp::Rescale(rescale), Some(before)) = (&graph[*node].op, &execution.before_table[node.0])
            else {
                return Err(mismatch(&graph[*node].name));
            };
            let Rescale {
                multipliers,
                axis,
                shift,
                table,
            } = rescale;
            let accumulator = &execution.values[graph[*node].inputs[0].0];
            let half = 1i64 << (shift - 1);
            let inner: usize = accumulator.shape().iter().skip(axis + 1).product();
            let blocks = row_major(accumulator)
                .chunks(inner.max(1))
                .zip(multipliers.iter().cycle());
            // The remainder is what lies below 2^shift.
            let products: Vec<i64> = blocks
                .flat_map(|(block, &multiplier)| block.iter().map(move |&x| x * multiplier + half))
                .collect();
            for (k, &limb) in limbs.iter().enumerate() {
                let digit = |product: i64| product >> (*bits as usize * k) & ((1 << bits) - 1);
                set(limb, padded_with(circuit, limb, &products, digit(half), digit));
            }
            set(*value, padded(circuit, *value, row_major(before), 0));
            let entry_at_zero = table
                .apply(0)
                .map_err(|error| uncomputable(&graph[*node].name, error))?;
            let after = row_major(&execution.values[node.0]);
            set(*output, padded(circuit, *output, after, entry_at_zero));
        }
        Hint::Apply { table, input, output } => {
            let Table::Function(function) = &circuit.tables[*table as usize] else {
                return Err(mismatch(&circuit[*output].name));
            };
            let entries = function
                .cells()
                .map_err(|error| uncomputable(&circuit[*output].name, error))?;
            let looked_up = values.cells(*input).to_base();
            let results = looked_up.iter().map(|&cell| {
                let entry = entries.at(to_i64_centered(cell));
                entry
                    .map(from_i64)
                    .ok_or_else(|| mismatch(&circuit[*output].name))
            });
            set(*output, results.collect::<Result<_, _>>()?);
        }
        Hint::OneHot { index, axis, output } => {
            let indices = &execution.values[index.0];
            let shape = circuit[*output].shape.sizes();
            let inner: usize = shape[axis + 1..].iter().product();
            let indices: Vec<i64> = indices.iter().copied().collect();
            let hot = (0..circuit[*output].shape.logical_len()).map(|cell| {
                let (outer, along, within) = (
                    cell / inner / shape[*axis],
                    cell / inner % shape[*axis],
                    cell % inner,
                );
                i64::from(indices[outer * inner + within] == along as i64)
            });
            set(*output, padded(circuit, *output, &hot.collect::<Vec<i64>>(), 0));
        }
        Hint::Input { node, output } => {
            let (minimum, maximum) = key.model.network.graph[*node].fact.range;
            let cells =
                |column, padding| padded(circuit, column, row_major(&execution.values[node.0]), padding);
            set(*output, cells(*output, 0i64.max(minimum).min(maximum)));
            // Without its padding.
            set(key.lowered.nodes[node.0], cells(key.lowered.nodes[node.0], 0));
        }
        Hint::Node { node, input, output } => {
            for column in [*input, *output] {
                set(
                    column,
                    padded(circuit, column, row_major(&execution.values[node.0]), 0),
                );
            }
        }
        Hint::Copy { input, output } => set(*output, values.base(*input).to_vec()),
        Hint::Limbs { input, limbs, bits } => {
            let cells: Vec<i64> = values
                .cells(*input)
                .to_base()
                .iter()
                .map(|&cell| to_i64_centered(cell))
                .collect();
            for (k, &limb) in limbs.iter().enumerate() {
                let digit = |value: i64| from_i64(value >> (*bits as usize * k) & ((1 << bits) - 1));
                set(limb, cells.iter().map(|&cell| digit(cell)).collect());
            }
        }
    }
    Ok(())
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

/// Rows that are counted at a time.
const COUNTED: usize = 1 << 16;

/// How often each row of each table is looked up.
fn count(circuit: &Circuit, values: &Values<'_>) -> Result<Vec<Vec<M61>>, ProveError> {
    let mut counts: Vec<Vec<u64>> = circuit
        .tables
        .iter()
        .map(|table| vec![0; 1 << table.variables()])
        .collect();
    let parts: Vec<(usize, usize, &[M61])> = circuit
        .lookups
        .iter()
        .enumerate()
        .flat_map(|(index, lookup)| {
            let parts = values.base(lookup.columns[0]).chunks(COUNTED).enumerate();
            parts.map(move |(part, cells)| (index, part * COUNTED, cells))
        })
        .collect();
    let histograms = parts.into_par_iter().map(|(index, start, cells)| {
        let lookup = &circuit.lookups[index];
        let table = &circuit.tables[lookup.table as usize];
        let first = from_i64(table.first());
        let mut histogram = vec![0u32; 1 << table.variables()];
        for (row, &cell) in cells.iter().enumerate() {
            let place = usize::try_from((cell - first).value).ok();
            match place.and_then(|place| histogram.get_mut(place)) {
                Some(count) => *count += 1,
                None => {
                    return Err(ProveError::NotInTable {
                        lookup: lookup.name.clone(),
                        value: to_i64_centered(cell),
                        row: start + row,
                    });
                }
            }
        }
        Ok((lookup.table as usize, histogram))
    });
    for (table, histogram) in histograms.collect::<Result<Vec<_>, _>>()? {
        let counts = counts[table].iter_mut().zip(histogram);
        counts.for_each(|(total, count)| *total += u64::from(count));
    }
    Ok(counts
        .into_iter()
        .map(|table| table.into_iter().map(from_u64).collect())
        .collect())
}
