//! Open intervals that hold a value, and what they round to.
//!
//! Each function is written once, over a [`Kernel`] that encloses the elementary functions. One kernel computes in
//! machine words, the other in integers of any length.

use super::CurveKind;
use super::integer::{Integer, Wide};
use crate::circuit::table::Dyadic;

/// For `x` above it, `e^-x < 2^-368`.
const FAR: i128 = 256;
/// For `x` above it, `2 sqrt(2/pi) (x + 0.044715 x^3) > FAR`.
const FAR_GELU: i128 = 15;
/// For `x` above it, `Phi(-x) < e^(-x^2 / 2) < 2^-368`.
const FAR_NORMAL: i128 = 32;
/// `-log2` of the bound on the term that vanishes above these limits.
const VANISHING_BITS: u32 = 368;

/// `low < y < high` for a positive real `y`, in units that the context says.
#[derive(Debug, Clone)]
pub(super) struct Open<T> {
    pub(super) low: T,
    pub(super) high: T,
}

/// Enclosures `low < y < high` of elementary functions, in units of `2^-bits`, for `a > 0`. Both ends lie in `[0, 1]`,
/// except for `exp` and `factor`.
pub(super) trait Kernel {
    /// What it computes with.
    type T: Integer;
    /// Fractional bits.
    fn bits(&self) -> u32;
    /// `e^x = y 2^n` for `x != 0`, `|x| <= 256`, with `y` in (1/4, 2).
    fn exp(&self, x: Wide) -> Option<(Open<Self::T>, i32)>;
    /// `e^-a` for `a <= 256`.
    fn exp_negative(&self, a: Wide) -> Option<Open<Self::T>>;
    /// `1 / (1 + e^-a)` for `a <= 256`.
    fn logistic(&self, a: Wide) -> Option<Open<Self::T>>;
    /// `1 / (1 + e^-u)`, `u = 2 sqrt(2/pi) (a + 0.044715 a^3)`, for `a <= 15`.
    fn gelu_logistic(&self, a: Wide) -> Option<Open<Self::T>>;
    /// `ln(1 + e^-a)` for `0 <= a <= 256`.
    fn softplus_tail(&self, a: Wide) -> Option<Open<Self::T>>;
    /// `Phi(-a)`, the probability of the normal distribution below `-a`, for `a <= 32`.
    fn normal_tail(&self, a: Wide) -> Option<Open<Self::T>>;
    /// `(low, high, n)` with `low <= a <= high` in units of `2^n`.
    fn factor(&self, a: Wide) -> Option<(Self::T, Self::T, i32)>;

    /// 1
    fn one(&self) -> Option<Self::T> {
        Self::T::from(1).up(self.bits())
    }

    /// An enclosure of an unknown number between 0 and 2^-368.
    fn vanishing(&self) -> Option<Open<Self::T>> {
        Some(Open {
            low: Self::T::from(0),
            high: Self::T::from(1).up(self.bits().saturating_sub(VANISHING_BITS))?,
        })
    }
}

/// A value in units of `2^exponent / divisor`: between `low` and `high`, or equal to `low` if `exact`.
#[derive(Debug, Clone)]
pub(super) struct Bounds<T> {
    pub(super) low: T,
    pub(super) high: T,
    pub(super) exponent: i32,
    pub(super) divisor: T,
    pub(super) exact: bool,
}

/// `floor(y / output + 1/2)` for the smallest and for the largest `y` within the bounds; `None` if an intermediate
/// number does not fit. A result of 2^60 or more in absolute value may become `i64::MIN` or `i64::MAX`.
pub(super) fn round<T: Integer>(bounds: &Bounds<T>, output: Dyadic) -> Option<(i64, i64)> {
    let divisor = bounds.divisor.times(&T::from(output.mantissa().into()))?;
    let shift = bounds.exponent - i32::from(output.exponent());
    let (up, down) = (shift.max(0).unsigned_abs(), shift.min(0).unsigned_abs());
    let Some(twice) = divisor.up(down + 1) else {
        return vanished(bounds);
    };
    match (bounds.low.up(up + 1), bounds.high.up(up + 1)) {
        (Some(low), Some(high)) => quotients(&low, &high, &twice, bounds.exact),
        _ => saturated(bounds, up + 1, &twice),
    }
}

