//! Layers, with PyTorch's names and hyper-parameters.
//!
//! Each layer has an `...Options` struct: `new` takes what PyTorch requires and fills in PyTorch's defaults,
//! `check` refuses values that make no sense, `infer` is the layer's shape rule for the compiler.

mod batch_norm;
mod conv2d;
mod linear;
mod pooling;
mod sequential;
mod simple;

pub use batch_norm::{BatchNorm1d, BatchNorm1dOptions, BatchNorm2d, BatchNorm2dOptions, BatchNormOptions};
pub use conv2d::{Conv2d, Conv2dOptions};
pub use linear::{Linear, LinearOptions};
pub use pooling::{
    AdaptiveAvgPool2d, AdaptiveAvgPool2dOptions, AvgPool2d, AvgPool2dOptions, MaxPool2d, MaxPool2dOptions,
};
pub use sequential::{Sequential, SequentialLayer, SequentialOptions, layer, sequential};
pub use simple::{
    Dropout, DropoutOptions, Flatten, FlattenOptions, Identity, IdentityOptions, ReLU, ReLU6, ReLU6Options,
    ReLUOptions, ZeroPad2d, ZeroPad2dOptions,
};

use super::shape::ShapeError;

/// Refuses 0.
const fn positive(operation: &'static str, name: &'static str, value: usize) -> Result<(), ShapeError> {
    if value == 0 {
        return Err(ShapeError::Option {
            operation,
            name,
            expected: "of at least 1",
            found: value,
        });
    }
    Ok(())
}

/// Refuses 0 in a pair.
const fn positive_pair(
    operation: &'static str,
    name: &'static str,
    pair: [usize; 2],
) -> Result<(), ShapeError> {
    positive(operation, name, if pair[0] < pair[1] { pair[0] } else { pair[1] })
}

/// The `Forward` implementation of a layer with an inherent `forward`.
macro_rules! forward {
    ($layer:ty) => {
        impl $crate::nn::Forward for $layer {
            const USED_FIELDS: &'static [&'static str] = &["*"];
            fn forward(&self, x: $crate::nn::Tensor) -> $crate::nn::Tensor {
                <$layer>::forward(self, x)
            }
        }
    };
}

/// `infer` of options whose rule is `$rule(shape)`; options that make no sense are reported where they are
/// written, so the result is only unknown here.
macro_rules! infer {
    (|$self:ident, $shape:ident| $rule:expr) => {
        /// The shape rule, for the compiler.
        pub const fn infer(&$self, x: $crate::nn::Inferred) -> $crate::nn::Inferred {
            match ($self.check(), x) {
                (Ok(()), $crate::nn::Inferred::Known($shape)) => $crate::nn::Inferred::of($rule),
                (Ok(()), other) => other,
                (Err(_), _) => $crate::nn::Inferred::Unknown,
            }
        }
    };
}

use {forward, infer};
