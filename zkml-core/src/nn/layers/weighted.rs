//! Layers with weights: `torch.nn.Linear` and `PReLU`.

use super::declare;
use crate::ops::{self, LinearOptions, PReLUOptions};

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
