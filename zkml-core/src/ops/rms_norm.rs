//! `torch.nn.RMSNorm`: `y_c = w_c x_c / sqrt(mean(x^2) + eps)` along the last axis.

mod integer;

pub use integer::IntegerRmsNorm;

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::graph::{OperandError, ParameterId, Shape, ShapeError, Site, attempt, infer, positive};

const NAME: &str = "RMSNorm";

/// Hyper-parameters of a normalization by the root mean square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RMSNormOptions {
    /// Size of the last axis.
    pub normalized_shape: usize,
    /// Added to the mean of the squares, under the root; PyTorch's default is `2^-23`, the epsilon of `f32`.
    pub eps: f64,
    /// Whether there is a `weight`; yes.
    pub elementwise_affine: bool,
}

impl RMSNormOptions {
    /// With PyTorch's defaults.
    pub const fn new(normalized_shape: usize) -> RMSNormOptions {
        RMSNormOptions {
            normalized_shape,
            eps: f32::EPSILON as f64,
            elementwise_affine: true,
        }
    }

    /// # Errors
    /// No channel, or an epsilon that is negative or no number.
    pub const fn check(&self) -> Result<(), ShapeError> {
        if !(self.eps >= 0.0 && self.eps.is_finite()) {
            return Err(ShapeError::Epsilon { operation: NAME });
        }
        positive(NAME, "normalized_shape", self.normalized_shape)
    }

    /// The shape of `x`.
    ///
    /// # Errors
    /// Options that make no sense; another size of the last axis.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        if x.rank() == 0 || x.size(x.rank() - 1) != self.normalized_shape {
            return Err(ShapeError::LastAxis {
                operation: NAME,
                expected: self.normalized_shape,
                found: x,
            });
        }
        Ok(x)
    }

    infer!(|self, x| self.shape(x));
}

/// Along the last axis, of size `C`; weight `[C]`, absent when `elementwise_affine = false`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsNorm {
    /// The gain.
    pub weight: Option<ParameterId>,
    /// Size of the last axis.
    pub normalized_shape: usize,
    /// Added to the mean of the squares, under the root.
    pub epsilon: f64,
}

impl Room for RmsNorm {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        self.weight.as_mut().into_iter().collect()
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let options = RMSNormOptions {
            normalized_shape: self.normalized_shape,
            eps: self.epsilon,
            elementwise_affine: self.weight.is_some(),
        };
        let shape = options.shape(site.one()?)?;
        site.expect(self.weight, &[self.normalized_shape])?;
        Ok(shape)
    }

    fn properties(&self) -> Properties {
        // With a gain, channels of the result have scales of their own.
        let scale = match self.weight {
            Some(_) => Properties::ACCUMULATES,
            None => Properties::OWN_SCALE,
        };
        scale | Properties::NORMALIZES
    }
}

impl FloatRoom for RmsNorm {
    fn gain(&self) -> Option<ParameterId> {
        self.weight
    }

    fn drop_gain(&mut self) {
        self.weight = None;
    }

    fn products(&self, _shape_of: &dyn Fn(ParameterId) -> Vec<usize>) -> usize {
        usize::from(self.weight.is_some())
    }

    /// The root in `f64`, so that the value is that of the formula but for one rounding.
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let weight = site.optional(self.weight)?;
        let mut y = site.operand(0)?.clone();
        for row in y.as_slice_mut()?.chunks_exact_mut(self.normalized_shape.max(1)) {
            let squares: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            let inverse = 1.0 / (squares / row.len() as f64 + self.epsilon).sqrt();
            for (c, x) in row.iter_mut().enumerate() {
                let gain = weight.as_ref().map_or(1.0, |weight| f64::from(weight[c]));
                *x = (f64::from(*x) * inverse * gain) as f32;
            }
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let bits = quantizing.wide("an RMSNorm")?;
        let x = quantizing.channels(0)?;
        let channels = self.normalized_shape as f64;
        let epsilon = self.epsilon * channels / (x.step * x.step);
        let Some(mut norm) = IntegerRmsNorm::for_operand(&x, self.normalized_shape, epsilon, bits) else {
            return Err(QuantizeError::unsupported(
                quantizing,
                "an RMSNorm of so many channels",
            ));
        };
        norm.eps = crate::circuit::Dyadic::from_f64(self.epsilon).ok();
        let scale = norm.scale(self.normalized_shape);
        match self.weight {
            // Without the passes, or where a rotation stands between the normalization and the next layer.
            Some(gain) => quantizing.gained(norm.into(), vec![x.node], scale, gain),
            None => quantizing.activate(norm.into(), vec![x.node], scale),
        }
    }
}
