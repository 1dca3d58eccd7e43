//! The layer of the leaves, the largest, while its inner variables are bound.
//!
//! With `u = p + lambda q` the polynomial of every layer is `F = (u0 u1 - p0 p1) / lambda`. In a group of lookups alone
//! `p0 = p1 = 1`, so a round is a single product of two tables. The tables are first written after the first challenge,
//! at half their length, or after the second one ([`Grid`](super::grid::Grid)). Until then their cells are made from the
//! columns on demand. For `lambda = 0` a layer like all others gives the same messages.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};

use super::groups::{End, GroupWeights, LayerWeights, fold, put_in_tree_order};
use super::leaves::Leaves;
use crate::field::{K, kernels};

/// A table of both halves of a level in one group: `t0` and `t1`.
type Both<'a> = [&'a [K]; 2];

/// `G(0)`, or `G(1)`, and the coefficient of `X^2` of `lambda F` in a group; without `p` its numerators are 1.
fn term(eq: &[K], u: Both<'_>, p: Option<Both<'_>>, end: End) -> [K; 2] {
    let product = |[t0, t1]: Both<'_>| kernels::weighted_product_round(eq, end.halves(t0), end.halves(t1));
    let [at_end, quadratic] = product(u);
    let [p_at_end, p_quadratic] = p.map_or([K::ONE, K::ZERO], product);
    [at_end - p_at_end, quadratic - p_quadratic]
}

/// The halves of a table.
fn both(table: &[K]) -> Both<'_> {
    table.split_at(table.len() / 2).into()
}

/// What all rounds share.
#[derive(Clone)]
pub(super) struct Factors {
    pub(super) lambda: K,
    /// `1 / lambda`.
    pub(super) inverse: K,
    pub(super) weights: GroupWeights,
}

impl Factors {
    fn sum<T: Send>(&self, parts: Vec<T>, term: impl Fn(&[K], T) -> [K; 2] + Sync) -> [K; 2] {
        self.weights.sum(parts, term).map(|sum| sum * self.inverse)
    }
}

/// The groups that are not of small integers, before the first challenge.
pub(super) struct Unfolded<'a> {
    leaves: &'a Leaves<'a>,
    factors: Factors,
}

impl<'a> Unfolded<'a> {
    pub(super) fn new(leaves: &'a Leaves<'a>, weights: &LayerWeights<'_>, lambda: K, inverse: K) -> Self {
        Self {
            leaves,
            factors: Factors {
                lambda,
                inverse,
                weights: weights.of(&leaves.others, 1),
            },
        }
    }

    pub(super) fn length(&self) -> usize {
        self.leaves.group_length() / 2
    }

    /// The sums of the first round.
    pub(super) fn sums(&self, end: End) -> [K; 2] {
        let cells = self.leaves.group_length();
        self.factors.sum(self.leaves.others.clone(), |eq, group| {
            let mut u = vec![K::ZERO; cells];
            self.leaves
                .combination(group * cells, self.factors.lambda, K::ONE, &mut u);
            let p = self.leaves.mixed(group).then(|| {
                let mut p = vec![K::ZERO; cells];
                self.leaves.numerators(group * cells, &mut p);
                p
            });
            term(eq, both(&u), p.as_deref().map(both), end)
        })
    }