/// `floor(y + 1/2)` at both ends of `(low, high) / twice`; `twice` is even.
fn quotients<T: Integer>(low: &T, high: &T, twice: &T, exact: bool) -> Option<(i64, i64)> {
    // With twice = 2D: floor(low / 2D + 1/2) = floor((low + D) / 2D); below high it is ceil((high + D) / 2D) - 1.
    let half = twice.down(1);
    let first = low.plus(&half)?.floor_div(twice)?;
    let nearest = first.saturated();
    if exact {
        return Some((nearest, nearest));
    }
    let last = high.plus(&half)?.minus(&T::from(1))?;
    let rest = last.minus(&first.times(twice)?)?;
    if T::from(0) <= rest && rest < *twice {
        return Some((nearest, nearest));
    }
    Some((nearest, last.floor_div(twice)?.saturated()))
}

/// `i64::MAX` or `i64::MIN` where the end nearer to 0, shifted up by `bits`, reaches 2^126, and `twice < 2^65`.
fn saturated<T: Integer>(bounds: &Bounds<T>, bits: u32, twice: &T) -> Option<(i64, i64)> {
    let zero = T::from(0);
    if *twice >= T::from(1 << 65) {
        return None;
    }
    if bounds.low > zero && bounds.low.up(bits).is_none() {
        return Some((i64::MAX, i64::MAX));
    }
    if bounds.high < zero && bounds.high.up(bits).is_none() {
        return Some((i64::MIN, i64::MIN));
    }
    None
}

/// 0 for a value below 2^124, over a divisor that did not fit and so is at least 2^125: the ratio is below 1/2.
fn vanished<T: Integer>(bounds: &Bounds<T>) -> Option<(i64, i64)> {
    let small = T::from(-(1 << 124)) < bounds.low && bounds.high < T::from(1 << 124);
    small.then_some((0, 0))
}

/// The value of a function at `x`, where it is not rational ([`super::exact`]); none if a number on the way does not
/// fit.
pub(super) fn enclose<K: Kernel>(kind: CurveKind, x: Wide, kernel: &K) -> Option<Bounds<K::T>> {
    let (a, negative) = (x.abs(), x.mantissa < 0);
    let bits = kernel.bits() as i32;
    match kind {
        CurveKind::Sigmoid => {
            let share = of_sign(kernel, logistic(kernel, a)?, negative)?;
            Some(bounds(share, -bits))
        }
        CurveKind::Tanh => {
            let half = logistic(kernel, a.doubled())?;
            let one = kernel.one()?;
            let low = half.low.up(1)?.minus(&one)?;
            let high = half.high.up(1)?.minus(&one)?;
            signed(bounds(Open { low, high }, -bits), negative)
        }
        CurveKind::Silu => {
            let share = of_sign(kernel, logistic(kernel, a)?, negative)?;
            product(kernel, a, &share, negative)
        }
        CurveKind::GeluTanh => {
            let near = !a.exceeds(FAR_GELU);
            let share = match near {
                true => kernel.gelu_logistic(a)?,
                false => complement(kernel, &kernel.vanishing()?)?,
            };
            product(kernel, a, &of_sign(kernel, share, negative)?, negative)
        }
        CurveKind::Gelu => {
            let tail = match a.exceeds(FAR_NORMAL) {
                true => kernel.vanishing()?,
                false => kernel.normal_tail(a)?,
            };
            let share = if negative {
                tail
            } else {
                complement(kernel, &tail)?
            };
            product(kernel, a, &share, negative)
        }
        CurveKind::Elu { alpha } => {
            let rest = complement(kernel, &exp_negative(kernel, a)?)?;
            let alpha = Wide::scaled(1, alpha);
            product(kernel, alpha.abs(), &rest, alpha.mantissa > 0)
        }
        CurveKind::Softplus { beta, .. } => softplus(kernel, x, beta),
        CurveKind::Exp => exp(kernel, x),
        CurveKind::LeakyRelu { .. } | CurveKind::Hardswish | CurveKind::Hardsigmoid | CurveKind::Abs => None,
    }
}

