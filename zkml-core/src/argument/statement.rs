//! Sizes and places that prover and verifier both derive from the verifying key before they speak.

use std::borrow::Cow;

use super::SeparateTensors;
use super::dry_run::walk;
use super::sizes::{Sizes, check_copies, check_sizes};
use crate::circuit::{Circuit, ColumnId, EvaluatedTable, Lookup, Schedule, Table, TableError, setup_circuit};
use crate::keys::{PublicTensor, VerifyingKey, trace_extents, weight_extents};
use crate::lookup::{self, LookupShape, TableShape};
use crate::masking::Masking;
use crate::pcs::{ClaimPoint, Commitment, CommitmentScheme, Packing, Scheme};
use crate::proof::{Artifact, Proof};
use crate::transcript::VerifyError;

/// Name and version of the protocol: the first thing the transcript absorbs.
pub const PROTOCOL: &str = "zkml v1";

/// The same for setup proofs.
pub const PROTOCOL_SETUP: &str = "zkml v1 setup";

/// The subject of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An answer of the model.
    Answer,
    /// The setup proof: the committed weights have the properties that the key asks for.
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
    /// The public inputs, in order; none if all are private.
    pub inputs: Vec<PublicTensor>,
    /// The public outputs, in order; none if all are private.
    pub outputs: Vec<PublicTensor>,
    /// When each virtual column is reduced.
    pub schedule: Schedule,
    /// The tables of the circuit, computed.
    pub tables: Vec<EvaluatedTable>,
    /// Lookups and tables.
    pub lookups: lookup::Statement,
    /// The columns of the trace, in the order of its packing; after them come the tables' multiplicities.
    pub committed: Vec<ColumnId>,
    /// The places of trace columns and multiplicities.
    pub trace: Packing,
    /// The columns of the weights, in the order of their packing.
    pub parameters: Vec<ColumnId>,
    /// The places of parameter columns.
    pub weights: Packing,
    /// Tensors with a commitment of their own.
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
        Self::of(key, Subject::Answer, circuit, key.inputs()?, key.outputs()?)
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
        Self::of(key, Subject::Setup, Cow::Owned(circuit), Vec::new(), Vec::new())
    }

    fn of(
        key: &'k VerifyingKey,
        subject: Subject,
        circuit: Cow<'k, Circuit>,
        inputs: Vec<PublicTensor>,
        outputs: Vec<PublicTensor>,
    ) -> Result<Self, VerifyError> {
        key.code.validate()?;
        key.recursion.validate(key.code.message_length())?;
        key.check_weights()?;
        let committed: Vec<ColumnId> = circuit.committed().collect();
        let parameters: Vec<ColumnId> = circuit.parameters().collect();
        let trace = Packing::new(&trace_extents(&circuit), key.code.narrow())?;
        let weights = weight_packing(key, &circuit)?;
        let separate = SeparateTensors::of(&circuit, key.code.narrow())?;
        let rows = separate.iter().fold(trace.rows, |rows, tensors| {
            rows.saturating_add(tensors.packing.rows)
        });
        let (copies, maximum) = match subject {
            Subject::Answer => (1, Proof::MAXIMUM_BYTES),
            // The setup proof is a part of the key.
            Subject::Setup => (key.weights.commitments(key.previous), VerifyingKey::MAXIMUM_BYTES),
        };
        check_copies(&circuit, parameters.len(), copies)?;
        let mut sizes = Sizes {
            trace_rows: rows,
            weight_rows: weights.rows.saturating_mul(copies),
            matrices: separate.len().saturating_add(copies).saturating_add(1),
            copies,
        };
        check_sizes(key, &circuit, &sizes, maximum)?;
        let mut statement = Self {
            key: Cow::Borrowed(key),
            subject,
            digest: key.digest()?,
            inputs,
            outputs,
            schedule: Schedule::new(&circuit),
            tables: evaluated_tables(&circuit)?,
            lookups: lookup_shapes(&circuit),
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
        statement.walk()?;
        if let Some(masking) = statement.masking {
            // Now with the rows of pads and masks.
            sizes.trace_rows = rows.saturating_add(masking.rows());
            check_sizes(key, &statement.circuit, &sizes, maximum)?;
        }
        Ok(statement)
    }

    /// Derives what a walk tells: points, constraints, and how many scalars are hidden.
    fn walk(&mut self) -> Result<(), VerifyError> {
        let hides = self.key.privacy.zero_knowledge();
        if hides {
            // The walk counts the scalars, but needs a place for the mask: begin with no scalars.
            self.masking = Some(self.masking_of(0));
        }
        let walk = walk(self)?;
        self.opened = walk.points;
        self.constraints = walk.constraints;
        if hides {
            self.masking = Some(self.masking_of(walk.scalars));
        }
        Ok(())
    }

    fn masking_of(&self, scalars: usize) -> Masking {
        Masking {
            scalars,
            first_row: self.trace.rows,
            row_length: self.key.code.narrow().row_length(),
            tail: self.key.trace_tail(),
            classes: Scheme::mask_rows(self.key.opening()),
        }
    }

    /// The same statement with a key of its own.
    pub fn into_owned(self) -> Statement<'static> {
        Statement {
            key: Cow::Owned(self.key.into_owned()),
            subject: self.subject,
            circuit: Cow::Owned(self.circuit.into_owned()),
            digest: self.digest,
            inputs: self.inputs,
            outputs: self.outputs,
            schedule: self.schedule,
            tables: self.tables,
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
}

/// The cells of all tables.
fn evaluated_tables(circuit: &Circuit) -> Result<Vec<EvaluatedTable>, VerifyError> {
    let evaluated = circuit.tables.iter().map(Table::evaluated);
    let evaluated: Result<_, _> = evaluated.collect();
    evaluated.map_err(|error: TableError| VerifyError::Key(error.to_string()))
}

/// The sizes of lookups and tables.
fn lookup_shapes(circuit: &Circuit) -> lookup::Statement {
    let table = |table: &Table| TableShape {
        variables: table.variables(),
        arity: table.arity(),
    };
    let lookup = |lookup: &Lookup| {
        let first = lookup.columns.first();
        LookupShape {
            variables: first.map_or(0, |&column| circuit[column].shape.variables()),
            arity: lookup.columns.len(),
            table: lookup.table as usize,
        }
    };
    lookup::Statement {
        lookups: circuit.lookups.iter().map(lookup).collect(),
        tables: circuit.tables.iter().map(table).collect(),
    }
}

/// Where parameter columns stand: in as many rows as the key has committed to.
fn weight_packing(key: &VerifyingKey, circuit: &Circuit) -> Result<Packing, VerifyError> {
    let weights = Packing::new(&weight_extents(circuit), key.code.wide())?;
    if weights.rows != key.weights.rows {
        return Err(VerifyError::Key(format!(
            "weight commitment: expected {} rows, found {}",
            weights.rows, key.weights.rows
        )));
    }
    Ok(weights)
}
