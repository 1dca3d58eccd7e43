//! `torch.clamp` between two numbers: the bounds of the table of the rescale before it.

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::graph::{ShapeError, choice};

/// `min(max(x, least), largest)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clamp {
    /// The lower bound; `-f32::INFINITY` for none.
    pub least: f32,
    /// The upper bound, not below the lower one; `f32::INFINITY` for none.
    pub largest: f32,
}

impl Clamp {
    /// # Errors
    /// Bounds that leave no number.
    pub const fn check(&self) -> Result<(), ShapeError> {
        let holds = self.least <= self.largest && self.least < f32::INFINITY && self.largest > -f32::INFINITY;
        choice("clamp", "min", "of at most max, and neither NaN", holds)
    }
}

impl Room for Clamp {
    fn properties(&self) -> Properties {
        Properties::ACTIVATION
            | Properties::MONOTONE
            | Properties::ZERO_TO_ZERO.when(self.least <= 0.0 && self.largest >= 0.0)
            | Properties::NON_NEGATIVE.when(self.least >= 0.0)
            | Properties::KEEPS_NON_NEGATIVE.when(self.least <= 0.0 && self.largest == f32::INFINITY)
    }
}

impl FloatRoom for Clamp {
    fn returns_operand(&self, _operand: &[usize], _shape: &[usize], _inputs: usize) -> bool {
        self.least == -f32::INFINITY && self.largest == f32::INFINITY
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let within = |value: f32| value.max(self.least).min(self.largest);
        Some(site.operand(0)?.mapv(within))
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.clamp(f64::from(self.least), f64::from(self.largest))
    }
}
