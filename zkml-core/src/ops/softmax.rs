//! `torch.softmax`: `y_i = e^(x_i) / sum_j e^(x_j)` along an axis.

mod integer;
#[cfg(feature = "prover")]
pub(super) mod rows;
#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;
pub(super) mod weights;

pub use integer::IntegerSoftmax;

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis};

#[cfg(feature = "prover")]
use self::weights::SCORE_BITS;
use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
#[cfg(feature = "prover")]
use crate::circuit::Dyadic;
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
        Properties::OWN_SCALE | Properties::NON_NEGATIVE | Properties::PART_OF_ONE
    }
}

/// `e^(x_i) / sum_j e^(x_j)` of finite numbers, in place. The largest is subtracted first, so that nothing overflows.
#[cfg(feature = "prover")]
pub(super) fn normalize(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = libm::exp(*score - largest);
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

impl FloatRoom for Softmax {
    fn ordered_along(&self) -> Option<usize> {
        Some(self.axis)
    }

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
        let bits = quantizing.wide("a softmax")?;
        if self.axis + 1 != quantizing.operand_shape(0).len() {
            let what = "a softmax along an axis that is not the last";
            return Err(QuantizeError::unsupported(quantizing, what));
        }
        let scores = quantizing.scores(0, SCORE_BITS)?;
        // One bit for the sign, and one for the probability 1 itself.
        let op = Dyadic::from_f64(scores.scale).and_then(|step| IntegerSoftmax::new(step, bits - 2));
        let op = op.map_err(|error| QuantizeError::Table {
            layer: quantizing.node().name.clone(),
            error,
        })?;
        let scale = libm::exp2(-f64::from(op.output_bits));
        quantizing.activate(op.into(), vec![scores.node], scale)
    }
}
