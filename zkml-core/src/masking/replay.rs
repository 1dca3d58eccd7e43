//! The verifier's code over a record of the messages: each check becomes a function of the closing challenge.
//!
//! The prover runs it over its true values and the mask `m`, to learn `A_0` and `A_1`. The verifier runs it over padded
//! scalars and the answer `z`, to judge. Either way a value is an affine form known by two numbers.

use core::ops::{Add, Mul, Neg, Sub};

use core::fmt;

use ark_ff::AdditiveGroup;

use crate::field::{K, M61};
use crate::transcript::{Check, Quadratic, Scalar, VerifierChannel, VerifyError};

/// What was said and drawn, for the replay.
#[derive(Clone, Default)]
pub struct Record {
    /// Hidden scalars: the prover's without their pads, the verifier's with them.
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
    /// The prover's scalars are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("scalars", &self.scalars.len())
            .finish_non_exhaustive()
    }
}

/// An affine form in the pads, known by two numbers: `at_mask + xi value` is its value, made homogeneous with `xi`, at
///
/// - `m + xi d`, for the prover: its linear part at the mask `m`, and its value at the pads `d`;
/// - `z`, for the verifier: its linear part at `z`, and its constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    at_mask: K,
    value: K,
}

impl From<K> for Pair {
    fn from(value: K) -> Self {
        Self {
            at_mask: K::ZERO,
            value,
        }
    }
}

impl Add for Pair {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            at_mask: self.at_mask + other.at_mask,
            value: self.value + other.value,
        }
    }
}

impl Add<&Pair> for Pair {
    type Output = Self;
    fn add(self, other: &Self) -> Self {
        self + *other
    }
}

impl Sub for Pair {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Sub<&Pair> for Pair {
    type Output = Self;
    fn sub(self, other: &Self) -> Self {
        self + -*other
    }
}

impl Neg for Pair {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            at_mask: -self.at_mask,
            value: -self.value,
        }
    }
}

impl Mul<K> for Pair {
    type Output = Self;
    fn mul(self, factor: K) -> Self {
        Self {
            at_mask: self.at_mask * factor,
            value: self.value * factor,
        }
    }
}

impl Scalar for Pair {
    fn zero() -> Self {
        Self::from(K::ZERO)
    }
}

/// One of the verifier's checks: `Q^h = coefficients[0] + coefficients[1] xi + coefficients[2] xi^2`, for the prover at
/// `m + xi d`, for the verifier at `z`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its name.
    pub name: &'static str,
    /// The place of the check: a layer, round or column.
    pub place: String,
    /// See above. For the prover the last one is 0 if the check holds.
    pub coefficients: [K; 3],
}

impl Constraint {
    /// `Q^h` at a closing challenge.
    pub fn at(&self, xi: K) -> K {
        let [a0, a1, a2] = self.coefficients;
        a0 + xi * (a1 + xi * a2)
    }
}

/// A verifier's channel over a [`Record`].
#[derive(Debug)]
pub struct Replay<'a> {
    scalars: core::iter::Zip<core::slice::Iter<'a, K>, core::slice::Iter<'a, K>>,
    challenges: core::slice::Iter<'a, K>,
    extension: core::slice::Iter<'a, Vec<K>>,
    digests: core::slice::Iter<'a, [u8; 32]>,
    constraints: Vec<Constraint>,
    /// Was a challenge asked for that the record does not have?
    is_exhausted: bool,
}

impl<'a> Replay<'a> {
    /// Replays `record`, with the mask, or the answer `z`, for each of its scalars.
    pub fn new(record: &'a Record, mask: &'a [K]) -> Self {
        Self {
            scalars: record.scalars.iter().zip(mask),
            challenges: record.challenges.iter(),
            extension: record.extension.iter(),
            digests: record.digests.iter(),
            constraints: Vec::new(),
            is_exhausted: false,
        }
    }

    /// What was stated, of a record that holds more.
    #[cfg(test)]
    pub(crate) fn stated(self) -> Vec<Constraint> {
        self.constraints
    }

    /// What was stated, in order: `expected` constraints, over all that the record holds.
    ///
    /// # Errors
    /// [`VerifyError::Invariant`]: the two walks are the same code, so none of it can happen.
    pub fn into_constraints(self, expected: usize) -> Result<Vec<Constraint>, VerifyError> {
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
        if let Some((what, left)) = left.iter().find(|(_, left)| *left > 0) {
            return broken(format!("replay: {left} {what} were not heard again"));
        }
        let found = self.constraints.len();
        if found != expected {
            return broken(format!(
                "replay: {expected} constraints were counted, {found} are there"
            ));
        }
        Ok(self.constraints)
    }
}

fn exhausted(label: &'static str) -> VerifyError {
    VerifyError::Invariant {
        what: format!("replay: `{label}` was not said by the prover"),
    }
}

impl VerifierChannel for Replay<'_> {
    type Scalar = Pair;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<Pair>, VerifyError> {
        let read: Vec<Pair> = self
            .scalars
            .by_ref()
            .take(count)
            .map(|(value, mask)| Pair {
                at_mask: -*mask,
                value: *value,
            })
            .collect();
        if read.len() == count {
            Ok(read)
        } else {
            Err(exhausted(label))
        }
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

    fn constrain_quadratic(&mut self, check: Check<'_>, sum: Quadratic<'_, Pair>) -> Result<(), VerifyError> {
        let mut coefficients = [K::ZERO, sum.linear.at_mask, sum.linear.value];
        for (c, a, b) in sum.products {
            let cross = a.at_mask * b.value + b.at_mask * a.value;
            let terms = [a.at_mask * b.at_mask, cross, a.value * b.value];
            for (coefficient, term) in coefficients.iter_mut().zip(terms) {
                *coefficient += *c * term;
            }
        }
        self.constraints.push(Constraint {
            name: check.name,
            place: check.place.to_owned(),
            coefficients,
        });
        Ok(())
    }
}
