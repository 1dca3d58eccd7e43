//! The verifier checks a proof, and the public values in it, against a verifying key, in six steps:
//!
//! ```text
//! 1 bind        protocol, digests of network, weights and circuit, opening, public values, context
//! 2 commit      root of the trace, roots of private tensors that are committed apart; the transcript is hardened
//! 3 lookups     every looked-up row stands in its table; ends in claims at suffixes of one point
//! 4 equalities  differences of columns that must agree, outputs among them, are 0 at one random point
//! 5 reduce      claims on virtual columns become claims on committed and parameter columns
//! 6 open        these claims, against the commitments
//! ```
//!
//! Every count, allocation and index of the verifier comes from the verifying key. It never panics.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod readable;
mod setup;

pub use readable::{OutputMismatch, ReadableOutput, ReadableOutputs};
#[cfg(all(test, feature = "prover"))]
pub(crate) use setup::verify_statement;
pub use setup::{TrustedKey, verify_setup, verify_setup_recording};

use tracing::info_span;

use crate::argument::{
    CommittedTensors, PublicCells, SECURITY_BITS, Statement, Subject, bindings, claims_to_open, hex,
    soundness,
};
use crate::circuit::{ColumnId, Home};
use crate::error::KeyError;
use crate::field::K;
use crate::graph::Lengths;
use crate::keys::VerifyingKey;
use crate::masking::{Answers, MaskedVerifier, Tape};
use crate::pcs::{Commitment, CommitmentScheme, Scheme};
use crate::poly::Coordinate;
use crate::proof::Proof;
use crate::transcript::{Event, VerifierChannel, VerifierTranscript, VerifyError};

/// Checks that the committed model gives the proof's public outputs on its public input, in the context of `context`
/// (any bytes the prover was given, such as a nonce of the verifier). Of a private input, private outputs or private
/// weights it shows that they exist.
///
/// The input is the prover's word: whoever asked about an input of their own compares it with `proof.public.input`.
///
/// The key's own setup proof is checked first. To check it once for many proofs, and to learn which commitments a proof
/// carries, keep a [`TrustedKey`].
///
/// # Errors
/// [`VerifyError`], naming the check that failed. A key below [`SECURITY_BITS`] bits is refused.
pub fn verify(key: &VerifyingKey, proof: &Proof, context: &[u8]) -> Result<(), VerifyError> {
    TrustedKey::new(key)?.verify(proof, context).map(|_| ())
}

/// Checks an answer whose statement was derived already.
pub(crate) fn check_answer(
    statement: &Statement<'_>,
    proof: &Proof,
    context: &[u8],
) -> Result<(), VerifyError> {
    let mut transcript = VerifierTranscript::new(statement.protocol(), &proof.messages);
    run(statement, proof, context, &mut transcript)
}

fn run(
    statement: &Statement<'_>,
    proof: &Proof,
    context: &[u8],
    transcript: &mut VerifierTranscript<'_>,
) -> Result<(), VerifyError> {
    let _span = info_span!("verify").entered();
    refuse_insecure(soundness(statement).bits)?;
    check_key(statement, &proof.key)?;
    if proof.lengths != statement.lengths {
        let text = |lengths: Option<Lengths>| lengths.map_or("none".into(), |lengths| lengths.to_string());
        return Err(VerifyError::Lengths {
            expected: text(statement.lengths),
            found: text(proof.lengths),
        });
    }
    if statement.subject == Subject::Answer {
        proof.public.check(statement)?;
    }
    let weights = statement.weight_commitments(proof.opening)?;
    for (label, bytes) in bindings(statement, &proof.public, proof.opening, context) {
        transcript.absorb(label, &bytes);
    }
    let mut commitments = vec![statement.trace_commitment(transcript.read_digest("trace.root")?)];
    commitments.extend(weights);
    for tensors in &statement.separate {
        commitments.push(tensors.commitment(transcript.read_digest(tensors.label())?));
    }
    info_span!("harden").in_scope(|| transcript.harden("trace.harden", statement.hardening));
    argue(
        transcript,
        statement,
        &PublicCells::new(statement, &proof.public),
        &commitments,
    )?;
    transcript.finish()
}

/// Refuses a proof of another key.
fn check_key(statement: &Statement<'_>, found: &[u8; 32]) -> Result<(), VerifyError> {
    match *found == statement.digest {
        true => Ok(()),
        false => Err(VerifyError::OtherKey {
            expected: hex(&statement.digest),
            found: hex(found),
        }),
    }
}

/// Refuses soundness below [`SECURITY_BITS`].
fn refuse_insecure(bits: f64) -> Result<(), VerifyError> {
    if bits.is_nan() || bits < SECURITY_BITS {
        return Err(VerifyError::from(KeyError::Insecure {
            bits,
            least: SECURITY_BITS,
        }));
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
        return S::verify_messages(transcript, parameters, commitments, vec![message]);
    };
    let tape = Tape::default();
    let mut channel = MaskedVerifier::new(transcript, &tape);
    let opened = claims_to_open(&mut channel, statement, &public)?;
    let mask = Some(masking.opening_mask());
    let message = S::verify_claims(&mut channel, parameters, commitments, &opened, mask)?;
    let answers = info_span!("close the masks")
        .in_scope(|| Answers::read(transcript, masking, tape, &statement.tape))?;

    // The opening's own message comes first.
    let answers = answers.messages::<S>(parameters);
    let messages = core::iter::once(message).chain(answers).collect();
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

/// A verification that was written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Everything the transcript absorbed and drew, as far as the verifier came.
    pub events: Vec<Event>,
    /// The state of the transcript after that.
    pub state: [u8; 32],
    /// The verdict.
    pub verdict: Result<Verified, VerifyError>,
}

impl Recording {
    /// The events of a proof that is valid.
    ///
    /// # Errors
    /// The verdict on any other.
    pub fn accepted(self) -> Result<Vec<Event>, VerifyError> {
        self.verdict.map(|_| self.events)
    }
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
