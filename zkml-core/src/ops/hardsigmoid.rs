//! `torch.nn.Hardsigmoid`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, TableError};

hyper_parameters! {
    /// `min(max(x + 3, 0), 6) / 6`.
    Hardsigmoid {
    }
}

impl Curved for Hardsigmoid {
    fn curve(&self) -> Result<CurveKind, TableError> {
        Ok(CurveKind::Hardsigmoid)
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        (x + 3.0).clamp(0.0, 6.0) / 6.0
    }

    fn steepest(&self) -> f64 {
        1.0 / 6.0
    }

    fn properties(&self) -> Properties {
        Properties::MONOTONE | Properties::NON_NEGATIVE
    }
}
