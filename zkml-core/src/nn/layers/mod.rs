//! Layers, with PyTorch's names and hyper-parameters.
//!
//! Each layer has an `...Options` struct: `new` takes what PyTorch requires and fills in PyTorch's defaults,
//! `check` refuses values that make no sense, `infer` is the layer's shape rule for the compiler.

mod batch_norm;
mod conv2d;
mod linear;
mod pooling;
mod prelu;
mod sequential;
mod simple;

pub use crate::ops::{
    AdaptiveAvgPool2dOptions, AvgPool2dOptions, BatchNormOptions, Conv2dOptions, LinearOptions,
    MaxPool2dOptions, PReLUOptions,
};
pub use batch_norm::{BatchNorm1d, BatchNorm1dOptions, BatchNorm2d, BatchNorm2dOptions};
pub use conv2d::Conv2d;
pub use linear::Linear;
pub use pooling::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub use prelu::PReLU;
pub use sequential::{Sequential, SequentialLayer, SequentialOptions, layer, sequential};
pub use simple::{
    Dropout, DropoutOptions, Flatten, FlattenOptions, Identity, IdentityOptions, ReLU, ReLU6, ReLU6Options,
    ReLUOptions, ZeroPad2d, ZeroPad2dOptions,
};

/// The implementations of `Forward` and `Layer` for a layer with an inherent `forward`.
macro_rules! forward {
    ($layer:ty) => {
        impl $crate::nn::Forward for $layer {
            const USED_FIELDS: &'static [&'static str] = &["*"];
            fn run(&self, inputs: &[$crate::nn::Tensor]) -> Vec<$crate::nn::Tensor> {
                inputs.iter().map(|&x| <$layer>::forward(self, x)).collect()
            }
        }

        impl $crate::nn::Layer for $layer {
            fn forward(&self, x: $crate::nn::Tensor) -> $crate::nn::Tensor {
                <$layer>::forward(self, x)
            }
        }
    };
}

pub(super) use forward;
