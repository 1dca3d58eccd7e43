//! Layers with weights: `torch.nn.Linear` and `PReLU`, `transformers.pytorch_utils.Conv1D`.

use super::declare;
use crate::graph::{Arrangement, Shape, ShapeError, infer};
use crate::ops::{self, LinearOptions, PReLUOptions};

/// Hyper-parameters of [`Conv1D`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv1DOptions {
    /// Size of the last axis of the output.
    pub nf: usize,
    /// Size of the last axis of the input.
    pub nx: usize,
}

impl Conv1DOptions {
    /// As in Hugging Face, where both are given.
    pub const fn new(nf: usize, nx: usize) -> Conv1DOptions {
        Conv1DOptions { nf, nx }
    }

    const fn linear(&self) -> LinearOptions {
        LinearOptions::new(self.nx, self.nf)
    }

    /// # Errors
    /// A size of 0.
    pub const fn check(&self) -> Result<(), ShapeError> {
        self.linear().check()
    }

    /// `[..., nx] -> [..., nf]`.
    ///
    /// # Errors
    /// Options or an operand that do not fit.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        self.linear().shape(x)
    }

    infer!(|self, x| self.shape(x));
}

declare!(
    /// Hugging Face's linear layer of GPT-2, `x W + b` on the last axis: a [`Linear`] whose `weight` is `[nx, nf]` in
    /// files; `bias` is `[nf]`.
    Conv1D,
    Conv1DOptions,
    /// `[N, ..., nx] -> [N, ..., nf]`.
    records |options, path, recording| {
        let shape = [options.nf, options.nx];
        let weight = recording.arranged(path, "weight", &shape, Arrangement::Turned);
        let bias = Some(recording.parameter(path, "bias", &[options.nf]));
        ops::Linear { weight, bias }
    }
);

declare!(
    /// `x W^T + b` on the last axis; parameters `weight` `[out_features, in_features]` and `bias` `[out_features]`.
    Linear,
    LinearOptions,
    /// `[N, ..., in_features] -> [N, ..., out_features]`.
    records |options, path, recording| {
        let weight_shape = [options.out_features, options.in_features];
        let (weight, bias) = recording.affine(path, &weight_shape, options.bias);
        ops::Linear { weight, bias }
    }
);

declare!(
    /// `x` where it is not negative, else a slope times `x`. The slopes are the parameter `weight`, `[num_parameters]`.
    PReLU,
    PReLUOptions,
    /// The result has the shape of `x`.
    records |options, path, recording| ops::Prelu {
        weight: recording.parameter(path, "weight", &[options.num_parameters]),
    }
);
