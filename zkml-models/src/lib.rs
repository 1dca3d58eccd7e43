//! Well-known networks written for zkml. Each file reads like the PyTorch it mirrors.

// The code `#[zk_model]` generates speaks of `::zkml`; the facade crate of that name depends on this crate.
extern crate zkml_core as zkml;

mod lenet;
mod mlp;
pub mod registry;
pub mod vgg;

pub use lenet::{LeNet, LeNetOptions};
pub use mlp::{Mlp, MlpOptions};
pub use vgg::{Vgg, VggConfig, VggHead, VggOptions};

/// What the model files import.
mod prelude {
    pub(crate) use zkml_core::nn::{
        AdaptiveAvgPool2d, BatchNorm2d, BatchNorm2dOptions, Conv2d, Conv2dOptions, Dropout, DropoutOptions,
        Linear, LinearOptions, MaxPool2d, MaxPool2dOptions, ReLU, ReLUOptions, Sequential, SequentialLayer,
        Tensor, flatten, layer, max_pool2d, relu,
    };
    pub(crate) use zkml_macros::zk_model;
}
