//! The names that most programs use: `use zkml::prelude::*;`. Options of layers, and names that a program needs once,
//! stand in their modules: `zkml::nn`, `zkml::quant`, `zkml::prove`, `zkml::verify`.

// Writing a network: layers, functions, and what the macro needs by name.
pub use zkml_core::nn::elementwise::*;
pub use zkml_core::nn::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv2d, Dropout, Embedding, Flatten, Forward,
    Identity, Linear, MaxPool2d, Module, PReLU, Parameter, RMSNorm, ReLU, ReLU6, Sequential, Tensor, Tokens,
    ZeroPad2d, adaptive_avg_pool2d, argmax, avg_pool2d, cat, flatten, matmul, max_pool2d, narrow, pad,
    permute, relu, relu6, reshape, scaled_dot_product_attention, softmax, subsample2d, transpose, view,
};
pub use zkml_macros::zk_model;

// From weights to a verified answer.
pub use crate::{Answer, Favour, Load, Model, Proof, Prover, QuantizedModel, Verified, Verifier};
pub use zkml_core::quant::CalibrationMethod;
pub use zkml_core::{Privacy, Visibility};
