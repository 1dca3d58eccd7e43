//! From `Graph<Float>` and a calibration to `Graph<Int>`.
//!
//! With `real = scale * integer` on every edge:
//!
//! ```text
//! conv, linear    acc = sum w_q x_q + b_q          b_q = b / (s_x s_w)
//! rescale         q   = table(floor((acc m + 2^(s-1)) / 2^s)),   m 2^-s = M = s_x s_w / s_y, or nearly
//! average         acc = sum x_q,                   M = s_x / (k s_y) for k elements
//! residual sum    acc = c_1 x_1 + c_2 x_2,         c_i ~ s_i / s_acc, M = s_acc / s_y
//! ```
//!
//! A ReLU on an accumulator is the table of its rescale; a ReLU on an 8-bit edge is an exact identity rescale with that
//! table. A ReLU6 is the same table, whose largest value is at most 6. Max-pool runs on the 8-bit values. An accumulator
//! that is itself an output of the network (or only compared by an argmax) is not rescaled.
//!
//! Here the graph is built, with the scales of all activations; `settle.rs` then chooses what depends on all of it: shifts and
//! multipliers, and with them the scales of the weights.

use std::collections::HashSet;

use ndarray::ArrayD;

use super::calibrate::Calibration;
use super::quantized::Quantized;
use super::range::{self, RangeError};
use super::scale;
use super::shift::ShiftError;
use super::weights::{WeightScales, least_scales};
use crate::graph::{
    Float, FloatOp, Function, FunctionTable, Graph, GraphError, Int, IntFact, IntOp, IntParameter, Node,
    NodeId, Parameter, ParameterId, ParameterRole, Window2d,
};
use crate::optimize::circuit::CircuitOptions;
use crate::optimize::operation::{OperationOptions, per_channel_scales};

/// Choices of quantization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantizeOptions {
    /// Scales of weights; accumulators that are outputs always have one for the tensor.
    pub weight_scales: WeightScales,
    /// Bits of a weight, 2 to 8: weights lie in `[-(2^(bits-1) - 1), 2^(bits-1) - 1]`.
    pub weight_bits: u32,
    /// Bits of an activation and of the input, 4 to 8: likewise. What leaves a ReLU is not negative.
    pub activation_bits: u32,
    /// Significant bits of the largest multiplier of a rescale, 6 to 24.
    pub multiplier_bits: u32,
    /// Passes of the operation level.
    pub operation: OperationOptions,
    /// Passes of the circuit level; the network remembers them for its lowering.
    pub circuit: CircuitOptions,
}

impl QuantizeOptions {
    /// Bits that weights can have.
    pub const WEIGHT_BITS: core::ops::RangeInclusive<u32> = 2..=8;
    /// Bits that activations can have.
    pub const ACTIVATION_BITS: core::ops::RangeInclusive<u32> = 4..=8;

    /// Largest magnitude of a weight.
    pub(super) fn weight_limit(&self) -> i64 {
        largest(self.weight_bits)
    }

    /// Largest magnitude of an activation.
    pub(super) fn activation_limit(&self) -> i64 {
        largest(self.activation_bits)
    }

    /// These options without the pass of that name, of the operation or circuit level; `None` for an unknown name.
    pub fn without(mut self, pass: &str) -> Option<Self> {
        if pass == per_channel_scales::NAME {
            self.weight_scales = WeightScales::PerTensor;
        } else if let Some(switch) = self.operation.switch(pass) {
            *switch = false;
        } else {
            *self.circuit.switch(pass)? = false;
        }
        Some(self)
    }
}

