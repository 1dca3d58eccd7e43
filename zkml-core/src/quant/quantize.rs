//! From `Graph<Float>` and a calibration to `Graph<Int>`.
//!
//! A ReLU on an accumulator is the table of its rescale. A ReLU on an 8-bit edge is an identity rescale with that
//! table, which is exact. A ReLU6 is the same table, with a largest value of at most 6. Max-pool runs on the 8-bit
//! values. An accumulator that is an output, or that only an argmax compares, is not rescaled.
//!
//! The graph is built node by node. Each room says what its node becomes ([`Quantizing`](crate::ops::Quantizing),
//! implemented in `node.rs`), given the scales of all activations. After the last node `settle.rs` chooses shifts and
//! multipliers, and with them the scales of the weights: these depend on the whole graph.

use std::collections::{HashMap, HashSet};

use super::calibrate::Calibration;
use super::equalize::Equalized;
use super::measure;
use super::node::NodeQuantizer;
use super::options::QuantizeOptions;
use super::quantized::Quantized;
use super::ranges::Ranges;
use super::record::Record;
use super::scale;
use super::streams::{self, Steps};
use super::wide::Scales;
use super::widths::Widths;
use crate::circuit::{Function, FunctionTable};
use crate::execute::float::not_finite;
use crate::graph::{Graph, GraphError, IntFact, Node, NodeId, ParameterId};
use crate::ops::{
    Accumulator, Activation, Float, Int, IntOp, Properties, QuantizeError, Rescale, node_range,
};
use crate::optimize::operation::input_scales::{Leading, leading};

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
    check(graph, options)?;
    measure::best(graph, calibration, options)
}

/// The network with the method of calibration and the bits of another one, without running it on samples: for its size.
///
/// # Errors
/// As [`quantize`].
pub(crate) fn quantize_unmeasured(
    graph: &Graph<Float>,
    calibration: &Calibration,
    options: &QuantizeOptions,
    like: &Record,
) -> Result<Quantized, QuantizeError> {
    check(graph, options)?;
    let equalized = Equalized::new(graph, calibration, options);
    let widths = Widths::of_record(graph, options, like);
    let ranges = Ranges::new(&equalized.spreads, like.calibration.unwrap_or_default(), &widths);
    let mut network = build(&equalized, &ranges, options)?.network;
    network.record.equalized = equalized.changes;
    Ok(network)
}

/// A network, and what its tables are looked up for.
pub(super) struct Built {
    pub(super) network: Quantized,
    /// For the name of a node with a table: the node of the float graph that the argument is the value of, and the
    /// scale of the argument.
    pub(super) arguments: HashMap<String, (NodeId, f64)>,
    /// For each node of the float graph, the scale of its activation, if it has one.
    pub(super) steps: Vec<Option<f64>>,
}

/// The network with these sizes of its values.
pub(super) fn build(
    equalized: &Equalized<'_>,
    ranges: &Ranges<'_>,
    options: &QuantizeOptions,
) -> Result<Built, QuantizeError> {
    let graph = equalized.graph.as_ref();
    let mut quantizer = Quantizer {
        float: graph,
        equalized,
        leading: leading(graph, &options.switches),
        ranges,
        options,
        arguments: HashMap::new(),
        scales: scale::activation_scales(graph, ranges, options),
        kept: scale::kept_accumulators(graph, options),
        steps: match options.is_wide() {
            true => streams::steps(graph, ranges, options),
            false => vec![None; graph.nodes.len()],
        },
        streamed: vec![None; graph.nodes.len()],
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
        quantizer.node(NodeId(index))?;
    }
    quantizer.settle()
}

