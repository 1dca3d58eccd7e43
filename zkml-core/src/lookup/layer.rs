//! One layer of the tree of fractions: its sums, and the sumcheck over it.
//!
//! The polynomial of the sumcheck is `F = p0 q1 + p1 q0 + lambda q0 q1 = p0 q1 + r1 q0` with `r1 = p1 + lambda q1`. The
//! prover folds `r1` in place of `p1`, which saves a product. A round takes six products for each pair of halves: two
//! in `G(0)`, two in the coefficient of `X^2`, two with the weights. Four more fold it, in one pass with the sums of
//! the next round. The sums need a division by `z_j`; if that is 0, `G(1)` is computed directly.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field, batch_inversion};

use super::groups::{Cut, GroupedLevel, Groups, halves, swapped};
use super::leaf_layer::{Folded, Unfolded};
use super::leaves::Leaves;
use super::tree::FractionLayer;
use super::weights::Weights;
use crate::field::{K, kernels};

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
    Groups(Groups),
    Unfolded(Unfolded<'a>),
    Folded(Folded),
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
        Self::with_tables(point, tables.sums(halves), Tables::Halves(tables))
    }

    /// The same, over a level that stands group after group.
    pub(super) fn of_groups(below: GroupedLevel, point: &[K], lambda: K) -> Self {
        let (tables, sums) = Groups::new(below, point, lambda);
        Self::with_tables(point, sums, Tables::Groups(tables))
    }

    /// Over the leaves.
    pub(super) fn of_leaves(leaves: &'a Leaves<'a>, point: &[K], lambda: K) -> Self {
        let Some(inverse) = lambda.inverse() else {
            return Self::new(leaves.level(), point, lambda);
        };
        let tables = Unfolded::new(leaves, point, lambda, inverse);
        Self::with_tables(point, tables.sums(halves), Tables::Unfolded(tables))
    }
}

impl<E> FractionLayer<E> for Layer<'_> {
    fn round(&mut self, claim: K) -> Result<[K; 2], E> {
        let [at_zero, quadratic] = self.sums;
        let inverse = self.inverses.get(self.bound).copied().unwrap_or_default();
        let difference = if inverse == K::ZERO {
            // The one round in 2^122 whose claim does not give `G(1)`.
            let [at_one, _] = match &mut self.tables {
                Tables::Halves(tables) => tables.sums(swapped),
                Tables::Groups(tables) => tables.sums(swapped),
                Tables::Unfolded(tables) => tables.sums(swapped),
                Tables::Folded(tables) => tables.sums(swapped),
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
        let short = match &self.tables {
            Tables::Groups(tables) => tables.in_tree_order(left),
            Tables::Folded(tables) => tables.in_tree_order(left),
            _ => None,
        };
        if let Some(short) = short {
            self.tables = Tables::Halves(short);
        }
        self.sums = match &mut self.tables {
            Tables::Halves(tables) => tables.bind(challenge),
            Tables::Groups(tables) => tables.bind(challenge),
            Tables::Folded(tables) => tables.bind(challenge),
            Tables::Unfolded(tables) => {
                let (folded, sums) = tables.bind(challenge);
                self.tables = Tables::Folded(folded);
                sums
            }
        };
        Ok(())
    }

    fn ends(self) -> Result<[K; 4], E> {
        Ok(match self.tables {
            Tables::Halves(tables) => tables.ends(),
            // All others become halves before the last variable is bound.
            _ => [K::ZERO; 4],
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

    /// The sums of this round, if there is one; of swapped halves the first is `G(1)`.
    fn sums(&self, cut: Cut) -> [K; 2] {
        let Some(weights) = &self.eq else {
            return [K::ZERO; 2];
        };
        weights.sum(|start, eq| {
            let halves = [&self.p0, &self.r1, &self.q0, &self.q1].map(|table| {
                let (low, high) = cut(table);
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