/// The largest integer of that many bits whose negative has as many.
fn largest(bits: u32) -> i64 {
    (1 << (bits - 1)) - 1
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            weight_scales: WeightScales::PerChannel,
            weight_bits: 8,
            activation_bits: 8,
            multiplier_bits: 12,
            operation: OperationOptions::default(),
            circuit: CircuitOptions::default(),
        }
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
    #[error("`{layer}`: batch normalizations must be folded before quantization (optimize::model::optimize)")]
    BatchNorm {
        /// Name of the node.
        layer: String,
    },
    /// An argmax whose result is computed with.
    #[error("`{layer}`: an index cannot be used as an activation")]
    IndexOperand {
        /// Name of the node that uses it.
        layer: String,
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
    #[error("activation_bits must be 4 to 8, found {found}")]
    ActivationBits {
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

/// Quantizes a network whose batch normalizations are folded.
///
/// # Errors
/// See [`QuantizeError`]; every error names the layer or parameter.
pub fn quantize(
    graph: &Graph<Float>,
    calibration: &Calibration,
    options: &QuantizeOptions,
) -> Result<Quantized, QuantizeError> {
    let _span = tracing::info_span!("quantize").entered();
    graph.validate()?;
    if !calibration.fits(graph) {
        return Err(QuantizeError::OtherGraph);
    }
    if !QuantizeOptions::WEIGHT_BITS.contains(&options.weight_bits) {
        return Err(QuantizeError::WeightBits {
            found: options.weight_bits,
        });
    }
    if !QuantizeOptions::ACTIVATION_BITS.contains(&options.activation_bits) {
        return Err(QuantizeError::ActivationBits {
            found: options.activation_bits,
        });
    }
    if !(6..=24).contains(&options.multiplier_bits) {
        return Err(QuantizeError::MultiplierBits {
            found: options.multiplier_bits,
        });
    }
    for parameter in &graph.parameters {
        if let Some((index, &value)) = parameter.values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(QuantizeError::NotFinite {
                path: parameter.path.clone(),
                index,
                value,
            });
        }
    }
    let mut lowering = Lowering {
        float: graph,
        calibration,
        options,
        scales: scale::activation_scales(
            graph,
            calibration,
            options.activation_limit(),
            options.operation.concat_scales,
        ),
        kept: scale::kept_accumulators(graph),
        nodes: Graph {
            nodes: Vec::new(),
            input: NodeId(0),
            outputs: Vec::new(),
            parameters: Vec::new(),
        },
        names: graph.nodes.iter().map(|node| node.name.clone()).collect(),
        accumulators: vec![None; graph.nodes.len()],
        activations: vec![None; graph.nodes.len()],
        rescales: Vec::new(),
        weighted: Vec::new(),
        sums: Vec::new(),
    };
    for index in 0..graph.nodes.len() {
        lowering.node(NodeId(index))?;
    }
    lowering.settle()
}

/// An exact accumulator with one scale, or one per index along `axis`.
#[derive(Debug, Clone)]
pub(super) struct Accumulator {
    pub(super) node: NodeId,
    pub(super) scales: Vec<f64>,
    pub(super) axis: usize,
}

/// An 8-bit edge (or an index, with scale 1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Activation {
    pub(super) node: NodeId,
    pub(super) scale: f64,
}

/// A rescale whose multipliers are still to be chosen.
#[derive(Debug)]
pub(super) struct PendingRescale {
    pub(super) node: NodeId,
    pub(super) factors: Vec<f64>,
    pub(super) identity: bool,
}

/// A convolution or linear layer whose weights are still to be quantized; until then the graph holds zeros.
#[derive(Debug)]
pub(super) struct PendingWeights {
    /// In the float graph.
    pub(super) source: NodeId,
    /// In the integer graph.
    pub(super) node: NodeId,
    pub(super) weight: ParameterId,
    pub(super) bias: Option<ParameterId>,
    pub(super) input_scale: f64,
    /// The least scales that the weights and biases fit.
    pub(super) scales: Vec<f64>,
}

/// A sum of operands of different scales, whose coefficients may still be chosen.
#[derive(Debug)]
pub(super) struct PendingSum {
    /// In the float graph.
    pub(super) source: NodeId,
    /// In the integer graph.
    pub(super) node: NodeId,
    /// Of the operands.
    pub(super) scales: Vec<f64>,
}

/// The graph as it is built, operation by operation.
pub(super) struct Lowering<'a> {
    pub(super) float: &'a Graph<Float>,
    calibration: &'a Calibration,
    pub(super) options: &'a QuantizeOptions,
    scales: Vec<f64>,
    kept: Vec<bool>,
    pub(super) nodes: Graph<Int>,
    names: HashSet<String>,
    pub(super) accumulators: Vec<Option<Accumulator>>,
    pub(super) activations: Vec<Option<Activation>>,
    pub(super) rescales: Vec<PendingRescale>,
    pub(super) weighted: Vec<PendingWeights>,
    pub(super) sums: Vec<PendingSum>,
}

