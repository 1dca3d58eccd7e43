//! What prover and verifier both derive from the verifying key before they speak.

use std::borrow::Cow;

use super::dry_run::walk;
use super::work::{arithmetic, recursion_work, required_hardening};
use super::{PublicTensor, SECURITY_BITS, SeparateTensors, VerifyingKey};
use crate::circuit::{Circuit, ColumnId, ColumnKind, Schedule, setup_circuit};
use crate::field::encoding::packed_length;
use crate::field::{K, M61, from_i64};
use crate::lookup::{self, LookupShape, TableShape};
use crate::masking::Masking;
use crate::pcs::recursive::expected_path_nodes;
use crate::pcs::{ClaimPoint, Commitment, Coordinate, Extent, Packing};
use crate::poly;
use crate::proof::{Artifact, Proof, PublicValues};
use crate::reduce::{Claims, Point, coordinates};
use crate::transcript::{Scalar, VerifyError};

/// Most multiplications a key may ask of its verifier: well under a minute.
const MAXIMUM_WORK: u64 = 1 << 32;

/// Name and version of the protocol: the first thing the transcript absorbs.
pub const PROTOCOL: &str = "zkml v1";

/// The same for setup proofs.
pub const PROTOCOL_SETUP: &str = "zkml v1 setup";

/// Bytes of a salt and of a node of a tree.
const DIGEST_BYTES: usize = 32;

/// Largest codeword, `log2`: the verifier encodes one.
const MAXIMUM_LOG_CODEWORD: u32 = 24;
/// Most sequential hashes a key may ask for: some seconds.
const MAXIMUM_HARDENING: u64 = 1 << 26;

/// Which commitment a claim is opened against. Behind those to the weights, of which a setup proof has several, come
/// the ones of [`Statement::separate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Matrix {
    /// Committed columns and multiplicities.
    Trace = 0,
    /// Parameter columns.
    Weights = 1,
}

/// What is being proved of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An answer of the model.
    Answer,
    /// That the committed weights are what the key says: the setup proof.
    Setup,
}

/// Sizes and places, all derived from the key.
#[derive(Debug, Clone)]
pub struct Statement<'k> {
    /// The key.
    pub key: Cow<'k, VerifyingKey>,
    /// What is proved of it.
    pub subject: Subject,
    /// The circuit of that.
    circuit: Cow<'k, Circuit>,
    /// BLAKE3 of the key.
    pub digest: [u8; 32],
    /// The public input, unless it is private.
    pub input: Option<PublicTensor>,
    /// The public outputs; none if they are private.
    pub outputs: Vec<PublicTensor>,
    /// When each virtual column is reduced.
    pub schedule: Schedule,
    /// Lookups and tables.
    pub lookups: lookup::Statement,
    /// The columns of the trace, in the order of its packing; after them come the tables' multiplicities.
    pub committed: Vec<ColumnId>,
    /// Where trace columns and multiplicities stand.
    pub trace: Packing,
    /// The columns of the weights, in the order of their packing.
    pub parameters: Vec<ColumnId>,
    /// Where parameter columns stand.
    pub weights: Packing,
    /// Tensors that are committed apart.
    pub separate: Vec<SeparateTensors>,
    /// The points that every proof opens, with placeholders for challenges.
    pub opened: Vec<ClaimPoint>,
    /// Rows for pads and masks, in zero knowledge.
    pub masking: Option<Masking>,
    /// Checks that a proof makes of hidden values.
    pub constraints: usize,
}

impl<'k> Statement<'k> {
    /// Validates the key and derives everything from it.
    ///
    /// # Errors
    /// [`VerifyError::Key`], saying what is wrong with the key.
    pub fn new(key: &'k VerifyingKey) -> Result<Self, VerifyError> {
        key.circuit
            .validate()
            .map_err(|error| VerifyError::Key(error.to_string()))?;
        let circuit = Cow::Borrowed(&key.circuit);
        Self::of(key, Subject::Answer, circuit, key.input()?, key.outputs()?)
    }

    /// The statement of the key's setup proof.
    ///
    /// # Errors
    /// [`VerifyError::Key`], saying what is wrong with the key.
    pub fn of_setup(key: &'k VerifyingKey) -> Result<Self, VerifyError> {
        key.circuit
            .validate()
            .map_err(|error| VerifyError::Key(error.to_string()))?;
        let circuit = setup_circuit(&key.circuit);
        circuit
            .validate()
            .map_err(|error| VerifyError::Key(error.to_string()))?;
        Self::of(key, Subject::Setup, Cow::Owned(circuit), None, Vec::new())
    }

