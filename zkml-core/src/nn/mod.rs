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
mod moves;
mod options;
mod pair;
mod parameter;
mod path;
mod pooling;
mod reduce;
mod resize;
mod sequence;
mod slicing;
mod tensor;
mod tokens;
mod trace;
pub mod weights;

pub use crate::graph::same_name;
pub use crate::graph::{Inferred, Shape, ShapeError};
pub use crate::ops::{Llama3Scaling, Rope, ScaledDotProductAttentionOptions};
pub use elementwise::*;
pub use functional::{
    adaptive_avg_pool2d, adaptive_max_pool2d, argmax, avg_pool2d, avg_pool2d_with, cat, clamp, flatten,
    hardtanh, max_pool2d, max_pool2d_with, pad, pad_with, permute, relu, relu6, reshape, subsample2d, view,
};
pub use layers::*;
pub use module::{Called, Forward, Layer, Module, Outputs, uses_field};
pub use options::*;
pub use pair::Pair;
pub use parameter::Parameter;
pub use path::ParameterPath;
pub use reduce::{Axes, mean, mean_keepdim, sum, sum_keepdim};
pub use resize::{interpolate, interpolate_with, pixel_shuffle};
pub use sequence::{
    KvCache, apply_rotary_pos_emb, expand, log_softmax, matmul, narrow, normalize, rotated,
    scaled_dot_product_attention, scaled_dot_product_attention_with, softmax, transpose,
};
pub use slicing::{chunk, select, slice, slice_step, split, squeeze, stack, unbind, unsqueeze};
pub use tensor::{Extent, Tensor};
pub use tokens::{InputKind, Tokens};
pub use trace::{ModuleScope, TraceError, TraceInput, trace, trace_inputs};
pub use weights::{LoadReport, WeightError, Weights, first_few};

#[cfg(test)]
mod shape_tests;
#[cfg(test)]
mod tests;