    /// Binds the first variable, and gives the sums of the next round.
    pub(super) fn bind(&self, r: K) -> (Folded, [K; 2]) {
        let (leaves, mut factors) = (self.leaves, self.factors.clone());
        factors.weights.drop_first_variable();
        let (cells, quarter) = (leaves.group_length(), leaves.group_length() / 4);
        let start = |groups: &[usize], half: usize| {
            let group = groups.get(half / 2).copied().unwrap_or_default();
            group * cells + half % 2 * 2 * quarter
        };
        let others = &leaves.others;
        let u = kernels::fold_pieces(2 * others.len(), quarter, r, |half, out| {
            leaves.combination(start(others, half), factors.lambda, K::ONE, out);
        });
        let mixed: Vec<usize> = others
            .iter()
            .copied()
            .filter(|group| leaves.mixed(*group))
            .collect();
        let p = kernels::fold_pieces(2 * mixed.len(), quarter, r, |half, out| {
            leaves.numerators(start(&mixed, half), out);
        });
        let mut folded = Folded {
            factors,
            members: others.clone(),
            u,
            p,
            mixed,
            places: quarter,
            length: quarter,
        };
        let sums = folded.sums(End::Zero);
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
    members: Vec<usize>,
    /// In each group `u0`, then `u1`.
    u: Vec<K>,
    /// In each of the `mixed` groups `p0`, then `p1`; they are 1 in all others.
    p: Vec<K>,
    /// Those of the members that do not hold lookups alone.
    mixed: Vec<usize>,
    /// Places of a table in a group.
    places: usize,
    /// Elements of a table in a group; they stand first in its places.
    length: usize,
}

impl Folded {
    /// Over groups of lookups alone.
    pub(super) fn of_lookups(factors: Factors, u: Vec<K>, members: Vec<usize>) -> Self {
        let places = u.len() / (2 * members.len().max(1));
        Self {
            factors,
            members,
            u,
            p: vec![],
            mixed: vec![],
            places,
            length: places,
        }
    }

    /// The sums of `lambda F` over a group of lookups alone, from `u0`, then `u1`.
    pub(super) fn sums_of_group(eq: &[K], u: &[K]) -> [K; 2] {
        term(eq, both(u), None, End::Zero)
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Calls `each` for the tables of every group.
    fn pass(&mut self, each: impl Fn(&[K], [&mut [K]; 2], Option<[&mut [K]; 2]>) -> [K; 2] + Sync) -> [K; 2] {
        let (places, length) = (self.places, self.length);
        let mut mixed = self
            .mixed
            .iter()
            .zip(self.p.chunks_exact_mut(2 * places))
            .peekable();
        let parts = self
            .members
            .iter()
            .zip(self.u.chunks_exact_mut(2 * places))
            .map(|(group, u)| {
                let p = mixed.next_if(|(at, _)| *at == group);
                let live = |table| live(table, places, length);
                (live(u), p.map(|(_, p)| live(p)))
            });
        self.factors.sum(parts.collect(), |eq, (u, p)| each(eq, u, p))
    }

    /// The sums of this round.
    pub(super) fn sums(&mut self, end: End) -> [K; 2] {
        self.pass(|eq, u, p| term(eq, u.map(|t| &*t), p.map(|p| p.map(|t| &*t)), end))
    }

    /// Binds the first variable, and returns the sums of the next round.
    pub(super) fn bind(&mut self, r: K) -> [K; 2] {
        self.factors.weights.drop_first_variable();
        let sums = self.pass(|eq, u, p| {
            let p = p.map(|p| p.map(|table| fold(table, r)));
            term(eq, u.map(|table| fold(table, r)), p, End::Zero)
        });
        self.length /= 2;
        sums
    }

    /// Puts the elements of its groups in tables `p0, r1, q0, q1` in the order of the tree.
    pub(super) fn put_in_tree_order(&self, tables: &mut [Vec<K>; 4]) {
        let inverse = self.factors.inverse;
        let ones = vec![K::ONE; self.length];
        let [p0, r1, q0, q1] = tables;
        for (half, p_out, q_out) in [(0, p0, q0), (1, r1, q1)] {
            let mut mixed = self
                .mixed
                .iter()
                .zip(self.p.chunks_exact(2 * self.places))
                .peekable();
            let groups = self.members.iter().zip(self.u.chunks_exact(2 * self.places));
            for (group, u) in groups {
                let u = &u[half * self.places..][..self.length];
                let p = mixed.next_if(|(at, _)| *at == group);
                let p = p.map_or(&*ones, |(_, p)| &p[half * self.places..][..self.length]);
                let q: Vec<K> = u.iter().zip(p).map(|(u, p)| (*u - p) * inverse).collect();
                // p1 + lambda q1 = u1
                put_in_tree_order(*group, if half == 0 { p } else { u }, p_out);
                put_in_tree_order(*group, &q, q_out);
            }
        }
    }
}
