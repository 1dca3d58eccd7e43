//! Dyadic rationals: exact steps and parameters of real functions.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::TableError;

/// Bits of a mantissa: those of a double.
const MANTISSA_BITS: u32 = 53;
/// Smallest exponent: every normal `f32` has a larger one.
const MINIMUM_EXPONENT: i16 = -160;
/// Largest exponent.
const MAXIMUM_EXPONENT: i16 = 64;

/// `mantissa * 2^exponent`, in the unique form with an odd mantissa; 0 is `0 * 2^0`.
///
/// `0.375` is `3 * 2^-3`. A value from a file may break these rules until `validate` has seen it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dyadic {
    mantissa: i64,
    exponent: i16,
}

impl Dyadic {
    /// 0
    pub const ZERO: Self = Self {
        mantissa: 0,
        exponent: 0,
    };

    /// 1
    pub const ONE: Self = Self {
        mantissa: 1,
        exponent: 0,
    };

    /// `mantissa * 2^exponent`.
    ///
    /// # Errors
    /// [`TableError::Parameter`] if the odd part of `mantissa` reaches 2^53, or the exponent that belongs to it
    /// leaves `[-160, 64]`.
    pub fn new(mantissa: i64, exponent: i16) -> Result<Self, TableError> {
        if mantissa == 0 {
            return Ok(Self::ZERO);
        }
        let zeros = mantissa.trailing_zeros();
        let reduced = Self {
            mantissa: mantissa >> zeros,
            exponent: exponent.saturating_add(zeros as i16),
        };
        reduced.validate("number").map(|()| reduced)
    }

    /// Exactly `value`.
    ///
    /// # Errors
    /// [`TableError::Parameter`] for a value that is not finite, or whose odd form has an exponent outside
    /// `[-160, 64]`: `2^64` is accepted; `2^65` and `2^-161` are refused.
    pub fn from_f64(value: f64) -> Result<Self, TableError> {
        if !value.is_finite() {
            return Err(TableError::Parameter {
                what: "number",
                expected: "a finite number",
                found: value.to_string(),
            });
        }
        let bits = value.to_bits();
        let fraction = (bits & ((1 << 52) - 1)) as i64;
        let (mantissa, exponent) = match ((bits >> 52) & 0x7ff) as i16 {
            0 => (fraction, -1074),
            biased => (fraction | (1 << 52), biased - 1075),
        };
        Self::new(if value < 0.0 { -mantissa } else { mantissa }, exponent)
    }

    /// The mantissa: odd, or 0.
    pub fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// The exponent of 2.
    pub fn exponent(self) -> i16 {
        self.exponent
    }

    /// The nearest double; exact for what `validate` allows. For showing only.
    pub fn to_f64(self) -> f64 {
        self.mantissa as f64 * libm::exp2(f64::from(self.exponent))
    }

    /// Checks that the mantissa is odd (or all is 0), and the bounds.
    pub(super) fn validate(self, what: &'static str) -> Result<(), TableError> {
        let canonical = self.mantissa & 1 == 1 || self == Self::ZERO;
        let small = self.mantissa.unsigned_abs() < 1 << MANTISSA_BITS;
        let bounded = (MINIMUM_EXPONENT..=MAXIMUM_EXPONENT).contains(&self.exponent);
        if canonical && small && bounded {
            return Ok(());
        }
        Err(TableError::Parameter {
            what,
            expected: "an odd mantissa below 2^53 and an exponent in [-160, 64], or 0",
            found: format!("{} * 2^{}", self.mantissa, self.exponent),
        })
    }

    /// As [`Self::validate`], and above 0.
    pub(crate) fn validate_positive(self, what: &'static str) -> Result<(), TableError> {
        self.validate(what)?;
        if self.mantissa > 0 {
            return Ok(());
        }
        Err(TableError::Parameter {
            what,
            expected: "a positive number",
            found: self.to_string(),
        })
    }
}

impl fmt::Display for Dyadic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_f64())
    }
}

impl fmt::Debug for Dyadic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} * 2^{}", self.mantissa, self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_taken_exactly() {
        for value in [
            0.0,
            -0.0,
            1.0,
            -0.375,
            0.1,
            1e-30,
            -1e30,
            f64::from(f32::MIN_POSITIVE),
            2f64.powi(64),
        ] {
            let dyadic = Dyadic::from_f64(value).unwrap();
            assert_eq!(dyadic.to_f64(), value);
            assert!(dyadic.mantissa() & 1 == 1 || value == 0.0);
        }
        assert_eq!(Dyadic::from_f64(0.375), Dyadic::new(3, -3));
        assert_eq!(Dyadic::new(24, -6), Dyadic::new(3, -3));
    }

    #[test]
    fn absurd_numbers_are_refused() {
        let doubles = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            1e60,
        ];
        for value in doubles {
            assert!(Dyadic::from_f64(value).is_err(), "{value}");
        }
        for (mantissa, exponent) in [
            ((1 << 53) | 1, 0),
            (i64::MIN, i16::MAX),
            (1, 65),
            (1, -161),
            (i64::MAX, 0),
        ] {
            assert!(
                Dyadic::new(mantissa, exponent).is_err(),
                "{mantissa} * 2^{exponent}"
            );
        }
        for (mantissa, exponent) in [(2, 0), (0, 1), ((1 << 53) | 1, 0), (i64::MIN, 0), (1, i16::MIN)] {
            assert!(Dyadic { mantissa, exponent }.validate("number").is_err());
        }
    }
}