    fn of(
        key: &'k VerifyingKey,
        subject: Subject,
        circuit: Cow<'k, Circuit>,
        input: Option<PublicTensor>,
        outputs: Vec<PublicTensor>,
    ) -> Result<Self, VerifyError> {
        key.code.validate()?;
        key.recursion.validate(key.code.message_length())?;
        key.check_weights()?;
        let tables: Vec<TableShape> = circuit
            .tables
            .iter()
            .map(|table| TableShape {
                variables: table.variables(),
                arity: table.arity(),
            })
            .collect();
        let lookups = circuit
            .lookups
            .iter()
            .map(|lookup| {
                let variables = lookup
                    .columns
                    .first()
                    .map_or(0, |&column| circuit[column].shape.variables());
                LookupShape {
                    variables,
                    arity: lookup.columns.len(),
                    table: lookup.table as usize,
                }
            })
            .collect();
        let committed: Vec<ColumnId> = circuit.committed().collect();
        let parameters: Vec<ColumnId> = circuit.parameters().collect();
        let trace = Packing::new(&trace_extents(&circuit), key.code.narrow())?;
        let weights = Packing::new(&weight_extents(&circuit), key.code.wide())?;
        if weights.rows != key.weights.rows {
            return Err(VerifyError::Key(format!(
                "weight commitment: expected {} rows, found {}",
                weights.rows, key.weights.rows
            )));
        }
        let separate = SeparateTensors::of(&circuit, key.code.narrow())?;
        let rows = separate.iter().fold(trace.rows, |rows, tensors| {
            rows.saturating_add(tensors.packing.rows)
        });
        let (copies, maximum) = match subject {
            Subject::Answer => (1, Proof::MAXIMUM_BYTES),
            // It stands in the key.
            Subject::Setup => (key.weights.commitments(key.previous), VerifyingKey::MAXIMUM_BYTES),
        };
        check_copies(&circuit, parameters.len(), copies)?;
        let mut sizes = Sizes {
            trace_rows: rows,
            weight_rows: weights.rows.saturating_mul(copies),
            matrices: separate.len().saturating_add(copies).saturating_add(1),
        };
        check_sizes(key, &circuit, &sizes, maximum)?;
        let mut statement = Self {
            key: Cow::Borrowed(key),
            subject,
            digest: key.digest()?,
            input,
            outputs,
            schedule: Schedule::new(&circuit),
            lookups: lookup::Statement { lookups, tables },
            committed,
            trace,
            parameters,
            weights,
            separate,
            opened: Vec::new(),
            masking: None,
            constraints: 0,
            circuit,
        };
        if key.privacy.zero_knowledge() {
            // How many scalars there are follows from a walk, which needs a place for the mask already.
            statement.masking = Some(statement.masking_of(0));
        }
        let walk = walk(&statement)?;
        statement.opened = walk.points;
        statement.constraints = walk.constraints;
        if statement.masking.is_some() {
            let masking = statement.masking_of(walk.scalars);
            statement.masking = Some(masking);
            // Now with the rows of pads and masks.
            sizes.trace_rows = rows.saturating_add(masking.rows());
            check_sizes(key, &statement.circuit, &sizes, maximum)?;
        }
        Ok(statement)
    }

    fn masking_of(&self, scalars: usize) -> Masking {
        Masking {
            scalars,
            first_row: self.trace.rows,
            row_length: self.key.code.narrow().row_length(),
            tail: self.key.trace_tail(),
            classes: self.key.code.stride(),
        }
    }

