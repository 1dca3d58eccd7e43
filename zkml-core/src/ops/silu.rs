//! `torch.nn.SiLU`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, TableError};

hyper_parameters! {
    /// `x / (1 + e^-x)`.
    SiLU {
    }
}

impl Curved for SiLU {
    fn curve(&self) -> Result<CurveKind, TableError> {
        Ok(CurveKind::Silu)
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        x / (1.0 + libm::exp(-x))
    }

    fn steepest(&self) -> f64 {
        1.1
    }

    fn properties(&self) -> Properties {
        Properties::ZERO_TO_ZERO
    }
}
