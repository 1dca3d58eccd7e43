//! Products of `f32` matrices whose bits are the same on every machine.
//!
//! ```text
//! y[r][l] = ((start[r][l] + w[r][0] x[0][l]) + w[r][1] x[1][l]) + ...       each product and each sum rounded to f32
//! ```
//!
//! A sum of floats depends on its order. Here there is one: it starts at the bias and adds products one after the other,
//! in the order of `k`. So speed must come from many sums at once: a tile ([`multiply_add`]) has up to [`ROWS`] rows of
//! [`LANES`] sums in registers, which is as fast as the processor multiplies and adds apart. A fused multiply-add would
//! round once instead of twice, and not every machine has one.
//!
//! [`Matrix`] is a matrix laid out for products from the left, by rows: linear layers, products of matrices.
//! Convolutions (`ops::product`) walk over their images themselves.

mod matrix;
#[cfg(test)]
pub(crate) mod tests;
mod tile;

pub use matrix::Matrix;
pub use tile::{LANES, ROWS, Strips, Tile, multiply_add};
