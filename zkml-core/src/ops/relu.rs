//! `max(x, 0)`.

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::{FloatRoom, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
#[cfg(feature = "prover")]
use crate::circuit::Function;
use crate::graph::{OperandError, Shape, Site};

/// `max(x, 0)`. The table of the rescale before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relu;

impl Room for Relu {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        site.one()
    }
}

impl FloatRoom for Relu {
    fn is_activation(&self) -> bool {
        true
    }

    fn monotone(&self) -> bool {
        true
    }

    fn maps_zero_to_zero(&self) -> bool {
        true
    }

    fn non_negative(&self) -> bool {
        true
    }

    fn keeps_non_negative(&self) -> bool {
        true
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(site.operand(0)?.mapv(|value| value.max(0.0)))
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.rectify(Function::Relu, f64::INFINITY)
    }
}
