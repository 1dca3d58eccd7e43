//! `torch.nn.Tanh`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, TableError};

hyper_parameters! {
    /// `(e^x - e^-x) / (e^x + e^-x)`.
    Tanh {
    }
}

impl Curved for Tanh {
    fn curve(&self) -> Result<CurveKind, TableError> {
        Ok(CurveKind::Tanh)
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        libm::tanh(x)
    }

    fn steepest(&self) -> f64 {
        1.0
    }

    fn properties(&self) -> Properties {
        Properties::MONOTONE | Properties::ZERO_TO_ZERO
    }
}
