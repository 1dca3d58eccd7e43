//! What the prover asks of the tree of fractions, wherever its levels lie.
//!
//! The prover never sees a level. It asks for the denominator of the root, goes down layer by layer, and asks for the
//! values of the columns at the end. One call has all the work of a round.

#![cfg(feature = "prover")]

use super::Claims;
use crate::field::K;

/// The tree of fractions over the cells of a [`Stack`](super::Stack).
///
/// An operation fails with an `E`, as a device or a connection may; the proof under way is then dropped.
pub trait FractionTree<E> {
    /// One layer, between two levels of the tree.
    type Layer<'t>: FractionLayer<E>
    where
        Self: 't;

    /// The denominator of the sum of all fractions: the product of theirs.
    ///
    /// # Errors
    /// An `E`.
    fn denominator(&self) -> Result<K, E>;

    /// The layer below the level that has claims at `point`; `lambda` is its challenge. Layers are asked for once each,
    /// from the root down.
    ///
    /// # Errors
    /// An `E`.
    fn layer(&mut self, point: &[K], lambda: K) -> Result<Self::Layer<'_>, E>;

    /// The values of all columns of lookups, and of the multiplicities of all tables, each at its suffix of the point, which is in the order
    /// of the stack, `(group, inner)`; those of layers are in the order of the tree, `(inner, group)`.
    ///
    /// # Errors
    /// An `E`.
    fn claims(&self, point: Vec<K>) -> Result<Claims<K>, E>;
}

/// The sumcheck of one layer, over `F(x) = p0 q1 + (p1 + lambda q1) q0`: the two halves of the level below.
pub trait FractionLayer<E> {
    /// The coefficients of `X` and of `X^2` in the next round's `G`; see the [module](super). `claim` is
    /// `(1 - z) G(0) + z G(1)`, with `z` the point's coordinate of this round, and spares a sum.
    ///
    /// # Errors
    /// An `E`.
    fn round(&mut self, claim: K) -> Result<[K; 2], E>;

    /// Sets the next variable to `challenge`.
    ///
    /// # Errors
    /// An `E`.
    fn bind(&mut self, challenge: K) -> Result<(), E>;

    /// The values `p0, p1, q0, q1`, once every variable is bound.
    ///
    /// # Errors
    /// An `E`.
    fn ends(self) -> Result<[K; 4], E>;
}
