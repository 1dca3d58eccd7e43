//! `torch.nn.PReLU`.

use super::forward;
use crate::nn::trace::{Origin, record};
use crate::nn::{Module, ParameterPath, Tensor};
use crate::ops::{self, PReLUOptions};

/// `x` where it is not negative, else a slope times `x`. The slopes are the parameter `weight`, `[num_parameters]`.
#[derive(Debug, Clone)]
pub struct PReLU {
    path: ParameterPath,
    options: PReLUOptions,
}

impl Module for PReLU {
    type Options = PReLUOptions;

    fn build(path: ParameterPath, options: PReLUOptions) -> PReLU {
        PReLU { path, options }
    }
}

impl PReLU {
    /// The result has the shape of `x`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        record(
            Origin::Layer(&self.path),
            &[x],
            self.options.shape(x.shape),
            |recording| {
                let weight = recording.parameter(&self.path, "weight", &[self.options.num_parameters]);
                ops::Prelu { weight }
            },
        )
    }
}

forward!(PReLU);
