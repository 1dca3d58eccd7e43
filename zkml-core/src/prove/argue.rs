//! From a trace to a proof: binding and commitments, then steps 3 to 6 of [`crate::verify`].

use tracing::info_span;

use crate::argument::{
    PublicCells, SeparateTensors, Statement, Trace, bindings, claims_to_open, claims_to_prove,
};
use crate::circuit::{ColumnId, Home};
use crate::field::K;
use crate::keys::ProveError;
use crate::masking::{self, Constraint, MaskedProver, MaskedVerifier, Masking, Pads, Record, Replay, Tape};
use crate::pcs::{Commitment, CommitmentScheme, MatrixOracle, Scheme};
use crate::poly::Coordinate;
use crate::proof::Proof;
use crate::reduce::Backend;
use crate::secret::Seed;
use crate::transcript::{ProverChannel, ProverTranscript};

/// Commits to the tensors that have roots apart from the trace's, in the order of these roots. `linked` is the
/// commitment to the input if another proof has made it.
pub(crate) fn commit_tensors<B: Backend>(
    backend: &B,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    seed: &Seed,
    mut linked: Option<B::Matrix>,
) -> Result<Vec<B::Matrix>, ProveError> {
    let commit = |tensors: &SeparateTensors| match linked.take_if(|_| tensors.home == Home::Input) {
        Some(matrix) => Ok(matrix),
        None => trace.commit_separate(backend, statement, tensors, seed),
    };
    statement.separate.iter().map(commit).collect()
}

/// The proof for `trace`, and the matrices of the tensors that it commits to apart. A trace that violates the circuit
/// gives a proof that the verifier rejects. `number` is that of the opening of the weights, and `weights` are the opened
/// matrices; `linked` is as in [`commit_tensors`].
///
/// `seed` gives all of the proof's randomness and is consumed: two proofs from one seed would reveal the trace.
pub(crate) fn prove_trace<B: Backend>(
    backend: &B,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    (number, weights): (u64, &[&B::Matrix]),
    context: &[u8],
    seed: Seed,
    linked: Option<B::Matrix>,
) -> Result<(Proof, Vec<B::Matrix>), ProveError> {
    let separate = commit_tensors(backend, statement, trace, &seed, linked)?;
    let mut transcript = ProverTranscript::new(statement.protocol());
    for (label, bytes) in bindings(statement, &trace.public, number, context) {
        transcript.absorb(label, &bytes);
    }
    let (committed, pads) =
        info_span!("commit the trace").in_scope(|| trace.commit(backend, statement, seed))?;
    transcript.send_digest("trace.root", &committed.commitment().root);
    for (tensors, matrix) in statement.separate.iter().zip(&separate) {
        transcript.send_digest(tensors.label(), &matrix.commitment().root);
    }
    info_span!("harden").in_scope(|| transcript.harden("trace.harden", statement.hardening));
    let matrices: Vec<&B::Matrix> = core::iter::once(&committed)
        .chain(weights.iter().copied())
        .chain(&separate)
        .collect();
    argue(backend, &mut transcript, statement, trace, &matrices, pads)?;
    let proof = Proof {
        key: statement.digest,
        opening: number,
        lengths: statement.lengths,
        public: trace.public.clone(),
        messages: transcript.into_proof(),
    };
    Ok((proof, separate))
}

/// Steps 3 to 6 of [`crate::verify`].
pub(crate) fn argue<B: Backend, C: ProverChannel>(
    backend: &B,
    transcript: &mut C,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    matrices: &[&B::Matrix],
    pads: Option<Pads>,
) -> Result<(), ProveError> {
    let parameters = statement.key.opening();
    let (Some(masking), Some(pads)) = (statement.masking, pads) else {
        let claims = claims_to_prove(backend, transcript, statement, trace)?;
        let opened = Scheme::prove_claims(transcript, parameters, matrices, &claims, None)?;
        return Ok(Scheme::prove_messages(
            transcript, parameters, matrices, opened, 1,
        )?);
    };
    let mask = Some(masking.opening_mask());
    let mut channel = MaskedProver::new(transcript, &pads);
    let claims = claims_to_prove(backend, &mut channel, statement, trace)?;
    let opened = Scheme::prove_claims(&mut channel, parameters, matrices, &claims, mask)?;
    let record = channel.into_record();
    let constraints =
        info_span!("replay").in_scope(|| replay(statement, trace, matrices, &record, pads.mask()))?;
    info_span!("close the masks")
        .in_scope(|| masking::close(transcript, &masking, pads, matrices[0], &constraints))?;
    let messages = 1 + masking.pairs();
    Ok(Scheme::prove_messages(
        transcript, parameters, matrices, opened, messages,
    )?)
}

/// Runs the verifier's code over the prover's record, which writes its tape. At the mask each check becomes a function of
/// the closing challenge.
pub(crate) fn replay<M: MatrixOracle>(
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    matrices: &[&M],
    record: &Record,
    mask: &[K],
) -> Result<Vec<Constraint>, ProveError> {
    let public = PublicCells::new(statement, &trace.public);
    let public = |column: ColumnId, point: &[Coordinate]| public.evaluate(column, point);
    let tape = Tape::default();
    let mut replay = Replay::new(record);
    let mut channel = MaskedVerifier::new(&mut replay, &tape);
    let opened = claims_to_open(&mut channel, statement, &public)?;
    let commitments: Vec<Commitment> = matrices.iter().map(|matrix| matrix.commitment()).collect();
    let rows = statement.masking.as_ref().map(Masking::opening_mask);
    Scheme::verify_claims(&mut channel, statement.key.opening(), &commitments, &opened, rows)?;
    replay.finish()?;
    Ok(tape.into_constraints(&statement.tape, mask)?)
}
