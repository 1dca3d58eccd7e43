//! Operations, one file (a *room*) for each.
//!
//! A room has the hyper-parameters of its operation, the shape rule, the meaning in floating point and in integers, the
//! slow reference, the range of the result, quantization and lowering. The list of rooms is at the end of this file.
//! The enums [`FloatOp`] and [`IntOp`] and all dispatch follow from it (`registry.rs`). Compiler passes never list
//! operations: they ask properties ([`Room`], [`FloatRoom`]).
//!
//! A room sees the compiler through two traits, [`Quantizing`] and [`Lowering`], which `quant` and `lower` implement.
//! Meaning and quantization are built with the feature `prover` alone. The rest is what a verifier needs to lower a
//! network itself.

mod analysis;
mod display;
mod elementwise;
#[cfg(feature = "prover")]
mod execution;
mod float_graph;
mod hyper_parameters;
mod lowering;
mod multipliers;
mod padding_mode;
mod pooling;
mod product;
mod properties;
#[cfg(feature = "prover")]
mod quantizing;
mod quotient;
pub mod range;
mod reciprocal;
mod registry;
mod resize;
mod room;
mod stage;

#[cfg(feature = "prover")]
pub use analysis::check;
pub use analysis::{node_norm, node_range};
pub use elementwise::{Curved, Elementwise};
#[cfg(feature = "prover")]
pub use execution::{Computed, ExecutionError, FloatSite, IntegerSite, NodeSite, PARALLEL_CELLS};
pub use float_graph::class_axis;
pub(crate) use hyper_parameters::hyper_parameters;
pub(crate) use lowering::BIAS_DIGITS;
pub use lowering::{Hint, Lowering};
pub use padding_mode::PaddingMode;
#[cfg(feature = "prover")]
pub use product::{FloatLayer, IntegerLayer, Layer};
pub use properties::Properties;
#[cfg(feature = "prover")]
pub use quantizing::{Accumulator, Activation, Affine, Channels, QuantizeError, Quantizing, ShiftError};
pub use range::{RangeError, RangeSite};
use registry::{operations, rooms};
pub use resize::{ResizeError, resized};
pub use room::{AffineLayer, FloatRoom, IntegerRoom, Room};
#[cfg(feature = "prover")]
pub use stage::{Float, Int};
pub use stage::{Skeleton, Symbolic};

#[cfg(test)]
mod graph_tests;

use serde::{Deserialize, Serialize};

use crate::graph::{OperandError, Operation, ParameterId, Shape, Site};

rooms! {
    input, conv2d, linear, batch_norm, relu, max_pool2d, avg_pool2d, reshape, permute, concat, pad, sum, argmax,
    rescale, channel_scale, prelu, mul, scale, expand, constant, parameter, reveal, ids, embedding, rms_norm, rope,
    softmax, matmul, narrow, attention, requantize, greedy, clamp, log_softmax, center, fixed_rows,
}

/// Declares the rooms of the elementwise functions that are tables.
macro_rules! elementwise {
    ($($room:ident, $function:ident($($argument:ident),*), $layer:ident, $options:ident { $($field:ident: $kind:ident),* };)*) => {
        rooms! { $($room),* }
    };
}

include!("elementwise_list.rs");

operations! {
    /// An operation as PyTorch has it. Channels are axis 1.
    FloatOp, FloatRoom,
    Input, Conv2d, Linear, BatchNorm, Relu, Relu6, MaxPool2d, AvgPool2d, GlobalAvgPool2d, Reshape, Permute, Concat, Pad,
    Add, Argmax, Elementwise, Prelu, Mul, Scale, Neg, Expand, Constant, Parameter, Ids, Embedding, RmsNorm, Rope,
    Softmax, Matmul, Narrow, Attention, Clamp, LogSoftmax, Center, ChannelAffine, FixedRows,
}

operations! {
    /// An integer operation. Accumulators are exact; only [`IntOp::Rescale`], [`IntOp::Requantize`],
    /// [`IntOp::IntegerRmsNorm`], [`IntOp::IntegerCenter`], [`IntOp::IntegerAttention`] and [`IntOp::IntegerSoftmax`]
    /// round. The order is that of
    /// the encoding: append new operations at the end.
    #[derive(Serialize, Deserialize)]
    IntOp, IntegerRoom,
    Input, Conv2d, Linear, WeightedSum, SumPool2d, Rescale, MaxPool2d, Reshape, Permute, Concat, Pad, Argmax, ChannelScale,
    Product, Expand, IntegerConstant, Parameter, RevealedInput, Reveal, Requantize, IntegerRmsNorm, IntegerRope,
    IntegerEmbedding, IntegerAttention, Greedy, Matmul, Narrow, IntegerSoftmax, IntegerCenter, IntegerFixedRows,
}
