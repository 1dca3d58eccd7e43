//! The names that most programs use: `use zkml::prelude::*;`. Options of layers, and names that a program needs once,
//! stand in their modules: `zkml::nn`, `zkml::quant`, `zkml::prove`, `zkml::verify`.

// Writing a network: layers, functions, and what the macro needs by name.
pub use zkml_core::nn::elementwise::*;
pub use zkml_core::nn::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d, AvgPool2d,
    BatchNorm1d, BatchNorm2d, Conv1D, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Dropout, Embedding,
    Flatten, Forward, GRU, Hardtanh, Identity, LSTM, LayerNorm, Linear, LogSoftmax, MaxPool1d, MaxPool2d,
    Module, PReLU, Parameter, PixelShuffle, RMSNorm, ReLU, ReLU6, ReflectionPad1d, ReflectionPad2d,
    ReplicationPad1d, ReplicationPad2d, Sequential, Softmax, Tensor, Tokens, Upsample, ZeroPad1d, ZeroPad2d,
    adaptive_avg_pool2d, adaptive_max_pool2d, argmax, avg_pool2d, cat, chunk, clamp, flatten, hardtanh,
    interpolate, log_softmax, matmul, max_pool2d, mean, mean_keepdim, narrow, normalize, pad, pad_with,
    permute, pixel_shuffle, relu, relu6, reshape, scaled_dot_product_attention, select, slice, slice_step,
    softmax, split, squeeze, stack, subsample2d, sum, sum_keepdim, transpose, unbind, unsqueeze, view,
};
pub use zkml_macros::zk_model;

// From weights to a verified answer.
pub use crate::{Answer, Favour, Load, Model, Proof, Prover, QuantizedModel, Verified, Verifier};
pub use zkml_core::quant::CalibrationMethod;
pub use zkml_core::{Privacy, Visibility};
