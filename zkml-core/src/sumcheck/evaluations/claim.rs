//! One claim: its linear polynomial `h` in each round, and what it adds to the round polynomial.

use core::ops::Range;

use ark_ff::{AdditiveGroup, Field, batch_inversion};

use super::{Evaluation, LOW};
use crate::field::{K, kernels};

/// A claim on its way through the rounds.
#[derive(Debug)]
pub(super) struct Running {
    /// Where.
    pub(super) point: Vec<K>,
    /// `1 / z` for each coordinate; anything where that is 0.
    pub(super) inverses: Vec<K>,
    /// `eq` over the last [`LOW`] coordinates, or all.
    pub(super) low: Vec<K>,
    /// The coefficient times `eq` of what is bound.
    weight: K,
    /// The value of the table, bound so far, at the rest of the point.
    value: K,
    /// The sum over one half of the table for this round: see [`Running::summed`].
    pub(super) sum: K,
}

/// `eq` over the high coordinates, and the pieces of the table where it is not 0.
pub(super) struct High {
    pub(super) weights: Vec<K>,
    pub(super) pieces: Range<usize>,
}

impl Running {
    /// A claim on a table of `variables` variables. Later coordinates of the point are dropped.
    pub(super) fn new(mut claim: Evaluation, variables: usize) -> Self {
        claim.point.truncate(variables);
        let mut inverses = claim.point.clone();
        batch_inversion(&mut inverses);
        Running {
            low: kernels::eq_table(&claim.point[variables.saturating_sub(LOW)..]),
            inverses,
            weight: claim.coefficient,
            value: claim.value,
            sum: K::ZERO,
            point: claim.point,
        }
    }

    /// The half of the table that a round sums: 0, or 1 where `z = 0` and so the value is `h(0)` itself.
    pub(super) fn summed(&self, bound: usize) -> usize {
        usize::from(self.point.get(bound) == Some(&K::ZERO))
    }

    /// `eq` over the pieces of a half, once `bound` variables are bound and the next one is summed over.
    pub(super) fn high(&self, bound: usize) -> High {
        let mut rest = &self.point[bound + 1..self.point.len() - LOW];
        let mut first = 0;
        // The point of a column that shares its row has bits for its place there: in all other pieces eq is 0.
        while let [bit, behind @ ..] = rest {
            if *bit != K::ZERO && *bit != K::ONE {
                break;
            }
            first = 2 * first + usize::from(*bit == K::ONE);
            rest = behind;
        }
        let start = first << rest.len();
        High {
            weights: kernels::eq_table(rest),
            pieces: start..start + (1 << rest.len()),
        }
    }

    /// `h(0)` and `h(1)` of the round in which variable `bound` is next.
    fn line(&self, bound: usize) -> [K; 2] {
        let z = self.point[bound];
        match self.summed(bound) {
            0 => [
                self.sum,
                (self.value - (K::ONE - z) * self.sum) * self.inverses[bound],
            ],
            _ => [self.value, self.sum],
        }
    }

    /// What it adds to the round polynomial at 0 and at 2.
    pub(super) fn ends(&self, bound: usize) -> [K; 2] {
        let (z, [zero, one]) = (self.point[bound], self.line(bound));
        let at_two = z.double() + z - K::ONE;
        [
            self.weight * (K::ONE - z) * zero,
            self.weight * at_two * (one.double() - zero),
        ]
    }

    /// Binds variable `bound` to `r`.
    pub(super) fn bind(&mut self, bound: usize, r: K) {
        let (z, [zero, one]) = (self.point[bound], self.line(bound));
        self.value = zero + r * (one - zero);
        self.weight *= K::ONE - z - r + (z * r).double();
        self.sum = K::ZERO;
    }
}
