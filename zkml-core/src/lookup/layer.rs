//! One layer of the tree of fractions: its sums, and the prover's sumcheck over it.
//!
//! With `w = p0 + lambda q0` the polynomial of the sumcheck is `F = w q1 + p1 q0`. In the layer of the leaves the
//! upper half of the stack (`p1, q1`) may end in fillers `0/1`, where `F = w`. So `F = w + w (q1 - 1) + p1 q0`,
//! and the last two terms are zero but for the first cells: see [`sparse_rounds`].

use ark_ff::{AdditiveGroup, Field, batch_inversion};
use rayon::prelude::*;

use crate::field::{K, kernels};
use crate::transcript::ProverChannel;

/// A level of the tree: numerators and denominators of its fractions. The tables hold the lower half and, of the
/// upper half, the first cells, a power of two of them; the rest are fillers `0/1`.
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

impl Level {
    /// Log2 of the number of cells, fillers included.
    fn variables(&self) -> usize {
        self.numerators.len().next_power_of_two().ilog2() as usize
    }

    /// The level above: the fractions of the two halves added. `None` for the root.
    pub(super) fn above(&self) -> Option<Level> {
        let half = (1usize << self.variables()) / 2;
        if half == 0 {
            return None;
        }
        let (p, q) = (&self.numerators, &self.denominators);
        let upper = p.len() - half;
        if upper == half {
            let (numerators, denominators) = kernels::fraction_layer(p, q);
            return Some(Level {
                numerators,
                denominators,
            });
        }
        // A fraction plus 0/1 stays as it is.
        let pairs = |table: &[K]| [&table[..upper], &table[half..]].concat();
        let (mut numerators, mut denominators) = kernels::fraction_layer(&pairs(p), &pairs(q));
        numerators.extend_from_slice(&p[upper..half]);
        denominators.extend_from_slice(&q[upper..half]);
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
    let mut halves = Halves::of(below);
    let mut lambda_left = lambda;
    if halves.p1.len() < halves.p0.len() {
        sparse_rounds(channel, &mut rounds, &mut halves, lambda);
        lambda_left = K::ZERO;
    }
    dense_rounds(channel, &mut rounds, &mut halves, lambda_left);

    let last = |table: &[K]| table.first().copied().unwrap_or(K::ZERO);
    let [w, p1, q0, q1] = [&halves.p0, &halves.p1, &halves.q0, &halves.q1].map(|table| last(table));
    let p0 = w - (lambda - lambda_left) * q0;
    channel.send_scalars("lookup.layer", &[p0, p1, q0, q1]);
    let tau = channel.challenge("lookup.tau");
    let mut point = rounds.challenges;
    point.insert(0, tau);
    LevelClaim {
        point,
        numerator: between(p0, p1, tau),
        denominator: between(q0, q1, tau),
    }
}

/// What all rounds of a layer share.
struct Rounds {
    /// The point of the layer, each coordinate with its inverse (0 for 0).
    point: Vec<(K, K)>,
    /// The table of `eq(z_{>j}, .)` in round `j`.
    eq: Vec<K>,
    /// The running claim: `(1 - z_j) G(0) + z_j G(1)` in round `j`.
    value: K,
    challenges: Vec<K>,
}

impl Rounds {
    fn new(claim: &LevelClaim, lambda: K) -> Self {
        let mut inverses = claim.point.clone();
        batch_inversion(&mut inverses);
        Self {
            point: claim.point.iter().copied().zip(inverses).collect(),
            eq: kernels::eq_table(claim.point.get(1..).unwrap_or(&[])),
            value: claim.numerator + lambda * claim.denominator,
            challenges: Vec::with_capacity(claim.point.len() + 1),
        }
    }

    /// The coordinate of this round and its inverse, `None` after the last round.
    fn coordinate(&self) -> Option<(K, K)> {
        self.point.get(self.challenges.len()).copied()
    }

