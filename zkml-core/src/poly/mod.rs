//! Multilinear extensions.
//!
//! A table `t` of `2^n` values is the multilinear polynomial that takes the value `t[index]` at the bits of
//! `index`, most significant bit first: `point[0]` belongs to the highest bit of the index. Then
//!
//! ```text
//! eq(x, y)  = prod_k (x_k y_k + (1 - x_k)(1 - y_k))
//! t(point)  = sum_index t[index] eq(point, bits(index))
//! ```
//!
//! Everything here is plain scalar code that a verifier may call: it allocates what its arguments imply and
//! never panics. Provers use the vector forms in `field::kernels`.
//! Reference: Thaler, Proofs, Arguments, and Zero-Knowledge, chapter 3.

mod coordinate;
mod equality;
mod evaluation;
#[cfg(test)]
mod reference;
mod shape;

pub use coordinate::Coordinate;
pub use equality::{eq_at_index, eq_eval, eq_table};
pub use evaluation::{evaluate, evaluate_base};
pub use shape::PaddedShape;
