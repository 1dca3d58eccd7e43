//! Affine forms in the pads, whose linear parts are entries of a tape.

use core::fmt;
use core::ops::{Add, Mul, Neg, Sub};

use ark_ff::AdditiveGroup;

use super::Tape;
use crate::field::{K, mul_k};
use crate::transcript::Scalar;

/// A hidden value, as an affine form in the pads. Its constant cannot be read: the argument cannot depend on it.
///
/// ```compile_fail,E0369
/// fn leaks(value: zkml_core::masking::Form<'_>) -> bool {
///     value == value
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Form<'t> {
    pub(super) constant: K,
    pub(super) linear: Option<Linear<'t>>,
}

/// `factor * entry`
#[derive(Clone, Copy)]
pub(super) struct Linear<'t> {
    pub(super) factor: K,
    pub(super) entry: u32,
    pub(super) tape: &'t Tape,
}

/// A form that outlives its tape.
pub(super) struct Affine {
    constant: K,
    linear: Option<(K, u32)>,
}

impl From<Form<'_>> for Affine {
    fn from(form: Form<'_>) -> Self {
        Self {
            constant: form.constant,
            linear: form.linear.map(|linear| (linear.factor, linear.entry)),
        }
    }
}

impl Affine {
    /// Its linear part and its constant, from the values of the entries.
    pub(super) fn at(&self, entries: &[K]) -> Option<[K; 2]> {
        let linear = match self.linear {
            Some((factor, entry)) => mul_k(factor, *entries.get(entry as usize)?),
            None => K::ZERO,
        };
        Some([linear, self.constant])
    }
}

impl fmt::Debug for Form<'_> {
    /// The prover's constants are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").finish_non_exhaustive()
    }
}

impl From<K> for Form<'_> {
    fn from(constant: K) -> Self {
        Self {
            constant,
            linear: None,
        }
    }
}

impl Add for Form<'_> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let linear = match (self.linear, other.linear) {
            (Some(a), Some(b)) => Some(a.tape.sum(a, b)),
            (a, b) => a.or(b),
        };
        Self {
            constant: self.constant + other.constant,
            linear,
        }
    }
}

impl Add<&Self> for Form<'_> {
    type Output = Self;
    fn add(self, other: &Self) -> Self {
        self + *other
    }
}

impl Sub for Form<'_> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Sub<&Self> for Form<'_> {
    type Output = Self;
    fn sub(self, other: &Self) -> Self {
        self + -*other
    }
}

impl Neg for Form<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            constant: -self.constant,
            linear: self.linear.map(|linear| Linear {
                factor: -linear.factor,
                ..linear
            }),
        }
    }
}

impl Mul<K> for Form<'_> {
    type Output = Self;
    fn mul(self, factor: K) -> Self {
        Self {
            constant: mul_k(self.constant, factor),
            linear: self.linear.map(|linear| Linear {
                factor: mul_k(linear.factor, factor),
                ..linear
            }),
        }
    }
}

impl Scalar for Form<'_> {
    fn zero() -> Self {
        Self::from(K::ZERO)
    }
}
