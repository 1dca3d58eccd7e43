//! The first two rounds of the lowest layers, over the groups of small integers, from one pass over their columns.
//!
//! Before the first challenge a pass sums the polynomial's nine values on the grid (see [`kernels`]); the messages of
//! two rounds follow from these. After the second challenge another pass writes tables with both variables bound. The
//! levels themselves are never written.

#![cfg(feature = "prover")]

use super::groups::{End, GroupWeights, Groups, LayerWeights, sums_of_group};
use super::leaf_layer::{Factors, Folded};
use super::leaves::Leaves;
use super::parts::Part;
use crate::field::K;
use crate::field::kernels::{self, Backend, SmallLeaves};

/// Which layer it is.
#[derive(Clone, Copy)]
pub(super) enum Lowest {
    /// That of the leaves, with `1 / lambda`.
    Leaves(K),
    /// The one above it.
    Pairs,
}

/// A layer in its first two rounds.
pub(super) struct Grid<'a> {
    leaves: &'a Leaves<'a>,
    layer: Lowest,
    lambda: K,
    /// Weights of the groups, and of the inner variables after both rounds.
    weights: GroupWeights,
    /// The point's coordinate of the second round.
    second: K,
    state: State,
}

/// The values that are left of the grid.
enum State {
    Nine([K; 9]),
    /// Those with the first variable set to a challenge.
    Three([K; 3], K),
}

impl<'a> Grid<'a> {
    /// Over the leaves' groups of small integers. `inner` has the point's inner coordinates.
    pub(super) fn new(leaves: &'a Leaves<'a>, layer: Lowest, weights: &LayerWeights<'_>, lambda: K) -> Self {
        let second = weights.inner.get(1).copied().unwrap_or_default();
        let weights = weights.of(&leaves.small_members(), 2);
        let values = weights.sum(leaves.small_leaves(), |eq, leaves: &SmallLeaves| match layer {
            Lowest::Leaves(_) => kernels::small_leaf_grid(leaves, lambda, eq),
            Lowest::Pairs => kernels::small_pair_grid(leaves, lambda, eq),
        });
        Self {
            leaves,
            layer,
            lambda,
            weights,
            second,
            state: State::Nine(values),
        }
    }

    /// Elements of a table in a group in this round.
    pub(super) fn length(&self) -> usize {
        let bound_later = match self.state {
            State::Nine(_) => 2,
            State::Three(..) => 1,
        };
        self.weights.inner.len() << bound_later
    }

    /// The sums of this round.
    pub(super) fn sums(&self, end: End) -> [K; 2] {
        let end = match end {
            End::Zero => 0,
            End::One => 1,
        };
        match &self.state {
            State::Nine(values) => {
                let second = |first: usize| {
                    let [low, high] = [values[3 * first], values[3 * first + 1]];
                    low + self.second * (high - low)
                };
                [second(end), second(2)]
            }
            State::Three(values, _) => [values[end], values[2]],
        }
    }

    /// Binds the first variable, and returns the sums of the next round; after the second also what the layer goes on
    /// with.
    pub(super) fn bind(&mut self, r: K) -> (Option<Part<'a>>, [K; 2]) {
        match &self.state {
            State::Nine(values) => {
                let at = |second: usize| {
                    let [zero, one, quadratic] = [0, 3, 6].map(|first| values[first + second]);
                    zero + r * (one - zero - quadratic + r * quadratic)
                };
                self.state = State::Three([0, 1, 2].map(at), r);
                (None, self.sums(End::Zero))
            }
            State::Three(_, first) => {
                let eq = kernels::eq_table(&[*first, r]);
                let eq = core::array::from_fn(|corner| eq[corner]);
                let (part, sums) = self.folded(&eq);
                (Some(part), sums)
            }
        }
    }

    fn folded(&self, eq: &[K; 4]) -> (Part<'a>, [K; 2]) {
        let (groups, members) = (self.leaves.small_leaves(), self.leaves.small_members());
        let mut weights = self.weights.clone();
        weights.drop_first_variable();
        let weighted = |group: usize, sums: [K; 2]| sums.map(|sum| sum * weights.groups[group]);
        match self.layer {
            Lowest::Leaves(inverse) => {
                let factors = Factors {
                    lambda: self.lambda,
                    inverse,
                    weights: weights.clone(),
                };
                let then = |group: usize, [u]: [&mut [K]; 1]| {
                    weighted(group, Folded::sums_of_group(&weights.inner, u))
                };
                let ([u], sums) = Backend::best().small_leaf_folds(&groups, self.lambda, eq, &then);
                let sums = sums.map(|sum| sum * inverse);
                (Part::Folded(Folded::of_lookups(factors, u, members)), sums)
            }
            Lowest::Pairs => {
                let then = |group: usize, tables: [&mut [K]; 2]| {
                    weighted(group, sums_of_group(&weights.inner, tables))
                };
                let (tables, sums) = Backend::best().small_pair_folds(&groups, self.lambda, eq, &then);
                (
                    Part::Groups(Groups::of_tables(tables, members, weights.clone())),
                    sums,
                )
            }
        }
    }
}
