//! The Mersenne prime field of `p = 2^61 - 1`.

use ark_ff::{BigInt, SmallFp, SmallFpConfig, SqrtPrecomputation};

use super::P;

/// An element of `F_p`, `p = 2^61 - 1`; `value` is always the canonical integer in `[0, p)`.
pub type M61 = SmallFp<M61Config>;

/// Canonical arithmetic modulo the Mersenne prime `2^61 - 1`.
pub struct M61Config;

/// `x mod p` for any `x`, canonical.
#[inline(always)]
pub(crate) const fn reduce64(x: u64) -> u64 {
    let r = (x & P) + (x >> 61);
    if r >= P { r - P } else { r }
}

/// `x mod p` for `x < 2^124`, canonical.
#[inline(always)]
pub(crate) const fn reduce128(x: u128) -> u64 {
    reduce64((x as u64 & P) + (x >> 61) as u64)
}

/// `x mod p` for any `x`, canonical.
#[inline(always)]
pub(crate) const fn reduce_wide(x: u128) -> u64 {
    reduce64((x as u64 & P) + ((x >> 61) as u64 & P) + (x >> 122) as u64)
}

/// `x^(2^count)`.
#[inline(always)]
fn square_times(mut x: M61, count: u32) -> M61 {
    for _ in 0..count {
        M61Config::square_in_place(&mut x);
    }
    x
}

impl SmallFpConfig for M61Config {
    type T = u64;

    const MODULUS: u64 = P;
    const MODULUS_U128: u128 = P as u128;
    // The smallest generator: 37^((p-1)/q) != 1 for each of the twelve primes q that divide p - 1 (tests).
    const GENERATOR: M61 = SmallFp::from_raw(37);
    const ZERO: M61 = SmallFp::from_raw(0);
    const ONE: M61 = SmallFp::from_raw(1);
    const NEG_ONE: M61 = SmallFp::from_raw(P - 1);
    const TWO_ADICITY: u32 = 1;
    const TWO_ADIC_ROOT_OF_UNITY: M61 = SmallFp::from_raw(P - 1);
    const SQRT_PRECOMP: Option<SqrtPrecomputation<M61>> = Some(SqrtPrecomputation::Case3Mod4 {
        modulus_plus_one_div_four: &[1 << 59],
    });

    #[inline(always)]
    fn add_assign(a: &mut M61, b: &M61) {
        let sum = a.value + b.value;
        a.value = if sum >= P { sum - P } else { sum };
    }

    #[inline(always)]
    fn sub_assign(a: &mut M61, b: &M61) {
        let (difference, borrow) = a.value.overflowing_sub(b.value);
        a.value = if borrow {
            difference.wrapping_add(P)
        } else {
            difference
        };
    }

    #[inline(always)]
    fn double_in_place(a: &mut M61) {
        let b = *a;
        Self::add_assign(a, &b);
    }

    #[inline(always)]
    fn neg_in_place(a: &mut M61) {
        a.value = if a.value == 0 { 0 } else { P - a.value };
    }

    #[inline(always)]
    fn mul_assign(a: &mut M61, b: &M61) {
        a.value = reduce128(a.value as u128 * b.value as u128);
    }

    /// One reduction for up to 32 products: each is below `2^122`, so the sum stays below `2^127 + 2^61`.
    #[inline(always)]
    fn sum_of_products<const T: usize>(a: &[M61; T], b: &[M61; T]) -> M61 {
        let mut sum = 0u128;
        for (index, (x, y)) in a.iter().zip(b).enumerate() {
            if index % 32 == 0 && index > 0 {
                sum = u128::from(reduce_wide(sum));
            }
            sum += x.value as u128 * y.value as u128;
        }
        SmallFp::from_raw(if T <= 2 { reduce128(sum) } else { reduce_wide(sum) })
    }

    #[inline(always)]
    fn square_in_place(a: &mut M61) {
        let b = *a;
        Self::mul_assign(a, &b);
    }

    /// `a^(p-2)`, `p - 2 = 4 (2^59 - 1) + 1`, by an addition chain: 60 squarings and 9 products.
    fn inverse(a: &M61) -> Option<M61> {
        if a.value == 0 {
            return None;
        }
        // `ones(k)` below is a^(2^k - 1), and ones(j + k) = ones(j)^(2^k) * ones(k).
        let join = |high: M61, count: u32, low: M61| square_times(high, count) * low;
        let ones_1 = *a;
        let ones_2 = join(ones_1, 1, ones_1);
        let ones_3 = join(ones_2, 1, ones_1);
        let ones_6 = join(ones_3, 3, ones_3);
        let ones_7 = join(ones_6, 1, ones_1);
        let ones_14 = join(ones_7, 7, ones_7);
        let ones_28 = join(ones_14, 14, ones_14);
        let ones_29 = join(ones_28, 1, ones_1);
        let ones_58 = join(ones_29, 29, ones_29);
        let ones_59 = join(ones_58, 1, ones_1);
        Some(join(ones_59, 2, ones_1))
    }

