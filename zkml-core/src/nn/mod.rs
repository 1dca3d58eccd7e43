//! Stage 1: a network is described, traced, and given its weights.
//!
//! A model is a struct of layers ([`layers`]) and a `forward` that applies them and the functions of [`functional`] to
//! a [`Tensor`]; `#[zk_model]` makes it a [`Module`]. [`trace()`] runs `forward` once and returns a `Graph<Symbolic>`;
//! [`weights`] turns that into a `Graph<Float>`. The shape rules are in the rooms of [`crate::ops`].

mod arguments;
mod arithmetic;
pub mod elementwise;
pub mod functional;
pub mod infer;
pub mod layers;
mod module;
mod options;
mod pair;
mod parameter;
mod path;
mod sequence;
mod tensor;
mod tokens;
mod trace;
pub mod weights;

pub use crate::graph::same_name;
pub use crate::graph::{Inferred, Shape, ShapeError};
pub use crate::ops::{Llama3Scaling, Rope, ScaledDotProductAttentionOptions};
pub use elementwise::*;
pub use functional::{
    adaptive_avg_pool2d, argmax, avg_pool2d, avg_pool2d_with, cat, flatten, max_pool2d, max_pool2d_with, pad,
    permute, relu, relu6, reshape, subsample2d, view,
};
pub use layers::{
    AdaptiveAvgPool2d, AdaptiveAvgPool2dOptions, AvgPool2d, AvgPool2dOptions, BatchNorm1d,
    BatchNorm1dOptions, BatchNorm2d, BatchNorm2dOptions, BatchNormOptions, Conv2d, Conv2dOptions, Dropout,
    DropoutOptions, Embedding, EmbeddingOptions, Flatten, FlattenOptions, Identity, IdentityOptions, Linear,
    LinearOptions, MaxPool2d, MaxPool2dOptions, PReLU, PReLUOptions, RMSNorm, RMSNormOptions, ReLU, ReLU6,
    ReLU6Options, ReLUOptions, Sequential, SequentialLayer, SequentialOptions, ZeroPad2d, ZeroPad2dOptions,
    layer, sequential,
};
pub use module::{Called, Forward, Layer, Module, Outputs, uses_field};
pub use options::*;
pub use pair::Pair;
pub use parameter::Parameter;
pub use path::ParameterPath;
pub use sequence::{
    KvCache, apply_rotary_pos_emb, matmul, narrow, rotated, scaled_dot_product_attention,
    scaled_dot_product_attention_with, softmax, transpose,
};
pub use tensor::{Extent, Tensor};
pub use tokens::{InputKind, Tokens};
pub use trace::{ModuleScope, TraceError, TraceInput, trace, trace_inputs};
pub use weights::{LoadReport, WeightError, Weights};

#[cfg(test)]
mod shape_tests;
#[cfg(test)]
mod tests;
