//! The layer of the leaves, the largest, when its lower half holds lookups alone: then `p0 = 1`.
//!
//! With `u = p + lambda q` the polynomial of every layer is `F = (u0 u1 - p0 p1) / lambda`. Here `p0 p1 = p1` is
//! linear. So a round is a single product of two tables, and a sum over the numerators `p1`, which are known before any
//! challenge. The tables of `u` are first written after the first challenge, at half their length. Until then their
//! cells are made from the columns on demand.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::layer::{Ends, LevelClaim, Rounds, prove_rounds};
use super::leaves::Leaves;
use crate::field::{K, M61, kernels};
use crate::transcript::ProverChannel;

/// From claims on the level above the leaves to claims on the leaves.
pub(super) fn prove_leaf_layer(
    channel: &mut (impl ProverChannel + ?Sized),
    claim: LevelClaim,
    leaves: &Leaves<'_>,
) -> LevelClaim {
    let lambda = channel.challenge("lookup.lambda");
    let mut rounds = Rounds::new(&claim, lambda);
    let ends = match lambda.inverse() {
        Some(inverse) if rounds.left() >= 2 && leaves.lower_half_is_lookups() => {
            prove_unit_rounds(channel, &mut rounds, leaves, lambda, inverse)
        }
        _ => prove_rounds(channel, &mut rounds, leaves.level(), lambda),
    };
    rounds.finish(channel, ends)
}

/// All rounds, where `p0 = 1`; there are at least two.
fn prove_unit_rounds(
    channel: &mut (impl ProverChannel + ?Sized),
    rounds: &mut Rounds,
    leaves: &Leaves<'_>,
    lambda: K,
    inverse: K,
) -> Ends {
    let unfolded = Unfolded::new(leaves, lambda);
    let sums = over_f(unfolded.sums(rounds), inverse);
    let r = rounds.send(channel, sums, |x| unfolded.at_one(x) * inverse);
    let mut tables = unfolded.fold(r);
    let mut sums = tables.sums(rounds);
    loop {
        let r = rounds.send(channel, over_f(sums, inverse), |x| tables.at_one(x) * inverse);
        let all = [&mut tables.u0, &mut tables.u1, &mut tables.p1];
        if rounds.left() == 0 {
            all.into_iter().for_each(|table| kernels::fold(table, r));
            return tables.ends(inverse);
        }
        sums = rounds.eq.fold_then_sum(all, r, terms);
    }
}

/// From the sums of `u0 u1` at 0, of its coefficient of `X^2`, and of `p1` at 0, to `[G(0), c]` of `F`.
fn over_f([at_zero, quadratic, p1]: [K; 3], inverse: K) -> [K; 2] {
    [(at_zero - p1) * inverse, quadratic * inverse]
}

/// The three sums over a range, from the halves of the tables.
fn terms(eq: &[K], [u0, u1, p1]: [(&[K], &[K]); 3]) -> [K; 3] {
    let [at_zero, quadratic] = kernels::weighted_product_round(eq, u0, u1);
    [at_zero, quadratic, kernels::dot(eq, p1.0)]
}

/// Cells that are made at a time.
const GRAIN: usize = 1 << 11;

/// The layer before its first challenge: `u0` and `u1` are made where they are needed.
struct Unfolded<'a> {
    leaves: &'a Leaves<'a>,
    lambda: K,
    /// Length of `u0` and of `u1`.
    half: usize,
    p1: Vec<M61>,
}

impl<'a> Unfolded<'a> {
    fn new(leaves: &'a Leaves<'a>, lambda: K) -> Self {
        let half = (1usize << leaves.variables) / 2;
        let mut p1 = vec![M61::ZERO; half];
        p1.par_chunks_mut(GRAIN)
            .enumerate()
            .for_each(|(index, out)| leaves.numerators(half + index * GRAIN, out));
        Self {
            leaves,
            lambda,
            half,
            p1,
        }
    }

