//! Enclosures in machine words: 63 fractional bits.
//!
//! Arguments have 96 fractional bits and are rounded down. `x = n ln 2 - r` with `0 <= r < ln 2`, so `e^x = 2^n e^-r`,
//! and `e^-r` is the Taylor series to degree 19, whose next term is below 2^-71. Errors are counted in units of 2^-63.

use super::enclose::{Kernel, Open};
use super::integer::Wide;
use super::normal;

/// Fractional bits of results.
const BITS: u32 = 63;
const ONE: u64 = 1 << BITS;

/// `floor(2^96 ln 2)`
pub(super) const LN_2: i128 = 0xb172_17f7_d1cf_79ab_c9e3_b398;
/// `floor(2^32 / ln 2)`
pub(super) const LOG2_E: i128 = 0x1_7154_7652;
/// `floor(2^59 * 2 sqrt(2/pi))`
pub(super) const GELU_FACTOR: u128 = 0x0cc4_2299_ea1b_2846;
/// `floor(2^64 * 0.044715)`
pub(super) const GELU_CUBIC: u128 = ((44_715u128) << 64) / 1_000_000;

/// `floor(2^63 / k!)`
const INVERSE_FACTORIALS: [u64; 20] = {
    let mut table = [ONE; 20];
    let mut factorial = 1;
    let mut k = 1;
    while k < table.len() {
        factorial *= k as u64;
        table[k] = ONE / factorial;
        k += 1;
    }
    table
};

/// `floor(2^63 / (2k + 1))`
const INVERSE_ODD: [u64; 21] = {
    let mut table = [ONE; 21];
    let mut k = 1;
    while k < table.len() {
        table[k] = ONE / (2 * k as u64 + 1);
        k += 1;
    }
    table
};

/// Error of [`exponential`]. Its argument is off by at most 2^-64 (rounding to 64 bits), 2^-87 (`n` times the error of
/// `ln 2`) and 2^-96 (`x`). Each of the 20 steps is off by at most 2, times a power of `r < 0.694`: less than
/// 2 / (1 - 0.694) < 7 in all.
const SERIES_ERROR: u64 = 12;
/// `u` of the GELU is off by at most 2^-50, see [`Fast::gelu_logistic`].
const GELU_ERROR_BITS: u32 = 50;
/// Error of [`log1p`]: its argument `t` is off by 2^-64, each step of the series by 2 times a power of 1/9, and the
/// result is doubled.
const LOG_ERROR: u64 = 12;

/// The kernel.
pub(super) struct Fast;

