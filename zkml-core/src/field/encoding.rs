//! Fixed-size encodings of field elements and small integers.
//!
//! An element of `F` is 8 bytes, little-endian; an element of `K` is `c0 || c1`, 16 bytes. Many elements of `F` are packed, 61
//! bits each, the least significant first: eight elements are 61 bytes. Only the canonical representative in `[0, p)` is
//! accepted, and zeros behind the last one, so equal elements have equal bytes and the other way round.

use super::mersenne61::reduce64;
use super::{K, M61, P};

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

/// Bits of a packed element.
const BITS: usize = 61;

/// Bytes that `count` packed elements of `F` take.
pub const fn packed_length(count: usize) -> usize {
    count.saturating_mul(BITS).div_ceil(8)
}

/// The byte in which packed element number `index` begins.
pub const fn packed_offset(index: usize) -> usize {
    index.saturating_mul(BITS) / 8
}

/// The elements, packed.
pub fn pack(values: &[M61]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packed_length(values.len()));
    let (mut held, mut bits) = (0u128, 0);
    for value in values {
        held |= u128::from(value.value) << bits;
        bits += BITS;
        while bits >= 8 {
            bytes.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        bytes.push(held as u8);
    }
    bytes
}

/// The elements that are packed in `bytes`, as many as there is room for.
///
/// # Errors
///
/// The number of the first one that is `p`, which is 0 a second time; one more than the last for bits behind it.
pub fn unpack(bytes: &[u8]) -> Result<Vec<M61>, usize> {
    let mut values = Vec::with_capacity(bytes.len().saturating_mul(8) / BITS);
    let (mut held, mut bits) = (0u128, 0);
    for byte in bytes {
        held |= u128::from(*byte) << bits;
        bits += 8;
        if bits >= BITS {
            let value = held as u64 & P;
            if value == P {
                return Err(values.len());
            }
            values.push(M61::from_raw(value));
            held >>= BITS;
            bits -= BITS;
        }
    }
    if held != 0 || bits >= 8 {
        return Err(values.len());
    }
    Ok(values)
}

/// `x mod p` for any unsigned integer. (`M61::from` divides by a 128-bit integer; this does not.)
#[inline(always)]
pub const fn from_u64(x: u64) -> M61 {
    M61::from_raw(reduce64(x))
}

/// `x mod p` for any signed integer.
#[inline(always)]
pub const fn from_i64(x: i64) -> M61 {
    let magnitude = reduce64(x.unsigned_abs());
    M61::from_raw(if x < 0 && magnitude != 0 {
        P - magnitude
    } else {
        magnitude
    })
}

/// The representative of `x` in `[-(p-1)/2, (p-1)/2]`.
#[inline(always)]
pub const fn to_i64_centered(x: M61) -> i64 {
    if x.value > P / 2 {
        x.value as i64 - P as i64
    } else {
        x.value as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_canonical_bytes_are_accepted() {
        assert_eq!(m61_from_bytes((P - 1).to_le_bytes()), Some(M61::from_raw(P - 1)));
        for value in [P, P + 1, u64::MAX, 1 << 61] {
            assert_eq!(m61_from_bytes(value.to_le_bytes()), None);
            let mut bytes = [0; K_BYTES];
            bytes[..8].copy_from_slice(&value.to_le_bytes());
            assert_eq!(k_from_bytes(bytes), None);
            bytes.rotate_left(8);
            assert_eq!(k_from_bytes(bytes), None);
        }
    }

    #[test]
    fn packed_elements_have_one_encoding() {
        assert_eq!(pack(&[M61::from_raw(P - 1); 8]).len(), 61);
        for count in 0..20 {
            let values: Vec<M61> = (0..count as u64)
                .map(|i| from_u64(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
                .collect();
            let bytes = pack(&values);
            assert_eq!(bytes.len(), packed_length(count));
            assert_eq!(unpack(&bytes), Ok(values.clone()));
            // Element by element: bits 61 i .. 61 i + 60.
            for (index, value) in values.iter().enumerate() {
                let bit = |at: usize| u64::from(bytes[at / 8] >> (at % 8) & 1);
                let found = (0..61).fold(0, |found, k| found | bit(61 * index + k) << k);
                assert_eq!(found, value.value);
                let mut other = values.clone();
                other[index] = M61::from_raw(P);
                assert_eq!(unpack(&pack(&other)), Err(index));
            }
            // Bits behind the last element.
            let behind = 8 * bytes.len() - 61 * count;
            for bit in 0..behind {
                let mut bytes = bytes.clone();
                *bytes.last_mut().unwrap() |= 128 >> bit;
                assert_eq!(unpack(&bytes), Err(count));
            }
        }
        // No number of elements has one byte, or nine.
        assert_eq!(unpack(&[0]), Err(0));
        assert_eq!(unpack(&[0; 9]), Err(1));
    }

    #[test]
    fn signed_integers_at_the_edges() {
        let half = (P / 2) as i64;
        for x in [0, 1, -1, half, -half] {
            assert_eq!(to_i64_centered(from_i64(x)), x);
        }
        assert_eq!(from_i64(-(P as i64)), M61::from_raw(0));
        assert_eq!(from_i64(half + 1), from_i64(-half));
        assert_eq!(from_i64(i64::MIN), M61::from(i64::MIN));
        assert_eq!(from_i64(i64::MAX), M61::from(i64::MAX));
        assert_eq!(from_u64(u64::MAX), M61::from(u64::MAX));
    }

    proptest! {
        #[test]
        fn bytes_round_trip(a in 0..P, b in 0..P) {
            let x = K::new(M61::from_raw(a), M61::from_raw(b));
            prop_assert_eq!(m61_from_bytes(m61_to_bytes(x.c0)), Some(x.c0));
            prop_assert_eq!(k_from_bytes(k_to_bytes(x)), Some(x));
            prop_assert_eq!(&k_to_bytes(x)[..8], &m61_to_bytes(x.c0)[..]);
        }

        #[test]
        fn integers_agree_with_arkworks(x in any::<i64>(), y in any::<u64>()) {
            prop_assert_eq!(from_i64(x), M61::from(x));
            prop_assert_eq!(from_u64(y), M61::from(y));
            prop_assert_eq!(from_i64(to_i64_centered(from_i64(x))), from_i64(x));
        }
    }
}
