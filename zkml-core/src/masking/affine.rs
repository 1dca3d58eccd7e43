//! Affine forms in the pads: what a hidden value is to the verifier.

use core::ops::{Add, Mul, Neg, Sub};

use ark_ff::{AdditiveGroup, Field};

use crate::field::{K, mul_k};
use crate::transcript::Scalar;

/// `constant + sum_i coefficient_i d_i`, by ascending `i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affine {
    constant: K,
    terms: Vec<(usize, K)>,
}

impl Affine {
    /// `sent - d_index`: the value behind a padded scalar.
    pub fn padded(sent: K, index: usize) -> Self {
        Self {
            constant: sent,
            terms: vec![(index, -K::ONE)],
        }
    }

    /// `constant xi + sum_i coefficient_i z_i`: the form made homogeneous with `xi`, at `(z, xi)`. Pads beyond `z`
    /// count as 0.
    pub fn homogeneous(&self, z: &[K], xi: K) -> K {
        let linear = self
            .terms
            .iter()
            .filter_map(|(index, coefficient)| Some(mul_k(*coefficient, *z.get(*index)?)));
        linear.fold(mul_k(self.constant, xi), K::add)
    }

    /// `self + factor other`.
    fn add_scaled(self, other: &Self, factor: K) -> Self {
        let constant = self.constant.add(mul_k(other.constant, factor));
        let mut terms = Vec::with_capacity(self.terms.len().saturating_add(other.terms.len()));
        let mut own = self.terms.into_iter().peekable();
        for &(index, coefficient) in &other.terms {
            while let Some(term) = own.next_if(|(before, _)| *before < index) {
                terms.push(term);
            }
            let scaled = mul_k(coefficient, factor);
            match own.next_if(|(same, _)| *same == index) {
                Some((_, value)) => terms.push((index, value.add(scaled))),
                None => terms.push((index, scaled)),
            }
        }
        terms.extend(own);
        Self { constant, terms }
    }
}

impl From<K> for Affine {
    fn from(constant: K) -> Self {
        Self {
            constant,
            terms: Vec::new(),
        }
    }
}

impl Add<&Affine> for Affine {
    type Output = Self;
    fn add(self, other: &Affine) -> Self {
        self.add_scaled(other, K::ONE)
    }
}

impl Add for Affine {
    type Output = Self;
    fn add(self, other: Affine) -> Self {
        // Sums grow by small terms: the longer one is walked through either way.
        self.add_scaled(&other, K::ONE)
    }
}

impl Sub<&Affine> for Affine {
    type Output = Self;
    fn sub(self, other: &Affine) -> Self {
        self.add_scaled(other, -K::ONE)
    }
}

impl Sub for Affine {
    type Output = Self;
    fn sub(self, other: Affine) -> Self {
        self.add_scaled(&other, -K::ONE)
    }
}

impl Neg for Affine {
    type Output = Self;
    fn neg(self) -> Self {
        self * -K::ONE
    }
}

impl Mul<K> for Affine {
    type Output = Self;
    fn mul(mut self, factor: K) -> Self {
        self.constant = mul_k(self.constant, factor);
        for (_, coefficient) in &mut self.terms {
            *coefficient = mul_k(*coefficient, factor);
        }
        self
    }
}

impl Scalar for Affine {
    fn zero() -> Self {
        Self::from(K::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::field::{M61, P};

    fn element() -> impl Strategy<Value = K> {
        (0..P, 0..P).prop_map(|(a, b)| K::new(M61::from_raw(a), M61::from_raw(b)))
    }

    /// A random expression, as a form and as its value for given pads.
    fn expression(pads: Vec<K>) -> impl Strategy<Value = (Affine, K)> {
        let leaf_pads = pads.clone();
        let leaf = prop_oneof![
            element().prop_map(|value| (Affine::from(value), value)),
            (element(), 0..pads.len())
                .prop_map(move |(sent, index)| (Affine::padded(sent, index), sent - leaf_pads[index])),
        ];
        leaf.prop_recursive(5, 40, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| (a + b, x + y)),
                (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| (a + &b, x + y)),
                (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| (a - b, x - y)),
                (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| (a - &b, x - y)),
                inner.clone().prop_map(|(a, x)| (-a, -x)),
                (inner, element()).prop_map(|((a, x), factor)| (a * factor, x * factor)),
            ]
        })
    }

    proptest! {
        #[test]
        fn forms_compute_what_their_values_compute(
            (pads, (form, value)) in proptest::collection::vec(element(), 5)
                .prop_flat_map(|pads| (Just(pads.clone()), expression(pads))),
            mask in proptest::collection::vec(element(), 5),
            xi in element(),
        ) {
            prop_assert_eq!(form.homogeneous(&pads, K::ONE), value);
            // Made homogeneous it is xi times the value plus the linear part at the mask.
            let z: Vec<K> = mask.iter().zip(&pads).map(|(m, d)| *m + xi * d).collect();
            prop_assert_eq!(form.homogeneous(&z, xi), xi * value + form.homogeneous(&mask, K::ZERO));
            prop_assert!(form.terms.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
