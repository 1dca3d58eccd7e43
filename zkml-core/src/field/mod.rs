//! The field `F = F_p`, `p = 2^61 - 1`, and its quadratic extension `K = F[i] / (i^2 + 1)`.
//!
//! Elements are ark-ff types, always in canonical form, so equal elements have equal bytes. Prover code that
//! works on slices uses `kernels` (feature `prover`): the same operations with the widest instructions
//! the machine has, chosen at run time.

pub mod encoding;
mod extension;
#[cfg(feature = "prover")]
pub mod kernels;
mod mersenne61;

pub use encoding::{
    K_BYTES, M61_BYTES, from_i64, from_u64, k_from_bytes, k_to_bytes, m61_from_bytes, m61_to_bytes, pack,
    packed_length, packed_offset, to_i64_centered, unpack,
};
pub use extension::{K, K_TWO_ADICITY, KConfig, k_from_base, k_root_of_unity, mul_k, mul_k_base};
pub use mersenne61::{M61, M61Config};

/// The modulus `p = 2^61 - 1` of [`M61`].
pub const P: u64 = (1 << 61) - 1;
