//! `torch.nn.Conv2d`.

use super::{forward, infer, positive, positive_pair};
use crate::graph::{FloatOp, Window2d};
use crate::nn::shape::{self, ShapeError};
use crate::nn::trace::{Origin, record};
use crate::nn::{Module, ParameterPath, Tensor};

/// Hyper-parameters of [`Conv2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of the kernel.
    pub kernel_size: [usize; 2],
    /// Step between windows; 1.
    pub stride: [usize; 2],
    /// Zeros on both sides; 0.
    pub padding: [usize; 2],
    /// Step inside a window; 1.
    pub dilation: [usize; 2],
    /// Number of groups the channels fall into; 1.
    pub groups: usize,
    /// Whether there is a bias; yes.
    pub bias: bool,
}

impl Conv2dOptions {
    /// With PyTorch's defaults.
    pub const fn new(in_channels: usize, out_channels: usize, kernel_size: [usize; 2]) -> Conv2dOptions {
        let (stride, padding, dilation) = ([1; 2], [0; 2], [1; 2]);
        Conv2dOptions {
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups: 1,
            bias: true,
        }
    }

    /// The sliding window.
    pub const fn window(&self) -> Window2d {
        Window2d {
            kernel: self.kernel_size,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
        }
    }

    /// # Errors
    /// A size, stride or dilation of 0, or groups that do not divide both channel counts.
    pub const fn check(&self) -> Result<(), ShapeError> {
        let checks = [
            positive("Conv2d", "in_channels", self.in_channels),
            positive("Conv2d", "out_channels", self.out_channels),
            positive_pair("Conv2d", "kernel_size", self.kernel_size),
            positive_pair("Conv2d", "stride", self.stride),
            positive_pair("Conv2d", "dilation", self.dilation),
            positive("Conv2d", "groups", self.groups),
        ];
        let mut i = 0;
        while i < checks.len() {
            if let Err(error) = checks[i] {
                return Err(error);
            }
            i += 1;
        }
        let Conv2dOptions {
            in_channels,
            out_channels,
            groups,
            ..
        } = *self;
        if !in_channels.is_multiple_of(groups) || !out_channels.is_multiple_of(groups) {
            return Err(ShapeError::Groups {
                in_channels,
                out_channels,
                groups,
            });
        }
        Ok(())
    }

    infer!(|self, shape| shape::conv2d(shape, self));
}

/// Convolution of images; parameters `weight` `[out_channels, in_channels / groups, KH, KW]` and `bias` `[out_channels]`.
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
            shape::conv2d(x.shape, options),
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
                FloatOp::Conv2d {
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
