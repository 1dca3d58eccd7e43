//! Round polynomials: `g` of degree `d <= MAX_DEGREE`, known by its values at `0, 1, .., d`.

use ark_ff::{AdditiveGroup, Field};

use super::verifier::Shape;
use crate::field::{K, M61, P};

/// The largest degree, in one variable, of the polynomial of an instance.
pub const MAX_DEGREE: usize = 4;

/// `1 / d!` for `d = 0, .., MAX_DEGREE`: each is `(k p + 1) / d!` for the `k` that makes it whole.
const INVERSE_FACTORIALS: [M61; MAX_DEGREE + 1] = {
    const fn inverse(factorial: u128, k: u128) -> M61 {
        let numerator = k * P as u128 + 1;
        assert!(numerator.is_multiple_of(factorial));
        M61::from_raw((numerator / factorial) as u64)
    }
    [
        inverse(1, 0),
        inverse(1, 0),
        inverse(2, 1),
        inverse(6, 5),
        inverse(24, 17),
    ]
};

/// Binomial coefficients `C(d, k)`.
const BINOMIALS: [[u64; MAX_DEGREE + 1]; MAX_DEGREE + 1] = [
    [1, 0, 0, 0, 0],
    [1, 1, 0, 0, 0],
    [1, 2, 1, 0, 0],
    [1, 3, 3, 1, 0],
    [1, 4, 6, 4, 1],
];

/// `x / 2`.
pub(super) fn half(mut x: K) -> K {
    x.mul_assign_by_fp(&INVERSE_FACTORIALS[2]);
    x
}

fn small(value: usize) -> K {
    K::from_base_prime_field(M61::from_raw(value as u64))
}

/// The Lagrange weights `L_k(r)`, `k = 0, .., degree`, so that `g(r) = sum_k L_k(r) g(k)`. Later entries are 0.
///
/// `L_k(r) = (-1)^(d-k) C(d,k) / d! * prod_{j != k} (r - j)`; `degree <= MAX_DEGREE`.
pub(super) fn lagrange_weights(degree: usize, r: K) -> [K; MAX_DEGREE + 1] {
    let degree = degree.min(MAX_DEGREE);
    let mut weights = [K::ZERO; MAX_DEGREE + 1];
    for (k, weight) in weights.iter_mut().enumerate().take(degree + 1) {
        let mut product = K::ONE;
        for j in (0..=degree).filter(|j| *j != k) {
            product *= r - small(j);
        }
        product.mul_assign_by_fp(&(M61::from_raw(BINOMIALS[degree][k]) * INVERSE_FACTORIALS[degree]));
        *weight = if (degree - k).is_multiple_of(2) {
            product
        } else {
            -product
        };
    }
    weights
}

/// Degree of the batched polynomial of a round (counted from 0) out of `rounds`, over the instances that have
/// started by then.
pub(super) fn round_degree(shapes: &[Shape], rounds: usize, round: usize) -> usize {
    let started = shapes.iter().filter(|shape| shape.variables + round >= rounds);
    started.map(|shape| shape.degree).max().unwrap_or(0).max(1)
}

/// Extends the values of `g` at `0, .., degree` up to index `upto`: differences of order `degree + 1` are 0.
#[cfg(feature = "prover")]
pub(super) fn extrapolate(values: &mut [K; MAX_DEGREE + 1], degree: usize, upto: usize) {
    for next in degree + 1..=upto {
        // sum_{k=0}^{d+1} (-1)^k C(d+1, k) g(next - k) = 0
        let mut value = K::ZERO;
        for k in 1..=degree + 1 {
            let term = values[next - k] * small(BINOMIALS[degree + 1][k] as usize);
            value = if k.is_multiple_of(2) {
                value - term
            } else {
                value + term
            };
        }
        values[next] = value;
    }
}

/// `g(r)` from the values at `0, .., degree`.
#[cfg(feature = "prover")]
pub(super) fn interpolate(values: &[K; MAX_DEGREE + 1], degree: usize, r: K) -> K {
    values
        .iter()
        .zip(lagrange_weights(degree, r))
        .map(|(value, weight)| *value * weight)
        .sum()
}
