//! What a prover said and heard, for the verifier's code: it states the checks, the prover only sends values.

use core::fmt;

use ark_ff::AdditiveGroup;

use crate::field::{K, M61};
use crate::transcript::{Check, Quadratic, VerifierChannel, VerifyError};

/// What was said and drawn up to the row combination.
#[derive(Clone, Default)]
pub struct Record {
    /// Hidden scalars, without their pads.
    pub scalars: Vec<K>,
    /// Challenges.
    pub challenges: Vec<K>,
    /// Messages in the clear.
    pub extension: Vec<Vec<K>>,
    /// Digests.
    pub digests: Vec<[u8; 32]>,
}

impl Record {
    /// Notes a challenge, and passes it on.
    pub fn heard(&mut self, challenge: K) -> K {
        self.challenges.push(challenge);
        challenge
    }
}

impl fmt::Debug for Record {
    /// The scalars are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("scalars", &self.scalars.len())
            .finish_non_exhaustive()
    }
}

/// A verifier's channel over a [`Record`]. It takes no checks: it stands under a
/// [`MaskedVerifier`](super::MaskedVerifier).
pub struct Replay<'a> {
    scalars: &'a [K],
    challenges: core::slice::Iter<'a, K>,
    extension: core::slice::Iter<'a, Vec<K>>,
    digests: core::slice::Iter<'a, [u8; 32]>,
    /// Was a challenge asked for that the record does not have?
    is_exhausted: bool,
}

impl<'a> Replay<'a> {
    /// Replays `record`.
    pub fn new(record: &'a Record) -> Self {
        Self {
            scalars: &record.scalars,
            challenges: record.challenges.iter(),
            extension: record.extension.iter(),
            digests: record.digests.iter(),
            is_exhausted: false,
        }
    }

    /// Was all of the record heard again, and nothing else?
    ///
    /// # Errors
    /// [`VerifyError::Invariant`] if not. Prover and verifier draw and speak alike, so it does not happen.
    pub fn finish(self) -> Result<(), VerifyError> {
        let broken = |what: String| Err(VerifyError::Invariant { what });
        if self.is_exhausted {
            return broken("replay: a challenge was not drawn before".into());
        }
        let left = [
            ("scalars", self.scalars.len()),
            ("challenges", self.challenges.len()),
            ("messages", self.extension.len()),
            ("digests", self.digests.len()),
        ];
        match left.iter().find(|(_, left)| *left > 0) {
            Some((what, left)) => broken(format!("replay: {left} {what} were not heard again")),
            None => Ok(()),
        }
    }
}

fn exhausted(label: &'static str) -> VerifyError {
    VerifyError::Invariant {
        what: format!("replay: `{label}` was not said by the prover"),
    }
}

impl VerifierChannel for Replay<'_> {
    type Scalar = K;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        let (read, rest) = self
            .scalars
            .split_at_checked(count)
            .ok_or_else(|| exhausted(label))?;
        self.scalars = rest;
        Ok(read.to_vec())
    }

    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        match self.extension.next() {
            Some(message) if message.len() == count => Ok(message.clone()),
            _ => Err(exhausted(label)),
        }
    }

    fn read_base(&mut self, label: &'static str, _: usize) -> Result<Vec<M61>, VerifyError> {
        Err(exhausted(label))
    }

    fn read_digest(&mut self, label: &'static str) -> Result<[u8; 32], VerifyError> {
        self.digests.next().copied().ok_or_else(|| exhausted(label))
    }

    fn read_node(&mut self, label: &'static str, _: usize) -> Result<[u8; 32], VerifyError> {
        self.read_digest(label)
    }

    fn challenge(&mut self, _: &'static str) -> K {
        let drawn = self.challenges.next().copied();
        self.is_exhausted |= drawn.is_none();
        drawn.unwrap_or(K::ZERO)
    }

    fn positions(&mut self, _: &'static str, _: usize, _: usize) -> Vec<usize> {
        Vec::new()
    }

    fn grind(&mut self, _: &'static str, _: u32) -> Result<(), VerifyError> {
        Ok(())
    }

    fn constrain_quadratic(&mut self, check: Check<'_>, _: Quadratic<'_, K>) -> Result<(), VerifyError> {
        Err(check.failed())
    }
}
