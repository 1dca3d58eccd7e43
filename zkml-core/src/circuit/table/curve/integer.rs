//! A trait of exact integers, in 128 bits or of any length, and dyadic numbers with 128-bit mantissas.

use num_bigint::BigInt;

use crate::circuit::table::Dyadic;

/// Exact operations on integers: none where the result does not fit.
pub(super) trait Integer: Clone + Ord + From<i128> {
    fn plus(&self, other: &Self) -> Option<Self>;
    fn minus(&self, other: &Self) -> Option<Self>;
    fn times(&self, other: &Self) -> Option<Self>;
    /// `self * 2^bits`; none only if that reaches 2^126 in absolute value.
    fn up(&self, bits: u32) -> Option<Self>;
    /// `floor(self / 2^bits)`
    fn down(&self, bits: u32) -> Self;
    /// `floor(self / divisor)`, `divisor > 0`.
    fn floor_div(&self, divisor: &Self) -> Option<Self>;
    /// The nearest `i64`.
    fn saturated(&self) -> i64;
}

impl Integer for i128 {
    fn plus(&self, other: &Self) -> Option<Self> {
        self.checked_add(*other)
    }

    fn minus(&self, other: &Self) -> Option<Self> {
        self.checked_sub(*other)
    }

    fn times(&self, other: &Self) -> Option<Self> {
        self.checked_mul(*other)
    }

    fn up(&self, bits: u32) -> Option<Self> {
        let length = 128 - self.unsigned_abs().leading_zeros();
        (*self == 0 || length.saturating_add(bits) <= 126).then(|| self.checked_shl(bits).unwrap_or(0))
    }

    fn down(&self, bits: u32) -> Self {
        self >> bits.min(127)
    }

    fn floor_div(&self, divisor: &Self) -> Option<Self> {
        // One word by one word is the common case, and faster.
        if let (Ok(dividend), Ok(divisor)) = (i64::try_from(*self), i64::try_from(*divisor)) {
            return dividend.checked_div_euclid(divisor).map(Self::from);
        }
        self.checked_div_euclid(*divisor)
    }

    fn saturated(&self) -> i64 {
        (*self).clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

impl Integer for BigInt {
    fn plus(&self, other: &Self) -> Option<Self> {
        Some(self + other)
    }

    fn minus(&self, other: &Self) -> Option<Self> {
        Some(self - other)
    }

    fn times(&self, other: &Self) -> Option<Self> {
        Some(self * other)
    }

    fn up(&self, bits: u32) -> Option<Self> {
        Some(self << bits)
    }

    fn down(&self, bits: u32) -> Self {
        // Rounds down, for negative numbers too.
        self >> bits
    }

    fn floor_div(&self, divisor: &Self) -> Option<Self> {
        let zero = Self::from(0);
        let quotient = self.checked_div(divisor)?;
        // The division rounds towards 0.
        let exact = &quotient * divisor == *self;
        Some(if *self < zero && !exact {
            quotient - 1
        } else {
            quotient
        })
    }

    fn saturated(&self) -> i64 {
        let end = if *self < Self::from(0) { i64::MIN } else { i64::MAX };
        i64::try_from(self).unwrap_or(end)
    }
}

/// `mantissa * 2^exponent`: the exact product of an integer and a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wide {
    pub(super) mantissa: i128,
    pub(super) exponent: i32,
}

impl Wide {
    /// `v * step`. The mantissa is below 2^73 in absolute value for `|v| < 2^20`.
    pub(super) fn scaled(v: i64, step: Dyadic) -> Self {
        Self {
            mantissa: i128::from(v) * i128::from(step.mantissa()),
            exponent: step.exponent().into(),
        }
    }

    /// Times a parameter. The mantissa is below 2^126 for the [`Self::scaled`] of `|v| < 2^20`.
    pub(super) fn times(self, parameter: Dyadic) -> Self {
        Self {
            mantissa: self.mantissa * i128::from(parameter.mantissa()),
            exponent: self.exponent + i32::from(parameter.exponent()),
        }
    }

    pub(super) fn abs(self) -> Self {
        Self {
            mantissa: self.mantissa.abs(),
            ..self
        }
    }

    pub(super) fn doubled(self) -> Self {
        Self {
            exponent: self.exponent + 1,
            ..self
        }
    }

    /// `floor(self * 2^bits)`, and whether that is exact; none if it does not fit.
    pub(super) fn fixed<T: Integer>(self, bits: u32) -> Option<(T, bool)> {
        let mantissa = T::from(self.mantissa);
        match self.exponent.saturating_add_unsigned(bits) {
            shift @ 0.. => Some((mantissa.up(shift.unsigned_abs())?, true)),
            shift => {
                let floor = mantissa.down(shift.unsigned_abs());
                let exact = floor
                    .up(shift.unsigned_abs())
                    .is_some_and(|back| back == mantissa);
                Some((floor, exact))
            }
        }
    }

    /// Is it above the integer `limit >= 0`? For numbers of at least 0.
    pub(super) fn exceeds(self, limit: i128) -> bool {
        match self.exponent {
            exponent @ 0.. => match self.mantissa.up(exponent.unsigned_abs()) {
                Some(value) => value > limit,
                None => true,
            },
            // `self > limit` if and only if `ceil(self) > limit`.
            exponent => -((-self.mantissa).down(exponent.unsigned_abs())) > limit,
        }
    }

    /// `self > other`
    pub(super) fn above(self, other: Dyadic) -> bool {
        let other = Self::scaled(1, other);
        self.above_in::<i128>(other)
            .or_else(|| self.above_in::<BigInt>(other))
            .unwrap_or(false)
    }

    /// Compares in units of the smaller exponent; none if that does not fit.
    fn above_in<T: Integer>(self, other: Self) -> Option<bool> {
        let least = self.exponent.min(other.exponent);
        let raised = |x: Self| T::from(x.mantissa).up((x.exponent - least).unsigned_abs());
        Some(raised(self)? > raised(other)?)
    }
}
