//! `torch.nn.GELU`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, TableError};
use crate::graph::{choice, same_name};

hyper_parameters! {
    /// `x (1 + erf(x / sqrt 2)) / 2`, or with `approximate = "tanh"`
    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.
    GELU {
        /// `"none"` for the error function, `"tanh"` for the approximation by tanh.
        approximate: &'static str = "none",
    }, check |self| {
        let known = same_name(self.approximate, "none") || same_name(self.approximate, "tanh");
        choice("GELU", "approximate", "`none` or `tanh`", known)
    }
}

impl Curved for GELU {
    fn curve(&self) -> Result<CurveKind, TableError> {
        match same_name(self.approximate, "tanh") {
            true => Ok(CurveKind::GeluTanh),
            false => Ok(CurveKind::Gelu),
        }
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        match same_name(self.approximate, "tanh") {
            true => {
                let inner = (2.0 / core::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                0.5 * x * (1.0 + libm::tanh(inner))
            }
            false => 0.5 * x * (1.0 + libm::erf(x * core::f64::consts::FRAC_1_SQRT_2)),
        }
    }

    fn steepest(&self) -> f64 {
        1.13
    }

    fn properties(&self) -> Properties {
        Properties::ZERO_TO_ZERO
    }
}
