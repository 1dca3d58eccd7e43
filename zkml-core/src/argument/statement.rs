//! Sizes and places that prover and verifier both derive from the verifying key before they speak.

use std::borrow::Cow;

use super::SeparateTensors;
use super::chunks::{Chunks, ONE_CHUNK, SETUP_CHUNK};
use super::dry_run::{Stage, walk};
use super::sizes::{Sizes, check_copies, check_sizes};
use super::work::required_hardening;
use crate::circuit::{Circuit, CircuitError, ColumnId, EvaluatedTable, Schedule, setup_circuit};
use crate::error::WeightsKeyError;
use crate::graph::{Lengths, Sizing};
#[cfg(feature = "prover")]
use crate::keys::ProvingKey;
use crate::keys::{
    NetworkSkeleton, PublicTensor, VerifyingKey, WeightsKey, public_tensors, tensor_tail, trace_extents,
    trace_tail,
};
use crate::masking::{Masking, TapeSize};
use crate::ops::ResizeError;
use crate::pcs::{Commitment, CommitmentScheme, Packing, Scheme};
use crate::privacy::Privacy;
use crate::proof::{Artifact, Proof};
#[cfg(feature = "prover")]
use crate::reduce::Backend;
use crate::transcript::{PROTOCOL, PROTOCOL_SETUP, VerifyError, domain};

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
    /// The weights key: the commitments, and the code that everything is committed with.
    pub key: Cow<'k, WeightsKey>,
    /// Name of the model; that of a setup proof is empty.
    pub name: Cow<'k, str>,
    /// What the proof shows.
    pub privacy: Privacy,
    /// What is proved.
    pub subject: Subject,
    /// The lengths of the text, where the network reads texts of any length.
    pub lengths: Option<Lengths>,
    /// The circuit of that.
    circuit: Cow<'k, Circuit>,
    /// Digest of the key: of the verifying key for an answer, of the weights key for its setup proof.
    pub digest: [u8; 32],
    /// What the transcript absorbs of key and circuit, in order.
    pub(crate) bound: Vec<(&'static str, [u8; 32])>,
    /// Number of sequential hashes after the first message.
    pub hardening: u64,
    /// The public inputs, in order; none if all are private.
    pub inputs: Vec<PublicTensor>,
    /// The public outputs, in order; none if all are private.
    pub outputs: Vec<PublicTensor>,
    /// When each virtual column is reduced.
    pub schedule: Schedule,
    /// The tables of the circuit, computed.
    pub tables: Vec<EvaluatedTable>,
    /// Lookups and tables.
    pub chunks: Chunks,
    /// The columns of the trace, in the order of its packing; after them come the tables' multiplicities, chunk by chunk.
    pub committed: Vec<ColumnId>,
    /// The places of trace columns and multiplicities.
    pub trace: Packing,
    /// The columns of the weights, in the order of their packing.
    pub parameters: Vec<ColumnId>,
    /// The places of parameter columns.
    pub weights: Packing,
    /// Tensors with a commitment of their own.
    pub separate: Vec<SeparateTensors>,
    /// Rows for pads and masks, in zero knowledge.
    pub masking: Option<Masking>,
    /// Hidden scalars, what the verifier computes with them, and the checks that it makes.
    pub tape: TapeSize,
    /// The batched sumchecks of the reduction.
    pub(crate) stages: Vec<Stage>,
    /// Bytes of the messages from the first lookup to the row combination.
    pub(super) claim_bytes: usize,
}

/// Who is asked for, and what the transcript is bound to.
struct Header<'k> {
    key: Cow<'k, WeightsKey>,
    name: Cow<'k, str>,
    privacy: Privacy,
    subject: Subject,
    lengths: Option<Lengths>,
    digest: [u8; 32],
    bound: Vec<(&'static str, [u8; 32])>,
    /// Log2 of the most looked-up rows in a chunk.
    chunk: usize,
}

impl<'k> Statement<'k> {
    /// Validates the key, lowers its network and derives everything from that.
    ///
    /// # Errors
    /// [`VerifyError::Key`], saying what is wrong with the key.
    pub fn new(key: &'k VerifyingKey) -> Result<Self, VerifyError> {
        Self::at(key, key.network.sizing.lengths())
    }

    /// As [`Self::new`], of proofs of texts of these lengths; `None` for a network that reads inputs of one size.
    ///
    /// # Errors
    /// As [`Self::new`]; [`VerifyError::Lengths`] for lengths that the network does not have.
    pub fn at(key: &'k VerifyingKey, lengths: Option<Lengths>) -> Result<Self, VerifyError> {
        let network = match (key.network.sizing, lengths) {
            (Sizing::AnyLength(_), None) => return Err(refused(ResizeError::NoLengths)),
            (Sizing::AnyLength(_), Some(lengths)) => Cow::Owned(key.network.at(lengths).map_err(refused)?),
            (sizing, lengths) if lengths == sizing.lengths() => Cow::Borrowed(&key.network),
            (_, _) => return Err(refused(ResizeError::OneSize)),
        };
        let lowered = network.lower(&key.privacy())?;
        Self::lowered(key, &network, Cow::Owned(lowered.circuit))
    }