fn bounds<T: Integer>(Open { low, high }: Open<T>, exponent: i32) -> Bounds<T> {
    Bounds {
        low,
        high,
        exponent,
        divisor: T::from(1),
        exact: false,
    }
}

/// Minus the value, if `negative`.
fn signed<T: Integer>(bounds: Bounds<T>, negative: bool) -> Option<Bounds<T>> {
    if !negative {
        return Some(bounds);
    }
    let zero = T::from(0);
    Some(Bounds {
        low: zero.minus(&bounds.high)?,
        high: zero.minus(&bounds.low)?,
        ..bounds
    })
}

/// `1 - y`
fn complement<K: Kernel>(kernel: &K, y: &Open<K::T>) -> Option<Open<K::T>> {
    let one = kernel.one()?;
    Some(Open {
        low: one.minus(&y.high)?,
        high: one.minus(&y.low)?,
    })
}

/// `1 / (1 + e^-x)` from that of `|x|`.
fn of_sign<K: Kernel>(kernel: &K, y: Open<K::T>, negative: bool) -> Option<Open<K::T>> {
    if negative { complement(kernel, &y) } else { Some(y) }
}

/// `a y`, or `-a y`.
fn product<K: Kernel>(kernel: &K, a: Wide, y: &Open<K::T>, negative: bool) -> Option<Bounds<K::T>> {
    let (low, high, exponent) = kernel.factor(a)?;
    let product = Open {
        low: low.times(&y.low)?,
        high: high.times(&y.high)?,
    };
    signed(bounds(product, exponent - kernel.bits() as i32), negative)
}

fn exp_negative<K: Kernel>(kernel: &K, a: Wide) -> Option<Open<K::T>> {
    match a.exceeds(FAR) {
        true => kernel.vanishing(),
        false => kernel.exp_negative(a),
    }
}

fn logistic<K: Kernel>(kernel: &K, a: Wide) -> Option<Open<K::T>> {
    match a.exceeds(FAR) {
        // 1 - 1 / (1 + e^-a) < e^-a
        true => complement(kernel, &kernel.vanishing()?),
        false => kernel.logistic(a),
    }
}

/// `(max(b x, 0) + ln(1 + e^-|b x|)) / b`
fn softplus<K: Kernel>(kernel: &K, x: Wide, beta: Dyadic) -> Option<Bounds<K::T>> {
    let scaled = x.times(beta);
    let tail = match scaled.abs().exceeds(FAR) {
        true => kernel.vanishing()?,
        false => kernel.softplus_tail(scaled.abs())?,
    };
    let bits = kernel.bits();
    let (floor, exact) = match scaled.mantissa > 0 {
        true => scaled.fixed::<K::T>(bits)?,
        false => (K::T::from(0), true),
    };
    Some(Bounds {
        low: floor.plus(&tail.low)?,
        high: floor.plus(&tail.high)?.plus(&K::T::from(i128::from(!exact)))?,
        exponent: -(bits as i32) - i32::from(beta.exponent()),
        divisor: K::T::from(beta.mantissa().into()),
        exact: false,
    })
}

fn exp<K: Kernel>(kernel: &K, x: Wide) -> Option<Bounds<K::T>> {
    let bits = kernel.bits() as i32;
    if !x.abs().exceeds(FAR) {
        let (mantissa, n) = kernel.exp(x)?;
        return Some(bounds(mantissa, n - bits));
    }
    if x.mantissa < 0 {
        return Some(bounds(kernel.vanishing()?, -bits));
    }
    // e^x > 2^368 is beyond all results, whatever the step: any enclosure just above 2^368 gives the same entry.
    let low = kernel.one()?;
    let high = low.plus(&K::T::from(1))?;
    Some(bounds(Open { low, high }, VANISHING_BITS as i32 - bits))
}
