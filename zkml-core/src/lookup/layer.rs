//! One layer of the tree of fractions: its sums, and the sumcheck over it.
//!
//! The polynomial of the sumcheck is `F = p0 q1 + p1 q0 + lambda q0 q1 = p0 q1 + r1 q0` with `r1 = p1 + lambda q1`. The
//! prover folds `r1` in place of `p1`, which saves a product. A round takes six products for each pair of halves: two
//! in `G(0)`, two in the coefficient of `X^2`, two with the weights. Four more fold it, in one pass with the sums of
//! the next round. The sums need a division by `z_j`; if that is 0, `G(1)` is computed directly.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field, batch_inversion};

use super::leaf_layer::{Unfolded, Units};
use super::leaves::Leaves;
use super::tree::FractionLayer;
use super::weights::Weights;
use crate::field::{K, kernels};

/// A level of the tree: numerators and denominators of its fractions.
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
    rounds: Rounds,
    /// `G(0)` of the next round, and the coefficient of `X^2`. They are known as soon as the last variable is bound:
    /// tables are folded and summed in one pass.
    sums: [K; 2],
    tables: Tables<'a>,
}

/// The tables that a layer folds.
enum Tables<'a> {
    Halves(Halves),
    Unfolded(Unfolded<'a>),
    Units(Units),
}

impl<'a> Layer<'a> {
    /// Over the two halves of the level below the claims, which is consumed.
    pub(super) fn new(below: Level, point: &[K], lambda: K) -> Self {
        let (rounds, tables) = (Rounds::new(point), Halves::new(below, lambda));
        Self {
            sums: tables.sums(&rounds),
            tables: Tables::Halves(tables),
            rounds,
        }
    }

    /// Over the leaves.
    pub(super) fn of_leaves(leaves: &'a Leaves<'a>, point: &[K], lambda: K) -> Self {
        match lambda.inverse() {
            Some(inverse) if point.len() >= 2 && leaves.lower_half_is_lookups() => {
                let (rounds, tables) = (Rounds::new(point), Unfolded::new(leaves, lambda, inverse));
                Self {
                    sums: tables.sums(&rounds),
                    tables: Tables::Unfolded(tables),
                    rounds,
                }
            }
            _ => Self::new(leaves.level(), point, lambda),
        }
    }
}

impl<E> FractionLayer<E> for Layer<'_> {
    fn round(&mut self, claim: K) -> Result<[K; 2], E> {
        let [at_zero, quadratic] = self.sums;
        let (z, inverse) = self.rounds.coordinate();
        let difference = if z == K::ZERO {
            // The one round in 2^122 whose claim does not give `G(1)`.
            let eq = &self.rounds.eq;
            (0..eq.len()).map(|x| eq.at(x) * self.tables.at_one(x)).sum::<K>() - at_zero
        } else {
            (claim - at_zero) * inverse
        };
        Ok([difference - quadratic, quadratic])
    }

    fn bind(&mut self, challenge: K) -> Result<(), E> {
        self.rounds.next();
        self.sums = match &mut self.tables {
            Tables::Halves(tables) => tables.bind(&self.rounds, challenge),
            Tables::Units(tables) => tables.bind(&self.rounds, challenge),
            Tables::Unfolded(tables) => {
                let folded = tables.fold(challenge);
                let sums = folded.sums(&self.rounds);
                self.tables = Tables::Units(folded);
                sums
            }
        };
        Ok(())
    }

    fn ends(self) -> Result<[K; 4], E> {
        Ok(match self.tables {
            Tables::Halves(tables) => tables.ends(),
            Tables::Units(tables) => tables.ends(),
            // There are two rounds or more, and the first of them folds it.
            Tables::Unfolded(_) => [K::ZERO; 4],
        })
    }
}

impl Tables<'_> {
    /// The term of `x` in `G(1)`.
    fn at_one(&self, x: usize) -> K {
        match self {
            Self::Halves(tables) => tables.at_one(x),
            Self::Unfolded(tables) => tables.at_one(x),
            Self::Units(tables) => tables.at_one(x),
        }
    }
}

/// What all rounds of a layer share.
pub(super) struct Rounds {
    /// The point of the layer, each coordinate with its inverse (0 for 0).
    point: Vec<(K, K)>,
    /// `eq(z_{>j}, .)` in round `j`.
    pub(super) eq: Weights,
    /// How many variables are bound.
    bound: usize,
}

impl Rounds {
    fn new(point: &[K]) -> Self {
        let mut inverses = point.to_vec();
        batch_inversion(&mut inverses);
        Self {
            point: point.iter().copied().zip(inverses).collect(),
            eq: Weights::new(point.get(1..).unwrap_or(&[])),
            bound: 0,
        }
    }

    /// How many rounds are left.
    pub(super) fn left(&self) -> usize {
        self.point.len().saturating_sub(self.bound)
    }

    /// The point's coordinate of this round, and its inverse.
    fn coordinate(&self) -> (K, K) {
        self.point.get(self.bound).copied().unwrap_or_default()
    }

    fn next(&mut self) {
        self.eq.drop_first_variable();
        self.bound += 1;
    }
}

/// The two halves of a level.
struct Halves {
    lambda: K,
    p0: Vec<K>,
    r1: Vec<K>,
    q0: Vec<K>,
    q1: Vec<K>,
}

impl Halves {
    fn new(below: Level, lambda: K) -> Self {
        let half = below.numerators.len() / 2;
        let (mut p0, mut q0) = (below.numerators, below.denominators);
        let (mut r1, q1) = (p0.split_off(half), q0.split_off(half));
        kernels::add_scaled(&mut r1, lambda, &q1);
        Self {
            lambda,
            p0,
            r1,
            q0,
            q1,
        }
    }

    /// The sums of the first round, if there is one.
    fn sums(&self, rounds: &Rounds) -> [K; 2] {
        if rounds.left() == 0 {
            return [K::ZERO; 2];
        }
        rounds.eq.sum(|start, eq| {
            let halves = [&self.p0, &self.r1, &self.q0, &self.q1].map(|table| {
                let (low, high) = table.split_at(table.len() / 2);
                (&low[start..start + eq.len()], &high[start..start + eq.len()])
            });
            kernels::fraction_round(eq, halves)
        })
    }

    fn at_one(&self, x: usize) -> K {
        let [p0, r1, q0, q1] =
            [&self.p0, &self.r1, &self.q0, &self.q1].map(|table| table[table.len() / 2 + x]);
        p0 * q1 + r1 * q0
    }

    /// Binds the first variable, and returns the sums of the next round.
    fn bind(&mut self, rounds: &Rounds, r: K) -> [K; 2] {
        let tables = [&mut self.p0, &mut self.r1, &mut self.q0, &mut self.q1];
        if rounds.left() == 0 {
            tables.into_iter().for_each(|table| kernels::fold(table, r));
            return [K::ZERO; 2];
        }
        rounds.eq.fold_then_sum(tables, r, kernels::fraction_round)
    }

    fn ends(self) -> [K; 4] {
        let [p0, r1, q0, q1] =
            [self.p0, self.r1, self.q0, self.q1].map(|table| table.first().copied().unwrap_or_default());
        [p0, r1 - self.lambda * q1, q0, q1]
    }
}
