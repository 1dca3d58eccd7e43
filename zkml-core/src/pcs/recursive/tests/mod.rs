//! Recursions: honest ones over many shapes, and ways of lying, each rejected by its check.

// The fixtures are called by tests only.
#![allow(clippy::unwrap_used, clippy::panic)]

mod accepted;
mod reference;
mod refused;

use ark_ff::AdditiveGroup;

use super::*;
use crate::field::{K, M61};
use crate::pcs::circle::{basis, domain_point};
use crate::pcs::testing::{code, every_byte_matters};
use crate::pcs::{CodeParameters, PcsError};
use crate::sumcheck::testing::Stream as Random;
use crate::transcript::{
    Event, ProverChannel, ProverTranscript, VerifierChannel, VerifierTranscript, VerifyError,
};

const DOMAIN: &str = "recursion test";

/// Levels from `(log_row, log_codeword, queries)`.
fn levels(shapes: &[(u32, u32, usize)]) -> RecursionParameters {
    RecursionParameters {
        levels: shapes
            .iter()
            .map(|(log_row, log_codeword, queries)| code(*log_row, 0, *log_codeword, *queries))
            .collect(),
    }
}

/// `w[x]` for all coordinates, from the definition.
fn dense(code: &CodeParameters, functional: &Functional) -> Vec<K> {
    match functional {
        Functional::Eq(point) => {
            let mut weights = crate::poly::eq_table(point);
            weights.resize(code.message_length(), K::ZERO);
            weights
        }
        Functional::Position(position) => {
            let point = domain_point(code.log_codeword, *position);
            (0..code.message_length())
                .map(|x| crate::field::k_from_base(basis(x, point)))
                .collect()
        }
    }
}

fn inner_product(a: &[K], b: &[K]) -> K {
    a.iter().zip(b).map(|(a, b)| *a * b).sum()
}

/// A vector with claims on it, as an opening would make them: at a challenge point and at drawn positions.
struct Scene {
    base: CodeParameters,
    parameters: RecursionParameters,
    message: Vec<K>,
    /// Claims of the first kind.
    points: usize,
}

impl Scene {
    fn new(base: CodeParameters, parameters: RecursionParameters, points: usize) -> Self {
        let mut random = Random(11);
        let message = (0..base.message_length()).map(|_| random.element()).collect();
        Self {
            base,
            parameters,
            message,
            points,
        }
    }

    /// The functionals, from what the transcript gives.
    fn functionals(
        &self,
        mut draw: impl FnMut() -> K,
        positions: impl FnOnce() -> Vec<usize>,
    ) -> Vec<Functional> {
        let mut point = || (0..self.base.log_row).map(|_| draw()).collect();
        let mut functionals: Vec<Functional> = (0..self.points).map(|_| Functional::Eq(point())).collect();
        functionals.extend(positions().into_iter().map(Functional::Position));
        functionals
    }

    fn values(&self, functionals: &[Functional]) -> Vec<K> {
        let value = |functional| inner_product(&self.message, &dense(&self.base, functional));
        functionals.iter().map(value).collect()
    }

    /// A proof, with the commitment changed by `commit` and the values by `lie`.
    fn prove_with(
        &self,
        change: impl FnOnce(&mut ProverTranscript) -> Committed,
        lie: impl FnOnce(&mut Vec<K>),
    ) -> (Vec<u8>, Vec<Event>) {
        let mut channel = ProverTranscript::recording(DOMAIN);
        let committed = change(&mut channel);
        let drawn = channel.positions("positions", self.base.queries, self.base.codeword_length());
        let functionals = self.functionals(|| channel.challenge("point"), || drawn);
        let mut values = self.values(&functionals);
        lie(&mut values);
        channel.send_extension("values", &values);
        prove(
            &mut channel,
            &self.parameters,
            &self.base,
            committed,
            &functionals,
        )
        .unwrap();
        let events = channel.events().to_vec();
        (channel.into_proof(), events)
    }

    fn prove(&self) -> (Vec<u8>, Vec<Event>) {
        self.prove_with(
            |channel| commit(channel, &self.parameters, &self.message).unwrap(),
            |_| {},
        )
    }

    fn verify(&self, proof: &[u8]) -> Result<(), VerifyError> {
        self.verify_on(&mut VerifierTranscript::new(DOMAIN, proof))
    }

    fn verify_on(&self, channel: &mut VerifierTranscript<'_>) -> Result<(), VerifyError> {
        let vector = read_vector(channel, &self.parameters, self.base.message_length())?;
        let drawn = channel.positions("positions", self.base.queries, self.base.codeword_length());
        let functionals = self.functionals(|| channel.challenge("point"), || drawn);
        let values = channel.read_extension("values", functionals.len())?;
        let claims: Vec<(Functional, K)> = functionals.into_iter().zip(values).collect();
        verify(channel, &self.parameters, &self.base, vector, claims)?;
        channel.finish()
    }
}

/// Three levels, the first with five rows: the tail is one row and the code has room for it.
fn rich_scene() -> Scene {
    Scene::new(code(7, 32, 10, 9), levels(&[(5, 8, 10), (3, 6, 7), (1, 4, 6)]), 2)
}

/// Two levels, of which the first has codewords so long that 4 bits of work come before each challenge of its rows.
fn scene_with_work() -> Scene {
    let scene = Scene::new(code(7, 32, 10, 9), levels(&[(5, 14, 30), (3, 6, 20)]), 2);
    assert_eq!(work_by_definition(3, 14), 4);
    scene
}

/// The fewest bits `g` with `k n <= 2^(12 + g)`, tried one after the other up to 20.
fn work_by_definition(variables: usize, log_codeword: u32) -> u32 {
    let points = (variables as u128) << log_codeword;
    (0..20).find(|bits| points <= 1 << (12 + bits)).unwrap_or(20)
}

#[track_caller]
fn assert_check<T: core::fmt::Debug>(result: Result<T, VerifyError>, expected: &str) {
    match result {
        Err(VerifyError::Check { name, .. }) => assert_eq!(name, expected),
        other => panic!("expected check {expected}, got {other:?}"),
    }
}
