//! `torch.nn.MaxPool2d`, `AvgPool2d` and `AdaptiveAvgPool2d`.

use super::forward;
use crate::nn::functional::{pool_adaptive, pool_avg, pool_max};
use crate::nn::trace::Origin;
use crate::nn::{Module, ParameterPath, Tensor};
use crate::ops::{AdaptiveAvgPool2dOptions, AvgPool2dOptions, MaxPool2dOptions};

/// Maximum over windows.
#[derive(Debug, Clone)]
pub struct MaxPool2d {
    path: ParameterPath,
    options: MaxPool2dOptions,
}

/// Mean over windows.
#[derive(Debug, Clone)]
pub struct AvgPool2d {
    path: ParameterPath,
    options: AvgPool2dOptions,
}

/// Mean over equal windows, as many as asked for.
#[derive(Debug, Clone)]
pub struct AdaptiveAvgPool2d {
    path: ParameterPath,
    options: AdaptiveAvgPool2dOptions,
}

macro_rules! pooling {
    ($layer:ident, $options:ident, |$self:ident, $x:ident| $result:expr) => {
        impl Module for $layer {
            type Options = $options;

            fn build(path: ParameterPath, options: $options) -> $layer {
                $layer { path, options }
            }
        }

        impl $layer {
            /// `[N, C, H, W] -> [N, C, H', W']`.
            pub fn forward(&$self, $x: Tensor) -> Tensor {
                $result
            }
        }

        forward!($layer);
    };
}

pooling!(MaxPool2d, MaxPool2dOptions, |self, x| pool_max(
    Origin::Layer(&self.path),
    x,
    &self.options
));
pooling!(AvgPool2d, AvgPool2dOptions, |self, x| pool_avg(
    Origin::Layer(&self.path),
    x,
    &self.options
));
pooling!(AdaptiveAvgPool2d, AdaptiveAvgPool2dOptions, |self, x| {
    pool_adaptive(Origin::Layer(&self.path), x, self.options.output_size)
});
