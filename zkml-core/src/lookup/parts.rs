//! A layer while its inner variables are bound. Its groups are in parts that are treated differently, fillers are skipped.

#![cfg(feature = "prover")]

use ark_ff::AdditiveGroup;

use super::grid::Grid;
use super::groups::{End, Groups, LayerWeights, SHORTEST};
use super::layer::Halves;
use super::leaf_layer::{Folded, Unfolded};
use super::weights::Weights;
use crate::field::K;

/// Some groups of a layer.
pub(super) enum Part<'a> {
    /// `p0, r1, q0, q1` are stored.
    Groups(Groups),
    /// Groups of leaves before the first challenge.
    Unfolded(Unfolded<'a>),
    /// And after it.
    Folded(Folded),
    /// Groups of small integers in the first two rounds.
    Grid(Grid<'a>),
}

impl Part<'_> {
    fn length(&self) -> usize {
        match self {
            Part::Groups(part) => part.length(),
            Part::Unfolded(part) => part.length(),
            Part::Folded(part) => part.length(),
            Part::Grid(part) => part.length(),
        }
    }

    fn sums(&mut self, end: End) -> [K; 2] {
        match self {
            Part::Groups(part) => part.sums(end),
            Part::Unfolded(part) => part.sums(end),
            Part::Folded(part) => part.sums(end),
            Part::Grid(part) => part.sums(end),
        }
    }

    fn bind(&mut self, r: K) -> [K; 2] {
        match self {
            Part::Groups(part) => part.bind(r),
            Part::Folded(part) => part.bind(r),
            Part::Unfolded(part) => {
                let (folded, sums) = part.bind(r);
                *self = Part::Folded(folded);
                sums
            }
            Part::Grid(part) => {
                let (next, sums) = part.bind(r);
                if let Some(next) = next {
                    *self = next;
                }
                sums
            }
        }
    }
}

/// All groups of a layer.
pub(super) struct Parts<'a> {
    lambda: K,
    parts: Vec<Part<'a>>,
    /// The sum of `eq(z, .)` over the groups of fillers. A filler has `p0 = 0, r1 = lambda, q0 = 1`.
    fillers: K,
}

impl<'a> Parts<'a> {
    /// A layer of which `groups` groups hold not fillers alone. The parts come with the sums of the first round.
    pub(super) fn new(
        lambda: K,
        weights: &LayerWeights<'_>,
        groups: usize,
        parts: Vec<(Part<'a>, [K; 2])>,
    ) -> (Self, [K; 2]) {
        let (parts, sums): (Vec<Part<'a>>, Vec<[K; 2]>) = parts.into_iter().unzip();
        let parts = Self {
            lambda,
            parts,
            fillers: weights.from(groups),
        };
        let sums = parts.with_fillers(sums);
        (parts, sums)
    }

    /// The sums of a round from those of the parts.
    fn with_fillers(&self, sums: impl IntoIterator<Item = [K; 2]>) -> [K; 2] {
        let fillers = [self.fillers * self.lambda, K::ZERO];
        sums.into_iter().fold(fillers, |[a, b], [c, d]| [a + c, b + d])
    }

    /// The sums of this round.
    pub(super) fn sums(&mut self, end: End) -> [K; 2] {
        let sums: Vec<[K; 2]> = self.parts.iter_mut().map(|part| part.sums(end)).collect();
        self.with_fillers(sums)
    }

    /// Binds the first variable, and returns the sums of the next round.
    pub(super) fn bind(&mut self, r: K) -> [K; 2] {
        let sums: Vec<[K; 2]> = self.parts.iter_mut().map(|part| part.bind(r)).collect();
        self.with_fillers(sums)
    }

    /// The tables in the order of the tree, if they have become short; `point` has the coordinates that are not bound.
    pub(super) fn in_tree_order(&self, point: &[K]) -> Option<Halves> {
        let short = self.parts.iter().all(|part| part.length() == SHORTEST);
        short.then(|| {
            // Of fillers.
            let [zero, one] = [0u64, 1].map(K::from);
            let mut tables = [zero, self.lambda, one, one].map(|filler| vec![filler; 1 << point.len()]);
            for part in &self.parts {
                match part {
                    Part::Groups(part) => part.put_in_tree_order(&mut tables),
                    Part::Folded(part) => part.put_in_tree_order(&mut tables),
                    // These have longer tables.
                    Part::Unfolded(_) | Part::Grid(_) => {}
                }
            }
            let [p0, r1, q0, q1] = tables;
            Halves {
                lambda: self.lambda,
                eq: Weights::after(point),
                p0,
                r1,
                q0,
                q1,
            }
        })
    }
}
