//! Lookups: stacked LogUp-GKR.
//!
//! Statement: for every lookup `l` into table `t(l)`, each of its `2^v` rows `(x_0, x_1, ..)` is a row of that table. Of
//! several statements, each is shown by itself, and all by the same challenges of step 1.
//! With multiplicities `m_t(j)`, committed before anything here, this is the identity of rational functions
//!
//! ```text
//! sum over lookups l, rows i  1 / den(t(l), x_l(i))  =  sum over tables t, rows j  m_t(j) / den(t, T_t(j))
//! den(t, x) = alpha - (x_0 + beta x_1 + beta^2 x_2 + ..) - gamma (t + 1)
//! ```
//!
//! at random `alpha, beta, gamma`. All blocks (one per lookup and per table) are stacked in one hypercube, see
//! [`Stack`]. Cells outside every block are fillers `0/1`. The fractions `p/q` are added in a binary tree, first inside
//! groups of `2^13` cells ([`GROUP_VARIABLES`]), so that fillers stay groups of their own. In the tree's order of
//! variables, `(inner, group)`, halves are added to halves:
//!
//! ```text
//! p_k(x) = p_{k+1}(0,x) q_{k+1}(1,x) + p_{k+1}(1,x) q_{k+1}(0,x)
//! q_k(x) = q_{k+1}(0,x) q_{k+1}(1,x)
//! ```
//!
//! One sumcheck a layer walks the tree from its root to the leaves.
//!
//! Transcript:
//!
//! 0. for large statements, proof of work (`lookup.grind`), as many bits as the error of step 1 lacks for the largest;
//! 1. challenges `alpha` (`lookup.alpha`), `beta` (`lookup.beta`), `gamma` (`lookup.gamma`);
//! 2. `lookup.root`: the scalars `Q, 1/Q`, for the sum `0/Q` of all fractions;
//! 3. for each layer `k = 0, 1, ..`, with claims `p_k(z), q_k(z)`: challenge `lambda` (`lookup.lambda`); then `k`
//!    rounds: scalars `b, c` (`lookup.round`) and a challenge (`lookup.round`); then the scalars
//!    `p_{k+1}(0,r), p_{k+1}(1,r), q_{k+1}(0,r), q_{k+1}(1,r)` (`lookup.layer`) and the challenge `tau` (`lookup.tau`),
//!    which makes the next point `(tau, r)`; `zeta` is the last point in the order of the stack, `(group, inner)`;
//! 4. for each lookup the values of its columns at its suffix of `zeta` (`lookup.columns`, one message a lookup); the
//!    value of each table's multiplicities at its suffix (`lookup.multiplicities`); then step 2 of the next statement.
//!
//! Checks: `lookup.denominator_nonzero` (`Q Q^-1 = 1`), `lookup.layer` (after each layer's sumcheck; layer 0 says that
//! the sum is 0), `lookup.numerator` and `lookup.denominator` (the claims on the leaves are what the values of step 4
//! imply).
//!
//! The rounds send the round polynomial without its equality factor: with `z` the point of the layer and
//! `G(X) = sum_x eq(z_{>j}, x) F(r_{<j}, X, x) = a + b X + c X^2`, the claim is `(1 - z_j) G(0) + z_j G(1)`, so
//! `a = claim - z_j (b + c)`, and only `b, c` are sent. The next claim is `G(r_j)`. This takes two scalars a round, and
//! degree 2.
//!
//! The prover has the tree in three kinds of groups: of small integers, whose lowest levels are never written
//! (`small`, `grid`), of other cells (`leaves`, `leaf_layer`), and fillers, which are skipped. `parts` joins them.
//!
//! The caller commits the multiplicities and all looked-up columns before, and proves every claim of [`Claims`] against
//! its commitment. Padded rows of a lookup are rows: they must be in the table, and the multiplicities count them.
//!
//! References: Habock 2022/1530 (LogUp); Papini, Habock 2023/1284 (with GKR); Gruen 2024/108 (the equality factor);
//! details in `docs/protocol/lookup.md`.

mod column;
mod fractions;
mod grid;
mod groups;
mod layer;
mod leaf_layer;
mod leaves;
mod parts;
mod prover;
mod small;
mod soundness;
mod stack;
mod tree;
mod values;
mod verifier;
mod weights;

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;

#[cfg(feature = "prover")]
pub use column::LookedUp;
#[cfg(feature = "prover")]
pub use fractions::{Fractions, Witness};
#[cfg(feature = "prover")]
pub use layer::Layer;
#[cfg(feature = "prover")]
pub use prover::prove;
pub use soundness::soundness;
pub use stack::{
    Block, BlockKind, GROUP_VARIABLES, LookupShape, MAX_VARIABLES, Stack, Statement, TableShape,
};
#[cfg(feature = "prover")]
pub use tree::{FractionLayer, FractionTree};
pub use verifier::verify;

use ark_ff::Field;

use crate::field::{K, M61};
use stack::of_stack;

/// What is left to prove: values of columns at suffixes of one point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims<S> {
    /// The point of the whole stack. A block of `v` variables is evaluated at the last `v` coordinates.
    pub point: Vec<K>,
    /// For each lookup, the value of each of its columns.
    pub lookups: Vec<Vec<S>>,
    /// For each table, the value of its multiplicities.
    pub multiplicities: Vec<S>,
}

impl<S> Claims<S> {
    /// The point at which a block of `variables` variables is evaluated: the last coordinates. Example: a block of 2
    /// variables in a stack of 3 is evaluated at `(zeta_1, zeta_2)` of `(zeta_0, zeta_1, zeta_2)`.
    pub fn suffix(&self, variables: usize) -> &[K] {
        suffix(&self.point, variables)
    }
}

/// The last `variables` coordinates of a point (all of them if there are fewer).
fn suffix(point: &[K], variables: usize) -> &[K] {
    point
        .get(point.len().saturating_sub(variables)..)
        .unwrap_or(point)
}

/// The challenges that compress a row to one field element.
pub struct Compression {
    alpha: K,
    beta: K,
    gamma: K,
}

impl Compression {
    /// Draws them, in this order.
    fn draw(mut challenge: impl FnMut(&'static str) -> K) -> Self {
        Self {
            alpha: challenge("lookup.alpha"),
            beta: challenge("lookup.beta"),
            gamma: challenge("lookup.gamma"),
        }
    }

    /// `alpha - gamma (table + 1)`: the part of a denominator that all rows of a block share.
    pub fn constant(&self, table: usize) -> K {
        let mut shift = self.gamma;
        shift.mul_assign_by_fp(&M61::from(table as u64 + 1));
        self.alpha - shift
    }

    /// `-1, -beta, -beta^2, ..`: how the columns of a row enter its denominator.
    pub fn coefficients(&self) -> impl Iterator<Item = K> + use<> {
        let beta = self.beta;
        core::iter::successors(Some(-K::ONE), move |power| Some(*power * beta))
    }
}
