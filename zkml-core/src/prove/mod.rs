//! The prover: orchestration only; the steps are those of [`crate::verify`].

pub mod link;

pub use link::{Input, TensorSecret};

use ndarray::ArrayD;
use tracing::info_span;

use crate::argument::{
    Answer, PublicCells, SeparateTensors, Statement, Trace, bindings, claims_to_open as claims_to_verify,
};
use crate::circuit::{ColumnId, ColumnKind, Home};
use crate::field::K;
use crate::keys::{ProveError, ProvingKey, Purpose};
use crate::lookup;
use crate::masking::{self, Constraint, MaskedProver, Masking, Pads, Record, Replay};
use crate::pcs::{
    Claim, Commitment, CommittedMatrix, prove_columns, prove_combination, prove_opening, verify_combination,
};
use crate::poly::Coordinate;
use crate::proof::{Proof, PublicValues};
use crate::reduce::{Claims, Point, ProverSide, challenge_point, coordinates, reduce};
use crate::secret::Seed;
use crate::transcript::{ProverChannel, ProverTranscript};

/// Proves what the model answers on `input` (quantized integers, in the shape of the model's input).
///
/// Returns the public values and the proof. With private weights one of the key's openings is used up, and counted
/// before anything is computed. The answer is among the public values unless outputs are private: see
/// [`prove_with_secrets`].
///
/// # Errors
/// [`ProveError`]: an input that does not fit, a value outside a table's domain (named by layer), a key whose budget
/// is used up.
pub fn prove(
    key: &ProvingKey,
    input: &ArrayD<i64>,
    context: &[u8],
) -> Result<(PublicValues, Proof), ProveError> {
    let proven = prove_with_secrets(key, Input::Values(input), context)?;
    Ok((proven.public, proven.proof))
}

/// As [`prove`], of a model with several inputs, in their order.
///
/// # Errors
/// As [`prove`]; another number of inputs.
pub fn prove_on(
    key: &ProvingKey,
    inputs: &[ArrayD<i64>],
    context: &[u8],
) -> Result<(PublicValues, Proof), ProveError> {
    let proven = prove_with_secrets(key, Input::Several(inputs), context)?;
    Ok((proven.public, proven.proof))
}

/// A proof, and what its prover alone knows of it.
#[derive(Debug)]
pub struct Proven {
    /// The public values.
    pub public: PublicValues,
    /// The proof.
    pub proof: Proof,
    /// What was asked and answered, private or not.
    pub answer: Answer,
    /// The secret of the committed input, for a proof that [links](link) to it; none for a model that does not commit
    /// to its input, and for an input that came from another proof.
    pub input: Option<TensorSecret>,
    /// The secret of the private outputs, for a proof that [links](link) to them.
    pub output: Option<TensorSecret>,
}

/// As [`prove`], of an input that may be a tensor which another proof has committed to; and returns all that the prover
/// may need later.
///
/// # Errors
/// As [`prove`]; [`ProveError::Link`] for a committed tensor that cannot be the input of this model.
pub fn prove_with_secrets(key: &ProvingKey, input: Input<'_>, context: &[u8]) -> Result<Proven, ProveError> {
    // On a thread of the pool each parallel loop starts at once; from outside it would cost two thread switches.
    rayon::scope(|_| {
        let _span = info_span!("prove").entered();
        let statement = info_span!("statement").in_scope(|| Statement::new(&key.verifying))?;
        let (trace, linked) = match input {
            Input::Values(values) => (Trace::generate(key, &statement, values)?, None),
            Input::Several(inputs) => (Trace::generate_on(key, &statement, inputs)?, None),
            Input::Committed(secret) => (
                linked_trace(key, &statement, &secret)?,
                Some(secret.into_matrix()),
            ),
        };
        let is_linked = linked.is_some();
        let (number, weights) =
            info_span!("count the opening").in_scope(|| key.next_commitment(Purpose::Proof))?;
        let seed = trace_seed(&statement)?;
        let tensors = commit_tensors(&statement, &trace, &seed, linked)?;
        let weights = (number, &[&*weights][..]);
        let proof = prove_committed(&statement, &trace, weights, context, seed, &tensors)?;
        let (mut input, mut output) = (None, None);
        for (of, matrix) in statement.separate.iter().zip(tensors) {
            match of.home {
                // Twice is all that its randomness allows.
                Home::Input if is_linked => {}
                Home::Input => input = Some(TensorSecret::new(&statement, of, matrix)),
                Home::Output => output = Some(TensorSecret::new(&statement, of, matrix)),
                Home::Trace => {}
            }
        }
        let Trace { public, answer, .. } = trace;
        Ok(Proven {
            public,
            proof,
            answer,
            input,
            output,
        })
    })
}

