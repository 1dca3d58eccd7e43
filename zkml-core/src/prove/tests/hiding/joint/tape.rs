//! Channels whose challenges stand on a tape and do not depend on what is said.
//!
//! With them a proof is a function of the prover's secrets and randomness alone. The verifier on the same tape accepts
//! it: what is looked at are valid proofs.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::seq::index::sample;
use rand::{Rng, SeedableRng};

use super::super::Heard;
use crate::field::{K, M61, P};
use crate::transcript::{Check, ProverChannel, Quadratic, VerifierChannel, VerifyError};

/// The challenges of one proof.
struct Tape(StdRng);

impl Tape {
    fn challenge(&mut self) -> K {
        let mut part = || M61::from_raw(self.0.gen_range(0..P));
        let c0 = part();
        K::new(c0, part())
    }

    fn positions(&mut self, count: usize, bound: usize) -> Vec<usize> {
        let mut positions = sample(&mut self.0, bound, count).into_vec();
        positions.sort_unstable();
        positions
    }
}

/// The prover's end, which writes down what it sends.
pub(super) struct Writer {
    tape: Tape,
    pub(super) heard: Heard,
}

impl Writer {
    pub(super) fn new(tape: u64) -> Self {
        Self {
            tape: Tape(StdRng::seed_from_u64(tape)),
            heard: Heard::default(),
        }
    }
}

impl ProverChannel for Writer {
    fn send_scalars(&mut self, label: &'static str, values: &[K]) {
        self.heard
            .scalars
            .extend(values.iter().map(|value| (label, *value)));
    }

    fn send_extension(&mut self, label: &'static str, values: &[K]) {
        self.heard.extension.push((label, values.to_vec()));
    }

    fn send_base(&mut self, _: &'static str, values: &[M61]) {
        self.heard.columns.push(values.to_vec());
    }

    fn send_digest(&mut self, label: &'static str, value: &[u8; 32]) {
        self.heard.digests.push((label, *value));
    }

    fn send_node(&mut self, label: &'static str, value: &[u8; 32], _: usize) {
        self.send_digest(label, value);
    }

    fn challenge(&mut self, _: &'static str) -> K {
        self.tape.challenge()
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        let positions = self.tape.positions(count, bound);
        // Those of a recursion are positions of other trees.
        if label == "opening.positions" {
            self.heard.positions.clone_from(&positions);
        }
        positions
    }

    fn grind(&mut self, _: &'static str, _: u32) {}
}

/// The verifier's end, which reads what was written.
pub(super) struct Reader {
    tape: Tape,
    scalars: VecDeque<(&'static str, K)>,
    extension: VecDeque<(&'static str, Vec<K>)>,
    columns: VecDeque<Vec<M61>>,
    digests: VecDeque<(&'static str, [u8; 32])>,
}

impl Reader {
    pub(super) fn new(tape: u64, heard: &Heard) -> Self {
        Self {
            tape: Tape(StdRng::seed_from_u64(tape)),
            scalars: heard.scalars.clone().into(),
            extension: heard.extension.clone().into(),
            columns: heard.columns.clone().into(),
            digests: heard.digests.clone().into(),
        }
    }

    /// Whether all was read.
    pub(super) fn is_at_the_end(&self) -> bool {
        let left = self.scalars.len() + self.extension.len() + self.columns.len() + self.digests.len();
        left == 0
    }
}

/// The next message of a kind, which must be the expected one.
fn next<T>(queue: &mut VecDeque<(&'static str, T)>, label: &'static str) -> Result<T, VerifyError> {
    let found = queue.pop_front().filter(|(own, _)| *own == label);
    let (_, value) = found.ok_or_else(|| VerifyError::Invariant {
        what: format!("there is no {label}"),
    })?;
    Ok(value)
}

impl VerifierChannel for Reader {
    type Scalar = K;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        (0..count).map(|_| next(&mut self.scalars, label)).collect()
    }

    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        let values = next(&mut self.extension, label)?;
        assert_eq!(values.len(), count, "{label}");
        Ok(values)
    }

    fn read_base(&mut self, label: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        let values = self.columns.pop_front().expect("columns");
        assert_eq!(values.len(), count, "{label}");
        Ok(values)
    }

    fn read_digest(&mut self, label: &'static str) -> Result<[u8; 32], VerifyError> {
        next(&mut self.digests, label)
    }

    fn read_node(&mut self, label: &'static str, _: usize) -> Result<[u8; 32], VerifyError> {
        next(&mut self.digests, label)
    }

    fn challenge(&mut self, _: &'static str) -> K {
        self.tape.challenge()
    }

    fn positions(&mut self, _: &'static str, count: usize, bound: usize) -> Vec<usize> {
        self.tape.positions(count, bound)
    }

    fn grind(&mut self, _: &'static str, _: u32) -> Result<(), VerifyError> {
        Ok(())
    }

    fn constrain_zero(&mut self, check: Check<'_>, value: K) -> Result<(), VerifyError> {
        match value == K::from(0u64) {
            true => Ok(()),
            false => Err(check.failed()),
        }
    }

    fn constrain_quadratic(&mut self, check: Check<'_>, sum: Quadratic<'_, K>) -> Result<(), VerifyError> {
        let products = sum.products.iter().map(|(c, a, b)| *c * **a * **b);
        let value = products.fold(sum.linear, |total, product| total + product);
        self.constrain_zero(check, value)
    }
}
