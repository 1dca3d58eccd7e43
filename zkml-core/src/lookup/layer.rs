//! One layer of the tree of fractions: its sums, and the prover's sumcheck over it.
//!
//! The polynomial of the sumcheck is `F = p0 q1 + p1 q0 + lambda q0 q1 = p0 q1 + r1 q0` with `r1 = p1 + lambda q1`. The
//! prover folds `r1` in place of `p1`, which saves a product.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, batch_inversion};

use super::weights::Weights;
use crate::field::{K, kernels};
use crate::transcript::ProverChannel;

/// A level of the tree: numerators and denominators of its fractions.
pub(super) struct Level {
    pub(super) numerators: Vec<K>,
    pub(super) denominators: Vec<K>,
}

/// Claims on a level: its numerators and denominators at a point.
pub(super) struct LevelClaim {
    pub(super) point: Vec<K>,
    pub(super) numerator: K,
    pub(super) denominator: K,
}

/// The values of a layer's four tables at the end of its sumcheck.
pub(super) struct Ends {
    pub(super) p0: K,
    pub(super) p1: K,
    pub(super) q0: K,
    pub(super) q1: K,
}

impl Level {
    /// The level above: the fractions of the two halves added. `None` for the root.
    pub(super) fn above(&self) -> Option<Level> {
        if self.numerators.len() < 2 {
            return None;
        }
        let (numerators, denominators) = kernels::fraction_layer(&self.numerators, &self.denominators);
        Some(Level {
            numerators,
            denominators,
        })
    }
}

/// From claims on a level to claims on the level below it, which is consumed.
pub(super) fn prove_layer(
    channel: &mut (impl ProverChannel + ?Sized),
    claim: LevelClaim,
    below: Level,
) -> LevelClaim {
    let lambda = channel.challenge("lookup.lambda");
    let mut rounds = Rounds::new(&claim, lambda);
    let ends = prove_rounds(channel, &mut rounds, below, lambda);
    rounds.finish(channel, ends)
}

/// What all rounds of a layer share.
pub(super) struct Rounds {
    /// The point of the layer, each coordinate with its inverse (0 for 0).
    point: Vec<(K, K)>,
    /// `eq(z_{>j}, .)` in round `j`.
    pub(super) eq: Weights,
    /// The running claim: `(1 - z_j) G(0) + z_j G(1)` in round `j`.
    value: K,
    challenges: Vec<K>,
}

impl Rounds {
    pub(super) fn new(claim: &LevelClaim, lambda: K) -> Self {
        let mut inverses = claim.point.clone();
        batch_inversion(&mut inverses);
        Self {
            point: claim.point.iter().copied().zip(inverses).collect(),
            eq: Weights::new(claim.point.get(1..).unwrap_or(&[])),
            value: claim.numerator + lambda * claim.denominator,
            challenges: Vec::with_capacity(claim.point.len() + 1),
        }
    }

    /// How many rounds are left.
    pub(super) fn left(&self) -> usize {
        self.point.len() - self.challenges.len()
    }

    /// Sends `G(X) = G(0) + b X + c X^2`, given `[G(0), c]`, and draws the challenge. `at_one(x)` is the term of `x` in
    /// `G(1)`: it is needed where `z_j = 0`, since the claim then does not give `G(1)`.
    pub(super) fn send(
        &mut self,
        channel: &mut (impl ProverChannel + ?Sized),
        [at_zero, quadratic]: [K; 2],
        at_one: impl Fn(usize) -> K,
    ) -> K {
        let (z, inverse) = self.point.get(self.challenges.len()).copied().unwrap_or_default();
        let difference = if z == K::ZERO {
            (0..self.eq.len()).map(|x| self.eq.at(x) * at_one(x)).sum::<K>() - at_zero
        } else {
            (self.value - at_zero) * inverse
        };
        let linear = difference - quadratic;
        channel.send_scalars("lookup.round", &[linear, quadratic]);
        let r = channel.challenge("lookup.round");
        self.value = at_zero + r * (linear + r * quadratic);
        self.eq.drop_first_variable();
        self.challenges.push(r);
        r
    }

    /// Sends the ends, and folds them to claims on the level below.
    pub(super) fn finish(self, channel: &mut (impl ProverChannel + ?Sized), ends: Ends) -> LevelClaim {
        let Ends { p0, p1, q0, q1 } = ends;
        channel.send_scalars("lookup.layer", &[p0, p1, q0, q1]);
        let tau = channel.challenge("lookup.tau");
        let mut point = self.challenges;
        point.insert(0, tau);
        LevelClaim {
            point,
            numerator: between(p0, p1, tau),
            denominator: between(q0, q1, tau),
        }
    }
}

/// All rounds, over the two halves of a level.
pub(super) fn prove_rounds(
    channel: &mut (impl ProverChannel + ?Sized),
    rounds: &mut Rounds,
    below: Level,
    lambda: K,
) -> Ends {
    let half = below.numerators.len() / 2;
    let (mut p0, mut q0) = (below.numerators, below.denominators);
    let (mut r1, mut q1) = (p0.split_off(half), q0.split_off(half));
    kernels::add_scaled(&mut r1, lambda, &q1);
    if rounds.left() > 0 {
        let mut sums = rounds.eq.sum(|start, eq| {
            let halves = [&p0, &r1, &q0, &q1].map(|table| {
                let (low, high) = table.split_at(half / 2);
                (&low[start..start + eq.len()], &high[start..start + eq.len()])
            });
            kernels::fraction_round(eq, halves)
        });
        loop {
            let at_one = |x: usize| {
                let [p0, r1, q0, q1] = [&p0, &r1, &q0, &q1].map(|table| table[table.len() / 2 + x]);
                p0 * q1 + r1 * q0
            };
            let r = rounds.send(channel, sums, at_one);
            let tables = [&mut p0, &mut r1, &mut q0, &mut q1];
            if rounds.left() == 0 {
                tables.into_iter().for_each(|table| kernels::fold(table, r));
                break;
            }
            sums = rounds.eq.fold_then_sum(tables, r, kernels::fraction_round);
        }
    }
    let [p0, r1, q0, q1] = [p0, r1, q0, q1].map(|table| table.first().copied().unwrap_or_default());
    Ends {
        p0,
        p1: r1 - lambda * q1,
        q0,
        q1,
    }
}

/// `low + t (high - low)`.
fn between(low: K, high: K, t: K) -> K {
    low + (high - low) * t
}
