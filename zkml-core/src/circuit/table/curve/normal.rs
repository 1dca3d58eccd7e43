//! The tail of the normal distribution in machine words: Taylor polynomials of degree 10 around multiples of 1/16.
//!
//! `T(a) = Phi(-a)` has `T^(k)(a) = (-1)^k He_(k-1)(a) phi(a)` with the Hermite polynomials
//! `He_0 = 1`, `He_1 = a`, `He_(k+1) = a He_k - k He_(k-1)`. Since `|He_k(a)| phi(a) < 0.44 sqrt(k!)` (Cramer) the
//! first term left out is below 2^-70 for `|h| <= 1/32`, and so are all together.

use std::sync::OnceLock;

use num_bigint::BigInt;

use super::enclose::{Kernel, Open};
use super::integer::{Integer, Wide};
use super::slow::Big;

/// Degree of a polynomial.
const DEGREE: usize = 10;
/// Polynomials: around `0, 1/16, ..., 10`.
const CENTRES: i128 = 161;
/// In units of 2^-63: each of 11 coefficients is off by 1, each product by 1, and the argument by 2^-62, times a slope
/// below 1/80.
const ERROR: i128 = 32;

/// Coefficient `k` is that of `(32 h)^k`, in units of 2^-63.
type Polynomial = [i64; DEGREE + 1];

/// `Phi(-a)` in units of 2^-63; `a >= 0` in units of 2^-96, rounded down.
pub(super) fn tail(a: i128) -> Option<Open<i128>> {
    let centre = (a + (1 << 91)) >> 92;
    let one = 1i128 << 63;
    let Some(polynomial) = polynomials()?.get(usize::try_from(centre).ok()?) else {
        // Phi(-10) < 2^-76
        return Some(Open { low: 0, high: 1 });
    };
    // 32 h in units of 2^-62.
    let h = (a - (centre << 92)) >> 29;
    let value = polynomial
        .iter()
        .rev()
        .fold(0, |sum, &coefficient| i128::from(coefficient) + ((h * sum) >> 62));
    Some(Open {
        low: (value - ERROR).max(0),
        high: (value + ERROR).min(one),
    })
}

/// Made once in a process.
fn polynomials() -> Option<&'static [Polynomial]> {
    static POLYNOMIALS: OnceLock<Option<Vec<Polynomial>>> = OnceLock::new();
    let made = POLYNOMIALS.get_or_init(|| {
        let kernel = Big::new(128);
        (0..CENTRES).map(|centre| polynomial(&kernel, centre)).collect()
    });
    made.as_deref()
}

/// Around `centre / 16`.
fn polynomial(kernel: &Big, centre: i128) -> Option<Polynomial> {
    let a = Wide {
        mantissa: centre,
        exponent: -4,
    };
    let excess = kernel.bits() - 63;
    let density = kernel.normal_density(a)?.low;
    let mut coefficients = [0; DEGREE + 1];
    // In step k: 16^(k-2) He_(k-2)(a), 16^(k-1) He_(k-1)(a) and 16^(k-1) k! 32^k.
    let (mut before, mut hermite) = (BigInt::from(0), BigInt::from(1));
    let mut divisor = BigInt::from(32);
    for k in 1..=DEGREE {
        let sign = if k % 2 == 0 { 1 } else { -1 };
        let signed: BigInt = &hermite * &density * sign;
        let coefficient = signed.floor_div(&(&divisor << excess))?;
        *coefficients.get_mut(k)? = i64::try_from(&coefficient).ok()?;
        let next = &hermite * BigInt::from(centre) - before * BigInt::from(256 * (k - 1));
        (before, hermite) = (hermite, next);
        divisor *= BigInt::from(16 * 32 * (k + 1));
    }
    let value = match centre {
        0 => BigInt::from(1) << (kernel.bits() - 1),
        _ => kernel.normal_tail(a)?.low,
    };
    *coefficients.get_mut(0)? = i64::try_from(&value.down(excess)).ok()?;
    Some(coefficients)
}
