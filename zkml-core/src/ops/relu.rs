//! `torch.nn.ReLU` and `torch.nn.ReLU6`: `min(max(x, 0), LIMIT)`, the table of the rescale before it.

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
#[cfg(feature = "prover")]
use crate::circuit::Function;

/// `max(x, 0)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relu;

/// `min(max(x, 0), 6)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relu6;

/// `min(max(x, 0), LIMIT)`.
trait Rectifier: core::fmt::Debug {
    const LIMIT: f32;
}

impl Rectifier for Relu {
    const LIMIT: f32 = f32::INFINITY;
}

impl Rectifier for Relu6 {
    const LIMIT: f32 = 6.0;
}

impl<R: Rectifier> Room for R {
    fn properties(&self) -> Properties {
        Properties::ACTIVATION
            | Properties::MONOTONE
            | Properties::ZERO_TO_ZERO
            | Properties::NON_NEGATIVE
            | Properties::HOMOGENEOUS
            | Properties::KEEPS_NON_NEGATIVE.when(R::LIMIT == f32::INFINITY)
    }
}

impl<R: Rectifier> FloatRoom for R {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(site.operand(0)?.mapv(|value| value.clamp(0.0, R::LIMIT)))
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.rectify(Function::Relu, f64::from(R::LIMIT))
    }
}