/// Checks that widths are in range and that parameters are finite.
fn check(graph: &Graph<Float>, options: &QuantizeOptions) -> Result<(), QuantizeError> {
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
    if !QuantizeOptions::PRODUCT_BITS.contains(&options.product_bits) {
        return Err(QuantizeError::ProductBits {
            found: options.product_bits,
        });
    }
    if !(6..=24).contains(&options.multiplier_bits) {
        return Err(QuantizeError::MultiplierBits {
            found: options.multiplier_bits,
        });
    }
    for parameter in &graph.parameters {
        let values = &parameter.values;
        if not_finite(values).is_some()
            && let Some((index, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite())
        {
            return Err(QuantizeError::NotFinite {
                path: parameter.path.clone(),
                index,
                value,
            });
        }
    }
    Ok(())
}

/// A rescale whose multipliers are still to be chosen.
#[derive(Debug)]
pub(super) struct PendingRescale {
    pub(super) node: NodeId,
    /// The scale of the table's arguments.
    pub(super) step: f64,
    pub(super) factors: Vec<f64>,
    pub(super) identity: bool,
}

/// A node with weights that are still to be quantized; until then the graph holds zeros.
#[derive(Debug)]
pub(super) struct PendingWeights {
    /// In the float graph.
    pub(super) source: NodeId,
    /// In the integer graph.
    pub(super) node: NodeId,
    pub(super) weight: ParameterId,
    pub(super) bias: Option<ParameterId>,
    pub(super) input_scale: f64,
    /// The scales of the weights, at which weights and biases fit.
    pub(super) scales: Vec<f64>,
    /// May they grow?
    pub(super) free: bool,
}

/// A sum of operands of different scales, whose coefficients may still be chosen.
#[derive(Debug)]
pub(super) struct PendingSum {
    /// In the float graph.
    pub(super) source: NodeId,
    /// In the integer graph.
    pub(super) node: NodeId,
    /// The scales of the operands.
    pub(super) scales: Vec<f64>,
}

/// The integer graph under construction, and what is known of each float node.
pub(super) struct Quantizer<'a> {
    pub(super) float: &'a Graph<Float>,
    pub(super) equalized: &'a Equalized<'a>,
    /// Affine maps behind inputs.
    pub(super) leading: Vec<Leading>,
    pub(super) ranges: &'a Ranges<'a>,
    /// See [`Built`].
    pub(super) arguments: HashMap<String, (NodeId, f64)>,
    pub(super) options: &'a QuantizeOptions,
    pub(super) scales: Vec<f64>,
    pub(super) kept: Vec<Option<scale::Kept>>,
    /// The steps of the channels of nodes in a residual stream.
    pub(super) steps: Vec<Option<Steps>>,
    /// The values of these nodes with these steps, once they are made.
    pub(super) streamed: Vec<Option<NodeId>>,
    pub(super) nodes: Graph<Int>,
    names: HashSet<String>,
    pub(super) accumulators: Vec<Option<Accumulator>>,
    pub(super) activations: Vec<Option<Activation>>,
    pub(super) rescales: Vec<PendingRescale>,
    pub(super) weighted: Vec<PendingWeights>,
    pub(super) sums: Vec<PendingSum>,
}

