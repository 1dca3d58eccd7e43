//! The wire encoding of field elements: 8 bytes per element of `F`, little endian, canonical; 16 per element of `K`.

use super::{K, M61, P};

/// Bytes of an element of `F` on the wire.
pub const M61_BYTES: usize = 8;

/// Bytes of an element of `K` on the wire: `c0`, then `c1`.
pub const K_BYTES: usize = 16;

/// The canonical encoding of `x`.
#[inline]
pub fn m61_to_bytes(x: M61) -> [u8; M61_BYTES] {
    x.value.to_le_bytes()
}

/// The element that `bytes` encode, or `None` where the word is not below `p`.
#[inline]
pub fn m61_from_bytes(bytes: [u8; M61_BYTES]) -> Option<M61> {
    let word = u64::from_le_bytes(bytes);
    (word < P).then(|| M61::from_raw(word))
}

/// The canonical encoding of `x`: `c0`, then `c1`.
#[inline]
pub fn k_to_bytes(x: K) -> [u8; K_BYTES] {
    (u128::from(x.c0.value) | u128::from(x.c1.value) << 64).to_le_bytes()
}

/// The element that `bytes` encode, or `None` where one of its words is not below `p`.
#[inline]
pub fn k_from_bytes(bytes: [u8; K_BYTES]) -> Option<K> {
    let words = u128::from_le_bytes(bytes);
    let (c0, c1) = (words as u64, (words >> 64) as u64);
    (c0 < P && c1 < P).then(|| K::new(M61::from_raw(c0), M61::from_raw(c1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_words_round_trip_and_others_are_refused() {
        for word in [0, 1, 2, P - 1] {
            let x = M61::from_raw(word);
            assert_eq!(m61_from_bytes(m61_to_bytes(x)), Some(x));
            let y = K::new(x, M61::from_raw(P - 1 - word));
            assert_eq!(k_from_bytes(k_to_bytes(y)), Some(y));
            assert_eq!(k_to_bytes(y)[..8], m61_to_bytes(x));
        }
        for word in [P, P + 1, u64::MAX] {
            assert_eq!(m61_from_bytes(word.to_le_bytes()), None);
            let mut bytes = [0; K_BYTES];
            bytes[8..].copy_from_slice(&word.to_le_bytes());
            assert_eq!(k_from_bytes(bytes), None);
            bytes.rotate_left(8);
            assert_eq!(k_from_bytes(bytes), None);
        }
    }
}
