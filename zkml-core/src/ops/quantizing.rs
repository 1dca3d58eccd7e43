//! What a room sees of the compiler when it becomes integer operations.
//!
//! With `real = scale * integer` on every edge:
//!
//! ```text
//! conv, linear    acc = sum w_q x_q + b_q          b_q = b / (s_x s_w)
//! rescale         q   = table(floor((acc m + 2^(s-1)) / 2^s)),   m 2^-s = M = s_x s_w / s_y, or nearly
//! average         acc = sum x_q,                   M = s_x / (k s_y) for k elements
//! residual sum    acc = c_1 x_1 + c_2 x_2,         c_i ~ s_i / s_acc, M = s_acc / s_y
//! ```

use super::{Float, IntOp, RangeError};
use crate::circuit::{CurveKind, Function, TableError};
use crate::graph::{ChannelScales, GraphError, Node, NodeId, ParameterId};

/// Weight and bias of a layer.
pub type Affine = (ParameterId, Option<ParameterId>);

/// The node that is quantized, and the integer graph as it is built. Multipliers, shifts and weights are chosen once
/// the whole graph is known.
pub trait Quantizing {
    /// The node of the float graph.
    fn node(&self) -> &Node<Float>;

    /// The shape of an operand.
    fn operand_shape(&self, index: usize) -> &[usize];

    /// The 8-bit value of an operand. Rescales the operand's accumulator if that was not done yet.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn activation(&mut self, index: usize) -> Result<Activation, QuantizeError>;

    /// The accumulator of an operand, if it is one.
    fn accumulator(&self, index: usize) -> Option<Accumulator>;

    /// Bits of activations, which must be more than 14 for an operation that has no table to clamp its result. `what` is
    /// the operation.
    ///
    /// # Errors
    /// [`QuantizeError::Narrow`].
    fn wide(&self, what: &'static str) -> Result<u32, QuantizeError>;

    /// An operand as scores of a softmax, of at most `bits` bits. The scale is 1/64, or the least larger power of two with
    /// which there is room for twice what calibration saw.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn scores(&mut self, index: usize, bits: u32) -> Result<Activation, QuantizeError>;

    /// An operand of a normalization, whose channels may have steps of their own.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn channels(&mut self, index: usize) -> Result<Channels, QuantizeError>;

    /// Makes the node a public input of token ids.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn ids(&mut self) -> Result<(), QuantizeError>;

    /// Appends a choice of rows of a weight, each with a scale of its own: rows that the operand's ids choose, or fixed
    /// ones. `op` takes the weight and a multiplier for each of its rows.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn rows(
        &mut self,
        weight: ParameterId,
        op: &dyn Fn(ParameterId, Vec<i64>) -> IntOp,
    ) -> Result<(), QuantizeError>;

