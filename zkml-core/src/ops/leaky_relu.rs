//! `torch.nn.LeakyReLU`.

use super::elementwise::Curved;
use super::{Properties, hyper_parameters};
use crate::circuit::{CurveKind, Dyadic, TableError};
use crate::graph::choice;

hyper_parameters! {
    /// `x`, below 0 `negative_slope x`.
    LeakyReLU {
        /// Slope below 0; 0.01.
        negative_slope: f64 = 0.01,
    }, check |self| choice("LeakyReLU", "negative_slope", "a finite number", self.negative_slope.is_finite())
}

impl Curved for LeakyReLU {
    fn curve(&self) -> Result<CurveKind, TableError> {
        Ok(CurveKind::LeakyRelu {
            slope: Dyadic::from_f64(self.negative_slope)?,
        })
    }

    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64 {
        if x < 0.0 { self.negative_slope * x } else { x }
    }

    fn steepest(&self) -> f64 {
        self.negative_slope.abs().max(1.0)
    }

    fn properties(&self) -> Properties {
        Properties::ZERO_TO_ZERO | Properties::MONOTONE.when(self.negative_slope >= 0.0)
    }
}
