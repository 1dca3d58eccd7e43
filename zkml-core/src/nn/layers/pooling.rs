//! `torch.nn.MaxPool2d`, `AvgPool2d` and `AdaptiveAvgPool2d`.

use super::{forward, infer, positive_pair};
use crate::graph::Window2d;
use crate::nn::functional::{pool_adaptive, pool_avg, pool_max};
use crate::nn::shape::{self, ShapeError};
use crate::nn::trace::Origin;
use crate::nn::{Module, ParameterPath, Tensor};

/// Hyper-parameters of [`MaxPool2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2dOptions {
    /// Height and width of a window.
    pub kernel_size: [usize; 2],
    /// Step between windows; the kernel size.
    pub stride: [usize; 2],
    /// Cells on both sides that never win; 0.
    pub padding: [usize; 2],
    /// Step inside a window; 1.
    pub dilation: [usize; 2],
}

/// Hyper-parameters of [`AvgPool2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool2dOptions {
    /// Height and width of a window.
    pub kernel_size: [usize; 2],
    /// Step between windows; the kernel size.
    pub stride: [usize; 2],
    /// Zeros on both sides, which count in the mean; 0.
    pub padding: [usize; 2],
}

/// Hyper-parameters of [`AdaptiveAvgPool2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveAvgPool2dOptions {
    /// Height and width of the result, which divide those of the operand.
    pub output_size: [usize; 2],
}

/// Sizes positive, padding at most half of the kernel (PyTorch's rule: no window lies in the padding alone).
const fn check_window(operation: &'static str, window: &Window2d) -> Result<(), ShapeError> {
    let checks = [
        positive_pair(operation, "kernel_size", window.kernel),
        positive_pair(operation, "stride", window.stride),
        positive_pair(operation, "dilation", window.dilation),
    ];
    let mut i = 0;
    while i < checks.len() {
        if let Err(error) = checks[i] {
            return Err(error);
        }
        i += 1;
    }
    let (kernel, padding) = (window.kernel, window.padding);
    if padding[0] > kernel[0] / 2 || padding[1] > kernel[1] / 2 {
        return Err(ShapeError::PoolPadding {
            operation,
            kernel,
            padding,
        });
    }
    Ok(())
}

impl MaxPool2dOptions {
    /// With PyTorch's defaults.
    pub const fn new(kernel_size: [usize; 2]) -> MaxPool2dOptions {
        MaxPool2dOptions {
            kernel_size,
            stride: kernel_size,
            padding: [0; 2],
            dilation: [1; 2],
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
    /// A size of 0, or padding of more than half the kernel.
    pub const fn check(&self) -> Result<(), ShapeError> {
        check_window("max_pool2d", &self.window())
    }

    infer!(|self, shape| shape::max_pool2d(shape, self));
}

impl AvgPool2dOptions {
    /// With PyTorch's defaults.
    pub const fn new(kernel_size: [usize; 2]) -> AvgPool2dOptions {
        AvgPool2dOptions {
            kernel_size,
            stride: kernel_size,
            padding: [0; 2],
        }
    }

    /// The sliding window.
    pub const fn window(&self) -> Window2d {
        Window2d {
            kernel: self.kernel_size,
            stride: self.stride,
            padding: self.padding,
            dilation: [1; 2],
        }
    }

    /// # Errors
    /// A size of 0, or padding of more than half the kernel.
    pub const fn check(&self) -> Result<(), ShapeError> {
        check_window("avg_pool2d", &self.window())
    }

    infer!(|self, shape| shape::avg_pool2d(shape, self));
}

impl AdaptiveAvgPool2dOptions {
    /// The pooling to `output_size` cells.
    pub const fn new(output_size: [usize; 2]) -> AdaptiveAvgPool2dOptions {
        AdaptiveAvgPool2dOptions { output_size }
    }

    /// # Errors
    /// An output size of 0.
    pub const fn check(&self) -> Result<(), ShapeError> {
        positive_pair("AdaptiveAvgPool2d", "output_size", self.output_size)
    }

    infer!(|self, shape| shape::adaptive_avg_pool2d(shape, self.output_size));
}

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
