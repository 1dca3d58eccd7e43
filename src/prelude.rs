//! The names that most programs use: `use zkml::prelude::*;`. Options of layers, and names that a program needs once,
//! stand in their modules: `zkml::nn`, `zkml::quant`, `zkml::prove`, `zkml::verify`.

// Writing a network: layers, functions, and what the macro needs by name.
pub use zkml_core::nn::elementwise::*;
pub use zkml_core::nn::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv2d, Dropout, Flatten, Forward, Identity,
    Linear, MaxPool2d, Module, PReLU, Parameter, ReLU, ReLU6, Sequential, Tensor, ZeroPad2d,
    adaptive_avg_pool2d, argmax, avg_pool2d, cat, flatten, max_pool2d, pad, permute, relu, relu6, reshape,
    subsample2d, view,
};
pub use zkml_macros::zk_model;

// From weights to a verified answer.
pub use crate::{Answer, AnswerProof, Favour, Load, Model, Prover, QuantizedModel, Verified, Verifier};
pub use zkml_core::quant::CalibrationMethod;
pub use zkml_core::{Privacy, Visibility};