/// The trace on the tensor of another proof.
fn linked_trace<'a>(
    key: &'a ProvingKey,
    statement: &'a Statement<'_>,
    secret: &TensorSecret,
) -> Result<Trace<'a>, ProveError> {
    let column = secret.fits_statement(statement)?;
    let circuit = statement.circuit();
    let shape = &circuit[column].shape;
    let cells = secret.cells(shape);
    let graph = &key.model.network.graph;
    let input = link::integers(&cells, shape, &graph[graph.input].fact.shape)?;
    Trace::generate_with(key, statement, &[input], Some((column, &cells)))
}

/// The secret behind a trace: fresh, or none where everything is public.
pub(crate) fn trace_seed(statement: &Statement<'_>) -> Result<Seed, ProveError> {
    Ok(match statement.masking {
        Some(_) => Seed::from_os()?,
        None => Seed::PUBLIC,
    })
}

/// The proof for a trace, whatever stands in it: with one that violates the circuit it will be rejected. `weights` are
/// the number of the commitment that is opened and the matrices.
///
/// `seed` gives all of the proof's randomness and is consumed: two proofs from one seed would tell the trace.
pub(crate) fn prove_trace(
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    (number, weights): (u32, &[&CommittedMatrix]),
    context: &[u8],
    seed: Seed,
) -> Result<Proof, ProveError> {
    let tensors = commit_tensors(statement, trace, &seed, None)?;
    prove_committed(statement, trace, (number, weights), context, seed, &tensors)
}

/// The commitments to tensors that live apart from the trace, in the order of their roots; `linked` is the one to the
/// input, where another proof has made it.
fn commit_tensors(
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    seed: &Seed,
    mut linked: Option<CommittedMatrix>,
) -> Result<Vec<CommittedMatrix>, ProveError> {
    let commit = |tensors: &SeparateTensors| match linked.take_if(|_| tensors.home == Home::Input) {
        Some(matrix) => Ok(matrix),
        None => trace.commit_separate(statement, tensors, seed),
    };
    statement.separate.iter().map(commit).collect()
}

/// As [`prove_trace`], with the tensors that live apart committed.
fn prove_committed(
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    (number, weights): (u32, &[&CommittedMatrix]),
    context: &[u8],
    seed: Seed,
    separate: &[CommittedMatrix],
) -> Result<Proof, ProveError> {
    let mut transcript = ProverTranscript::new(statement.protocol());
    for (label, bytes) in bindings(statement, &trace.public, number, context) {
        transcript.absorb(label, &bytes);
    }
    let (committed, pads) = info_span!("commit the trace").in_scope(|| trace.commit(statement, seed))?;
    transcript.send_digest("trace.root", &committed.commitment().root);
    for (tensors, matrix) in statement.separate.iter().zip(separate) {
        transcript.send_digest(tensors.label(), &matrix.commitment().root);
    }
    info_span!("harden").in_scope(|| transcript.harden("trace.harden", statement.key.hardening));
    let matrices: Vec<&CommittedMatrix> = core::iter::once(&committed)
        .chain(weights.iter().copied())
        .chain(separate)
        .collect();
    argue(&mut transcript, statement, trace, &matrices, pads)?;
    Ok(Proof {
        key: statement.digest,
        commitment: number,
        messages: transcript.into_proof(),
    })
}

