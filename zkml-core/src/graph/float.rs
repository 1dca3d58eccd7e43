//! The floating-point stages: PyTorch's operations, weights named or loaded.

use ndarray::ArrayD;

use super::{ParameterId, Stage, Window2d};

/// Traced, weights not loaded yet.
#[derive(Debug, Clone, Copy)]
pub struct Symbolic;

/// Weights loaded, computes in `f32`.
#[derive(Debug, Clone, Copy)]
pub struct Float;

/// An operation as PyTorch has it. Channels are axis 1.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    missing_docs,
    reason = "fields are named and shaped in the variant's own line"
)]
#[non_exhaustive]
pub enum FloatOp {
    /// The network's input.
    Input,
    /// `[N, C, H, W] -> [N, O, H', W']`, weight `[O, C / groups, KH, KW]`, bias `[O]`.
    Conv2d {
        weight: ParameterId,
        bias: Option<ParameterId>,
        window: Window2d,
        groups: usize,
    },
    /// On the last axis; weight `[O, I]`, bias `[O]`.
    Linear {
        weight: ParameterId,
        bias: Option<ParameterId>,
    },
    /// `BatchNorm1d` (rank 2 or 3) and `BatchNorm2d` (rank 4) in evaluation mode, per channel (axis 1); weight and bias absent when `affine = false`.
    BatchNorm {
        weight: Option<ParameterId>,
        bias: Option<ParameterId>,
        running_mean: ParameterId,
        running_var: ParameterId,
        epsilon: f64,
    },
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// Maximum over each window; padding counts as minus infinity.
    MaxPool2d { window: Window2d },
    /// Mean over each window; padding counts as zeros (`count_include_pad = True`).
    AvgPool2d { window: Window2d },
    /// Mean over height and width, keeping them as 1 (`AdaptiveAvgPool2d(1)`).
    GlobalAvgPool2d,
    /// Row-major reshape to the node's shape.
    Reshape,
    /// Axis `i` of the result is axis `order[i]` of the operand.
    Permute { order: Vec<usize> },
    /// Along `axis`, any number of operands.
    Concat { axis: usize },
    /// Zeros around: `(before, after)` per axis.
    Pad { amounts: Vec<(usize, usize)> },
    /// Sum of two operands of the same shape.
    Add,
    /// Index of the (first) maximum along `axis`, which is removed.
    Argmax { axis: usize },
}

/// Name and shape of a weight that is not loaded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSpec {
    /// State-dict key, `features.0.weight`.
    pub path: String,
    /// Expected shape.
    pub shape: Vec<usize>,
}

/// A loaded weight.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// State-dict key.
    pub path: String,
    /// Values; finite.
    pub values: ArrayD<f32>,
}

impl Stage for Symbolic {
    type Op = FloatOp;
    type Fact = Vec<usize>;
    type Parameter = ParameterSpec;
}

impl Stage for Float {
    type Op = FloatOp;
    type Fact = Vec<usize>;
    type Parameter = Parameter;
}
