//! `torch.log_softmax`: `x_i - log(sum_j e^(x_j))` along an axis.
//!
//! It takes one number from each row, so an argmax of it is the argmax of its operand. The pass `argmax_operand` drops
//! it there. Elsewhere it has no integer form.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis};

use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::graph::{OperandError, Shape, Site};

/// Along `axis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSoftmax {
    /// The axis.
    pub axis: usize,
}

impl Room for LogSoftmax {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let axis = isize::try_from(self.axis).unwrap_or(isize::MAX);
        Ok(super::normalized(site.one()?, axis)?)
    }

    fn properties(&self) -> Properties {
        Properties::OWN_SCALE
    }
}

impl FloatRoom for LogSoftmax {
    fn ordered_along(&self) -> Option<usize> {
        Some(self.axis)
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let mut y = site.operand(0)?.clone();
        for mut lane in y.lanes_mut(Axis(self.axis)) {
            let largest = lane
                .iter()
                .fold(f64::NEG_INFINITY, |most, &x| most.max(f64::from(x)));
            let sum: f64 = lane.iter().map(|&x| libm::exp(f64::from(x) - largest)).sum();
            let taken = largest + libm::log(sum);
            lane.iter_mut().for_each(|x| *x = (f64::from(*x) - taken) as f32);
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let what = "a log_softmax that no argmax follows (return its operand, the logits: they differ by one number in \
                    each row, and their argmax is the same)";
        Err(QuantizeError::unsupported(quantizing, what))
    }
}
