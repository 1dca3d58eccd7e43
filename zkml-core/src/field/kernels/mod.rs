//! Kernels: the hot loops of the prover over slices of `F` and `K`.
//!
//! - [`backend`](Backend): which instruction sets exist, and which one runs. AVX-512 with IFMA and VNNI, AVX2,
//!   or plain integer code, chosen once at run time. Every kernel gives the same bytes on all of them, and for
//!   any number of threads: arithmetic is exact and results are canonical.
//! - tables: [`fold`], [`dot`], [`add_scaled`], [`scale`], [`multiply`], [`eq_table`] and their kin.
//! - sumcheck rounds: [`product_round`], [`product_ends`], [`eq_product_round`], [`fraction_round`],
//!   [`fraction_layer`].
//! - lowest levels of trees of fractions, from columns of small integers ([`SmallLeaves`]): [`small_leaf_grid`],
//!   [`small_pair_grid`] and the methods `small_levels`, `small_leaf_folds`, `small_pair_folds` of [`Backend`].
//! - codes: [`butterfly`], [`butterfly_pairs`], [`butterfly_transposed`].
//! - int8 data: [`fold_rows_i8`], [`rows_dot_i8`], [`rows_times_panels`]; integer networks: [`multiply_patches`],
//!   [`rescale_integers`].
//! - hashes: [`compress_blocks`], of inputs that lie in tiles ([`blake3`]).
//!
//! The free functions run on the best backend with rayon above a size threshold; the methods of [`Backend`] do the
//! same on a backend of one's choice. Kernels never touch a transcript.
//! Lengths that must agree are checked in debug builds; otherwise the shortest counts.

#![allow(unsafe_code)]

mod api;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod backend;
pub mod blake3;
mod generic;
mod int8;
mod lengths;
mod limb;
#[cfg(target_arch = "x86_64")]
mod limb_tiles;
mod panels;
mod parallel;
mod portable;
mod small;
#[cfg(test)]
mod tests;
mod vector;

pub use api::*;
pub(crate) use backend::Kind;
pub use backend::{Backend, available_backends};
pub use int8::{PackedMatrix, Patches};
pub use panels::LimbPanels;
pub use small::{SMALL_BITS, SMALL_COLUMNS, SmallLeaves};
