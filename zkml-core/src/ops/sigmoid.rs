//! `torch.nn.Sigmoid`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, TableError};

hyper_parameters! {
    /// `1 / (1 + e^-x)`.
    Sigmoid {}
}

impl Curved for Sigmoid {
    fn curve(&self) -> Result<CurveKind, TableError> {
        Ok(CurveKind::Sigmoid)
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        1.0 / (1.0 + libm::exp(-x))
    }

    fn steepest(&self) -> f64 {
        0.25
    }

    fn properties(&self) -> Properties {
        Properties::MONOTONE | Properties::NON_NEGATIVE
    }
}
