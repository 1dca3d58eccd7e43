//! A layer while its inner variables are bound: group by group, fillers skipped.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::GROUP_VARIABLES;
use super::layer::{Halves, Level};
use super::weights::{PARALLEL, Weights};
use crate::field::{K, kernels};

/// A layer whose halves have no more elements a group than this goes on in the order of the tree.
pub(super) const SHORTEST: usize = 1 << 5;

/// Elements that one task should have at least.
const TASK: usize = 1 << 12;

/// A level, group after group. The groups that are not stored hold fillers alone.
pub(super) struct GroupedLevel {
    pub(super) numerators: Vec<K>,
    pub(super) denominators: Vec<K>,
    /// Fractions of a group.
    pub(super) length: usize,
}

impl GroupedLevel {
    /// The level in the order of the tree, of a stack with `variables`.
    pub(super) fn in_tree_order(&self, variables: usize) -> Level {
        let above_groups = variables.saturating_sub(GROUP_VARIABLES);
        let variables = above_groups + self.length.ilog2() as usize;
        let table = |table: &[K], filler: K| {
            in_tree_order(table.chunks_exact(self.length), self.length, variables, filler)
        };
        Level {
            numerators: table(&self.numerators, K::ZERO),
            denominators: table(&self.denominators, K::ONE),
        }
    }
}

/// The equality weights of the rounds.
#[derive(Clone)]
pub(super) struct GroupWeights {
    /// `eq(z, .)` of the groups that are stored.
    groups: Vec<K>,
    /// The sum of `eq(z, .)` over all others.
    pub(super) fillers: K,
    /// `eq(z, .)` over the inner variables after this round.
    inner: Vec<K>,
}

impl GroupWeights {
    /// For a layer with claims at `point`, of `groups` groups whose halves have `length` elements.
    pub(super) fn new(point: &[K], groups: usize, length: usize) -> Self {
        let (inner, outer) = point.split_at(length.ilog2() as usize);
        let mut weights = kernels::eq_table(outer);
        let fillers = weights.drain(groups..).sum();
        Self {
            groups: weights,
            fillers,
            inner: kernels::eq_table(inner.get(1..).unwrap_or_default()),
        }
    }

    pub(super) fn drop_first_variable(&mut self) {
        let half = self.inner.len() / 2;
        let (low, high) = self.inner.split_at_mut(half);
        low.iter_mut().zip(&*high).for_each(|(low, high)| *low += high);
        self.inner.truncate(half);
    }

    /// The sum over all groups of their weight and `term(inner weights, part of the group)`.
    pub(super) fn sum<T: Send>(&self, parts: Vec<T>, term: impl Fn(&[K], T) -> [K; 2] + Sync) -> [K; 2] {
        let add = |[a, b]: [K; 2], [c, d]: [K; 2]| [a + c, b + d];
        let term = |(part, weight): (T, &K)| term(&self.inner, part).map(|sum| sum * weight);
        if self.groups.len() * self.inner.len() < PARALLEL {
            return parts
                .into_iter()
                .zip(&self.groups)
                .map(term)
                .fold([K::ZERO; 2], add);
        }
        let parts = parts.into_par_iter().zip(&self.groups);
        let parts = parts.with_min_len((TASK / self.inner.len()).max(1));
        parts.map(term).reduce(|| [K::ZERO; 2], add)
    }
}

/// How a round takes a table apart.
pub(super) type Cut = fn(&[K]) -> (&[K], &[K]);

/// The halves of a table.
pub(super) fn halves(table: &[K]) -> (&[K], &[K]) {
    table.split_at(table.len() / 2)
}

/// The halves of a table, swapped: `G(1)` is then where `G(0)` was.
pub(super) fn swapped(table: &[K]) -> (&[K], &[K]) {
    let (low, high) = halves(table);
    (high, low)
}

/// Binds the first variable of a table to `r`; the lower half is the table from then on.
pub(super) fn fold(table: &mut [K], r: K) -> &[K] {
    let (low, high) = table.split_at_mut(table.len() / 2);
    kernels::fold_halves(low, high, r);
    low
}

