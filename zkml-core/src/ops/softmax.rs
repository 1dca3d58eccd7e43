//! `torch.softmax`: `y_i = e^(x_i) / sum_j e^(x_j)` along an axis.

#[cfg(feature = "prover")]
pub(super) mod rows;
pub(super) mod weights;

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis};

use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::graph::{OperandError, Shape, ShapeError, Site, attempt, resolve};

/// Along `axis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Softmax {
    /// The axis.
    pub axis: usize,
}

/// The shape of `x`, normalized along `dim` (negative: from the end).
///
/// # Errors
/// An axis that does not exist.
pub const fn normalized(x: Shape, dim: isize) -> Result<Shape, ShapeError> {
    attempt!(resolve("softmax", dim, x));
    Ok(x)
}

impl Room for Softmax {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let axis = isize::try_from(self.axis).unwrap_or(isize::MAX);
        Ok(normalized(site.one()?, axis)?)
    }

    fn properties(&self) -> Properties {
        Properties::OWN_SCALE | Properties::NON_NEGATIVE
    }
}

/// `e^(x_i) / sum_j e^(x_j)` of finite numbers, in place. The largest is subtracted first, so that nothing overflows.
#[cfg(feature = "prover")]
pub(super) fn normalize(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

impl FloatRoom for Softmax {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let mut y = site.operand(0)?.clone();
        for mut lane in y.lanes_mut(Axis(self.axis)) {
            let mut scores: Vec<f64> = lane.iter().map(|&x| f64::from(x)).collect();
            normalize(&mut scores);
            lane.iter_mut()
                .zip(scores)
                .for_each(|(y, score)| *y = score as f32);
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        Err(QuantizeError::unsupported(quantizing, "a softmax"))
    }
}
