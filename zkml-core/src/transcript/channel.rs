//! The channels of prover and verifier: all that a part of the argument (sumcheck, lookup, opening, ...) sees of the
//! outside.
//!
//! The parts never see the transcript itself. They send and receive labelled messages, draw challenges, and state
//! checks. The verifier's side is generic over its [`Scalar`]: plain elements of `K`, or affine forms in one-time pads
//! if the argument is zero-knowledge. The code of the parts is the same.

use core::fmt::Debug;
use core::ops::{Add, Mul, Neg, Sub};

use super::VerifyError;
use crate::field::{K, M61};

/// A value the verifier computes with: a plain element of `K`, or an affine form over committed pads.
pub trait Scalar:
    Clone
    + Debug
    + From<K>
    + Add<Output = Self>
    + for<'a> Add<&'a Self, Output = Self>
    + Sub<Output = Self>
    + for<'a> Sub<&'a Self, Output = Self>
    + Neg<Output = Self>
    + Mul<K, Output = Self>
{
    /// The scalar 0.
    fn zero() -> Self;
}

impl Scalar for K {
    fn zero() -> Self {
        <K as ark_ff::AdditiveGroup>::ZERO
    }
}

/// Names one check of the verifier: a static name and the place (layer, round, column) it is applied at.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// Name, as in `docs/protocol`.
    pub name: &'static str,
    /// The place: a column or layer name, a round.
    pub place: &'a str,
}

impl Check<'_> {
    /// The error that says this check failed.
    pub fn failed(&self) -> VerifyError {
        VerifyError::Check {
            name: self.name,
            place: self.place.to_owned(),
        }
    }
}

/// The verifier's end: reads messages (each is absorbed before it is returned), draws challenges, states checks.
pub trait VerifierChannel {
    /// What hidden values are to this verifier.
    type Scalar: Scalar;

    /// Reads `count` scalars of one message that zero knowledge would hide (round polynomials, claimed evaluations).
    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<Self::Scalar>, VerifyError>;

    /// Reads one scalar that zero knowledge would hide.
    fn read_scalar(&mut self, label: &'static str) -> Result<Self::Scalar, VerifyError> {
        self.read_scalars(label, 1)?
            .pop()
            .ok_or_else(|| VerifyError::Invariant {
                what: format!("{label}: the channel returned no scalar"),
            })
    }

    /// Reads `count` elements of `K` that are public even in zero knowledge (a masked row combination).
    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError>;

    /// Reads `count` elements of `F` that are public even in zero knowledge (opened columns).
    fn read_base(&mut self, label: &'static str, count: usize) -> Result<Vec<M61>, VerifyError>;

    /// Reads a 32-byte string (digest or salt).
    fn read_digest(&mut self, label: &'static str) -> Result<[u8; 32], VerifyError>;

    /// Reads the first `bytes` of a digest; the others are 0.
    ///
    /// # Errors
    ///
    /// As [`Self::read_digest`].
    fn read_node(&mut self, label: &'static str, bytes: usize) -> Result<[u8; 32], VerifyError>;

    /// Draws a uniform challenge from `K`.
    fn challenge(&mut self, label: &'static str) -> K;

    /// Draws `count` uniform challenges from `K`.
    fn challenges(&mut self, label: &'static str, count: usize) -> Vec<K> {
        (0..count).map(|_| self.challenge(label)).collect()
    }

    /// Draws `count` distinct positions in `[0, bound)`, ascending. `count <= bound`.
    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize>;

    /// Reads a nonce and checks that it carries `bits` bits of proof of work over all that came before.
    fn grind(&mut self, label: &'static str, bits: u32) -> Result<(), VerifyError>;

    /// States that `value` is 0: a quadratic constraint without products.
    fn constrain_zero(&mut self, check: Check<'_>, value: Self::Scalar) -> Result<(), VerifyError> {
        let (linear, products) = (value, &[][..]);
        self.constrain_quadratic(check, Quadratic { linear, products })
    }

    /// States that a sum of products is 0.
    fn constrain_quadratic(
        &mut self,
        check: Check<'_>,
        sum: Quadratic<'_, Self::Scalar>,
    ) -> Result<(), VerifyError>;
}

/// `linear + sum_k c_k a_k b_k`
#[derive(Debug, Clone)]
pub struct Quadratic<'a, S> {
    /// What is added to the products.
    pub linear: S,
    /// `(c_k, a_k, b_k)`
    pub products: &'a [(K, &'a S, &'a S)],
}

/// The prover's end of a [`VerifierChannel`].
pub trait ProverChannel {
    /// Sends scalars of one message that zero knowledge hides.
    fn send_scalars(&mut self, label: &'static str, values: &[K]);

    /// Sends one scalar that zero knowledge hides.
    fn send_scalar(&mut self, label: &'static str, value: K) {
        self.send_scalars(label, &[value]);
    }

    /// Sends elements of `K` in the clear.
    fn send_extension(&mut self, label: &'static str, values: &[K]);

    /// Sends elements of `F` in the clear.
    fn send_base(&mut self, label: &'static str, values: &[M61]);

    /// Sends a 32-byte string in the clear.
    fn send_digest(&mut self, label: &'static str, value: &[u8; 32]);

    /// Sends the first `bytes` of a digest; the bytes after them are zeros.
    fn send_node(&mut self, label: &'static str, value: &[u8; 32], bytes: usize);

    /// Draws a uniform challenge from `K`.
    fn challenge(&mut self, label: &'static str) -> K;

    /// Draws `count` uniform challenges from `K`.
    fn challenges(&mut self, label: &'static str, count: usize) -> Vec<K> {
        (0..count).map(|_| self.challenge(label)).collect()
    }

    /// Draws `count` distinct positions in `[0, bound)`, ascending. `count <= bound`.
    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize>;

    /// Finds and sends a nonce that carries `bits` bits of proof of work over all that came before.
    fn grind(&mut self, label: &'static str, bits: u32);
}