    /// Appends an operation that mixes channels, which need a common unit. `op` takes the multipliers that bring the
    /// operand's channels to it, one for each index along axes or one for all. The scale of the operation's accumulator is
    /// `factor` times the unit.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn mixed(
        &mut self,
        op: &dyn Fn((Vec<i64>, Vec<usize>)) -> IntOp,
        factor: f64,
    ) -> Result<(), QuantizeError>;

    /// Appends an operation whose result is an activation of this scale.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn activate(&mut self, op: IntOp, operands: Vec<NodeId>, scale: f64) -> Result<(), QuantizeError>;

    /// Appends an operation whose result, at this scale, is the node's value before a gain for each channel of the last
    /// axis. The gain becomes part of the scales of the channels, and its signs a product with constants; both are public.
    ///
    /// # Errors
    /// [`QuantizeError::Gain`] for a gain that is no number, or one of zeros alone.
    fn gained(
        &mut self,
        op: IntOp,
        operands: Vec<NodeId>,
        scale: f64,
        gain: ParameterId,
    ) -> Result<(), QuantizeError>;

    /// Is the accumulator of this node used as it is, by an output or an argmax?
    fn keeps_accumulator(&self) -> bool;

    /// Makes the node an input of the integer graph.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn input(&mut self) -> Result<(), QuantizeError>;

    /// Appends an operation whose exact result is the node's accumulator, of this scale.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn accumulate(&mut self, op: IntOp, operands: Vec<NodeId>, scale: f64) -> Result<(), QuantizeError>;

    /// Appends a sum of products with weights, whose scales are chosen later. Output channels are axis `axis` of the
    /// result.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn products(
        &mut self,
        of: Affine,
        axis: usize,
        op: &dyn Fn(Affine) -> IntOp,
    ) -> Result<(), QuantizeError>;

    /// Appends a sum of 8-bit values of several scales.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn sum(&mut self) -> Result<(), QuantizeError>;

    /// Appends the node's constants, at the scale of its largest one.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn constant(&mut self, values: &[f32]) -> Result<(), QuantizeError>;

    /// Appends a parameter as an 8-bit tensor, at the scale of its largest value.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn parameter(&mut self, parameter: ParameterId) -> Result<(), QuantizeError>;

    /// Appends the negative of the only operand. Takes its accumulator if [that is kept](Self::keeps_accumulator).
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn negate(&mut self) -> Result<(), QuantizeError>;

    /// Makes the integers of the only operand those of the node, at `factor` times their scale.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn scale(&mut self, factor: f64) -> Result<(), QuantizeError>;

    /// Appends an operation on the 8-bit value of the only operand, and keeps its scale. An operation that [moves
    /// values](super::Properties::MOVES_VALUES) takes the accumulator if [that is kept](Self::keeps_accumulator).
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn keep_scale(&mut self, op: IntOp) -> Result<(), QuantizeError>;

    /// Appends an operation on the 8-bit values of all operands, each rescaled to the node's scale.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn common_scale(&mut self, op: IntOp) -> Result<(), QuantizeError>;

    /// Appends `min(f(x), largest)` as the table of the operand's rescale. If the operand is an 8-bit value already, an
    /// exact rescale carries the table. `f(c x) = c f(x)` must hold for all `c > 0`.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn rectify(&mut self, function: Function, largest: f64) -> Result<(), QuantizeError>;

    /// Appends `min(max(x, least), largest)` as the table of the operand's rescale. If the operand is an 8-bit value
    /// already, an exact rescale carries the table.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn clamp(&mut self, least: f64, largest: f64) -> Result<(), QuantizeError>;

    /// Appends a function whose table is computed, as the table of the operand's rescale. `steepest` bounds its slope.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn curve(&mut self, curve: CurveKind, steepest: f64) -> Result<(), QuantizeError>;

    /// Appends `max(sign x, 0)` as a node of its own, `{name}.{suffix}`; `sign` is 1 or -1. Both have one scale.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn rectified(&mut self, suffix: &str, sign: i64) -> Result<Activation, QuantizeError>;

    /// Appends a product of 8-bit values with a weight as a node of its own, `{name}.{suffix}`. The step of the weight
    /// is `2^-bits`. Returns the node and `bits`, so that a sum can bring other operands to the same scale exactly.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn weighed(
        &mut self,
        suffix: &str,
        operand: Activation,
        weight: ParameterId,
        op: &dyn Fn(ParameterId) -> IntOp,
    ) -> Result<(NodeId, u32), QuantizeError>;

    /// Appends a comparison of the operand's values, whose result is an index. Accumulators are compared as they are, those
    /// whose channels have scales of their own times public integers.
    /// `shown` compares along the last axis, and its index is a public output; it takes a multiplier for each value, so
    /// that each may have a scale of its own. It is `None` where the comparison runs along another axis.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    fn index(&mut self, op: IntOp, shown: Option<&dyn Fn(Vec<i64>) -> IntOp>) -> Result<(), QuantizeError>;
}

/// An exact accumulator with one scale, or several.
#[derive(Debug, Clone)]
pub struct Accumulator {
    /// The node of the integer graph.
    pub node: NodeId,
    /// One scale, or one per row-major index along `axes`.
    pub scales: Vec<f64>,
    /// The axes of the scales, in ascending order.
    pub axes: Vec<usize>,
}

/// An edge of one scale, of 8 bits or as many as activations have (or an index, with scale 1).
#[derive(Debug, Clone, Copy)]
pub struct Activation {
    /// The node of the integer graph.
    pub node: NodeId,
    /// `real = scale * integer`.
    pub scale: f64,
}

/// An edge whose channels, along the last axis, have steps of their own: `real = step 2^exponents[c] * integer`.
#[derive(Debug, Clone)]
pub struct Channels {
    /// The node of the integer graph.
    pub node: NodeId,
    /// The least step.
    pub step: f64,
    /// One for each channel, or one for all.
    pub exponents: Vec<u32>,
    /// Largest magnitude of an integer.
    pub magnitude: i128,
}

impl From<&Accumulator> for ChannelScales {
    fn from(Accumulator { scales, axes, .. }: &Accumulator) -> Self {
        Self::new(scales.clone(), axes.clone())
    }
}

impl From<Activation> for Accumulator {
    fn from(Activation { node, scale }: Activation) -> Self {
        let (scales, axes) = (vec![scale], Vec::new());
        Self { node, scales, axes }
    }
}

