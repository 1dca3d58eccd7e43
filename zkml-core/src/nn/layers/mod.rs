//! Layers, with PyTorch's names and hyper-parameters.
//!
//! Each layer has an `...Options` struct: `new` takes what PyTorch requires and fills in PyTorch's defaults,
//! `check` refuses values that make no sense, `infer` is the layer's shape rule for the compiler.

mod batch_norm;
mod convolution;
mod pooling;
mod recurrent;
mod resize;
mod sequence;
mod sequential;
mod simple;
mod weighted;

pub use crate::nn::resize::{PixelShuffleOptions, UpsampleOptions};
pub use crate::ops::{
    AdaptiveAvgPool2dOptions, AvgPool2dOptions, BatchNormOptions, Conv2dOptions, EmbeddingOptions,
    LayerNormOptions, LinearOptions, MaxPool2dOptions, PReLUOptions, RMSNormOptions,
};
pub use batch_norm::{BatchNorm1d, BatchNorm1dOptions, BatchNorm2d, BatchNorm2dOptions};
pub use convolution::{
    Conv1d, Conv1dOptions, Conv2d, ConvTranspose1d, ConvTranspose1dOptions, ConvTranspose2d,
    ConvTranspose2dOptions,
};
pub use pooling::{
    AdaptiveAvgPool1d, AdaptiveAvgPool1dOptions, AdaptiveAvgPool2d, AdaptiveMaxPool1d,
    AdaptiveMaxPool1dOptions, AdaptiveMaxPool2d, AdaptiveMaxPool2dOptions, AvgPool1d, AvgPool1dOptions,
    AvgPool2d, MaxPool1d, MaxPool1dOptions, MaxPool2d,
};
pub use recurrent::{GRU, GRUOptions, LSTM, LSTMOptions};
pub use resize::{
    PixelShuffle, ReflectionPad1d, ReflectionPad1dOptions, ReflectionPad2d, ReflectionPad2dOptions,
    ReplicationPad1d, ReplicationPad1dOptions, ReplicationPad2d, ReplicationPad2dOptions, Upsample,
    ZeroPad1d, ZeroPad1dOptions,
};
pub use sequence::{Embedding, LayerNorm, RMSNorm};
pub use sequential::{Sequential, SequentialLayer, SequentialOptions, layer, sequential};
pub use simple::{
    Dropout, DropoutOptions, Flatten, FlattenOptions, Hardtanh, HardtanhOptions, Identity, IdentityOptions,
    LogSoftmax, LogSoftmaxOptions, ReLU, ReLU6, ReLU6Options, ReLUOptions, Softmax, SoftmaxOptions,
    ZeroPad2d, ZeroPad2dOptions,
};
pub use weighted::{Conv1D, Conv1DOptions, Linear, PReLU};

/// The implementations of `Called`, `Forward` and `Layer` for a layer with an inherent `forward`.
macro_rules! forward {
    ($layer:ty) => {
        impl $crate::nn::Called for $layer {
            const USED_FIELDS: &'static [&'static str] = &["*"];
        }

        impl $crate::nn::Forward for $layer {
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

/// A layer: its struct, how it is built, and its inherent `forward`. With `records` that is one operation on the
/// layer's parameters, whose shape rule is that of the options.
macro_rules! declare {
    ($(#[$doc:meta])* $layer:ident, $options:ty, $(#[$forward_doc:meta])* records |$values:ident, $path:ident, $recording:ident| $op:expr) => {
        $crate::nn::layers::declare!(
            $(#[$doc])*
            $layer,
            $options,
            $(#[$forward_doc])*
            |self, x| {
                let ($values, $path) = (&self.options, &self.path);
                let origin = $crate::nn::trace::Origin::Layer($path);
                $crate::nn::trace::record(origin, &[x], $values.shape(x.shape), |$recording| $op)
            }
        );
    };
    ($(#[$doc:meta])* $layer:ident, $options:ty, $(#[$forward_doc:meta])* |$self:ident, $x:ident| $result:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $layer {
            #[allow(dead_code, reason = "layers that do nothing need no name")]
            path: $crate::nn::ParameterPath,
            #[allow(dead_code, reason = "layers without hyper-parameters read none")]
            options: $options,
        }

        impl $crate::nn::Module for $layer {
            type Options = $options;

            fn build(path: $crate::nn::ParameterPath, options: $options) -> $layer {
                $layer { path, options }
            }
        }

        impl $layer {
            $(#[$forward_doc])*
            pub fn forward(&$self, $x: $crate::nn::Tensor) -> $crate::nn::Tensor {
                $result
            }
        }

        $crate::nn::layers::forward!($layer);
    };
}

pub(super) use {declare, forward};