fn high_product(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// `e^-r` in units of 2^-63, for `r < ln 2` in units of 2^-64.
fn series(r: u64) -> u64 {
    // Every partial sum is positive: a coefficient is above `r` times the next one.
    INVERSE_FACTORIALS
        .iter()
        .rev()
        .fold(0, |sum, coefficient| coefficient - high_product(r, sum))
}

/// `(y, n)` with `e^x = y 2^n`; `y` in units of 2^-63, missing at most [`SERIES_ERROR`]. `x` has 96 fractional bits,
/// `|x| <= 2^9`.
fn exponential(x: i128) -> (u64, i32) {
    let mut n = (((x >> 64) * LOG2_E) >> 64) + 1;
    let mut r = n * LN_2 - x;
    // The estimate of n misses at most 1.
    if r < 0 {
        n += 1;
        r += LN_2;
    } else if r >= LN_2 {
        n -= 1;
        r -= LN_2;
    }
    (series((r >> 32) as u64), n as i32)
}

/// `(y - below, y + above)` times 2^n for `n <= 0`, within [0, 1].
fn opened(y: u64, below: u64, above: u64, n: i32) -> Open<u64> {
    let shift = n.unsigned_abs();
    let down = |value: u64| value.checked_shr(shift).unwrap_or(0);
    Open {
        low: down(y.saturating_sub(below)),
        high: (down(y.saturating_add(above)) + 1).min(ONE),
    }
}

/// `e^-a`; `a` in units of 2^-96.
fn exp_negative(a: i128) -> Open<u64> {
    let (y, n) = exponential(-a);
    opened(y, SERIES_ERROR, SERIES_ERROR, n.min(0))
}

/// `1 / (1 + e)`
fn logistic(e: &Open<u64>) -> Open<u64> {
    // 1 + e can be 2^64 units, for e = 1 alone: hence 128 bits.
    let low = (1u128 << 126) / (u128::from(ONE) + u128::from(e.high));
    // The derivative of 1 / (1 + e) is at least -1.
    let high = low as u64 + (e.high - e.low) + 2;
    Open {
        low: low as u64,
        high: high.min(ONE),
    }
}

/// `ln(1 + e) = 2 artanh(e / (2 + e))`
fn log1p(e: &Open<u64>) -> Open<u64> {
    let t = ((u128::from(e.low) << 64) / ((1u128 << 64) + u128::from(e.low))) as u64;
    let square = high_product(t, t);
    // t <= 1/3: the next term of the series is below 2^-71.
    let sum = INVERSE_ODD
        .iter()
        .rev()
        .fold(0, |sum, coefficient| coefficient + high_product(square, sum));
    let value = 2 * high_product(t, sum);
    Open {
        low: value.saturating_sub(LOG_ERROR),
        // The derivative of ln(1 + e) is at most 1.
        high: (value + LOG_ERROR + (e.high - e.low)).min(ONE),
    }
}

fn wide(open: Open<u64>) -> Open<i128> {
    Open {
        low: open.low.into(),
        high: open.high.into(),
    }
}

impl Fast {
    fn argument(x: Wide) -> Option<i128> {
        x.fixed::<i128>(96).map(|(floor, _)| floor)
    }
}

impl Kernel for Fast {
    type T = i128;

    fn bits(&self) -> u32 {
        BITS
    }

    fn exp(&self, x: Wide) -> Option<(Open<i128>, i32)> {
        let (y, n) = exponential(Self::argument(x)?);
        Some((
            Open {
                low: i128::from(y) - i128::from(SERIES_ERROR),
                high: i128::from(y) + i128::from(SERIES_ERROR),
            },
            n,
        ))
    }

    fn exp_negative(&self, a: Wide) -> Option<Open<i128>> {
        Some(wide(exp_negative(Self::argument(a)?)))
    }

    fn logistic(&self, a: Wide) -> Option<Open<i128>> {
        Some(wide(logistic(&exp_negative(Self::argument(a)?))))
    }

    fn gelu_logistic(&self, a: Wide) -> Option<Open<i128>> {
        // All in units of 2^-60, rounded down, for a <= 15. The error of u: 1 of a, times du/da <= 51; 1 of a^2 and 1
        // of its product with the cubic coefficient, each times 1.6 * 15; 2^-4 of the cubic coefficient, times
        // 225 * 24; 2 of the factor, times 166. The sum is below 2^10.
        let a = a.fixed::<i128>(60)?.0.unsigned_abs();
        let square = (a * a) >> 60;
        let sum = (1 << 60) + ((square * GELU_CUBIC) >> 64);
        let u = (((a * sum) >> 60) * GELU_FACTOR) >> 23;
        let (y, n) = exponential(-i128::try_from(u).ok()?);
        // u is rounded down, so the true e^-u is not above y: the error of u widens the lower end alone.
        let below = SERIES_ERROR + (y >> GELU_ERROR_BITS) + 1;
        Some(wide(logistic(&opened(y, below, SERIES_ERROR, n.min(0)))))
    }

    fn softplus_tail(&self, a: Wide) -> Option<Open<i128>> {
        Some(wide(log1p(&exp_negative(Self::argument(a)?))))
    }

    fn normal_tail(&self, a: Wide) -> Option<Open<i128>> {
        normal::tail(Self::argument(a)?)
    }

    fn factor(&self, a: Wide) -> Option<(i128, i128, i32)> {
        let length = 128 - a.mantissa.unsigned_abs().leading_zeros();
        let dropped = length.saturating_sub(60);
        let low = a.mantissa >> dropped;
        let high = if dropped == 0 { low } else { low + 1 };
        Some((low, high, a.exponent + dropped as i32))
    }
}
