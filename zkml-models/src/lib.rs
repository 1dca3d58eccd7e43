//! Well-known networks written for zkml. Each file reads like the PyTorch it mirrors.

// The code `#[zk_model]` generates speaks of `::zkml`; the facade crate of that name depends on this crate.
extern crate zkml_core as zkml;

pub mod bert;
pub mod forest;
pub mod gpt2;
pub mod hugging_face;
mod lenet;
pub mod llama;
mod mlp;
pub mod mobilenet_v1;
pub mod mobilenet_v2;
pub mod registry;
pub mod resnet;
#[cfg(test)]
mod testing;
pub mod vgg;
pub mod vit;

pub use hugging_face::{PretrainedLlama, PretrainedModel};
pub use lenet::{LeNet, LeNetOptions};
pub use llama::{LlamaConfig, LlamaForCausalLM, LlamaForCausalLMOptions};
pub use mlp::{Mlp, MlpOptions};
pub use mobilenet_v1::{MobileNetV1, MobileNetV1Config, MobileNetV1Options};
pub use mobilenet_v2::{MobileNetV2, MobileNetV2Config, MobileNetV2Options};
pub use resnet::{CifarResNet, CifarResNetConfig, CifarResNetOptions, ResNet, ResNetConfig, ResNetOptions};
pub use vgg::{Vgg, VggConfig, VggHead, VggOptions};

/// What the model files import.
mod prelude {
    #[cfg(test)]
    pub(crate) use zkml_core::nn::Forward as _;
    pub(crate) use zkml_core::nn::{
        AdaptiveAvgPool2d, BatchNorm2d, BatchNorm2dOptions, Conv2d, Conv2dOptions, Dropout, DropoutOptions,
        Layer, Linear, LinearOptions, MaxPool2d, MaxPool2dOptions, ReLU, ReLU6, ReLU6Options, ReLUOptions,
        Sequential, SequentialLayer, Tensor, adaptive_avg_pool2d, flatten, layer, max_pool2d, pad, relu,
        sequential, subsample2d,
    };
    pub(crate) use zkml_macros::zk_model;
}
