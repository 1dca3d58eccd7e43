//! One layer of the tree of fractions: its sums, and the sumcheck over it.
//!
//! The polynomial of the sumcheck is `F = p0 q1 + p1 q0 + lambda q0 q1 = p0 q1 + r1 q0` with `r1 = p1 + lambda q1`. The
//! prover folds `r1` in place of `p1`, which saves a product. A round takes six products for each pair of halves: two
//! in `G(0)`, two in the coefficient of `X^2`, two with the weights. Four more fold it, in one pass with the sums of
//! the next round. The sums need a division by `z_j`; if that is 0, `G(1)` is computed directly.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field, batch_inversion};

use super::grid::{Grid, Lowest};
use super::groups::{End, GroupedLevel, Groups, LayerWeights, first_sums_of_group};
use super::leaf_layer::Unfolded;
use super::leaves::Leaves;
use super::parts::{Part, Parts};
use super::tree::FractionLayer;
use super::weights::Weights;
use crate::field::K;
use crate::field::kernels::{self, Backend};

/// A level of the tree, in its order of coordinates: numerators and denominators of its fractions.
pub(super) struct Level {
    pub(super) numerators: Vec<K>,
    pub(super) denominators: Vec<K>,
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

/// A layer in the memory of this process, in the middle of its sumcheck.
pub struct Layer<'a> {
    /// The point of the claims.
    point: Vec<K>,
    /// The inverses of its coordinates, 0 for 0.
    inverses: Vec<K>,
    /// How many variables are bound.
    bound: usize,
    /// `G(0)` of the next round, and the coefficient of `X^2`. They are known as soon as the last variable is bound:
    /// tables are folded and summed in one pass.
    sums: [K; 2],
    tables: Tables<'a>,
}

/// The tables that a layer folds.
enum Tables<'a> {
    Halves(Halves),
    Parts(Parts<'a>),
}

impl<'a> Layer<'a> {
    fn with_tables(point: &[K], sums: [K; 2], tables: Tables<'a>) -> Self {
        let mut inverses = point.to_vec();
        batch_inversion(&mut inverses);
        Self {
            point: point.to_vec(),
            inverses,
            bound: 0,
            sums,
            tables,
        }
    }

    /// Over the two halves of the level below the claims, which is consumed.
    pub(super) fn new(below: Level, point: &[K], lambda: K) -> Self {
        let tables = Halves::new(below, point, lambda);
        Self::with_tables(point, tables.sums(End::Zero), Tables::Halves(tables))
    }

    /// The same, over a level of all groups.
    pub(super) fn of_groups(below: GroupedLevel, point: &[K], lambda: K) -> Self {
        let weights = LayerWeights::new(point, below.length / 2);
        let groups = below.numerators.len() / below.length;
        let members: Vec<usize> = (0..groups).collect();
        let eq = weights.of(&members, 1);
        let (part, sums) = Groups::new(below, members, eq, lambda);
        Self::of_parts(point, &weights, lambda, groups, vec![(Part::Groups(part), sums)])
    }

    /// Over the second level above the leaves; `others` has the groups that are not of small integers.
    pub(super) fn of_second(leaves: &'a Leaves<'a>, others: GroupedLevel, point: &[K], lambda: K) -> Self {
        Self::of_both(leaves, others, point, lambda, |weights| {
            let members = leaves.small_members();
            let eq = weights.of(&members, 1);
            let then = |group: usize, tables: [&mut [K]; 2]| {
                first_sums_of_group(&eq.inner, tables, lambda).map(|sum| sum * eq.groups[group])
            };
            let (tables, sums) = Backend::best().small_levels(&leaves.small_leaves(), &then);
            (Part::Groups(Groups::of_tables(tables, members, eq)), sums)
        })
    }

    /// Over the level above the leaves, as [`Self::of_second`].
    pub(super) fn of_pairs(leaves: &'a Leaves<'a>, others: GroupedLevel, point: &[K], lambda: K) -> Self {
        Self::of_both(leaves, others, point, lambda, |weights| {
            let grid = Grid::new(leaves, Lowest::Pairs, weights, lambda);
            let sums = grid.sums(End::Zero);
            (Part::Grid(grid), sums)
        })
    }

    fn of_both(
        leaves: &'a Leaves<'a>,
        others: GroupedLevel,
        point: &[K],
        lambda: K,
        small: impl FnOnce(&LayerWeights<'_>) -> (Part<'a>, [K; 2]),
    ) -> Self {
        let weights = LayerWeights::new(point, others.length / 2);
        let mut parts = vec![];
        if !leaves.small.is_empty() {
            parts.push(small(&weights));
        }
        if !leaves.others.is_empty() {
            let eq = weights.of(&leaves.others, 1);
            let (part, sums) = Groups::new(others, leaves.others.clone(), eq, lambda);
            parts.push((Part::Groups(part), sums));
        }
        Self::of_parts(point, &weights, lambda, leaves.groups(), parts)
    }

