//! Groups of a layer whose tables are stored, while their inner variables are bound.

#![cfg(feature = "prover")]

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use super::GROUP_VARIABLES;
use super::layer::Level;
use super::weights::PARALLEL;
use crate::field::{K, kernels};

/// A layer whose halves have no more elements a group than this goes on in the order of the tree.
pub(super) const SHORTEST: usize = 1 << 5;

/// Elements that one task should have at least.
const TASK: usize = 1 << 12;

/// A level of some groups, one after another.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct GroupedLevel {
    pub(super) numerators: Vec<K>,
    pub(super) denominators: Vec<K>,
    /// Fractions of a group.
    pub(super) length: usize,
}

impl GroupedLevel {
    /// The level in the order of the tree, of a stack with `variables`. The groups are the first ones; all others hold
    /// fillers alone.
    pub(super) fn in_tree_order(&self, variables: usize) -> Level {
        let above_groups = variables.saturating_sub(GROUP_VARIABLES);
        let variables = above_groups + self.length.ilog2() as usize;
        let table = |table: &[K], filler: K| {
            let mut out = vec![filler; 1 << variables];
            for (group, cells) in table.chunks_exact(self.length).enumerate() {
                put_in_tree_order(group, cells, &mut out);
            }
            out
        };
        Level {
            numerators: table(&self.numerators, K::ZERO),
            denominators: table(&self.denominators, K::from(1u64)),
        }
    }
}

/// Puts the cells of a group in a table in the order of the tree.
pub(super) fn put_in_tree_order(group: usize, cells: &[K], out: &mut [K]) {
    let step = out.len() / cells.len();
    let places = out.iter_mut().skip(group).step_by(step);
    places.zip(cells).for_each(|(place, cell)| *place = *cell);
}

/// The end of its variable at which the first sum of a round is taken.
#[derive(Clone, Copy)]
pub(super) enum End {
    Zero,
    One,
}

impl End {
    /// The halves of a table, the one at this end first.
    pub(super) fn halves(self, table: &[K]) -> (&[K], &[K]) {
        let (low, high) = table.split_at(table.len() / 2);
        match self {
            Self::Zero => (low, high),
            Self::One => (high, low),
        }
    }
}

/// Binds the first variable of a table to `r`; the lower half is the table from then on.
pub(super) fn fold(table: &mut [K], r: K) -> &[K] {
    let (low, high) = table.split_at_mut(table.len() / 2);
    kernels::fold_halves(low, high, r);
    low
}

/// The equality weights of a layer, `eq(z, .)` at its point `z = (inner, group)`.
pub(super) struct LayerWeights<'p> {
    /// The inner coordinates of the point.
    pub(super) inner: &'p [K],
    groups: Vec<K>,
}

impl<'p> LayerWeights<'p> {
    /// For halves with `length` elements a group.
    pub(super) fn new(point: &'p [K], length: usize) -> Self {
        let (inner, outer) = point.split_at(length.ilog2() as usize);
        Self {
            inner,
            groups: kernels::eq_table(outer),
        }
    }

    /// The weights of all groups from this one on.
    pub(super) fn from(&self, group: usize) -> K {
        self.groups[group..].iter().sum()
    }

    /// The weights of some groups, and of the inner variables after the first `bound`.
    pub(super) fn of(&self, members: &[usize], bound: usize) -> GroupWeights {
        GroupWeights {
            groups: members.iter().map(|group| self.groups[*group]).collect(),
            inner: kernels::eq_table(self.inner.get(bound..).unwrap_or_default()),
        }
    }
}

/// The equality weights of the rounds over some groups.
#[derive(Clone)]
pub(super) struct GroupWeights {
    pub(super) groups: Vec<K>,
    /// `eq(z, .)` over the inner variables after this round.
    pub(super) inner: Vec<K>,
}

impl GroupWeights {
    pub(super) fn drop_first_variable(&mut self) {
        let half = self.inner.len() / 2;
        let (low, high) = self.inner.split_at_mut(half);
        low.iter_mut().zip(&*high).for_each(|(low, high)| *low += high);
        self.inner.truncate(half);
    }

    /// The sum over all groups of their weight and `term(inner weights, part of the group)`.
    pub(super) fn sum<T: Send, const N: usize>(
        &self,
        parts: Vec<T>,
        term: impl Fn(&[K], T) -> [K; N] + Sync,
    ) -> [K; N] {
        let add = |mut sums: [K; N], more: [K; N]| {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            sums
        };
        let term = |(part, weight): (T, &K)| term(&self.inner, part).map(|sum| sum * weight);
        if self.groups.len() * self.inner.len() < PARALLEL {
            return parts
                .into_iter()
                .zip(&self.groups)
                .map(term)
                .fold([K::ZERO; N], add);
        }
        let parts = parts.into_par_iter().zip(&self.groups);
        let parts = parts.with_min_len((TASK / self.inner.len()).max(1));
        parts.map(term).reduce(|| [K::ZERO; N], add)
    }
}

