//! The verifier's channel under pads, and the closing messages.

use ark_ff::{AdditiveGroup, Field};

use super::{Form, Masking, Tape, TapeSize};
use crate::field::{K, M61, mul_k};
use crate::pcs::CommitmentScheme;
use crate::transcript::{Check, Quadratic, VerifierChannel, VerifyError};

/// Reads padded scalars from another channel, as forms on a tape. Checks go to the tape and are judged by
/// [`Answers::read`].
#[derive(Debug)]
pub struct MaskedVerifier<'c, 't, C> {
    inner: &'c mut C,
    tape: &'t Tape,
}

impl<'c, 't, C> MaskedVerifier<'c, 't, C> {
    /// Over `inner`.
    pub fn new(inner: &'c mut C, tape: &'t Tape) -> Self {
        Self { inner, tape }
    }
}

impl<'t, C: VerifierChannel<Scalar = K>> VerifierChannel for MaskedVerifier<'_, 't, C> {
    type Scalar = Form<'t>;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<Form<'t>>, VerifyError> {
        self.tape.scalars(&self.inner.read_scalars(label, count)?)
    }

    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        self.inner.read_extension(label, count)
    }

    fn read_base(&mut self, label: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        self.inner.read_base(label, count)
    }

    fn read_digest(&mut self, label: &'static str) -> Result<[u8; 32], VerifyError> {
        self.inner.read_digest(label)
    }

    fn read_node(&mut self, label: &'static str, bytes: usize) -> Result<[u8; 32], VerifyError> {
        self.inner.read_node(label, bytes)
    }

    fn challenge(&mut self, label: &'static str) -> K {
        self.inner.challenge(label)
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        self.inner.positions(label, count, bound)
    }

    fn grind(&mut self, label: &'static str, bits: u32) -> Result<(), VerifyError> {
        self.inner.grind(label, bits)
    }

    fn constrain_quadratic(
        &mut self,
        check: Check<'_>,
        sum: Quadratic<'_, Form<'t>>,
    ) -> Result<(), VerifyError> {
        self.tape.state(check, sum)
    }
}

/// The answers `z = m + xi d` to the closing challenge, row by row.
#[derive(Debug)]
pub struct Answers {
    masking: Masking,
    xi: K,
    response: Vec<K>,
}

impl Answers {
    /// Reads the closing messages and judges the constraints on the tape, whose size is known.
    ///
    /// # Errors
    ///
    /// What reading the messages gives; check `closing.constraints`; [`VerifyError::Invariant`] for a tape of another
    /// size.
    pub fn read<C: VerifierChannel<Scalar = K>>(
        transcript: &mut C,
        masking: Masking,
        tape: Tape,
        size: &TapeSize,
    ) -> Result<Self, VerifyError> {
        let eta = transcript.challenge("closing.batch");
        let masked = transcript.read_extension("closing.masked", 2)?;
        let xi = transcript.challenge("closing.point");
        let response = transcript.read_extension("closing.response", masking.response_length())?;
        let answers = Self {
            masking,
            xi,
            response,
        };
        let z = answers.z();
        let mut power = K::ONE;
        let mut found = z.last().copied().unwrap_or_default();
        for constraint in tape.into_constraints(size, &z)? {
            found += mul_k(power, constraint.at(xi));
            power = mul_k(power, eta);
        }
        let expected = masked.iter().zip([K::ONE, xi]);
        if found == expected.map(|(value, factor)| mul_k(*value, factor)).sum() {
            return Ok(answers);
        }
        Err(Check {
            name: "closing.constraints",
            place: "all constraints",
        }
        .failed())
    }

    /// `z`, without tails.
    fn z(&self) -> Vec<K> {
        self.rows().flat_map(|(pads, _)| pads.to_vec()).collect()
    }

    /// Pads and tail of each pair of rows.
    fn rows(&self) -> impl Iterator<Item = (&[K], &[K])> {
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

    /// What the opening must confirm: that the answers are `m + xi d`.
    pub fn messages<S: CommitmentScheme>(&self, parameters: S::Parameters<'_>) -> Vec<S::Message> {
        let message = |(pair, (pads, tail)): (usize, (&[K], &[K]))| {
            // Pads that are not used are 0.
            let mut values = pads.to_vec();
            values.resize(self.masking.row_length, K::ZERO);
            values.extend_from_slice(tail);
            let (mask, pads) = (self.masking.mask_rows(pair), self.masking.pad_rows(pair));
            S::rows_message(parameters, values, vec![(mask, K::ONE), (pads, self.xi)])
        };
        self.rows().enumerate().map(message).collect()
    }
}
