//! The prover's sumcheck over one layer of the tree of fractions.

use ark_ff::{AdditiveGroup, batch_inversion};
use rayon::prelude::*;

use crate::field::K;
use crate::sumcheck::portable as kernels;
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

/// The four tables of a layer, each over the variables of the level above: the halves of the level below.
struct Halves {
    p0: Vec<K>,
    p1: Vec<K>,
    q0: Vec<K>,
    q1: Vec<K>,
}

impl Halves {
    fn of(level: Level) -> Self {
        let Level {
            numerators: mut p0,
            denominators: mut q0,
        } = level;
        let half = p0.len() / 2;
        let (p1, q1) = (p0.split_off(half), q0.split_off(half));
        Self { p0, p1, q0, q1 }
    }

    fn fold(&mut self, r: K) {
        for table in [&mut self.p0, &mut self.p1, &mut self.q0, &mut self.q1] {
            kernels::fold(table, r);
        }
    }

    /// `G(1)`, for the one round in `2^122` whose claim does not give it.
    fn at_one(&self, eq: &[K], lambda: K) -> K {
        let half = eq.len();
        let high = |i: usize| {
            let [p0, p1, q0, q1] = [&self.p0, &self.p1, &self.q0, &self.q1].map(|table| table[half + i]);
            p0 * q1 + (p1 + lambda * q1) * q0
        };
        eq.iter().enumerate().map(|(i, weight)| *weight * high(i)).sum()
    }
}

/// From claims on a level to claims on the level below it, which is consumed.
pub(super) fn prove_layer(
    channel: &mut (impl ProverChannel + ?Sized),
    claim: LevelClaim,
    below: Level,
) -> LevelClaim {
    let lambda = channel.challenge("lookup.lambda");
    let mut halves = Halves::of(below);
    let mut value = claim.numerator + lambda * claim.denominator;
    let mut inverses = claim.point.clone();
    batch_inversion(&mut inverses);
    let mut eq = kernels::eq_table(claim.point.get(1..).unwrap_or(&[]));

    let mut point = Vec::with_capacity(claim.point.len() + 1);
    // The first coordinate, tau, is drawn last.
    point.push(K::ZERO);
    for (z, inverse) in claim.point.iter().zip(&inverses) {
        let Halves { p0, p1, q0, q1 } = &halves;
        let [at_zero, quadratic] = kernels::fraction_round(&eq, p0, p1, q0, q1, lambda);
        // The claim is (1 - z) G(0) + z G(1).
        let difference = if *z == K::ZERO {
            halves.at_one(&eq, lambda) - at_zero
        } else {
            (value - at_zero) * inverse
        };
        let linear = difference - quadratic;
        channel.send_scalars("lookup.round", &[linear, quadratic]);
        let r = channel.challenge("lookup.round");
        value = at_zero + r * (linear + r * quadratic);
        halves.fold(r);
        drop_first_variable(&mut eq);
        point.push(r);
    }

    let last = |table: &[K]| table.first().copied().unwrap_or(K::ZERO);
    let [p0, p1, q0, q1] = [&halves.p0, &halves.p1, &halves.q0, &halves.q1].map(|table| last(table));
    channel.send_scalars("lookup.layer", &[p0, p1, q0, q1]);
    let tau = channel.challenge("lookup.tau");
    point[0] = tau;
    LevelClaim {
        point,
        numerator: between(p0, p1, tau),
        denominator: between(q0, q1, tau),
    }
}

/// From the table of `eq(z, .)` to the one of `eq(z_{>0}, .)`: `eq(z_0, 0) + eq(z_0, 1) = 1`.
fn drop_first_variable(eq: &mut Vec<K>) {
    let half = eq.len() / 2;
    if half > 0 {
        let (low, high) = eq.split_at_mut(half);
        low.par_iter_mut()
            .with_min_len(1 << 13)
            .zip(&*high)
            .for_each(|(low, high)| *low += high);
        eq.truncate(half);
    }
}

/// `low + t (high - low)`.
fn between(low: K, high: K, t: K) -> K {
    low + (high - low) * t
}
