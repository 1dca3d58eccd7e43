//! `torch.nn.Linear`.

use super::{forward, infer, positive};
use crate::graph::FloatOp;
use crate::nn::shape::{self, ShapeError};
use crate::nn::trace::{Origin, record};
use crate::nn::{Module, ParameterPath, Tensor};

/// Hyper-parameters of [`Linear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearOptions {
    /// Size of the last axis of the input.
    pub in_features: usize,
    /// Size of the last axis of the output.
    pub out_features: usize,
    /// Whether there is a bias; yes.
    pub bias: bool,
}

impl LinearOptions {
    /// With PyTorch's defaults.
    pub const fn new(in_features: usize, out_features: usize) -> LinearOptions {
        LinearOptions {
            in_features,
            out_features,
            bias: true,
        }
    }

    /// # Errors
    /// A size of 0.
    pub const fn check(&self) -> Result<(), ShapeError> {
        match positive("Linear", "in_features", self.in_features) {
            Ok(()) => positive("Linear", "out_features", self.out_features),
            error => error,
        }
    }

    infer!(|self, shape| shape::linear(shape, self));
}

/// `x W^T + b` on the last axis; parameters `weight` `[out_features, in_features]` and `bias` `[out_features]`.
#[derive(Debug, Clone)]
pub struct Linear {
    path: ParameterPath,
    options: LinearOptions,
}

impl Module for Linear {
    type Options = LinearOptions;

    fn build(path: ParameterPath, options: LinearOptions) -> Linear {
        Linear { path, options }
    }
}

impl Linear {
    /// `[N, ..., in_features] -> [N, ..., out_features]`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let options = &self.options;
        record(
            Origin::Layer(&self.path),
            &[x],
            shape::linear(x.shape, options),
            |recording| {
                let weight =
                    recording.parameter(&self.path, "weight", &[options.out_features, options.in_features]);
                let bias = options
                    .bias
                    .then(|| recording.parameter(&self.path, "bias", &[options.out_features]));
                FloatOp::Linear { weight, bias }
            },
        )
    }
}

forward!(Linear);
