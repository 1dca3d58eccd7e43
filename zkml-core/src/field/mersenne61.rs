//! The Mersenne prime field of `p = 2^61 - 1`.

use ark_ff::{BigInt, SmallFp, SmallFpConfig, SqrtPrecomputation};

use super::P;

/// An element of `F_p`, `p = 2^61 - 1`; `value` is always the canonical integer in `[0, p)`.
pub type M61 = SmallFp<M61Config>;

/// Canonical arithmetic modulo the Mersenne prime `2^61 - 1`.
pub struct M61Config;

/// `x mod p` for `x < 2^64`, canonical.
#[inline(always)]
const fn reduce64(x: u64) -> u64 {
    let r = (x & P) + (x >> 61);
    if r >= P { r - P } else { r }
}

/// `x mod p` for `x < 2^124`, canonical.
#[inline(always)]
const fn reduce128(x: u128) -> u64 {
    reduce64((x as u64 & P) + (x >> 61) as u64)
}

impl SmallFpConfig for M61Config {
    type T = u64;

    const MODULUS: u64 = P;
    const MODULUS_U128: u128 = P as u128;
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

    #[inline]
    fn sum_of_products<const T: usize>(a: &[M61; T], b: &[M61; T]) -> M61 {
        a.iter().zip(b).map(|(x, y)| *x * y).sum()
    }

    #[inline(always)]
    fn square_in_place(a: &mut M61) {
        let b = *a;
        Self::mul_assign(a, &b);
    }

    fn inverse(a: &M61) -> Option<M61> {
        use ark_ff::Field;
        (a.value != 0).then(|| a.pow([P - 2]))
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
