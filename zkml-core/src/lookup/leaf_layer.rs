//! The layer of the leaves, the largest, when its lower half holds lookups alone: then `p0 = 1`.
//!
//! With `u = p + lambda q` the polynomial of every layer is `F = (u0 u1 - p0 p1) / lambda`. Here `p0 p1 = p1` is
//! linear. So a round is a single product of two tables, and a sum over the numerators `p1`, which are known before any
//! challenge. The tables of `u` are first written after the first challenge, at half their length. Until then their
//! cells are made from the columns on demand. At the end `q0 = (u0 - 1) / lambda` and `q1 = (u1 - p1) / lambda`. For
//! other stacks, and for `lambda = 0`, a layer like all others gives the same messages.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::layer::Rounds;
use super::leaves::Leaves;
use crate::field::{K, M61, kernels};

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
pub(super) struct Unfolded<'a> {
    leaves: &'a Leaves<'a>,
    lambda: K,
    /// `1 / lambda`.
    inverse: K,
    /// Length of `u0` and of `u1`.
    half: usize,
    p1: Vec<M61>,
}

impl<'a> Unfolded<'a> {
    /// There are at least two rounds, and `p0 = 1`.
    pub(super) fn new(leaves: &'a Leaves<'a>, lambda: K, inverse: K) -> Self {
        let half = (1usize << leaves.variables) / 2;
        let mut p1 = vec![M61::ZERO; half];
        p1.par_chunks_mut(GRAIN)
            .enumerate()
            .for_each(|(index, out)| leaves.numerators(half + index * GRAIN, out));
        Self {
            leaves,
            lambda,
            inverse,
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

    /// The sums of the first round.
    pub(super) fn sums(&self, rounds: &Rounds) -> [K; 2] {
        let (half, quarter) = (self.half, self.quarter());
        let sums = rounds.eq.sum(|start, eq| {
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
        });
        over_f(sums, self.inverse)
    }

    /// `F(1, x)`.
    pub(super) fn at_one(&self, x: usize) -> K {
        let index = self.quarter() + x;
        let (mut u0, mut u1) = ([K::ZERO], [K::ZERO]);
        self.cells(index, &mut u0);
        self.cells(self.half + index, &mut u1);
        (u0[0] * u1[0] - K::from_base_prime_field(self.p1[index])) * self.inverse
    }

    /// The tables with the first variable bound to `r`.
    pub(super) fn fold(&self, r: K) -> Units {
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
        Units {
            inverse: self.inverse,
            u0: folded(0),
            u1: folded(self.half),
            p1: kernels::fold_base(&self.p1, r),
        }
    }
}

/// The tables after the first challenge.
pub(super) struct Units {
    /// `1 / lambda`.
    inverse: K,
    u0: Vec<K>,
    u1: Vec<K>,
    p1: Vec<K>,
}

impl Units {
    /// The sums of the second round.
    pub(super) fn sums(&self, rounds: &Rounds) -> [K; 2] {
        let sums = rounds.eq.sum(|start, eq| {
            let halves = [&self.u0, &self.u1, &self.p1].map(|table| {
                let (low, high) = table.split_at(table.len() / 2);
                (&low[start..start + eq.len()], &high[start..start + eq.len()])
            });
            terms(eq, halves)
        });
        over_f(sums, self.inverse)
    }

    /// `F(1, x)`.
    pub(super) fn at_one(&self, x: usize) -> K {
        let [u0, u1, p1] = [&self.u0, &self.u1, &self.p1].map(|table| table[table.len() / 2 + x]);
        (u0 * u1 - p1) * self.inverse
    }

    /// Binds the first variable, and returns the sums of the next round.
    pub(super) fn bind(&mut self, rounds: &Rounds, r: K) -> [K; 2] {
        let all = [&mut self.u0, &mut self.u1, &mut self.p1];
        if rounds.left() == 0 {
            all.into_iter().for_each(|table| kernels::fold(table, r));
            return [K::ZERO; 2];
        }
        over_f(rounds.eq.fold_then_sum(all, r, terms), self.inverse)
    }

    /// The values `p0, p1, q0, q1`, when all variables are bound.
    pub(super) fn ends(&self) -> [K; 4] {
        let [u0, u1, p1] =
            [&self.u0, &self.u1, &self.p1].map(|table| table.first().copied().unwrap_or_default());
        [K::ONE, p1, (u0 - K::ONE) * self.inverse, (u1 - p1) * self.inverse]
    }
}
