//! The integer stage: the exact meaning of the proved model.

use serde::{Deserialize, Serialize};

use super::{IntTensor, ParameterId, Stage, Window2d};
pub use crate::circuit::{Function, FunctionTable};

/// Quantized: computes in integers, exactly as the proof shows it.
#[derive(Debug, Clone, Copy)]
pub struct Int;

/// An integer operation. Accumulators are exact; only [`IntOp::Rescale`] rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "fields are named and shaped in the variant's own line"
)]
#[non_exhaustive]
pub enum IntOp {
    /// The quantized input.
    Input,
    /// As `FloatOp::Conv2d`, exact; bias added to the accumulator.
    Conv2d {
        weight: ParameterId,
        bias: Option<ParameterId>,
        window: Window2d,
        groups: usize,
    },
    /// As `FloatOp::Linear`, exact.
    Linear {
        weight: ParameterId,
        bias: Option<ParameterId>,
    },
    /// `sum_k coefficients[k] * operand_k`, all of the same shape.
    WeightedSum { coefficients: Vec<i64> },
    /// Sum over each window, zeros outside.
    SumPool2d { window: Window2d },
    /// `table(floor((x * m + 2^(shift-1)) / 2^shift))`, `m = multipliers[c]` for index `c` along `axis`, or the
    /// only multiplier for all. `shift >= 1`, multipliers are positive.
    Rescale {
        multipliers: Vec<i64>,
        axis: usize,
        shift: u32,
        table: FunctionTable,
    },
    /// Maximum over each window; padding is left out.
    MaxPool2d { window: Window2d },
    /// Row-major reshape to the node's shape.
    Reshape,
    /// Axis `i` of the result is axis `order[i]` of the operand.
    Permute { order: Vec<usize> },
    /// Along `axis`; operands have one scale.
    Concat { axis: usize },
    /// Zeros around: `(before, after)` per axis.
    Pad { amounts: Vec<(usize, usize)> },
    /// Index of the first maximum along `axis`, which is removed.
    Argmax { axis: usize },
}

/// What is known of an integer edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntFact {
    /// Shape.
    pub shape: Vec<usize>,
    /// Every value lies in `[range.0, range.1]`, for every input in the input's range and every weight in its range.
    pub range: (i64, i64),
    /// `real = scale * integer`; 1 where the value is an index. Per-channel accumulators carry the scale of channel 0
    /// (it only informs; the integer semantics do not use it).
    pub scale: f64,
}

/// What a weight is for, which fixes the integers it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterRole {
    /// int8, `[-127, 127]`.
    Weight,
    /// Added to an accumulator, `[-2^31, 2^31)`.
    Bias,
}

/// A quantized weight.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IntParameter {
    /// State-dict key of the tensor it comes from.
    pub path: String,
    /// Weight or bias.
    pub role: ParameterRole,
    /// Values, within the role's range.
    pub values: IntTensor,
}

impl Stage for Int {
    type Op = IntOp;
    type Fact = IntFact;
    type Parameter = IntParameter;
}