    /// The same statement with a key of its own.
    pub fn into_owned(self) -> Statement<'static> {
        Statement {
            key: Cow::Owned(self.key.into_owned()),
            subject: self.subject,
            circuit: Cow::Owned(self.circuit.into_owned()),
            digest: self.digest,
            input: self.input,
            outputs: self.outputs,
            schedule: self.schedule,
            lookups: self.lookups,
            committed: self.committed,
            trace: self.trace,
            parameters: self.parameters,
            weights: self.weights,
            separate: self.separate,
            opened: self.opened,
            masking: self.masking,
            constraints: self.constraints,
        }
    }

    /// The circuit.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// The domain of its transcript.
    pub fn protocol(&self) -> &'static str {
        match self.subject {
            Subject::Answer => PROTOCOL,
            Subject::Setup => PROTOCOL_SETUP,
        }
    }

    /// Rows of the trace, those of pads and masks included.
    pub fn trace_rows(&self) -> usize {
        let masking = self.masking.map_or(0, |masking| masking.rows());
        self.trace.rows.saturating_add(masking)
    }

    /// The commitment to the trace with this root.
    pub fn trace_commitment(&self, root: [u8; 32]) -> Commitment {
        Commitment {
            root,
            rows: self.trace_rows(),
            log_stride: self.trace.log_stride,
        }
    }

    /// How many commitments to the weights a proof speaks of: an answer of one, the setup proof of all, and of one of
    /// the key before, all at the same points.
    pub fn weight_copies(&self) -> usize {
        match self.subject {
            Subject::Answer => 1,
            Subject::Setup => self.key.weights.commitments(self.key.previous),
        }
    }

    /// The commitments to the weights that a proof opens; `number` is the one an answer uses.
    ///
    /// # Errors
    /// [`VerifyError::Key`] for a number that the key does not have.
    pub fn weight_commitments(&self, number: usize) -> Result<Vec<Commitment>, VerifyError> {
        let weights = &self.key.weights;
        let commitment = |root: [u8; 32]| Commitment {
            root,
            rows: weights.rows,
            log_stride: 0,
        };
        match self.subject {
            Subject::Setup => Ok(weights
                .roots
                .iter()
                .copied()
                .chain(self.key.previous)
                .map(commitment)
                .collect()),
            Subject::Answer => match weights.roots.get(number) {
                Some(root) => Ok(vec![commitment(*root)]),
                None => Err(VerifyError::Key(format!(
                    "the proof uses commitment {number} to the weights, the key has {}",
                    weights.roots.len()
                ))),
            },
        }
    }

    /// The claims left on committed columns, multiplicities and parameters, as claims on rows of the matrices.
    ///
    /// # Errors
    /// [`VerifyError::Key`] for a claim that does not fit the packing, which a valid key rules out.
    pub fn opening_claims<S: Scalar>(
        &self,
        claims: &Claims<S>,
        multiplicities: &[(Point, S)],
    ) -> Result<Vec<(ClaimPoint, S)>, VerifyError> {
        let trace = self.committed.iter().map(|&column| claims.of(column));
        let trace = trace.chain(multiplicities.iter().map(core::slice::from_ref));
        let weights = self.parameters.iter().map(|&column| claims.of(column));
        let trace = self
            .trace
            .slots
            .iter()
            .zip(trace)
            .map(|(slot, made)| (Matrix::Trace as usize, slot, made));
        let weights: Vec<_> = self.weights.slots.iter().zip(weights).collect();
        let copies = (0..self.weight_copies()).flat_map(|copy| {
            let matrix = (Matrix::Weights as usize).saturating_add(copy);
            weights.iter().map(move |(slot, made)| (matrix, *slot, *made))
        });
        let separate = self.separate.iter().enumerate().flat_map(|(index, tensors)| {
            let matrix = (Matrix::Weights as usize)
                .saturating_add(self.weight_copies())
                .saturating_add(index);
            let made = tensors.columns.iter().map(|&column| claims.of(column));
            tensors
                .packing
                .slots
                .iter()
                .zip(made)
                .map(move |(slot, made)| (matrix, slot, made))
        });
        let mut opened = Vec::new();
        for (matrix, slot, made) in trace.chain(copies).chain(separate) {
            for (point, value) in made {
                opened.push((slot.claim_point(matrix, point)?, value.clone()));
            }
        }
        Ok(opened)
    }
}

/// The sizes of what is packed into the trace: its columns, then the tables' multiplicities.
pub(crate) fn trace_extents(circuit: &Circuit) -> Vec<Extent> {
    let columns = circuit.committed().map(|id| {
        let column = &circuit[id];
        match column.kind {
            _ if circuit.unpacked => Extent::alone(column.shape.variables()),
            ColumnKind::Committed {
                zero_padded: true, ..
            } => Extent::cropped(&column.shape),
            _ => Extent::full(column.shape.variables()),
        }
    });
    let tables = circuit.tables.iter().map(|table| match circuit.unpacked {
        true => Extent::alone(table.variables()),
        false => Extent::full(table.variables()),
    });
    columns.chain(tables).collect()
}

/// The sizes of the parameter columns. Rows of padding are not stored, in the setup proof neither: what that shows is
/// that the padding in stored rows is 0.
pub(crate) fn weight_extents(circuit: &Circuit) -> Vec<Extent> {
    circuit
        .parameters()
        .map(|id| match circuit.unpacked {
            true => Extent::alone(circuit[id].shape.variables()),
            false => Extent::cropped(&circuit[id].shape),
        })
        .collect()
}

/// What a proof opens: rows of what is committed for it, rows of weights in all copies, and how many matrices.
struct Sizes {
    trace_rows: usize,
    weight_rows: usize,
    matrices: usize,
}

