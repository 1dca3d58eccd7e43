//! The verifier.
//!
//! ```text
//! 1 bind        protocol, digest of the key, public values, context
//! 2 commit      root of the trace, of private tensors that are committed apart; the transcript is hardened
//! 3 lookups     every looked-up row stands in its table; ends in claims at suffixes of one point
//! 4 equalities  columns that must agree, outputs among them, at one random point
//! 5 reduce      claims on virtual columns become claims on committed and parameter columns
//! 6 open        these claims, against the commitments
//! ```
//!
//! Everything the verifier counts, allocates or indexes by comes from the verifying key. It never panics.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod dry_run;
mod key;
pub mod link;
mod separate;
mod setup;
mod soundness;
mod statement;
mod work;

#[cfg(feature = "prover")]
pub(crate) use key::needed_tail;
pub use key::{Interface, PublicTensor, ROTATION_RESERVE, VerifyingKey, WeightCommitments};
pub use link::{CommittedTensors, TensorLayout, Verified};
pub use separate::SeparateTensors;
pub use setup::{TrustedKey, verify_setup, verify_setup_recording};
pub use soundness::{SECURITY_BITS, SoundnessReport, SoundnessTerm, soundness};
pub use statement::{Matrix, PROTOCOL, PROTOCOL_SETUP, PublicCells, Statement, Subject};
#[cfg(feature = "prover")]
pub(crate) use statement::{trace_extents, weight_extents};
pub use work::required_hardening;

use tracing::info_span;

use crate::circuit::{ColumnId, ColumnKind};
use crate::field::K;
use crate::lookup;
use crate::masking::{MaskedVerifier, Replay};
use crate::pcs::{ClaimPoint, Commitment, Coordinate, verify_columns, verify_combination, verify_opening};
use crate::proof::{Proof, PublicValues};
use crate::reduce::{Claims, VerifierSide, challenge_point, reduce};
use crate::transcript::{Event, VerifierChannel, VerifierTranscript, VerifyError};

/// Checks that the committed model gives `public.outputs` on `public.input`, in the context of `context` (any bytes
/// the prover was given, such as a nonce of the verifier). Of what is private it shows that there are such values.
///
/// The key's own setup proof is checked first. To check it once for many proofs, and to learn which commitments a
/// proof carries, keep a [`TrustedKey`].
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
    let weights = statement.weight_commitments(proof.commitment as usize)?;
    for (label, bytes) in bindings(statement, public, proof.commitment, context) {
        transcript.absorb(label, &bytes);
    }
    let mut commitments = vec![statement.trace_commitment(transcript.read_digest("trace.root")?)];
    commitments.extend(weights);
    for tensors in &statement.separate {
        commitments.push(tensors.commitment(transcript.read_digest(tensors.label())?));
    }
    info_span!("harden").in_scope(|| transcript.harden("trace.harden", statement.key.hardening));
    argue(
        &mut transcript,
        statement,
        &PublicCells::new(statement, public),
        &commitments,
    )?;
    transcript.finish()?;
    Ok(transcript.events().to_vec())
}

/// Refuses what is below [`SECURITY_BITS`].
fn refuse_insecure(bits: f64) -> Result<(), VerifyError> {
    if bits.is_nan() || bits < SECURITY_BITS {
        return Err(VerifyError::Key(format!(
            "the argument has {bits:.1} bits of soundness, at least {SECURITY_BITS} are asked for"
        )));
    }
    Ok(())
}