/// The two halves of a level, group by group.
pub(super) struct Groups {
    weights: GroupWeights,
    members: Vec<usize>,
    /// In each group `p0`, then `r1`.
    numerators: Vec<K>,
    /// In each group `q0`, then `q1`.
    denominators: Vec<K>,
    /// Places of a table in a group.
    places: usize,
    /// Elements of a table in a group; they stand first in its places.
    length: usize,
}

/// `p0, r1, q0, q1` of a group, from both of its tables.
fn quarters([p, q]: [&mut [K]; 2], places: usize, length: usize) -> [&mut [K]; 4] {
    let ((p0, r1), (q0, q1)) = (p.split_at_mut(places), q.split_at_mut(places));
    [p0, r1, q0, q1].map(|table| &mut table[..length])
}

/// The sums of a round over a group, from tables with `p0`, then `r1`, and `q0`, then `q1`.
pub(super) fn sums_of_group(eq: &[K], tables: [&mut [K]; 2]) -> [K; 2] {
    let places = tables[0].len() / 2;
    let tables = quarters(tables, places, places);
    kernels::fraction_round(eq, tables.map(|table| End::Zero.halves(table)))
}

/// The same of a layer's first round: the tables have `p1` where `r1 = p1 + lambda q1` will stand.
pub(super) fn first_sums_of_group(eq: &[K], [p, q]: [&mut [K]; 2], lambda: K) -> [K; 2] {
    let places = p.len() / 2;
    kernels::add_scaled(&mut p[places..], lambda, &q[places..]);
    sums_of_group(eq, [p, q])
}

impl Groups {
    /// Over tables that have, in each group, `p0`, then `r1`, and `q0`, then `q1`.
    pub(super) fn of_tables(tables: [Vec<K>; 2], members: Vec<usize>, weights: GroupWeights) -> Self {
        let [numerators, denominators] = tables;
        let places = numerators.len() / (2 * members.len().max(1));
        Self {
            weights,
            members,
            numerators,
            denominators,
            places,
            length: places,
        }
    }

    /// Over a level of these groups, with the sums of the first round.
    pub(super) fn new(
        level: GroupedLevel,
        members: Vec<usize>,
        weights: GroupWeights,
        lambda: K,
    ) -> (Self, [K; 2]) {
        let tables = [level.numerators, level.denominators];
        let mut groups = Self::of_tables(tables, members, weights);
        let sums = groups.pass(|eq, [p0, r1, q0, q1]| {
            kernels::add_scaled(r1, lambda, q1);
            kernels::fraction_round(eq, [p0, r1, q0, q1].map(|table| End::Zero.halves(table)))
        });
        (groups, sums)
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    fn pass(&mut self, term: impl Fn(&[K], [&mut [K]; 4]) -> [K; 2] + Sync) -> [K; 2] {
        let (places, length) = (self.places, self.length);
        let groups = self.numerators.chunks_exact_mut(2 * places);
        let parts = groups
            .zip(self.denominators.chunks_exact_mut(2 * places))
            .map(|(p, q)| quarters([p, q], places, length));
        self.weights.sum(parts.collect(), term)
    }

    /// Binds the first variable, and returns the sums of the next round.
    pub(super) fn bind(&mut self, r: K) -> [K; 2] {
        self.weights.drop_first_variable();
        let sums = self.pass(|eq, tables| {
            kernels::fraction_round(eq, tables.map(|table| End::Zero.halves(fold(table, r))))
        });
        self.length /= 2;
        sums
    }

    /// The sums of this round.
    pub(super) fn sums(&mut self, end: End) -> [K; 2] {
        self.pass(|eq, tables| kernels::fraction_round(eq, tables.map(|table| end.halves(table))))
    }

    /// Puts the elements of its groups in tables `p0, r1, q0, q1` in the order of the tree.
    pub(super) fn put_in_tree_order(&self, tables: &mut [Vec<K>; 4]) {
        let [p0, r1, q0, q1] = tables;
        for (from, halves) in [(&self.numerators, [p0, r1]), (&self.denominators, [q0, q1])] {
            let halves = halves.into_iter().enumerate();
            for (half, out) in halves {
                let groups = from.chunks_exact(2 * self.places);
                for (group, cells) in self.members.iter().zip(groups) {
                    put_in_tree_order(*group, &cells[half * self.places..][..self.length], out);
                }
            }
        }
    }
}
