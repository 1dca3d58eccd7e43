//! The verifier checks a proof against a verifying key and public values, in six steps:
//!
//! ```text
//! 1 bind        protocol, digests of network, weights and circuit, opening, public values, context
//! 2 commit      root of the trace, roots of private tensors that are committed apart; the transcript is hardened
//! 3 lookups     every looked-up row stands in its table; ends in claims at suffixes of one point
//! 4 equalities  columns that must agree, outputs among them, at one random point
//! 5 reduce      claims on virtual columns become claims on committed and parameter columns
//! 6 open        these claims, against the commitments
//! ```
//!
//! Every count, allocation and index of the verifier comes from the verifying key. It never panics.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod readable;
mod setup;

pub use readable::{OutputMismatch, ReadableOutput, ReadableOutputs};
pub use setup::{TrustedKey, verify_setup, verify_setup_recording};

use tracing::info_span;

use crate::argument::{
    CommittedTensors, PublicCells, SECURITY_BITS, Statement, Subject, bindings, claims_to_open, hex,
    soundness,
};
use crate::circuit::{ColumnId, Home};
use crate::field::K;
use crate::keys::VerifyingKey;
use crate::masking::{Answers, MaskedVerifier, Tape};
use crate::pcs::{Commitment, CommitmentScheme, Scheme};
use crate::poly::Coordinate;
use crate::proof::{Proof, PublicValues};
use crate::transcript::{Event, VerifierChannel, VerifierTranscript, VerifyError};

/// Checks that the committed model gives `public.outputs` on `public.input`, in the context of `context` (any bytes the
/// prover was given, such as a nonce of the verifier). Of a private input, private outputs or private weights it shows
/// that they exist.
///
/// The key's own setup proof is checked first. To check it once for many proofs, and to learn which commitments a proof
/// carries, keep a [`TrustedKey`].
///
/// # Errors
/// [`VerifyError`], naming the check that failed. A key below [`SECURITY_BITS`] bits is refused.
pub fn verify(
    key: &VerifyingKey,
    public: &PublicValues,
    proof: &Proof,
    context: &[u8],
) -> Result<(), VerifyError> {
    TrustedKey::new(key)?.verify(public, proof, context).map(|_| ())
}

/// Checks an answer whose statement was derived already.
pub(crate) fn check_answer(
    statement: &Statement<'_>,
    public: &PublicValues,
    proof: &Proof,
    context: &[u8],
) -> Result<(), VerifyError> {
    let transcript = VerifierTranscript::new(statement.protocol(), &proof.messages);
    run(statement, public, proof, context, transcript).map(|_| ())
}

fn run(
    statement: &Statement<'_>,
    public: &PublicValues,
    proof: &Proof,
    context: &[u8],
    mut transcript: VerifierTranscript<'_>,
) -> Result<Vec<Event>, VerifyError> {
    let _span = info_span!("verify").entered();
    refuse_insecure(soundness(statement).bits)?;
    if proof.key != statement.digest {
        return Err(VerifyError::OtherKey {
            expected: hex(&statement.digest),
            found: hex(&proof.key),
        });
    }
    if statement.subject == Subject::Answer {
        public.check(statement)?;
    }
    let weights = statement.weight_commitments(proof.opening)?;
    for (label, bytes) in bindings(statement, public, proof.opening, context) {
        transcript.absorb(label, &bytes);
    }
    let mut commitments = vec![statement.trace_commitment(transcript.read_digest("trace.root")?)];
    commitments.extend(weights);
    for tensors in &statement.separate {
        commitments.push(tensors.commitment(transcript.read_digest(tensors.label())?));
    }
    info_span!("harden").in_scope(|| transcript.harden("trace.harden", statement.hardening));
    argue(
        &mut transcript,
        statement,
        &PublicCells::new(statement, public),
        &commitments,
    )?;
    transcript.finish()?;
    Ok(transcript.events().to_vec())
}

/// Refuses soundness below [`SECURITY_BITS`].
fn refuse_insecure(bits: f64) -> Result<(), VerifyError> {
    if bits.is_nan() || bits < SECURITY_BITS {
        return Err(VerifyError::Key(format!(
            "the argument has {bits:.1} bits of soundness, at least {SECURITY_BITS} are asked for"
        )));
    }
    Ok(())
}

/// Steps 3 to 6.
pub(crate) fn argue<C: VerifierChannel<Scalar = K>>(
    transcript: &mut C,
    statement: &Statement<'_>,
    public: &PublicCells,
    commitments: &[Commitment],
) -> Result<(), VerifyError> {
    open_with::<Scheme, C>(
        transcript,
        statement,
        public,
        statement.key.opening(),
        commitments,
    )
}

/// As [`argue`], generic over the commitment.
fn open_with<S: CommitmentScheme, C: VerifierChannel<Scalar = K>>(
    transcript: &mut C,
    statement: &Statement<'_>,
    public: &PublicCells,
    parameters: S::Parameters<'_>,
    commitments: &[S::Commitment],
) -> Result<(), VerifyError> {
    let public = |column: ColumnId, point: &[Coordinate]| public.evaluate(column, point);
    let Some(masking) = statement.masking else {
        let opened = claims_to_open(transcript, statement, &public)?;
        let message = S::verify_claims(transcript, parameters, commitments, &opened, None)?;
        return match message {
            Some(message) => S::verify_messages(transcript, parameters, commitments, vec![message]),
            None => Ok(()),
        };
    };
    let tape = Tape::default();
    let mut channel = MaskedVerifier::new(transcript, &tape);
    let opened = claims_to_open(&mut channel, statement, &public)?;
    let mask = Some(masking.opening_mask());
    let message = S::verify_claims(&mut channel, parameters, commitments, &opened, mask)?;
    let answers = info_span!("close the masks")
        .in_scope(|| Answers::read(transcript, masking, tape, &statement.tape))?;

    // The opening's own message comes first.
    let answers = answers.messages::<S>(parameters, commitments);
    let messages = message.into_iter().chain(answers).collect();
    S::verify_messages(transcript, parameters, commitments, messages)
}

/// What a verified proof says beyond its public values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The commitment to the private input, if the key asks for one.
    pub input: Option<CommittedTensors>,
    /// The commitment to the private outputs.
    pub output: Option<CommittedTensors>,
}

impl Verified {
    /// What `proof` carries; it was verified.
    pub(crate) fn of(statement: &Statement<'_>, proof: &Proof) -> Self {
        let of = |home: Home| {
            let tensors = statement.separate.iter().find(|tensors| tensors.home == home)?;
            Some(CommittedTensors {
                root: tensors.root(statement, proof)?,
                layout: tensors.layout(statement),
            })
        };
        Self {
            input: of(Home::Input),
            output: of(Home::Output),
        }
    }
}