impl Lowering<'_> {
    fn node(&mut self, id: NodeId) -> Result<(), QuantizeError> {
        let float = self.float;
        let node = &float[id];
        let operand = node.inputs.first().copied().unwrap_or(id);
        for input in &node.inputs {
            if matches!(float[*input].op, FloatOp::Argmax { .. }) {
                return Err(QuantizeError::IndexOperand {
                    layer: node.name.clone(),
                });
            }
        }
        let name = node.name.clone();
        match &node.op {
            FloatOp::Input => {
                let scale = self.scales[id.0];
                let limit = self.options.activation_limit();
                let range = (-limit, limit);
                let fact = IntFact {
                    shape: node.fact.clone(),
                    range,
                    scale,
                };
                self.nodes.nodes.push(Node {
                    name,
                    op: IntOp::Input,
                    inputs: Vec::new(),
                    fact,
                });
                self.nodes.input = NodeId(self.nodes.nodes.len() - 1);
                self.activations[id.0] = Some(Activation {
                    node: self.nodes.input,
                    scale,
                });
            }
            FloatOp::Conv2d {
                weight,
                bias,
                window,
                groups,
            } => {
                let op = |weight, bias| IntOp::Conv2d {
                    weight,
                    bias,
                    window: *window,
                    groups: *groups,
                };
                self.weighted(id, operand, (*weight, *bias), op, 1)?;
            }
            FloatOp::Linear { weight, bias } => {
                let axis = node.fact.len().saturating_sub(1);
                let op = |weight, bias| IntOp::Linear { weight, bias };
                self.weighted(id, operand, (*weight, *bias), op, axis)?;
            }
            FloatOp::BatchNorm { .. } => return Err(QuantizeError::BatchNorm { layer: name }),
            FloatOp::AvgPool2d { window } => self.average(id, operand, *window)?,
            FloatOp::GlobalAvgPool2d => {
                let shape = &float[operand].fact;
                let kernel = [shape[2], shape[3]];
                let window = Window2d {
                    kernel,
                    stride: [1, 1],
                    padding: [0, 0],
                    dilation: [1, 1],
                };
                self.average(id, operand, window)?;
            }
            FloatOp::Add => {
                let operands = node
                    .inputs
                    .iter()
                    .map(|id| self.activation(*id))
                    .collect::<Result<Vec<_>, _>>()?;
                let scales: Vec<f64> = operands.iter().map(|x| x.scale).collect();
                let (coefficients, scale) = coefficients(&scales);
                let inputs = operands.iter().map(|x| x.node).collect();
                let equal = coefficients.iter().all(|c| *c == 1);
                let op = IntOp::WeightedSum { coefficients };
                let node = self.accumulate(id, op, inputs, vec![scale], 0)?;
                if !equal {
                    let source = id;
                    self.sums.push(PendingSum { source, node, scales });
                }
            }
            FloatOp::Relu => self.rectify(id, operand, f64::INFINITY)?,
            FloatOp::Relu6 => self.rectify(id, operand, 6.0)?,
            FloatOp::Reshape => self.pass(id, operand, IntOp::Reshape)?,
            FloatOp::Permute { order } => self.pass(id, operand, IntOp::Permute { order: order.clone() })?,
            FloatOp::Pad { amounts } => self.pass(
                id,
                operand,
                IntOp::Pad {
                    amounts: amounts.clone(),
                },
            )?,
            FloatOp::MaxPool2d { window } => self.pass(id, operand, IntOp::MaxPool2d { window: *window })?,
            FloatOp::Concat { axis } => self.concat(id, *axis)?,
            FloatOp::Argmax { axis } => {
                let operand = match &self.accumulators[operand.0] {
                    Some(accumulator) => accumulator.node,
                    None => self.activation(operand)?.node,
                };
                let op = IntOp::Argmax { axis: *axis };
                let node = self.push(name, op, vec![operand], node.fact.clone(), 1.0)?;
                self.activations[id.0] = Some(Activation { node, scale: 1.0 });
            }
        }
        Ok(())
    }

    /// Appends a node; its range follows from its operands.
    fn push(
        &mut self,
        name: String,
        op: IntOp,
        inputs: Vec<NodeId>,
        shape: Vec<usize>,
        scale: f64,
    ) -> Result<NodeId, QuantizeError> {
        let id = NodeId(self.nodes.nodes.len());
        // Until its multipliers are chosen, all that is known of a rescale is its table.
        let table = if let IntOp::Rescale { table, .. } = &op {
            Some(*table)
        } else {
            None
        };
        let fact = IntFact {
            shape,
            range: (0, 0),
            scale,
        };
        self.nodes.nodes.push(Node {
            name,
            op,
            inputs,
            fact,
        });
        let range = match table {
            Some(table) => (table.minimum, table.maximum),
            None => range::node_range(&self.nodes, id)?,
        };
        self.nodes.nodes[id.0].fact.range = range;
        Ok(id)
    }

    fn accumulate(
        &mut self,
        id: NodeId,
        op: IntOp,
        inputs: Vec<NodeId>,
        scales: Vec<f64>,
        axis: usize,
    ) -> Result<NodeId, QuantizeError> {
        let (name, shape) = (self.float[id].name.clone(), self.float[id].fact.clone());
        let node = self.push(name, op, inputs, shape, scales.first().copied().unwrap_or(1.0))?;
        self.accumulators[id.0] = Some(Accumulator { node, scales, axis });
        Ok(node)
    }

    fn average(&mut self, id: NodeId, operand: NodeId, window: Window2d) -> Result<(), QuantizeError> {
        let x = self.activation(operand)?;
        let scale = x.scale / (window.kernel[0] * window.kernel[1]) as f64;
        self.accumulate(id, IntOp::SumPool2d { window }, vec![x.node], vec![scale], 0)?;
        Ok(())
    }

    /// `min(max(x, 0), largest)`: the table of the operand's rescale, or of an exact one.
    fn rectify(&mut self, id: NodeId, operand: NodeId, largest: f64) -> Result<(), QuantizeError> {
        let name = self.float[id].name.clone();
        let fused = self.accumulators[operand.0].clone();
        let fused = fused.filter(|_| self.options.operation.activation_fusion);
        let (accumulator, scale) = match fused {
            Some(accumulator) => (accumulator, self.scales[id.0]),
            None => {
                let x = self.activation(operand)?;
                let accumulator = Accumulator {
                    node: x.node,
                    scales: vec![x.scale],
                    axis: 0,
                };
                (accumulator, x.scale)
            }
        };
        // As calibrated, the largest integer is no more than the bound: its clamp is that of the operation.
        let limit = self.options.activation_limit();
        let maximum = ((largest / scale).round_ties_even() as i64).clamp(1, limit);
        let table = (Function::Relu, maximum);
        self.activations[id.0] = Some(self.rescale(operand, &accumulator, scale, table, name)?);
        Ok(())
    }

    /// An operation that moves values: on the accumulator when that is wanted, else on the 8-bit value.
    fn pass(&mut self, id: NodeId, operand: NodeId, op: IntOp) -> Result<(), QuantizeError> {
        let (name, shape) = (self.float[id].name.clone(), self.float[id].fact.clone());
        let moves = matches!(op, IntOp::Reshape | IntOp::Permute { .. });
        match self.accumulators[operand.0].clone() {
            Some(accumulator) if moves && self.kept[id.0] => {
                let scale = accumulator.scales[0];
                let node = self.push(name, op, vec![accumulator.node], shape, scale)?;
                self.accumulators[id.0] = Some(Accumulator {
                    node,
                    scales: vec![scale],
                    axis: 0,
                });
            }
            _ => {
                let x = self.activation(operand)?;
                let node = self.push(name, op, vec![x.node], shape, x.scale)?;
                self.activations[id.0] = Some(Activation { node, scale: x.scale });
            }
        }
        Ok(())
    }

    fn concat(&mut self, id: NodeId, axis: usize) -> Result<(), QuantizeError> {
        let float = self.float;
        let node = &float[id];
        let scale = self.scales[id.0];
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for (number, &operand) in node.inputs.iter().enumerate() {
            let x = self.activation(operand)?;
            if (x.scale / scale - 1.0).abs() < 1e-9 {
                inputs.push(x.node);
                continue;
            }
            let accumulator = Accumulator {
                node: x.node,
                scales: vec![x.scale],
                axis: 0,
            };
            let name = self.unique(format!("{}.rescale{number}", node.name));
            inputs.push(
                self.rescale(operand, &accumulator, scale, self.identity(), name)?
                    .node,
            );
        }
        let node = self.push(
            node.name.clone(),
            IntOp::Concat { axis },
            inputs,
            node.fact.clone(),
            scale,
        )?;
        self.activations[id.0] = Some(Activation { node, scale });
        Ok(())
    }

    /// The 8-bit value of a node, rescaling its accumulator when that was not done yet.
    pub(super) fn activation(&mut self, id: NodeId) -> Result<Activation, QuantizeError> {
        if let Some(activation) = self.activations[id.0] {
            return Ok(activation);
        }
        let name = &self.float[id].name;
        // Operands come before their users, so one of the two is there.
        let accumulator = self.accumulators[id.0].clone().ok_or_else(|| GraphError::Order {
            node: name.clone(),
            operand: id.0,
        })?;
        let name = self.unique(format!("{name}.rescale"));
        let activation = self.rescale(id, &accumulator, self.scales[id.0], self.identity(), name)?;
        self.activations[id.0] = Some(activation);
        Ok(activation)
    }

    /// Appends `table(round(acc * M))`, where `acc` has the value of the float node `source`. The table is given by its
    /// function and its largest value.
    fn rescale(
        &mut self,
        source: NodeId,
        accumulator: &Accumulator,
        scale: f64,
        (function, maximum): (Function, i64),
        name: String,
    ) -> Result<Activation, QuantizeError> {
        let factors: Vec<f64> = accumulator.scales.iter().map(|s| s / scale).collect();
        let identity = factors.iter().all(|factor| *factor == 1.0);
        let largest = self.calibration.largest(source).unwrap_or(0.0) / scale;
        let minimum = match function {
            Function::Identity => -self.options.activation_limit(),
            Function::Relu => 0,
        };
        let table = FunctionTable {
            function,
            domain_bits: domain_bits(largest),
            minimum,
            maximum,
        };
        let axis = accumulator.axis;
        let op = IntOp::Rescale {
            multipliers: vec![1; factors.len()],
            axis,
            shift: 1,
            table,
        };
        let shape = self.nodes[accumulator.node].fact.shape.clone();
        let node = self.push(name, op, vec![accumulator.node], shape, scale)?;
        self.rescales.push(PendingRescale {
            node,
            factors,
            identity,
        });
        Ok(Activation { node, scale })
    }

    /// A convolution or linear layer, with the least scales of its weights; which they get is chosen at the end.
    fn weighted(
        &mut self,
        id: NodeId,
        operand: NodeId,
        (weight, bias): (ParameterId, Option<ParameterId>),
        op: impl Fn(ParameterId, Option<ParameterId>) -> IntOp,
        axis: usize,
    ) -> Result<(), QuantizeError> {
        let x = self.activation(operand)?;
        let float = self.float;
        let wanted = if self.kept[id.0] {
            WeightScales::PerTensor
        } else {
            self.options.weight_scales
        };
        let bias_values = bias.map(|bias| &float[bias].values);
        let limit = self.options.weight_limit();
        let scales = least_scales(&float[weight].values, bias_values, x.scale, wanted, limit);
        let mut zeros = |parameter: ParameterId, role| {
            let Parameter { path, values } = &float[parameter];
            self.nodes.parameters.push(IntParameter {
                path: path.clone(),
                role,
                values: ArrayD::zeros(values.shape()).into(),
            });
            ParameterId(self.nodes.parameters.len() - 1)
        };
        let op = op(
            zeros(weight, ParameterRole::Weight),
            bias.map(|bias| zeros(bias, ParameterRole::Bias)),
        );
        let accumulated = scales.iter().map(|scale| scale * x.scale).collect();
        let node = self.accumulate(id, op, vec![x.node], accumulated, axis)?;
        self.weighted.push(PendingWeights {
            source: id,
            node,
            weight,
            bias,
            input_scale: x.scale,
            scales,
        });
        Ok(())
    }

    /// The function and the largest value of a rescale that only rounds.
    fn identity(&self) -> (Function, i64) {
        (Function::Identity, self.options.activation_limit())
    }

    fn unique(&mut self, mut name: String) -> String {
        while !self.names.insert(name.clone()) {
            name.push('\'');
        }
        name
    }
}

/// Bits of a table's domain `[-2^bits, 2^bits)`: four times the largest value expected, 9 to 16.
fn domain_bits(largest: f64) -> u32 {
    (9..16)
        .find(|bits| f64::from(1u32 << bits) >= 4.0 * largest)
        .unwrap_or(16)
}

/// Integers proportional to the scales, at least 2^11 each unless they are equal, and the scale of the sum.
fn coefficients(scales: &[f64]) -> (Vec<i64>, f64) {
    let (least, most) = scales
        .iter()
        .fold((f64::INFINITY, 0.0f64), |(l, m), s| (l.min(*s), m.max(*s)));
    if most / least - 1.0 < 1.0 / 8192.0 {
        return (vec![1; scales.len()], most);
    }
    // An operand more than 2^10 times finer than the other contributes less than its rounding.
    let spread = (most / least).log2().ceil().clamp(0.0, 10.0) as i32;
    let unit = most / 2f64.powi(11 + spread);
    (
        scales
            .iter()
            .map(|scale| (scale / unit).round_ties_even().max(1.0) as i64)
            .collect(),
        unit,
    )
}
