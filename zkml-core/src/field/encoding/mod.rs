//! Fixed-size encodings of field elements and small integers.
//!
//! An element of `F` is 8 bytes, little-endian; an element of `K` is `c0 || c1`, 16 bytes. Many elements of `F` are
//! packed, 61 bits each, the least significant first: eight elements are 61 bytes. Only the canonical representative in
//! `[0, p)` is accepted, and after the last one only zeros. So equal elements have equal bytes, and equal bytes are
//! equal elements.

mod integers;
mod packed;
#[cfg(test)]
mod tests;

use super::{K, M61, P};

pub use self::integers::{from_i64, from_u64, to_i64_centered};
pub use self::packed::{pack, packed_length, packed_offset, unpack};

/// Bytes of an encoded [`M61`].
pub const M61_BYTES: usize = 8;

/// Bytes of an encoded [`K`].
pub const K_BYTES: usize = 16;

/// The canonical little-endian bytes of `x`.
#[inline]
pub const fn m61_to_bytes(x: M61) -> [u8; M61_BYTES] {
    x.value.to_le_bytes()
}

/// The element with these little-endian bytes; nothing when the integer is `p` or more.
#[inline]
pub const fn m61_from_bytes(bytes: [u8; M61_BYTES]) -> Option<M61> {
    let value = u64::from_le_bytes(bytes);
    if value < P {
        Some(M61::from_raw(value))
    } else {
        None
    }
}

/// The bytes `c0 || c1` of `x`.
#[inline]
pub fn k_to_bytes(x: K) -> [u8; K_BYTES] {
    (u128::from(x.c0.value) | u128::from(x.c1.value) << 64).to_le_bytes()
}

/// The element with the bytes `c0 || c1`; nothing when either coordinate is `p` or more.
#[inline]
pub fn k_from_bytes(bytes: [u8; K_BYTES]) -> Option<K> {
    let both = u128::from_le_bytes(bytes);
    let (c0, c1) = (both as u64, (both >> 64) as u64);
    (c0 < P && c1 < P).then(|| K::new(M61::from_raw(c0), M61::from_raw(c1)))
}
