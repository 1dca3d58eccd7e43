//! `torch.nn.Conv2d`.

use super::forward;
use crate::nn::trace::{Origin, record};
use crate::nn::{Module, ParameterPath, Tensor};
use crate::ops::{self, Conv2dOptions};

/// Convolution of images. Parameters: `weight` `[out_channels, in_channels / groups, KH, KW]`, `bias` `[out_channels]`.
#[derive(Debug, Clone)]
pub struct Conv2d {
    path: ParameterPath,
    options: Conv2dOptions,
}

impl Module for Conv2d {
    type Options = Conv2dOptions;

    fn build(path: ParameterPath, options: Conv2dOptions) -> Conv2d {
        Conv2d { path, options }
    }
}

impl Conv2d {
    /// `[N, in_channels, H, W] -> [N, out_channels, H', W']`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let options = &self.options;
        record(
            Origin::Layer(&self.path),
            &[x],
            options.shape(x.shape),
            |recording| {
                let [height, width] = options.kernel_size;
                let weight_shape = [
                    options.out_channels,
                    options.in_channels / options.groups,
                    height,
                    width,
                ];
                let weight = recording.parameter(&self.path, "weight", &weight_shape);
                let bias = options
                    .bias
                    .then(|| recording.parameter(&self.path, "bias", &[options.out_channels]));
                ops::Conv2d {
                    weight,
                    bias,
                    window: options.window(),
                    groups: options.groups,
                }
            },
        )
    }
}

forward!(Conv2d);
