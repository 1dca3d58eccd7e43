//! `min(max(x, 0), 6)`.

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::{FloatRoom, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
#[cfg(feature = "prover")]
use crate::circuit::Function;
use crate::graph::{OperandError, Shape, Site};

/// `min(max(x, 0), 6)`. The table of the rescale before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relu6;

impl Room for Relu6 {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        site.one()
    }
}

impl FloatRoom for Relu6 {
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

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(site.operand(0)?.mapv(|value| value.clamp(0.0, 6.0)))
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.rectify(Function::Relu, 6.0)
    }
}