    #[inline]
    fn new(value: u64) -> M61 {
        SmallFp::from_raw(reduce64(value))
    }

    fn from_bigint(other: BigInt<1>) -> Option<M61> {
        (other.0[0] < P).then(|| SmallFp::from_raw(other.0[0]))
    }

    fn into_bigint(other: M61) -> BigInt<1> {
        BigInt([other.value])
    }
}

// The kernels read slices of `M61` as 64-bit words.
const _: () = assert!(size_of::<M61>() == 8 && align_of::<M61>() == 8);
const _: () = assert!(core::mem::offset_of!(M61, value) == 0);

#[cfg(test)]
mod tests {
    use super::*;
    use ark_algebra_test_templates::test_small_field;
    use ark_ff::{AdditiveGroup, Field, Fp64, MontBackend, MontConfig, PrimeField};
    use proptest::prelude::*;

    test_small_field!(ark_suite; M61);

    #[derive(MontConfig)]
    #[modulus = "2305843009213693951"]
    #[generator = "37"]
    struct GenericConfig;
    /// The same field in Montgomery form: code that knows nothing of Mersenne primes.
    type Generic = Fp64<MontBackend<GenericConfig, 1>>;

    const EDGES: [u64; 8] = [0, 1, 2, (1 << 52) - 1, 1 << 52, (P - 1) / 2, P - 2, P - 1];

    fn element() -> impl Strategy<Value = u64> {
        prop_oneof![proptest::sample::select(EDGES.to_vec()), 0..P]
    }

    fn same(ours: M61, generic: Generic) -> bool {
        ours.value < P && BigInt([ours.value]) == generic.into_bigint()
    }

    #[test]
    fn generator_has_full_order() {
        let primes = [2u64, 3, 5, 7, 11, 13, 31, 41, 61, 151, 331, 1321];
        let mut rest = P - 1;
        for q in primes {
            assert_ne!(
                M61Config::GENERATOR.pow([(P - 1) / q]),
                M61Config::ONE,
                "order divides (p-1)/{q}"
            );
            while rest.is_multiple_of(q) {
                rest /= q;
            }
        }
        assert_eq!(rest, 1, "the list of primes is complete");
    }

    #[test]
    fn reductions_at_their_limits() {
        for x in [
            0,
            1,
            P as u128 - 1,
            P as u128,
            1 << 61,
            (1 << 122) - 1,
            (1 << 124) - 1,
        ] {
            assert_eq!(u128::from(reduce128(x)), x % u128::from(P));
        }
        for x in [
            u128::MAX,
            u128::MAX - 1,
            1 << 127,
            (1 << 122) * 63,
            u128::from(P) << 67,
        ] {
            assert_eq!(u128::from(reduce_wide(x)), x % u128::from(P));
        }
        for x in [u64::MAX, P, P - 1, 8 * P, 7 * P + 6] {
            assert_eq!(reduce64(x), x % P);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_generic_montgomery_field(a in element(), b in element(), c in element(), d in element()) {
            let (x, y) = (M61Config::new(a), M61Config::new(b));
            let (u, v) = (Generic::from(a), Generic::from(b));
            prop_assert!(same(x + y, u + v));
            prop_assert!(same(x - y, u - v));
            prop_assert!(same(x * y, u * v));
            prop_assert!(same(-x, -u));
            prop_assert!(same(x.square(), u.square()));
            prop_assert!(same(x.double(), u.double()));
            prop_assert!(same(x.pow([c]), u.pow([c])));
            prop_assert_eq!(x.inverse().map(|i| i.into_bigint()), u.inverse().map(|i| i.into_bigint()));
            prop_assert_eq!(x.legendre() as i8, u.legendre() as i8);
            let (z, w) = (M61Config::new(c), M61Config::new(d));
            prop_assert!(same(
                M61::sum_of_products(&[x, z], &[y, w]),
                u * v + Generic::from(c) * Generic::from(d)
            ));
            prop_assert!(same(M61::sum_of_products(&[x; 70], &[y; 70]), u * v * Generic::from(70u64)));
        }
    }
}