    /// As [`Self::at`], with the network at its lengths, and the circuit that it was lowered to. The prover lowers a
    /// network once.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn lowered(
        key: &'k VerifyingKey,
        network: &NetworkSkeleton,
        circuit: Cow<'k, Circuit>,
    ) -> Result<Self, VerifyError> {
        check_columns(&key.weights, &circuit)?;
        let (at_lengths, weights) = (network.digest()?, key.weights.digest()?);
        let general = match network.sizing == key.network.sizing {
            true => at_lengths,
            false => key.network.digest()?,
        };
        let header = Header {
            key: Cow::Borrowed(&key.weights),
            name: Cow::Borrowed(key.name()),
            privacy: key.privacy(),
            subject: Subject::Answer,
            lengths: network.sizing.lengths(),
            digest: key.digest_of(&general, &weights)?,
            bound: vec![
                ("bind.network", at_lengths),
                ("bind.weights", weights),
                ("bind.circuit", domain::digest(domain::CIRCUIT, &*circuit)?),
                ("bind.instance", domain::digest(domain::INSTANCE, &key.instance)?),
            ],
            chunk: ONE_CHUNK,
        };
        let (inputs, outputs) = public_tensors(network, &circuit);
        Self::of(header, circuit, inputs, outputs)
    }

    /// What the proofs of a proving key prove. Its network was lowered when the key was made.
    ///
    /// # Errors
    /// As [`Self::new`].
    #[cfg(feature = "prover")]
    pub fn of_proving<B: Backend>(key: &'k ProvingKey<B>) -> Result<Self, VerifyError> {
        Self::lowered(&key.verifying, &key.network, Cow::Borrowed(&key.lowered.circuit))
    }

    /// The statement of the setup proof of a weights key.
    ///
    /// # Errors
    /// [`VerifyError::Key`], saying what is wrong with the key.
    pub fn of_setup(key: &'k WeightsKey) -> Result<Self, VerifyError> {
        Self::of_setup_in(key, SETUP_CHUNK)
    }

    /// As [`Self::of_setup`], with at most `2^chunk` rows of lookups in a chunk. Keys have [`SETUP_CHUNK`]; tests have
    /// less.
    pub(crate) fn of_setup_in(key: &'k WeightsKey, chunk: usize) -> Result<Self, VerifyError> {
        // Shapes are bounded before a circuit is made of them.
        key.validate()?;
        let columns = key
            .columns
            .iter()
            .map(|column| (column.name.as_str(), &column.shape));
        let circuit = setup_circuit(columns, key.unpacked);
        circuit.validate()?;
        let digest = key.digest()?;
        let header = Header {
            key: Cow::Borrowed(key),
            name: Cow::Borrowed(""),
            privacy: key.setup_privacy(),
            subject: Subject::Setup,
            lengths: None,
            digest,
            bound: vec![("bind.weights", digest)],
            chunk,
        };
        Self::of(header, Cow::Owned(circuit), Vec::new(), Vec::new())
    }

    fn of(
        header: Header<'k>,
        circuit: Cow<'k, Circuit>,
        inputs: Vec<PublicTensor>,
        outputs: Vec<PublicTensor>,
    ) -> Result<Self, VerifyError> {
        let Header {
            key,
            name,
            privacy,
            subject,
            lengths,
            digest,
            bound,
            chunk,
        } = header;
        key.validate()?;
        key.check_tail(&privacy)?;
        let committed: Vec<ColumnId> = circuit.committed().collect();
        let parameters: Vec<ColumnId> = circuit.parameters().collect();
        let chunks = Chunks::of(&circuit, chunk)?;
        let extents = trace_extents(&circuit, chunks.statements.len());
        let trace = Packing::new(&extents, key.code.narrow())?;
        let weights = key.packing()?;
        let separate = SeparateTensors::of(&circuit, key.code.narrow())?;
        let rows = separate.iter().fold(trace.rows, |rows, tensors| {
            rows.saturating_add(tensors.packing.rows)
        });
        let (copies, maximum) = match subject {
            Subject::Answer => (1, Proof::MAXIMUM_BYTES),
            // The setup proof is a part of the key.
            Subject::Setup => (
                key.commitments.opened_by_setup(key.previous),
                VerifyingKey::MAXIMUM_BYTES,
            ),
        };
        check_copies(&circuit, chunks.part_count(), copies)?;
        let mut sizes = Sizes {
            trace_rows: rows,
            weight_rows: weights.rows.saturating_mul(copies),
            matrices: separate.len().saturating_add(copies).saturating_add(1),
            hides: privacy.zero_knowledge(),
            copies,
        };
        check_sizes(&key, &circuit, &sizes, maximum)?;
        let mut statement = Self {
            hardening: required_hardening(&circuit),
            key,
            name,
            privacy,
            subject,
            lengths,
            digest,
            bound,
            inputs,
            outputs,
            schedule: Schedule::new(&circuit),
            tables: evaluated_tables(&circuit)?,
            chunks,
            committed,
            trace,
            parameters,
            weights,
            separate,
            masking: None,
            tape: TapeSize::default(),
            stages: Vec::new(),
            claim_bytes: 0,
            circuit,
        };
        statement.walk()?;
        if let Some(masking) = statement.masking {
            // Now with the rows of pads and masks.
            sizes.trace_rows = rows.saturating_add(masking.rows());
            check_sizes(&statement.key, &statement.circuit, &sizes, maximum)?;
        }
        Ok(statement)
    }

    /// Derives what a walk tells: the size of the tape, and so how many scalars are hidden.
    fn walk(&mut self) -> Result<(), VerifyError> {
        let hides = self.privacy.zero_knowledge();
        if hides {
            // The walk counts the scalars, but needs a place for the mask: begin with no scalars.
            self.masking = Some(self.masking_of(0));
        }
        let walk = walk(self)?;
        self.tape = walk.tape;
        self.stages = walk.stages;
        self.claim_bytes = walk.bytes;
        if hides {
            self.masking = Some(self.masking_of(walk.tape.scalars));
        }
        Ok(())
    }

    fn masking_of(&self, scalars: usize) -> Masking {
        Masking {
            scalars,
            first_row: self.trace.rows,
            row_length: self.key.code.narrow().row_length(),
            tail: trace_tail(self.key.code.queries),
            classes: Scheme::mask_rows(self.key.opening()),
        }
    }

    /// The same statement with the sizes of a key that is too small to be sound, and refused everywhere else. Hiding
    /// does not rest on soundness, and is tested exactly where sizes are small.
    #[cfg(all(test, feature = "prover"))]
    pub(crate) fn with_small_key(self, key: &'k WeightsKey) -> Result<Self, VerifyError> {
        let narrow = key.code.narrow();
        let mut statement = Self {
            trace: Packing::new(
                &trace_extents(&self.circuit, self.chunks.statements.len()),
                narrow,
            )?,
            weights: key.packing()?,
            separate: SeparateTensors::of(&self.circuit, narrow)?,
            key: Cow::Borrowed(key),
            ..self
        };
        statement.walk()?;
        Ok(statement)
    }

    /// The same statement with a key of its own.
    pub fn into_owned(self) -> Statement<'static> {
        Statement {
            key: Cow::Owned(self.key.into_owned()),
            name: Cow::Owned(self.name.into_owned()),
            privacy: self.privacy,
            subject: self.subject,
            lengths: self.lengths,
            circuit: Cow::Owned(self.circuit.into_owned()),
            digest: self.digest,
            bound: self.bound,
            hardening: self.hardening,
            inputs: self.inputs,
            outputs: self.outputs,
            schedule: self.schedule,
            tables: self.tables,
            chunks: self.chunks,
            committed: self.committed,
            trace: self.trace,
            parameters: self.parameters,
            weights: self.weights,
            separate: self.separate,
            masking: self.masking,
            tape: self.tape,
            stages: self.stages,
            claim_bytes: self.claim_bytes,
        }
    }

    /// Random coefficients of a row of a tensor with a commitment of its own: enough for two openings.
    pub fn tensor_tail(&self) -> usize {
        tensor_tail(self.key.code.queries)
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

/// Lengths that the network cannot have.
fn refused(error: ResizeError) -> VerifyError {
    VerifyError::Lengths {
        expected: "one that the network can read".into(),
        found: error.to_string(),
    }
}

/// The cells of all tables.
fn evaluated_tables(circuit: &Circuit) -> Result<Vec<EvaluatedTable>, VerifyError> {
    let evaluated = circuit.tables.iter().enumerate().map(|(index, table)| {
        let place = || format!("table {index}");
        let evaluated = table.evaluated();
        evaluated.map_err(|error| {
            VerifyError::from(CircuitError::Table {
                place: place(),
                error,
            })
        })
    });
    evaluated.collect()
}

/// The parameter columns of a circuit are those of the weights key, in its order.
fn check_columns(key: &WeightsKey, circuit: &Circuit) -> Result<(), VerifyError> {
    if circuit.unpacked != key.unpacked {
        return Err(VerifyError::from(WeightsKeyError::Unpacked {
            expected: circuit.unpacked,
        }));
    }
    let expected = WeightsKey::columns_of(circuit);
    if expected.len() != key.columns.len() {
        return Err(VerifyError::from(WeightsKeyError::OtherColumnCount {
            expected: expected.len(),
            found: key.columns.len(),
        }));
    }
    for (number, (expected, found)) in expected.iter().zip(&key.columns).enumerate() {
        if expected != found {
            return Err(VerifyError::from(WeightsKeyError::OtherColumn {
                column: number,
                expected: format!("`{}` of shape {}", expected.name, expected.shape),
                found: format!("`{}` of shape {}", found.name, found.shape),
            }));
        }
    }
    Ok(())
}
