//! `torch.nn.ELU`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, Dyadic, TableError};
use crate::graph::choice;

hyper_parameters! {
    /// `x`, below 0 `alpha (e^x - 1)`.
    ELU {
        /// Minus the limit at minus infinity; 1.
        alpha: f64 = 1.0,
    }, check |self| choice("ELU", "alpha", "a finite number", self.alpha.is_finite())
}

impl Curved for ELU {
    fn curve(&self) -> Result<CurveKind, TableError> {
        Ok(CurveKind::Elu {
            alpha: Dyadic::from_f64(self.alpha)?,
        })
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        if x < 0.0 { self.alpha * libm::expm1(x) } else { x }
    }

    fn steepest(&self) -> f64 {
        self.alpha.abs().max(1.0)
    }

    fn properties(&self) -> Properties {
        Properties::ZERO_TO_ZERO | Properties::MONOTONE.when(self.alpha >= 0.0)
    }
}
