//! Sizes and places that prover and verifier both derive from the verifying key before they speak.

use std::borrow::Cow;

use super::SeparateTensors;
use super::dry_run::walk;
use super::sizes::{Sizes, check_copies, check_sizes};
use crate::circuit::{Circuit, ColumnId, EvaluatedTable, Schedule, setup_circuit};
use crate::keys::{PublicTensor, VerifyingKey, trace_extents, weight_extents};
use crate::lookup::{self, LookupShape, TableShape};
use crate::masking::Masking;
use crate::pcs::{ClaimPoint, Commitment, Matrix, Packing};
use crate::proof::{Artifact, Proof};
use crate::reduce::{Claims, Point};
use crate::transcript::{Scalar, VerifyError};

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
    pub key: &'k VerifyingKey,
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
        let evaluated = circuit
            .tables
            .iter()
            .map(|table| {
                table
                    .evaluated()
                    .map_err(|error| VerifyError::Key(error.to_string()))
            })
            .collect::<Result<Vec<_>, _>>()?;
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
            key,
            subject,
            digest: key.digest()?,
            inputs,
            outputs,
            schedule: Schedule::new(&circuit),
            tables: evaluated,
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

    /// How many commitments to the weights a proof opens: an answer one, the setup proof all, and one of the key
    /// before, if there is one. All are opened at the same points.
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