impl Quantizer<'_> {
    fn node(&mut self, id: NodeId) -> Result<(), QuantizeError> {
        let node = &self.float[id];
        for input in &node.inputs {
            if self.float[*input].op.room().has(Properties::INDEX) {
                return Err(QuantizeError::IndexOperand {
                    layer: node.name.clone(),
                });
            }
        }
        node.op
            .room()
            .quantize(&mut NodeQuantizer { quantizer: self, id })
    }

    /// Appends a node and derives its range from its operands.
    pub(super) fn push(
        &mut self,
        name: String,
        op: IntOp,
        inputs: Vec<NodeId>,
        shape: Vec<usize>,
        scale: f64,
    ) -> Result<NodeId, QuantizeError> {
        let id = NodeId(self.nodes.nodes.len());
        // The multipliers of a rescale are not chosen yet, so its range is that of its table.
        let table = match &op {
            IntOp::Rescale(rescale) => Some(rescale.table.clone()),
            _ => None,
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
            None => node_range(&self.nodes, id)?,
        };
        self.nodes.nodes[id.0].fact.range = range;
        Ok(id)
    }

    /// The value of a node as an activation. The first call rescales its accumulator.
    pub(super) fn activation(&mut self, id: NodeId) -> Result<Activation, QuantizeError> {
        if let Some(activation) = self.activations[id.0] {
            return Ok(activation);
        }
        if self.options.is_wide() {
            return self.wide_activation(id);
        }
        let name = &self.float[id].name;
        // Operands come before their users, so the node has an activation or an accumulator.
        let accumulator = self.accumulators[id.0].clone().ok_or_else(|| GraphError::Order {
            node: name.clone(),
            operand: id.0,
        })?;
        if accumulator.axes.len() > 1 {
            let activation = self.moved_activation(id, accumulator.node)?;
            self.activations[id.0] = Some(activation);
            return Ok(activation);
        }
        let name = self.unique(format!("{name}.rescale"));
        let activation = self.rescale(id, &accumulator, self.scales[id.0], self.identity(id), name)?;
        self.activations[id.0] = Some(activation);
        Ok(activation)
    }

    /// Appends `table(round(acc * M))`. `acc` has the value of the float node `source`, whose calibrated range gives
    /// the table's domain. The table is given by its function, which commutes with scales, and its largest value.
    pub(super) fn rescale(
        &mut self,
        source: NodeId,
        accumulator: &Accumulator,
        scale: f64,
        (function, maximum): (Function, i64),
        name: String,
    ) -> Result<Activation, QuantizeError> {
        if self.options.is_wide() && function == Function::Identity {
            let (target, bits) = (Scales::one(scale), self.options.activation_bits);
            let node = self.requantize(accumulator, &target, None, (name, bits))?;
            return Ok(Activation { node, scale });
        }
        let largest = self.ranges.largest(source) / scale;
        let minimum = match function {
            Function::Relu => 0,
            Function::Identity | Function::Curve(_) | Function::Custom(_) => -maximum,
        };
        let table = FunctionTable {
            function,
            domain_bits: match self.options.is_wide() {
                // The table's entries are its arguments, or less: none is clamped but by the function itself.
                true => self.options.activation_bits - 1,
                false => domain_bits(largest),
            },
            minimum,
            maximum,
        };
        self.rescale_to((source, scale, scale), accumulator, table, name)
    }

    /// Appends `table(round(acc * M))`. The table's arguments are the value of `source` at the scale `step`, its
    /// entries have the scale `scale`.
    pub(super) fn rescale_to(
        &mut self,
        (source, step, scale): (NodeId, f64, f64),
        accumulator: &Accumulator,
        table: FunctionTable,
        name: String,
    ) -> Result<Activation, QuantizeError> {
        let factors: Vec<f64> = accumulator.scales.iter().map(|s| s / step).collect();
        let identity = factors.iter().all(|factor| *factor == 1.0);
        let op = Rescale {
            multipliers: vec![1; factors.len()],
            axis: accumulator.axes.first().copied().unwrap_or(0),
            shift: 1,
            table,
        };
        let shape = self.nodes[accumulator.node].fact.shape.clone();
        self.arguments.insert(name.clone(), (source, step));
        let node = self.push(name, op.into(), vec![accumulator.node], shape, scale)?;
        self.rescales.push(PendingRescale {
            node,
            step,
            factors,
            identity,
        });
        Ok(Activation { node, scale })
    }

    /// The function and the largest value of a rescale that only rounds, to the integers of a node.
    pub(super) fn identity(&self, id: NodeId) -> (Function, i64) {
        (Function::Identity, self.ranges.limit(id))
    }

    pub(super) fn unique(&mut self, mut name: String) -> String {
        while !self.names.insert(name.clone()) {
            name.push('\'');
        }
        name
    }
}

/// Bits of a table's domain `[-2^bits, 2^bits)`: up to four times the largest value expected, 9 to 16. Example: 9 for
/// 127.
pub(super) fn domain_bits(largest: f64) -> u32 {
    (9..16)
        .find(|bits| f64::from(1u32 << bits) >= 4.0 * largest)
        .unwrap_or(16)
}
