//! Which real functions there are.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::circuit::table::{Dyadic, TableError};

/// A real function. Definitions are those of PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CurveKind {
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `(e^x - e^-x) / (e^x + e^-x)`
    Tanh,
    /// `x (1 + erf(x / sqrt 2)) / 2`
    Gelu,
    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`
    GeluTanh,
    /// `x / (1 + e^-x)`
    Silu,
    /// `x`, below 0 `slope * x`
    LeakyRelu {
        /// Slope below 0.
        slope: Dyadic,
    },
    /// `x`, below 0 `alpha (e^x - 1)`
    Elu {
        /// Minus the limit at minus infinity.
        alpha: Dyadic,
    },
    /// `x min(max(x + 3, 0), 6) / 6`
    Hardswish,
    /// `min(max(x + 3, 0), 6) / 6`
    Hardsigmoid,
    /// `ln(1 + e^(beta x)) / beta`, and `x` where `beta x > threshold`
    Softplus {
        /// Sharpness, above 0.
        beta: Dyadic,
        /// Above it the function is `x`.
        threshold: Dyadic,
    },
    /// `|x|`
    Abs,
    /// `e^x`
    Exp,
}

impl CurveKind {
    pub(super) fn validate(self) -> Result<(), TableError> {
        match self {
            Self::LeakyRelu { slope } => slope.validate("slope"),
            Self::Elu { alpha } => alpha.validate("alpha"),
            Self::Softplus { beta, threshold } => {
                beta.validate_positive("beta")?;
                threshold.validate("threshold")
            }
            Self::Sigmoid
            | Self::Tanh
            | Self::Gelu
            | Self::GeluTanh
            | Self::Silu
            | Self::Hardswish
            | Self::Hardsigmoid
            | Self::Abs
            | Self::Exp => Ok(()),
        }
    }
}

impl fmt::Display for CurveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sigmoid => f.write_str("sigmoid"),
            Self::Tanh => f.write_str("tanh"),
            Self::Gelu => f.write_str("gelu"),
            Self::GeluTanh => f.write_str("gelu_tanh"),
            Self::Silu => f.write_str("silu"),
            Self::LeakyRelu { slope } => write!(f, "leaky_relu(slope {slope})"),
            Self::Elu { alpha } => write!(f, "elu(alpha {alpha})"),
            Self::Hardswish => f.write_str("hardswish"),
            Self::Hardsigmoid => f.write_str("hardsigmoid"),
            Self::Softplus { beta, threshold } => {
                write!(f, "softplus(beta {beta}, threshold {threshold})")
            }
            Self::Abs => f.write_str("abs"),
            Self::Exp => f.write_str("exp"),
        }
    }
}