    fn of_parts(
        point: &[K],
        weights: &LayerWeights<'_>,
        lambda: K,
        groups: usize,
        parts: Vec<(Part<'a>, [K; 2])>,
    ) -> Self {
        let (parts, sums) = Parts::new(lambda, weights, groups, parts);
        Self::with_tables(point, sums, Tables::Parts(parts))
    }

    /// Over the leaves.
    pub(super) fn of_leaves(leaves: &'a Leaves<'a>, point: &[K], lambda: K) -> Self {
        let Some(inverse) = lambda.inverse() else {
            return Self::new(leaves.level(), point, lambda);
        };
        let weights = LayerWeights::new(point, leaves.group_length() / 2);
        let mut parts = vec![];
        if !leaves.small.is_empty() {
            let grid = Grid::new(leaves, Lowest::Leaves(inverse), &weights, lambda);
            let sums = grid.sums(End::Zero);
            parts.push((Part::Grid(grid), sums));
        }
        if !leaves.others.is_empty() {
            let others = Unfolded::new(leaves, &weights, lambda, inverse);
            let sums = others.sums(End::Zero);
            parts.push((Part::Unfolded(others), sums));
        }
        Self::of_parts(point, &weights, lambda, leaves.groups(), parts)
    }
}

impl<E> FractionLayer<E> for Layer<'_> {
    fn round(&mut self, claim: K) -> Result<[K; 2], E> {
        let [at_zero, quadratic] = self.sums;
        let inverse = self.inverses.get(self.bound).copied().unwrap_or_default();
        let difference = if inverse == K::ZERO {
            // The one round in 2^122 whose claim does not give `G(1)`.
            let [at_one, _] = match &mut self.tables {
                Tables::Halves(tables) => tables.sums(End::One),
                Tables::Parts(tables) => tables.sums(End::One),
            };
            at_one - at_zero
        } else {
            (claim - at_zero) * inverse
        };
        Ok([difference - quadratic, quadratic])
    }

    fn bind(&mut self, challenge: K) -> Result<(), E> {
        let left = self.point.get(self.bound..).unwrap_or_default();
        self.bound += 1;
        if let Tables::Parts(tables) = &self.tables
            && let Some(short) = tables.in_tree_order(left)
        {
            self.tables = Tables::Halves(short);
        }
        self.sums = match &mut self.tables {
            Tables::Halves(tables) => tables.bind(challenge),
            Tables::Parts(tables) => tables.bind(challenge),
        };
        Ok(())
    }

    fn ends(self) -> Result<[K; 4], E> {
        Ok(match self.tables {
            Tables::Halves(tables) => tables.ends(),
            // Parts become halves before the last variable is bound.
            Tables::Parts(_) => [K::ZERO; 4],
        })
    }
}

/// The two halves of a level, in the order of the tree.
pub(super) struct Halves {
    pub(super) lambda: K,
    /// `eq(z, .)` over the variables after this round; `None` after the last one.
    pub(super) eq: Option<Weights>,
    pub(super) p0: Vec<K>,
    pub(super) r1: Vec<K>,
    pub(super) q0: Vec<K>,
    pub(super) q1: Vec<K>,
}

impl Halves {
    fn new(below: Level, point: &[K], lambda: K) -> Self {
        let half = below.numerators.len() / 2;
        let (mut p0, mut q0) = (below.numerators, below.denominators);
        let (mut r1, q1) = (p0.split_off(half), q0.split_off(half));
        kernels::add_scaled(&mut r1, lambda, &q1);
        Self {
            lambda,
            eq: Weights::after(point),
            p0,
            r1,
            q0,
            q1,
        }
    }

    /// The sums of this round, if there is one.
    fn sums(&self, end: End) -> [K; 2] {
        let Some(weights) = &self.eq else {
            return [K::ZERO; 2];
        };
        weights.sum(|start, eq| {
            let halves = [&self.p0, &self.r1, &self.q0, &self.q1].map(|table| {
                let (low, high) = end.halves(table);
                (&low[start..start + eq.len()], &high[start..start + eq.len()])
            });
            kernels::fraction_round(eq, halves)
        })
    }

    /// Binds the first variable, and returns the sums of the next round.
    fn bind(&mut self, r: K) -> [K; 2] {
        let tables = [&mut self.p0, &mut self.r1, &mut self.q0, &mut self.q1];
        self.eq = self.eq.take().and_then(Weights::without_first_variable);
        match &self.eq {
            Some(weights) => weights.fold_then_sum(tables, r, kernels::fraction_round),
            None => {
                tables.into_iter().for_each(|table| kernels::fold(table, r));
                [K::ZERO; 2]
            }
        }
    }

    fn ends(self) -> [K; 4] {
        let [p0, r1, q0, q1] =
            [self.p0, self.r1, self.q0, self.q1].map(|table| table.first().copied().unwrap_or_default());
        [p0, r1 - self.lambda * q1, q0, q1]
    }
}
