//! The quadratic extension `K = F[i] / (i^2 + 1)`, about `2^122` elements: where challenges live.

use ark_ff::{AdditiveGroup, Field, Fp2, Fp2Config, SmallFp};

use super::mersenne61::reduce128;
use super::{M61, P};

/// An element `c0 + c1 i` of `K`.
pub type K = Fp2<KConfig>;

/// `K` as ark-ff wants it: the non-residue is -1, because `p = 3 mod 4`.
pub struct KConfig;

impl Fp2Config for KConfig {
    type Fp = M61;
    const NONRESIDUE: M61 = SmallFp::from_raw(P - 1);
    const FROBENIUS_COEFF_FP2_C1: &[M61] = &[SmallFp::from_raw(1), SmallFp::from_raw(P - 1)];

    // ark-ff multiplies as (c0 d0 + (-c1) d1) + (c0 d1 + c1 d0) i, each sum with one reduction.
    #[inline(always)]
    fn mul_fp_by_nonresidue_in_place(fe: &mut M61) -> &mut M61 {
        fe.neg_in_place();
        fe
    }
}

/// `2^62` divides `p^2 - 1` exactly: the multiplicative group of `K` has subgroups of order `2^k`, `k <= 62`.
pub const K_TWO_ADICITY: u32 = 62;

/// `(1 + 4 i)^((p^2 - 1) / 2^62)`, of order `2^62`.
const K_ROOT: K = K::new(
    SmallFp::from_raw(320_432_715_159_809_325),
    SmallFp::from_raw(656_568_931_093_375_819),
);

/// A root of unity of order exactly `2^log_order` in `K`, or nothing above [`K_TWO_ADICITY`]. The square of the root
/// for `k + 1` is the root for `k`.
pub fn k_root_of_unity(log_order: u32) -> Option<K> {
    let squarings = K_TWO_ADICITY.checked_sub(log_order)?;
    Some((0..squarings).fold(K_ROOT, |root, _| root.square()))
}

/// `a * b`, always inlined: four products, two reductions. The same value as `a * b` by ark-ff.
#[inline(always)]
pub fn mul_k(a: K, b: K) -> K {
    let (a0, a1) = (u128::from(a.c0.value), u128::from(a.c1.value));
    let (b0, b1) = (u128::from(b.c0.value), u128::from(b.c1.value));
    // p - b1 stands for -b1; each sum of two products stays below 2^123.
    let real = a0 * b0 + a1 * (u128::from(P) - b1);
    let imaginary = a0 * b1 + a1 * b0;
    K::new(
        SmallFp::from_raw(reduce128(real)),
        SmallFp::from_raw(reduce128(imaginary)),
    )
}

/// `a * b` for `b` in the base field: two products.
#[inline(always)]
pub fn mul_k_base(a: K, b: M61) -> K {
    K::new(a.c0 * b, a.c1 * b)
}

/// `x` as an element of `K`.
#[inline(always)]
pub const fn k_from_base(x: M61) -> K {
    K::new(x, SmallFp::from_raw(0))
}

// The kernels read slices of `K` as interleaved pairs of 64-bit words.
const _: () = assert!(size_of::<K>() == 16 && align_of::<K>() == 8);
const _: () = assert!(core::mem::offset_of!(K, c0) == 0 && core::mem::offset_of!(K, c1) == 8);

#[cfg(test)]
mod tests {
    use super::*;
    use ark_algebra_test_templates::test_field;
    use proptest::prelude::*;

    test_field!(ark_suite; K);

    fn coordinate() -> impl Strategy<Value = u64> {
        prop_oneof![
            proptest::sample::select(vec![0, 1, (1 << 52) - 1, 1 << 52, P - 2, P - 1]),
            0..P
        ]
    }

    fn element() -> impl Strategy<Value = K> {
        (coordinate(), coordinate()).prop_map(|(a, b)| K::new(SmallFp::from_raw(a), SmallFp::from_raw(b)))
    }

    #[test]
    fn roots_of_unity_have_their_order() {
        assert_eq!(k_root_of_unity(0), Some(K::ONE));
        assert_eq!(k_root_of_unity(1), Some(-K::ONE));
        assert_eq!(k_root_of_unity(63), None);
        for log_order in 0..62 {
            let next = k_root_of_unity(log_order + 1).unwrap();
            assert_eq!(next.square(), k_root_of_unity(log_order).unwrap());
            assert_ne!(next, next.square());
        }
        // The cofactor of the base: (p^2 - 1) / 2^62 = (p - 1) / 2.
        let base = K::new(SmallFp::from_raw(1), SmallFp::from_raw(4));
        assert_eq!(base.pow([(P - 1) / 2]), K_ROOT);
    }

    proptest! {
        #[test]
        fn products_follow_the_definition(a in element(), b in element()) {
            let expected = K::new(a.c0 * b.c0 - a.c1 * b.c1, a.c0 * b.c1 + a.c1 * b.c0);
            prop_assert_eq!(mul_k(a, b), expected);
            prop_assert_eq!(a * b, expected);
            prop_assert_eq!(a.square(), mul_k(a, a));
            prop_assert_eq!(mul_k_base(a, b.c0), a * k_from_base(b.c0));
            prop_assert!(mul_k(a, b).c0.value < P && mul_k(a, b).c1.value < P);
            if let Some(inverse) = a.inverse() {
                prop_assert_eq!(mul_k(a, inverse), K::ONE);
            } else {
                prop_assert_eq!(a, K::ZERO);
            }
        }
    }
}
