//! `torch.abs`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, TableError};

hyper_parameters! {
    /// `|x|`.
    Abs {
    }
}

impl Curved for Abs {
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

    fn properties(&self) -> Properties {
        Properties::ZERO_TO_ZERO | Properties::NON_NEGATIVE
    }
}