/// Steps 3 to 6.
fn argue(
    transcript: &mut ProverTranscript,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    matrices: &[&CommittedMatrix],
    pads: Option<Pads>,
) -> Result<(), ProveError> {
    let code = statement.key.opening();
    let (Some(masking), Some(pads)) = (statement.masking, pads) else {
        let claims = claims_to_open(transcript, statement, trace)?;
        return Ok(prove_opening(transcript, code, matrices, &claims)?);
    };
    let mask = Some(masking.opening_mask());
    let mut channel = MaskedProver::new(transcript, &pads);
    let claims = claims_to_open(&mut channel, statement, trace)?;
    let opened = prove_combination(&mut channel, code, matrices, &claims, mask)?;
    let opened = opened.ok_or_else(|| unmasked(statement))?;
    let record = channel.into_record();
    let constraints =
        info_span!("replay").in_scope(|| replay(statement, trace, matrices, &record, pads.mask()))?;
    info_span!("close the masks")
        .in_scope(|| masking::close(transcript, &masking, pads, matrices[0], &constraints));
    Ok(prove_columns(
        transcript,
        code,
        matrices,
        opened,
        1 + masking.pairs(),
    )?)
}

/// With a mask there is always something to open.
fn unmasked(statement: &Statement<'_>) -> ProveError {
    ProveError::Malformed {
        place: statement.key.name.clone(),
        expected: "a row combination".into(),
        found: "none".into(),
    }
}

/// The verifier's own code over what was said: its checks as functions of the closing challenge.
fn replay(
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    matrices: &[&CommittedMatrix],
    record: &Record,
    mask: &[K],
) -> Result<Vec<Constraint>, ProveError> {
    let public = PublicCells::new(statement, &trace.public);
    let public = |column: ColumnId, point: &[Coordinate]| public.evaluate(column, point);
    let mut channel = Replay::new(record, mask);
    let opened = claims_to_verify(&mut channel, statement, &public)?;
    let commitments: Vec<Commitment> = matrices.iter().map(|matrix| matrix.commitment()).collect();
    let rows = statement.masking.as_ref().map(Masking::opening_mask);
    verify_combination(&mut channel, statement.key.opening(), &commitments, &opened, rows)?;
    Ok(channel.into_constraints())
}

/// Steps 3 to 5.
fn claims_to_open<C: ProverChannel>(
    channel: &mut C,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
) -> Result<Vec<Claim>, ProveError> {
    let circuit = statement.circuit();
    let suffix = |point: &[K], variables: usize| challenge_point(&point[point.len() - variables..]);

    let looked_up = lookup::prove(channel, &statement.lookups, trace.lookup_witness(statement));
    let claiming = info_span!("claims of lookups and equalities").entered();
    let mut claims = Claims::<K>::new(circuit);
    for (lookup, values) in circuit.lookups.iter().zip(&looked_up.lookups) {
        for (&column, &value) in lookup.columns.iter().zip(values) {
            let point = suffix(&looked_up.point, circuit[column].shape.variables());
            let mut side = ProverSide::new(channel, circuit, &statement.schedule, &trace.values);
            claims.add(&mut side, circuit, column, point, value)?;
        }
    }
    let multiplicities: Vec<(Point, K)> = circuit
        .tables
        .iter()
        .zip(&looked_up.multiplicities)
        .map(|(table, &value)| (suffix(&looked_up.point, table.variables()), value))
        .collect();

    let variables = circuit
        .equalities
        .iter()
        .map(|equality| circuit[equality.left].shape.variables())
        .max();
    let point = channel.challenges("equality.point", variables.unwrap_or(0));
    for equality in &circuit.equalities {
        let point = suffix(&point, circuit[equality.left].shape.variables());
        let value = ProverSide::new(channel, circuit, &statement.schedule, &trace.values)
            .evaluate(equality.right, &coordinates(&point));
        if !matches!(circuit[equality.right].kind, ColumnKind::Public(_)) {
            channel.send_scalar("equality.value", value);
        }
        let mut side = ProverSide::new(channel, circuit, &statement.schedule, &trace.values);
        for column in [equality.left, equality.right] {
            claims.add(&mut side, circuit, column, point.clone(), value)?;
        }
    }

    drop(claiming);
    let mut side = ProverSide::new(channel, circuit, &statement.schedule, &trace.values);
    info_span!("reduce").in_scope(|| reduce(&mut side, circuit, &statement.schedule, &mut claims))?;
    Ok(statement
        .opening_claims(&claims, &multiplicities)?
        .into_iter()
        .map(|(point, value)| Claim { point, value })
        .collect())
}

#[cfg(test)]
mod tests;
