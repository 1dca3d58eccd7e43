//! The layer of the leaves, the largest, while its inner variables are bound.
//!
//! With `u = p + lambda q` the polynomial of every layer is `F = (u0 u1 - p0 p1) / lambda`. In a group of lookups alone
//! `p0 = p1 = 1`, so a round is a single product of two tables. The tables are first written after the first challenge,
//! at half their length. Until then their cells are made from the columns on demand. For `lambda = 0` a layer like all
//! others gives the same messages.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};

use super::groups::{Cut, GroupWeights, SHORTEST, fold, halves, in_tree_order};
use super::layer::Halves;
use super::leaves::Leaves;
use super::weights::Weights;
use crate::field::{K, kernels};

/// A table of both halves of a level in one group: `t0` and `t1`.
type Both<'a> = [&'a [K]; 2];

/// `G(0)` and the coefficient of `X^2` of `lambda F` in a group; without `p` its numerators are 1.
fn term(eq: &[K], u: Both<'_>, p: Option<Both<'_>>, cut: Cut) -> [K; 2] {
    let product = |[t0, t1]: Both<'_>| kernels::weighted_product_round(eq, cut(t0), cut(t1));
    let [at_zero, quadratic] = product(u);
    let [p_at_zero, p_quadratic] = p.map_or([K::ONE, K::ZERO], product);
    [at_zero - p_at_zero, quadratic - p_quadratic]
}

/// What all rounds share.
#[derive(Clone)]
struct Factors {
    lambda: K,
    /// `1 / lambda`.
    inverse: K,
    weights: GroupWeights,
}

impl Factors {
    fn sum<T: Send>(&self, parts: Vec<T>, term: impl Fn(&[K], T) -> [K; 2] + Sync) -> [K; 2] {
        let [at_zero, quadratic] = self.weights.sum(parts, term).map(|sum| sum * self.inverse);
        [at_zero + self.weights.fillers * self.lambda, quadratic]
    }
}

/// The layer before its first challenge.
pub(super) struct Unfolded<'a> {
    leaves: &'a Leaves<'a>,
    factors: Factors,
}

impl<'a> Unfolded<'a> {
    pub(super) fn new(leaves: &'a Leaves<'a>, point: &[K], lambda: K, inverse: K) -> Self {
        let weights = GroupWeights::new(point, leaves.groups(), leaves.group_length() / 2);
        Self {
            leaves,
            factors: Factors {
                lambda,
                inverse,
                weights,
            },
        }
    }

    /// The sums of the first round; of swapped halves the first is `G(1)`.
    pub(super) fn sums(&self, cut: Cut) -> [K; 2] {
        let cells = self.leaves.group_length();
        self.factors
            .sum((0..self.leaves.groups()).collect(), |eq, group| {
                let mut u = vec![K::ZERO; cells];
                self.leaves
                    .combination(group * cells, self.factors.lambda, K::ONE, &mut u);
                let p = self.leaves.mixed(group).then(|| {
                    let mut p = vec![K::ZERO; cells];
                    self.leaves.numerators(group * cells, &mut p);
                    p
                });
                let both = |table| <[&[K]; 2]>::from(halves(table));
                term(eq, both(&u), p.as_deref().map(both), cut)
            })
    }

    /// Binds the first variable, and gives the sums of the next round.
    pub(super) fn bind(&self, r: K) -> (Folded, [K; 2]) {
        let (leaves, mut factors) = (self.leaves, self.factors.clone());
        factors.weights.drop_first_variable();
        let (cells, quarter) = (leaves.group_length(), leaves.group_length() / 4);
        let u = kernels::fold_pieces(2 * leaves.groups(), quarter, r, |half, out| {
            leaves.combination(half * 2 * quarter, factors.lambda, K::ONE, out);
        });
        let mixed: Vec<usize> = (0..leaves.groups())
            .filter(|group| leaves.mixed(*group))
            .collect();
        let p = kernels::fold_pieces(2 * mixed.len(), quarter, r, |half, out| {
            let group = mixed.get(half / 2).copied().unwrap_or_default();
            leaves.numerators(group * cells + half % 2 * 2 * quarter, out);
        });
        let mut folded = Folded {
            factors,
            u,
            p,
            mixed,
            places: quarter,
            length: quarter,
        };
        let sums = folded.sums(halves);
        (folded, sums)
    }
}

