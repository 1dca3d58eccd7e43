//! `torch.nn.Tanh`.

use super::elementwise::{Curved, hyper_parameters};
use crate::circuit::{CurveKind, TableError};

hyper_parameters! {
    /// `(e^x - e^-x) / (e^x + e^-x)`.
    Tanh {
    }
}

impl Curved for Tanh {
    fn label(&self) -> &'static str {
        "Tanh"
    }

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

    fn monotone(&self) -> bool {
        true
    }

    fn maps_zero_to_zero(&self) -> bool {
        true
    }
}
