//! What a verifier hears of a proof: every message and every challenge, by label.

use crate::argument::{PublicCells, Statement, bindings};
use crate::field::{K, M61};
use crate::proof::{Proof, PublicValues};
use crate::transcript::{Check, Quadratic, VerifierChannel, VerifierTranscript, VerifyError};
use crate::verify::argue;

/// Messages and challenges of one proof, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    pub(crate) scalars: Vec<(&'static str, K)>,
    pub(crate) extension: Vec<(&'static str, Vec<K>)>,
    /// The opened cells of each matrix, column after column.
    pub(crate) columns: Vec<Vec<M61>>,
    pub(crate) digests: Vec<(&'static str, [u8; 32])>,
    pub(crate) challenges: Vec<(&'static str, K)>,
    pub(crate) positions: Vec<usize>,
}

impl Heard {
    /// The message in the clear with that label.
    pub(crate) fn message(&self, label: &str) -> &[K] {
        let found = self.extension.iter().find(|(own, _)| *own == label);
        &found.expect("a message").1
    }

    /// The challenge with that label, of which there is one.
    pub(crate) fn challenge(&self, label: &str) -> K {
        let found = self.challenges.iter().find(|(own, _)| *own == label);
        found.expect("a challenge").1
    }

    /// The salts of the opened columns of the trace, which is opened first.
    pub(crate) fn salts_of_the_trace(&self) -> Vec<[u8; 32]> {
        let salts = self.digests.iter().filter(|(own, _)| *own == "opening.salt");
        salts.map(|(_, salt)| *salt).take(self.positions.len()).collect()
    }
}

/// A verifier's channel that remembers what passes through it.
pub(crate) struct Listening<C> {
    pub(crate) inner: C,
    pub(crate) heard: Heard,
    /// Proofs of work that need not be done.
    pub(crate) excused: &'static [&'static str],
}

impl<C> Listening<C> {
    pub(crate) fn new(inner: C) -> Self {
        Self {
            inner,
            heard: Heard::default(),
            excused: &[],
        }
    }
}

impl<C: VerifierChannel<Scalar = K>> VerifierChannel for Listening<C> {
    type Scalar = K;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        let values = self.inner.read_scalars(label, count)?;
        self.heard
            .scalars
            .extend(values.iter().map(|value| (label, *value)));
        Ok(values)
    }

    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        let values = self.inner.read_extension(label, count)?;
        self.heard.extension.push((label, values.clone()));
        Ok(values)
    }

    fn read_base(&mut self, label: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        let values = self.inner.read_base(label, count)?;
        self.heard.columns.push(values.clone());
        Ok(values)
    }

    fn read_digest(&mut self, label: &'static str) -> Result<[u8; 32], VerifyError> {
        let value = self.inner.read_digest(label)?;
        self.heard.digests.push((label, value));
        Ok(value)
    }

    fn read_node(&mut self, label: &'static str, bytes: usize) -> Result<[u8; 32], VerifyError> {
        let value = self.inner.read_node(label, bytes)?;
        self.heard.digests.push((label, value));
        Ok(value)
    }

    fn challenge(&mut self, label: &'static str) -> K {
        let challenge = self.inner.challenge(label);
        self.heard.challenges.push((label, challenge));
        challenge
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        self.heard.positions = self.inner.positions(label, count, bound);
        self.heard.positions.clone()
    }

    fn grind(&mut self, label: &'static str, bits: u32) -> Result<(), VerifyError> {
        match self.inner.grind(label, bits) {
            Err(VerifyError::Check {
                name: "transcript.grind",
                ..
            }) if self.excused.contains(&label) => Ok(()),
            result => result,
        }
    }

    fn constrain_quadratic(&mut self, check: Check<'_>, sum: Quadratic<'_, K>) -> Result<(), VerifyError> {
        self.inner.constrain_quadratic(check, sum)
    }
}

/// Verifies a proof, whatever its soundness, and tells what was heard until the end or the first failure.
pub(crate) fn listen(
    statement: &Statement<'_>,
    proof: &Proof,
    context: &[u8],
) -> (Heard, Result<(), VerifyError>) {
    listen_excusing(statement, proof, context, &[])
}

/// The same, whatever the nonces of the `excused` proofs of work.
pub(crate) fn listen_excusing(
    statement: &Statement<'_>,
    proof: &Proof,
    context: &[u8],
    excused: &'static [&'static str],
) -> (Heard, Result<(), VerifyError>) {
    let mut transcript = VerifierTranscript::new(statement.protocol(), &proof.messages);
    for (label, bytes) in bindings(statement, &proof.public, proof.opening, context) {
        transcript.absorb(label, &bytes);
    }
    let mut channel = Listening {
        excused,
        ..Listening::new(transcript)
    };
    let result = follow(&mut channel, statement, &proof.public, proof.opening);
    (channel.heard, result)
}

fn follow(
    channel: &mut Listening<VerifierTranscript<'_>>,
    statement: &Statement<'_>,
    public: &PublicValues,
    opening: u64,
) -> Result<(), VerifyError> {
    let mut commitments = vec![statement.trace_commitment(channel.read_digest("trace.root")?)];
    commitments.extend(statement.weight_commitments(opening)?);
    for tensors in &statement.separate {
        commitments.push(tensors.commitment(channel.read_digest(tensors.label())?));
    }
    channel.inner.harden("trace.harden", statement.hardening);
    argue(
        channel,
        statement,
        &PublicCells::new(statement, public),
        &commitments,
    )?;
    channel.inner.finish()
}

/// What is heard of a proof that is accepted.
pub(crate) fn heard(statement: &Statement<'_>, proof: &Proof, context: &[u8]) -> Heard {
    let (heard, result) = listen(statement, proof, context);
    result.expect("accepted");
    heard
}
