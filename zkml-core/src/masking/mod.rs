//! Zero knowledge: every value of the argument that depends on a secret is sent under a one-time pad.
//!
//! Statement: the verifier's checks hold, written in scalars `v_i` that it never sees. Pads `d_i` and a mask vector `m`
//! are committed with the trace, before any challenge:
//!
//! ```text
//! sent         s_i = v_i + d_i, so that v_i = s_i - d_i is an affine form in d
//! checks       Q_k(d) = 0, of degree 1, or 2 for a product of two hidden values
//! combined     Q = sum_k eta^k Q_k,   Q^h(m + xi d, xi) = A_0 + A_1 xi + Q(d) xi^2   (homogenized)
//! ```
//!
//! Transcript, after the masked row combination of the opening ([`crate::pcs`], which adds a constraint of its own):
//!
//! 1. challenge `eta` (`closing.batch`);
//! 2. `e_0 = A_0 + m_last`, `e_1 = A_1 + d_last` (`closing.masked`), with one further pair of pad and mask;
//! 3. challenge `xi` (`closing.point`);
//! 4. `z = m + xi d` (`closing.response`), row by row, with the random tails of the rows;
//! 5. the columns of the opening, against which `z` is checked too: `Enc(z)[j] = m_j + xi d_j`.
//!
//! Checks: `closing.constraints` (`Q^h(z, xi) + z_last = e_0 + e_1 xi`), `opening.column`.
//!
//! The verifier runs the same code as without zero knowledge, over affine forms on a [`Tape`] ([`MaskedVerifier`]). After
//! `z` is read, the tape gives the constraints at `z` ([`Answers::read`]). The prover runs this code over its own
//! messages and values; its tape, at `m`, gives `A_0` and `A_1`.
//!
//! One proof consumes its pads, mask and their tails: two answers for one `(m, d)` reveal `d`.
//!
//! Reference: Longfellow-zk (Frigo, shelat, ePrint 2024/2010); `docs/protocol/zero-knowledge.md`.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

// Field arithmetic cannot overflow.
#[allow(clippy::arithmetic_side_effects)]
mod form;
mod layout;
#[cfg(feature = "prover")]
#[allow(clippy::arithmetic_side_effects)]
mod prover;
#[cfg(feature = "prover")]
mod record;
#[allow(clippy::arithmetic_side_effects)]
mod tape;
#[cfg(test)]
#[cfg(feature = "prover")]
// Sums with a reference are what is tested.
#[allow(clippy::arithmetic_side_effects, clippy::op_ref)]
mod tests;
#[allow(clippy::arithmetic_side_effects)]
mod verifier;

pub use form::Form;
pub use layout::Masking;
#[cfg(feature = "prover")]
pub use prover::{MaskedProver, Pads, close};
#[cfg(feature = "prover")]
pub use record::{Record, Replay};
pub use tape::{Constraint, MAXIMUM_TAPE, Tape, TapeSize};
pub use verifier::{Answers, MaskedVerifier};
