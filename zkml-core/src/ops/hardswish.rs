//! `torch.nn.Hardswish`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, TableError};

hyper_parameters! {
    /// `x min(max(x + 3, 0), 6) / 6`.
    Hardswish {
    }
}

impl Curved for Hardswish {
    fn curve(&self) -> Result<CurveKind, TableError> {
        Ok(CurveKind::Hardswish)
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        x * (x + 3.0).clamp(0.0, 6.0) / 6.0
    }

    fn steepest(&self) -> f64 {
        1.5
    }

    fn properties(&self) -> Properties {
        Properties::ZERO_TO_ZERO
    }
}