/// Why a network cannot be quantized.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// The float graph, or (never expected) the integer graph made from it, is inconsistent.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An integer may wrap in the field.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// No multiplier and shift fit a rescale.
    #[error(transparent)]
    Shift(#[from] ShiftError),
    /// The calibration was collected on another graph.
    #[error("the calibration was collected on a graph with other nodes")]
    OtherGraph,
    /// A batch normalization is left.
    #[error("`{layer}`: batch normalizations must be folded before quantization (optimize::optimize)")]
    BatchNorm {
        /// Name of the node.
        layer: String,
    },
    /// An operation that has no integer form yet.
    #[error("`{layer}`: {what} cannot be quantized yet: run the float network with `execute_float`")]
    Unsupported {
        /// Name of the node.
        layer: String,
        /// The operation.
        what: &'static str,
    },
    /// A gain that is no multiplier of integers.
    #[error("`{layer}`: expected a gain of finite numbers that are not all 0, found {found}")]
    Gain {
        /// Name of the node.
        layer: String,
        /// The gain of a channel.
        found: f32,
    },
    /// An operation that needs wide activations.
    #[error(
        "`{layer}`: {what} needs activations of 15 or 16 bits, found {found}: quantize with \
         `QuantizeOptions::language_model()`"
    )]
    Narrow {
        /// Name of the node.
        layer: String,
        /// The operation.
        what: &'static str,
        /// Bits of activations.
        found: u32,
    },
    /// An argmax whose result is computed with.
    #[error("`{layer}`: an index cannot be used as an activation")]
    IndexOperand {
        /// Name of the node that uses it.
        layer: String,
    },
    /// A function whose table cannot be computed.
    #[error("`{layer}`: {error}")]
    Table {
        /// Name of the node.
        layer: String,
        /// Why.
        error: TableError,
    },
    /// A weight that no step of a power of two can hold.
    #[error("parameter `{path}`: expected values of at most {limit}, found {found}")]
    WeightTooLarge {
        /// State-dict key.
        path: String,
        /// Largest magnitude.
        found: f64,
        /// The limit.
        limit: f64,
    },
    /// Nothing is left of a layer.
    #[error(
        "`{layer}`: all weights became 0: the largest is {largest:e}, a step of the integers is {step:e} (is its bias so \
         much larger?)"
    )]
    Lost {
        /// Name of the node.
        layer: String,
        /// The largest magnitude of a weight.
        largest: f32,
        /// What the integer 1 stands for.
        step: f64,
    },
    /// NaN or infinity in a weight.
    #[error("parameter `{path}`: value {value} at row-major index {index} is not finite")]
    NotFinite {
        /// State-dict key.
        path: String,
        /// Row-major index.
        index: usize,
        /// The value.
        value: f32,
    },
    /// A width that weights cannot have.
    #[error("weight_bits must be 2 to 8, found {found}")]
    WeightBits {
        /// What was given.
        found: u32,
    },
    /// A width that activations cannot have.
    #[error("activation_bits must be 4 to 16, found {found}")]
    ActivationBits {
        /// What was given.
        found: u32,
    },
    /// A width that products cannot have.
    #[error("product_bits must be 4 to 24, found {found}")]
    ProductBits {
        /// What was given.
        found: u32,
    },
    /// A multiplier width that makes no sense.
    #[error("multiplier_bits must be 6 to 24, found {found}")]
    MultiplierBits {
        /// What was given.
        found: u32,
    },
}

crate::debug_as_display!(QuantizeError);

impl QuantizeError {
    /// The node's operation has no integer form yet.
    pub(super) fn unsupported(quantizing: &dyn Quantizing, what: &'static str) -> Self {
        let layer = quantizing.node().name.clone();
        Self::Unsupported { layer, what }
    }
}

/// No multiplier fits between the field's range and the wanted precision.
#[derive(Clone, PartialEq, thiserror::Error)]
#[error(
    "`{layer}`: no shift fits: factor {factor:.3e} needs a shift of {needed} or more for a multiplier of at least 1, \
     but an accumulator up to {accumulator} and a table of {domain_bits} bits allow {allowed} at most"
)]
pub struct ShiftError {
    /// Name of the layer.
    pub layer: String,
    /// Smallest real factor.
    pub factor: f64,
    /// Least shift that leaves no multiplier 0.
    pub needed: u32,
    /// Largest shift without wrapping.
    pub allowed: u32,
    /// Largest magnitude of the operand.
    pub accumulator: i128,
    /// Bits of the table's domain.
    pub domain_bits: u32,
}

crate::debug_as_display!(ShiftError);
