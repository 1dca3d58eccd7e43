//! The field `F = F_p`, `p = 2^61 - 1`, and its quadratic extension `K = F[i] / (i^2 + 1)`.

pub mod encoding;
mod extension;
mod mersenne61;

pub use extension::{K, KConfig};
pub use mersenne61::{M61, M61Config};

/// The modulus `p = 2^61 - 1` of [`M61`].
pub const P: u64 = (1 << 61) - 1;
