//! `torch.abs`.

use super::elementwise::{Curved, hyper_parameters};
use crate::circuit::{CurveKind, TableError};

hyper_parameters! {
    /// `|x|`.
    Abs {
    }
}

impl Curved for Abs {
    fn label(&self) -> &'static str {
        "Abs"
    }

    fn curve(&self) -> Result<CurveKind, TableError> {
        Ok(CurveKind::Abs)
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        x.abs()
    }

    fn steepest(&self) -> f64 {
        1.0
    }

    fn maps_zero_to_zero(&self) -> bool {
        true
    }

    fn non_negative(&self) -> bool {
        true
    }
}