/// Refuses keys for which no proof could be written down, or whose verification would not end in reasonable time.
fn check_sizes(
    key: &VerifyingKey,
    circuit: &Circuit,
    sizes: &Sizes,
    maximum: u64,
) -> Result<(), VerifyError> {
    let code = &key.code;
    // The sizes below are judged by what a proof would take: one query would make any matrix small.
    if code.query_bits() < SECURITY_BITS {
        return Err(VerifyError::Key(format!(
            "the opened columns give {:.1} bits of soundness, at least {SECURITY_BITS} are asked for",
            code.query_bits()
        )));
    }
    if code.log_codeword > MAXIMUM_LOG_CODEWORD {
        return Err(VerifyError::Key(format!(
            "codeword length: expected at most 2^{MAXIMUM_LOG_CODEWORD}, found 2^{}",
            code.log_codeword
        )));
    }
    if key.hardening > MAXIMUM_HARDENING {
        return Err(VerifyError::Key(format!(
            "hardening: expected at most {MAXIMUM_HARDENING} hashes, found {}",
            key.hardening
        )));
    }
    let required = required_hardening(&key.circuit);
    if key.hardening < required {
        return Err(VerifyError::Key(format!(
            "hardening: expected at least {required} hashes for a network of this size, found {}",
            key.hardening
        )));
    }
    let work = arithmetic(circuit, code).saturating_add(recursion_work(key));
    if work > MAXIMUM_WORK {
        return Err(VerifyError::Key(format!(
            "circuit and code: verifying them would take up to {work} multiplications, at most {MAXIMUM_WORK} are allowed"
        )));
    }
    // The row combination or its recursion, the opened columns and their paths; the rest is small.
    let Sizes {
        trace_rows,
        weight_rows,
        matrices,
    } = sizes;
    let columns = trace_rows
        .saturating_add(*weight_rows)
        .saturating_mul(code.queries);
    let columns = packed_length(columns);
    // Some of the nodes of as many trees; a float-to-integer cast saturates.
    let nodes = (expected_path_nodes(code.log_codeword, code.queries) as usize).saturating_add(code.queries);
    let bytes = columns
        .saturating_add(matrices.saturating_mul(nodes).saturating_mul(DIGEST_BYTES))
        .saturating_add(key.recursion.bytes(code.message_length()));
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= maximum) {
        return Ok(());
    }
    Err(VerifyError::Key(format!(
        "matrices of {trace_rows} rows, and {weight_rows} of weights: a proof would have about {bytes} bytes, more than {maximum}"
    )))
}

/// Most claims on weights that a setup proof may open, all commitments together.
const MAXIMUM_COPIED_CLAIMS: usize = 1 << 16;

/// Refuses keys with more claims on the weights than any real model has: each column, twice at most, for each of the
/// commitments.
fn check_copies(circuit: &Circuit, parameters: usize, copies: usize) -> Result<(), VerifyError> {
    let claims = parameters.saturating_mul(2).saturating_mul(copies);
    if copies > 1 && claims > MAXIMUM_COPIED_CLAIMS {
        return Err(VerifyError::Key(format!(
            "circuit of {} columns: the setup proof would open {claims} claims on {copies} commitments, at most \
             {MAXIMUM_COPIED_CLAIMS} are allowed",
            circuit.columns.len()
        )));
    }
    Ok(())
}

/// The public columns' cells, for evaluation at points.
pub struct PublicCells {
    cells: Vec<Option<Vec<M61>>>,
}

impl PublicCells {
    /// Pads the public values and the circuit's constants. The values have been checked against the circuit.
    pub fn new(statement: &Statement<'_>, values: &PublicValues) -> Self {
        let circuit = statement.circuit();
        let mut cells: Vec<Option<Vec<M61>>> = circuit.columns.iter().map(|_| None).collect();
        let mut put = |column: ColumnId, integers: &[i64]| {
            let elements: Vec<M61> = integers.iter().map(|&integer| from_i64(integer)).collect();
            if let Some(slot) = cells.get_mut(column.index()) {
                *slot = Some(circuit[column].shape.pad(&elements, M61::from(0u64)));
            }
        };
        if let (Some(input), Some(integers)) = (&statement.input, &values.input) {
            put(input.column, integers);
        }
        for (output, integers) in statement.outputs.iter().zip(values.outputs.iter().flatten()) {
            put(output.column, integers);
        }
        for id in circuit.ids() {
            if let ColumnKind::Public(crate::circuit::Public::Constant(constants)) = &circuit[id].kind {
                put(id, constants);
            }
        }
        Self { cells }
    }

    /// The padded cells of a public column.
    pub fn of(&self, column: ColumnId) -> Option<&[M61]> {
        self.cells.get(column.index())?.as_deref()
    }

    /// The multilinear extension of a public column; 0 for a column that is not public.
    pub fn evaluate(&self, column: ColumnId, point: &[Coordinate]) -> K {
        self.of(column).map_or(K::from(0u64), |cells| {
            poly::evaluate_base(cells, &coordinates(point))
        })
    }
}