/// A table of `2^variables` elements in the order of the tree, from groups of `length` and fillers.
pub(super) fn in_tree_order<'a>(
    groups: impl Iterator<Item = &'a [K]>,
    length: usize,
    variables: usize,
    filler: K,
) -> Vec<K> {
    let mut out = vec![filler; 1 << variables];
    let step = out.len() / length;
    for (group, cells) in groups.enumerate() {
        let places = out.iter_mut().skip(group).step_by(step);
        places.zip(cells).for_each(|(place, cell)| *place = *cell);
    }
    out
}

/// The two halves of a level, group by group.
pub(super) struct Groups {
    lambda: K,
    weights: GroupWeights,
    /// In each group `p0`, then `r1`.
    numerators: Vec<K>,
    /// In each group `q0`, then `q1`.
    denominators: Vec<K>,
    /// Places of a table in a group.
    places: usize,
    /// Elements of a table in a group; they stand first in its places.
    length: usize,
}

impl Groups {
    /// With the sums of the first round.
    pub(super) fn new(level: GroupedLevel, point: &[K], lambda: K) -> (Self, [K; 2]) {
        let length = level.length / 2;
        let groups = level.numerators.len() / level.length;
        let mut tables = Self {
            lambda,
            weights: GroupWeights::new(point, groups, length),
            numerators: level.numerators,
            denominators: level.denominators,
            places: length,
            length,
        };
        let sums = tables.pass(|eq, [p0, r1, q0, q1]| {
            kernels::add_scaled(r1, lambda, q1);
            kernels::fraction_round(eq, [p0, r1, q0, q1].map(|table| halves(table)))
        });
        (tables, sums)
    }

    fn pass(&mut self, term: impl Fn(&[K], [&mut [K]; 4]) -> [K; 2] + Sync) -> [K; 2] {
        let (places, length) = (self.places, self.length);
        let groups = self.numerators.chunks_exact_mut(2 * places);
        let parts = groups
            .zip(self.denominators.chunks_exact_mut(2 * places))
            .map(|(p, q)| {
                let ((p0, r1), (q0, q1)) = (p.split_at_mut(places), q.split_at_mut(places));
                [p0, r1, q0, q1].map(|table| &mut table[..length])
            });
        let [at_zero, quadratic] = self.weights.sum(parts.collect(), term);
        // A filler has p0 = 0, r1 = lambda, q0 = 1.
        [at_zero + self.weights.fillers * self.lambda, quadratic]
    }

    /// Binds the first variable, and returns the sums of the next round.
    pub(super) fn bind(&mut self, r: K) -> [K; 2] {
        self.weights.drop_first_variable();
        let sums =
            self.pass(|eq, tables| kernels::fraction_round(eq, tables.map(|table| halves(fold(table, r)))));
        self.length /= 2;
        sums
    }

    /// The sums of this round; of swapped halves the first is `G(1)`.
    pub(super) fn sums(&mut self, cut: Cut) -> [K; 2] {
        self.pass(|eq, tables| kernels::fraction_round(eq, tables.map(|table| cut(table))))
    }

    /// The tables in the order of the tree, if they have become short; `point` has the coordinates that are not bound.
    pub(super) fn in_tree_order(&self, point: &[K]) -> Option<Halves> {
        (self.length == SHORTEST).then(|| {
            let table = |table: &[K], half: usize, filler: K| {
                let groups = table.chunks_exact(2 * self.places);
                let groups = groups.map(|group| &group[half * self.places..][..SHORTEST]);
                in_tree_order(groups, SHORTEST, point.len(), filler)
            };
            Halves {
                lambda: self.lambda,
                eq: Weights::after(point),
                p0: table(&self.numerators, 0, K::ZERO),
                r1: table(&self.numerators, 1, self.lambda),
                q0: table(&self.denominators, 0, K::ONE),
                q1: table(&self.denominators, 1, K::ONE),
            }
        })
    }
}
