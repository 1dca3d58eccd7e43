//! The verifier's channel under pads: the first walk takes down the messages, the second judges them.
//!
//! A hidden value is the affine form `s - d_i` in the pads. All operations on it are linear, up to the products of a
//! check. The closing check needs the homogenized form at `(z, xi)`, and this number is linear in the form. So no form
//! is ever written out: after `z` is read, the verifier's code runs once more, over the pairs of numbers of [`Replay`].
//! Hidden values take the verifier as much memory as plain ones.

use ark_ff::{AdditiveGroup, Field};

use super::{Constraint, Masking, Record};
use crate::field::{K, M61, mul_k};
use crate::pcs::CommitmentScheme;
use crate::transcript::{Check, Quadratic, VerifierChannel, VerifyError};

/// Reads padded scalars from a transcript and takes them down. Checks on them are not judged yet.
#[derive(Debug)]
pub struct MaskedVerifier<'t, C> {
    transcript: &'t mut C,
    masking: Masking,
    record: Record,
}

impl<'t, C: VerifierChannel<Scalar = K>> MaskedVerifier<'t, C> {
    /// Over `transcript`, of whose scalars there are as many as `masking` says.
    pub fn new(transcript: &'t mut C, masking: Masking) -> Self {
        Self {
            transcript,
            masking,
            record: Record::default(),
        }
    }

    /// Reads the closing messages.
    ///
    /// # Errors
    ///
    /// What reading the messages gives; [`VerifyError::Invariant`] for another number of scalars than there are pads.
    pub fn close(self) -> Result<Closing, VerifyError> {
        let Self {
            transcript,
            masking,
            record,
        } = self;
        if record.scalars.len() != masking.scalars {
            return Err(miscounted(record.scalars.len(), masking.scalars));
        }
        let eta = transcript.challenge("closing.batch");
        let masked = transcript.read_extension("closing.masked", 2)?;
        let xi = transcript.challenge("closing.point");
        let response = transcript.read_extension("closing.response", masking.response_length())?;
        Ok(Closing {
            masking,
            record,
            eta,
            masked,
            xi,
            response,
        })
    }
}

/// What was said up to the answer to the closing challenge.
#[derive(Debug)]
pub struct Closing {
    masking: Masking,
    record: Record,
    eta: K,
    masked: Vec<K>,
    xi: K,
    response: Vec<K>,
}

impl Closing {
    /// What was said before, with padded scalars: for the second walk.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// `z = m + xi d`, without tails.
    pub fn z(&self) -> Vec<K> {
        self.answers().flat_map(|(pads, _)| pads.to_vec()).collect()
    }

    /// Pads and tail of each pair of rows in the answer.
    fn answers(&self) -> impl Iterator<Item = (&[K], &[K])> {
        let mut rest = self.response.as_slice();
        (0..self.masking.pairs()).map(move |pair| {
            let (pads, after) = rest
                .split_at_checked(self.masking.pads_in(pair))
                .unwrap_or((rest, &[]));
            let (tail, after) = after.split_at_checked(self.masking.tail).unwrap_or((after, &[]));
            rest = after;
            (pads, tail)
        })
    }

    /// The closing check, over the constraints of the second walk.
    ///
    /// # Errors
    ///
    /// Check `closing.constraints`.
    pub fn judge(&self, constraints: &[Constraint]) -> Result<(), VerifyError> {
        let mut power = K::ONE;
        let z = self.z();
        let mut found = *z.last().ok_or_else(|| VerifyError::Invariant {
            what: "closing: no answer".into(),
        })?;
        for constraint in constraints {
            found += mul_k(power, constraint.at(self.xi));
            power = mul_k(power, self.eta);
        }
        let expected = self.masked.iter().zip([K::ONE, self.xi]);
        if found == expected.map(|(value, factor)| mul_k(*value, factor)).sum() {
            return Ok(());
        }
        Err(Check {
            name: "closing.constraints",
            place: "all constraints",
        }
        .failed())
    }

    /// What the opening must confirm: that the answers are `m + xi d`.
    pub fn messages<S: CommitmentScheme>(
        &self,
        parameters: S::Parameters<'_>,
        commitments: &[S::Commitment],
    ) -> Vec<S::Message> {
        let message = |(pair, (pads, tail)): (usize, (&[K], &[K]))| {
            // Pads that are not used are 0.
            let mut values = pads.to_vec();
            values.resize(self.masking.row_length, K::ZERO);
            values.extend_from_slice(tail);
            let (mask, pads) = (self.masking.mask_rows(pair), self.masking.pad_rows(pair));
            S::rows_message(
                parameters,
                commitments,
                values,
                &[(mask, K::ONE), (pads, self.xi)],
            )
        };
        self.answers().enumerate().map(message).collect()
    }
}

fn miscounted(found: usize, expected: usize) -> VerifyError {
    VerifyError::Invariant {
        what: format!("the argument hides {found} scalars, there are pads for {expected}"),
    }
}

impl<C: VerifierChannel<Scalar = K>> VerifierChannel for MaskedVerifier<'_, C> {
    /// A padded scalar. This walk judges nothing.
    type Scalar = K;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        let after = self.record.scalars.len().saturating_add(count);
        if after > self.masking.scalars {
            return Err(miscounted(after, self.masking.scalars));
        }
        let sent = self.transcript.read_scalars(label, count)?;
        self.record.scalars.extend_from_slice(&sent);
        Ok(sent)
    }

    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        let message = self.transcript.read_extension(label, count)?;
        self.record.extension.push(message.clone());
        Ok(message)
    }

    fn read_base(&mut self, label: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        self.transcript.read_base(label, count)
    }

    fn read_digest(&mut self, label: &'static str) -> Result<[u8; 32], VerifyError> {
        let digest = self.transcript.read_digest(label)?;
        self.record.digests.push(digest);
        Ok(digest)
    }

    fn read_node(&mut self, label: &'static str, bytes: usize) -> Result<[u8; 32], VerifyError> {
        let node = self.transcript.read_node(label, bytes)?;
        self.record.digests.push(node);
        Ok(node)
    }

    fn challenge(&mut self, label: &'static str) -> K {
        self.record.heard(self.transcript.challenge(label))
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        self.transcript.positions(label, count, bound)
    }

    fn grind(&mut self, label: &'static str, bits: u32) -> Result<(), VerifyError> {
        self.transcript.grind(label, bits)
    }

    fn constrain_zero(&mut self, _: Check<'_>, _: K) -> Result<(), VerifyError> {
        Ok(())
    }

    fn constrain_quadratic(&mut self, _: Check<'_>, _: Quadratic<'_, K>) -> Result<(), VerifyError> {
        Ok(())
    }
}