/// What the transcript absorbs before the first message, in order.
pub fn bindings(
    statement: &Statement<'_>,
    public: &PublicValues,
    commitment: u32,
    context: &[u8],
) -> Vec<(&'static str, Vec<u8>)> {
    if statement.subject == Subject::Setup {
        return vec![("bind.key", statement.digest.to_vec())];
    }
    let integers = |values: &[i64]| {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let mut list = vec![
        ("bind.key", statement.digest.to_vec()),
        ("bind.commitment", commitment.to_le_bytes().to_vec()),
    ];
    // What is private is bound as absent.
    list.push(match &public.input {
        Some(input) => ("bind.input", integers(input)),
        None => ("bind.input.private", Vec::new()),
    });
    match &public.outputs {
        Some(outputs) => list.extend(outputs.iter().map(|output| ("bind.output", integers(output)))),
        None => list.push(("bind.output.private", Vec::new())),
    }
    list.push(("bind.context", context.to_vec()));
    list
}

/// Steps 3 to 6.
pub(crate) fn argue<C: VerifierChannel<Scalar = K>>(
    transcript: &mut C,
    statement: &Statement<'_>,
    public: &PublicCells,
    commitments: &[Commitment],
) -> Result<(), VerifyError> {
    let code = statement.key.opening();
    let public = |column: ColumnId, point: &[Coordinate]| public.evaluate(column, point);
    match statement.masking {
        None => {
            let opened = claims_to_open(transcript, statement, &public)?;
            verify_opening(transcript, code, commitments, &opened)
        }
        Some(masking) => {
            let mut channel = MaskedVerifier::new(transcript, masking);
            let opened = claims_to_open(&mut channel, statement, &public)?;
            let mask = Some(masking.opening_mask());
            let combination = verify_combination(&mut channel, code, commitments, &opened, mask)?;
            let closing = channel.close()?;

            let z = closing.z();
            let replaying = info_span!("replay").entered();
            let mut replay = Replay::new(closing.record(), &z);
            let opened = claims_to_open(&mut replay, statement, &public)?;
            verify_combination(&mut replay, code, commitments, &opened, mask)?;
            closing.judge(&replay.into_constraints())?;
            drop(replaying);

            // The row combination comes first: it may be committed.
            let answers = closing.combinations(code.0, commitments);
            let combinations = combination.into_iter().chain(answers).collect();
            verify_columns(transcript, code, commitments, combinations)
        }
    }
}

/// Steps 3 to 5: what must be opened. `public` evaluates public columns.
pub(crate) fn claims_to_open<C: VerifierChannel>(
    channel: &mut C,
    statement: &Statement<'_>,
    public: &dyn Fn(ColumnId, &[Coordinate]) -> K,
) -> Result<Vec<(ClaimPoint, C::Scalar)>, VerifyError> {
    let circuit = statement.circuit();
    let table_value = |table: usize, column: usize, point: &[K]| {
        statement
            .tables
            .get(table)
            .map_or(K::from(0u64), |table| table.evaluate(column, point))
    };
    let looked_up =
        info_span!("lookup").in_scope(|| lookup::verify(channel, &statement.lookups, &table_value))?;
    let suffix = |point: &[K], variables: usize| {
        challenge_point(
            point
                .get(point.len().saturating_sub(variables)..)
                .unwrap_or_default(),
        )
    };

    let mut claims = Claims::<C::Scalar>::new(circuit);
    for (lookup, values) in circuit.lookups.iter().zip(looked_up.lookups) {
        for (&column, value) in lookup.columns.iter().zip(values) {
            let point = suffix(&looked_up.point, circuit[column].shape.variables());
            let mut side = VerifierSide {
                channel: &mut *channel,
                public,
            };
            claims.add(&mut side, circuit, column, point, value)?;
        }
    }
    let multiplicities: Vec<_> = circuit
        .tables
        .iter()
        .zip(looked_up.multiplicities)
        .map(|(table, value)| (suffix(&looked_up.point, table.variables()), value))
        .collect();

    let variables = circuit
        .equalities
        .iter()
        .map(|equality| circuit[equality.left].shape.variables())
        .max();
    let point = channel.challenges("equality.point", variables.unwrap_or(0));
    for equality in &circuit.equalities {
        let point = suffix(&point, circuit[equality.left].shape.variables());
        let value = match circuit[equality.right].kind {
            ColumnKind::Public(_) => C::Scalar::from(public(equality.right, &point)),
            _ => channel.read_scalar("equality.value")?,
        };
        let mut side = VerifierSide {
            channel: &mut *channel,
            public,
        };
        for column in [equality.left, equality.right] {
            claims.add(&mut side, circuit, column, point.clone(), value.clone())?;
        }
    }

    let _span = info_span!("reduce").entered();
    reduce(
        &mut VerifierSide { channel, public },
        circuit,
        &statement.schedule,
        &mut claims,
    )?;
    statement.opening_claims(&claims, &multiplicities)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
