//! `torch.nn.PReLU`: `relu(x) - a relu(-x)`, with slopes `a` that are weights, committed like others.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis};

use super::channel_scale::scaled;
#[cfg(feature = "prover")]
use super::{ChannelScale, FloatSite, QuantizeError, Quantizing, WeightedSum};
use super::{FloatRoom, Properties, Room};
use crate::graph::{OperandError, ParameterId, Shape, ShapeError, Site, attempt, infer, positive};

const NAME: &str = "PReLU";

/// Hyper-parameters of [`Prelu`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PReLUOptions {
    /// Number of slopes: 1, or one for each channel (axis 1); 1.
    pub num_parameters: usize,
}

impl PReLUOptions {
    /// With PyTorch's defaults.
    pub const fn new() -> PReLUOptions {
        PReLUOptions { num_parameters: 1 }
    }

    /// # Errors
    /// No slope.
    pub const fn check(&self) -> Result<(), ShapeError> {
        positive(NAME, "num_parameters", self.num_parameters)
    }

    /// The shape of `x`.
    ///
    /// # Errors
    /// Options or an operand that do not fit.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        scaled(NAME, x, 1, self.num_parameters)
    }

    infer!(|self, x| self.shape(x));
}

impl Default for PReLUOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// `x`, below 0 `weight[c] x` for index `c` along axis 1; weight `[C]` or `[1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prelu {
    /// The slopes.
    pub weight: ParameterId,
}

impl Room for Prelu {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        vec![&mut self.weight]
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let [num_parameters] = site.sizes::<1>(self.weight)?;
        Ok(PReLUOptions { num_parameters }.shape(site.one()?)?)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES | Properties::MULTIPLIES
    }
}

impl FloatRoom for Prelu {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let weight = site.parameter(self.weight)?;
        let mut y = site.operand(0)?.clone();
        let sloped = |a: f32| move |x: f32| if x < 0.0 { a * x } else { x };
        if weight.len() == 1 {
            y.mapv_inplace(sloped(*weight.first()?));
            return Some(y);
        }
        for (mut channel, a) in y.axis_iter_mut(Axis(1)).zip(&weight) {
            channel.mapv_inplace(sloped(*a));
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let positive = quantizing.rectified("positive", 1)?;
        let negative = quantizing.rectified("negative", -1)?;
        let op = |weight| {
            let (bias, axis) = (None, 1);
            ChannelScale { weight, bias, axis }.into()
        };
        let (scaled, bits) = quantizing.weighed("scaled", negative, self.weight, &op)?;
        // The scale of the product is `2^-bits` times the scale of the rectified values.
        let sum = WeightedSum {
            coefficients: vec![1 << bits, -1],
        };
        let scale = positive.scale * libm::exp2(-f64::from(bits));
        quantizing.accumulate(sum.into(), vec![positive.node, scaled], scale)
    }
}
