//! Products with a number: they change the scale of integers, or their sign, and round nothing.

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};

/// `factor x`. The integer network has no node for it: the same integers have another scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Positive and finite.
    pub factor: f32,
}

/// `-x`. A weighted sum of one operand in the integer network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neg;

impl Room for Scale {
    fn properties(&self) -> Properties {
        Properties::KEEPS_ACCUMULATORS
            | Properties::MONOTONE
            | Properties::ZERO_TO_ZERO
            | Properties::HOMOGENEOUS
    }
}

impl FloatRoom for Scale {
    fn scale_factor(&self) -> f64 {
        f64::from(self.factor)
    }

    fn returns_operand(&self, _operand: &[usize], _shape: &[usize], _inputs: usize) -> bool {
        self.factor == 1.0
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(site.operand(0)? * self.factor)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.scale(f64::from(self.factor))
    }
}

impl Room for Neg {
    fn properties(&self) -> Properties {
        Properties::KEEPS_ACCUMULATORS | Properties::ZERO_TO_ZERO | Properties::HOMOGENEOUS
    }
}

impl FloatRoom for Neg {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(site.operand(0)?.mapv(|value| -value))
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.negate()
    }
}