    /// Length of the tables after the first challenge.
    fn quarter(&self) -> usize {
        self.half / 2
    }

    /// Cells of `u` from `start` on: `u0` has the first `half` of them, `u1` the others.
    fn cells(&self, start: usize, out: &mut [K]) {
        self.leaves.combination(start, self.lambda, K::ONE, out);
    }

    /// The sums of the first round; see [`over_f`].
    fn sums(&self, rounds: &Rounds) -> [K; 3] {
        let (half, quarter) = (self.half, self.quarter());
        rounds.eq.sum(|start, eq| {
            let mut buffer = vec![K::ZERO; 4 * eq.len()];
            let mut tables = buffer.chunks_exact_mut(eq.len());
            let mut table = |first: usize| {
                let table = tables.next().unwrap_or_default();
                self.cells(first + start, table);
                &*table
            };
            if half + start >= self.leaves.filled {
                // u1 is lambda, p1 is 0.
                return [kernels::dot(eq, table(0)) * self.lambda, K::ZERO, K::ZERO];
            }
            let (u0, u1) = ((table(0), table(quarter)), (table(half), table(half + quarter)));
            let [at_zero, quadratic] = kernels::weighted_product_round(eq, u0, u1);
            let p1 = kernels::dot_base(&self.p1[start..start + eq.len()], eq);
            [at_zero, quadratic, p1]
        })
    }

    /// `(u0 u1 - p1)(1, x)`.
    fn at_one(&self, x: usize) -> K {
        let index = self.quarter() + x;
        let (mut u0, mut u1) = ([K::ZERO], [K::ZERO]);
        self.cells(index, &mut u0);
        self.cells(self.half + index, &mut u1);
        u0[0] * u1[0] - K::from_base_prime_field(self.p1[index])
    }

    /// The tables with the first variable bound to `r`.
    fn fold(self, r: K) -> Tables {
        let quarter = self.quarter();
        let folded = |first: usize| {
            let mut table = vec![K::ZERO; quarter];
            table.par_chunks_mut(GRAIN).enumerate().for_each(|(index, low)| {
                if first + index * GRAIN >= self.leaves.filled {
                    return low.fill(self.lambda);
                }
                let mut high = vec![K::ZERO; low.len()];
                self.cells(first + index * GRAIN, low);
                self.cells(first + quarter + index * GRAIN, &mut high);
                kernels::fold_halves(low, &high, r);
            });
            table
        };
        Tables {
            u0: folded(0),
            u1: folded(self.half),
            p1: kernels::fold_base(&self.p1, r),
        }
    }
}

/// The tables after the first challenge.
struct Tables {
    u0: Vec<K>,
    u1: Vec<K>,
    p1: Vec<K>,
}

impl Tables {
    /// The sums of the second round; see [`over_f`].
    fn sums(&self, rounds: &Rounds) -> [K; 3] {
        rounds.eq.sum(|start, eq| {
            let halves = [&self.u0, &self.u1, &self.p1].map(|table| {
                let (low, high) = table.split_at(table.len() / 2);
                (&low[start..start + eq.len()], &high[start..start + eq.len()])
            });
            terms(eq, halves)
        })
    }

    /// `(u0 u1 - p1)(1, x)`.
    fn at_one(&self, x: usize) -> K {
        let [u0, u1, p1] = [&self.u0, &self.u1, &self.p1].map(|table| table[table.len() / 2 + x]);
        u0 * u1 - p1
    }

    /// The values of the layer's tables, when all variables are bound.
    fn ends(&self, inverse: K) -> Ends {
        let [u0, u1, p1] =
            [&self.u0, &self.u1, &self.p1].map(|table| table.first().copied().unwrap_or_default());
        Ends {
            p0: K::ONE,
            p1,
            q0: (u0 - K::ONE) * inverse,
            q1: (u1 - p1) * inverse,
        }
    }
}
