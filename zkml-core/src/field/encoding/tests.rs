//! Encodings are canonical, and integers those of arkworks.

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
        // Bits after the last element.
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