    /// Sends `G(X) = G(0) + b X + c X^2`, given `[G(0), c]`, and draws the challenge. `at_one` computes `G(1)`
    /// for the one round in `2^122` whose claim does not give it.
    fn send(
        &mut self,
        channel: &mut (impl ProverChannel + ?Sized),
        (z, inverse): (K, K),
        [at_zero, quadratic]: [K; 2],
        at_one: impl FnOnce(&[K]) -> K,
    ) -> K {
        let difference = if z == K::ZERO {
            at_one(&self.eq) - at_zero
        } else {
            (self.value - at_zero) * inverse
        };
        let linear = difference - quadratic;
        channel.send_scalars("lookup.round", &[linear, quadratic]);
        let r = channel.challenge("lookup.round");
        self.value = at_zero + r * (linear + r * quadratic);
        drop_first_variable(&mut self.eq);
        self.challenges.push(r);
        r
    }
}

/// The four tables of a layer, over the variables of the level above: the halves of the level below. `p1` and `q1`
/// may be shorter, with fillers after their end.
struct Halves {
    p0: Vec<K>,
    p1: Vec<K>,
    q0: Vec<K>,
    q1: Vec<K>,
}

impl Halves {
    fn of(level: Level) -> Self {
        let half = (1usize << level.variables()) / 2;
        let Level {
            numerators: mut p0,
            denominators: mut q0,
        } = level;
        let (p1, q1) = (p0.split_off(half), q0.split_off(half));
        Self { p0, p1, q0, q1 }
    }
}

/// All rounds that are left, over four tables of one length, with `F = p0 q1 + p1 q0 + lambda q0 q1`.
fn dense_rounds(
    channel: &mut (impl ProverChannel + ?Sized),
    rounds: &mut Rounds,
    halves: &mut Halves,
    lambda: K,
) {
    let Halves { p0, p1, q0, q1 } = halves;
    while let Some(coordinate) = rounds.coordinate() {
        let evaluations = kernels::fraction_round(&rounds.eq, p0, p1, q0, q1, lambda);
        let r = rounds.send(channel, coordinate, evaluations, |eq| {
            let [p0, p1, q0, q1] = [&*p0, &*p1, &*q0, &*q1].map(|table| &table[eq.len()..]);
            let term = |i: usize| (p0[i] + lambda * q0[i]) * q1[i] + p1[i] * q0[i];
            eq.iter().enumerate().map(|(i, weight)| *weight * term(i)).sum()
        });
        for table in [&mut *p0, p1, q0, q1] {
            kernels::fold(table, r);
        }
    }
}

/// The rounds in which the upper tables are shorter than half of the lower ones, or as long: their upper halves are
/// all fillers. Leaves four tables of one length, with `w = p0 + lambda q0` in the place of `p0`.
///
/// With `d = q1 - 1`, both `d` and `p1` are zero where the round's variable is 1, so binding it to `r` scales them
/// by `1 - r`, and, with `m` the length of `d`,
///
/// ```text
/// G(X) = sum_x eq(x) w(X, x) + (1 - X) sum_{x < m} eq(x) (w(X, x) d(x) + q0(X, x) p1(x))
/// ```
fn sparse_rounds(
    channel: &mut (impl ProverChannel + ?Sized),
    rounds: &mut Rounds,
    halves: &mut Halves,
    lambda: K,
) {
    let Halves { p0, p1, q0, q1 } = halves;
    kernels::add_scaled(p0, lambda, q0);
    let w = p0;
    q1.par_iter_mut().with_min_len(GRAIN).for_each(|q| *q -= K::ONE);
    // What d and p1 are scaled by.
    let mut scale = K::ONE;
    while w.len() > q1.len()
        && let Some(coordinate) = rounds.coordinate()
    {
        let (half, m) = (rounds.eq.len(), q1.len());
        let (mut by_w, mut by_q0) = (rounds.eq[..m].to_vec(), rounds.eq[..m].to_vec());
        kernels::multiply(&mut by_w, q1);
        kernels::multiply(&mut by_q0, p1);
        let sum = |at: usize| kernels::dot(&by_w, &w[at..at + m]) + kernels::dot(&by_q0, &q0[at..at + m]);
        let (low, high) = (scale * sum(0), scale * sum(half));
        let at_zero = kernels::dot(&rounds.eq, &w[..half]) + low;
        let r = rounds.send(channel, coordinate, [at_zero, low - high], |eq| {
            kernels::dot(eq, &w[half..])
        });
        kernels::fold(w, r);
        kernels::fold(q0, r);
        scale *= K::ONE - r;
    }
    kernels::scale(p1, scale);
    kernels::scale(q1, scale);
    q1.par_iter_mut().with_min_len(GRAIN).for_each(|d| *d += K::ONE);
}

/// Elements that one task works on at least.
const GRAIN: usize = 1 << 13;

/// From the table of `eq(z, .)` to the one of `eq(z_{>0}, .)`: `eq(z_0, 0) + eq(z_0, 1) = 1`.
fn drop_first_variable(eq: &mut Vec<K>) {
    let half = eq.len() / 2;
    if half > 0 {
        let (low, high) = eq.split_at_mut(half);
        low.par_iter_mut()
            .with_min_len(GRAIN)
            .zip(&*high)
            .for_each(|(low, high)| *low += high);
        eq.truncate(half);
    }
}

/// `low + t (high - low)`.
fn between(low: K, high: K, t: K) -> K {
    low + (high - low) * t
}