/// The elements of both tables of a group.
fn live(group: &mut [K], places: usize, length: usize) -> [&mut [K]; 2] {
    let (t0, t1) = group.split_at_mut(places);
    [&mut t0[..length], &mut t1[..length]]
}

/// The tables after the first challenge.
pub(super) struct Folded {
    factors: Factors,
    /// In each group `u0`, then `u1`.
    u: Vec<K>,
    /// In each of the `mixed` groups `p0`, then `p1`; they are 1 in all others.
    p: Vec<K>,
    mixed: Vec<usize>,
    /// Places of a table in a group.
    places: usize,
    /// Elements of a table in a group; they stand first in its places.
    length: usize,
}

impl Folded {
    /// Calls `each` for the tables of every group.
    fn pass(&mut self, each: impl Fn(&[K], [&mut [K]; 2], Option<[&mut [K]; 2]>) -> [K; 2] + Sync) -> [K; 2] {
        let (places, length) = (self.places, self.length);
        let mut mixed = self
            .mixed
            .iter()
            .zip(self.p.chunks_exact_mut(2 * places))
            .peekable();
        let parts = self.u.chunks_exact_mut(2 * places).enumerate().map(|(group, u)| {
            let p = mixed.next_if(|(at, _)| **at == group);
            let both = |table| live(table, places, length);
            (both(u), p.map(|(_, p)| both(p)))
        });
        self.factors.sum(parts.collect(), |eq, (u, p)| each(eq, u, p))
    }

    /// The sums of this round; of swapped halves the first is `G(1)`.
    pub(super) fn sums(&mut self, cut: Cut) -> [K; 2] {
        self.pass(|eq, u, p| term(eq, u.map(|t| &*t), p.map(|p| p.map(|t| &*t)), cut))
    }

    /// Binds the first variable, and returns the sums of the next round.
    pub(super) fn bind(&mut self, r: K) -> [K; 2] {
        self.factors.weights.drop_first_variable();
        let sums = self.pass(|eq, u, p| {
            let p = p.map(|p| p.map(|table| fold(table, r)));
            term(eq, u.map(|table| fold(table, r)), p, halves)
        });
        self.length /= 2;
        sums
    }

    /// The tables in the order of the tree, if they have become short; `point` has the coordinates that are not bound.
    pub(super) fn in_tree_order(&self, point: &[K]) -> Option<Halves> {
        (self.length == SHORTEST).then(|| {
            let Factors { lambda, inverse, .. } = self.factors;
            let places = self.places;
            let ones = vec![K::ONE; places];
            let table = |half: usize, filler: K| {
                let groups = self.u.chunks_exact(2 * places);
                let groups = groups.map(|u| &u[half * places..][..SHORTEST]);
                in_tree_order(groups, SHORTEST, point.len(), filler)
            };
            let numerators = |half: usize| {
                let mut mixed = self.mixed.iter().zip(self.p.chunks_exact(2 * places)).peekable();
                let groups = (0..self.u.len() / (2 * places)).map(|group| {
                    let p = mixed.next_if(|(at, _)| **at == group);
                    p.map_or(&ones[..SHORTEST], |(_, p)| &p[half * places..][..SHORTEST])
                });
                in_tree_order(groups, SHORTEST, point.len(), K::ZERO)
            };
            let ([p0, p1], [mut q0, r1]) = ([0, 1].map(numerators), [0, 1].map(|half| table(half, lambda)));
            // p1 + lambda q1 = u1
            let mut q1 = r1.clone();
            for (q, p) in [(&mut q0, &p0), (&mut q1, &p1)] {
                q.iter_mut().zip(p).for_each(|(u, p)| *u = (*u - p) * inverse);
            }
            Halves {
                lambda,
                eq: Weights::after(point),
                p0,
                r1,
                q0,
                q1,
            }
        })
    }
}
