//! `torch.nn.Linear`.

use super::forward;
use crate::nn::trace::{Origin, record};
use crate::nn::{Module, ParameterPath, Tensor};
use crate::ops::{self, LinearOptions};

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
            options.shape(x.shape),
            |recording| {
                let weight =
                    recording.parameter(&self.path, "weight", &[options.out_features, options.in_features]);
                let bias = options
                    .bias
                    .then(|| recording.parameter(&self.path, "bias", &[options.out_features]));
                ops::Linear { weight, bias }
            },
        )
    }
}

forward!(Linear);
