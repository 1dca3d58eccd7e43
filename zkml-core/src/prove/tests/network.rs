//! Small integer networks for tests, built node by node with random weights.

use crate::ops;
use ndarray::ArrayD;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::circuit::{Function, FunctionTable};
use crate::graph::{Graph, IntFact, IntParameter, Node, NodeId, ParameterId, ParameterRole, Window2d};
use crate::keys::CompiledModel;
use crate::ops::range::{COMMITTED_BIAS_LIMIT, COMMITTED_WEIGHT_LIMIT};
use crate::ops::{Int, IntOp, node_range};
use crate::quant::Quantized;

/// A network under construction; nodes get shapes and ranges by the caller's formulae.
pub(crate) struct Network {
    pub(crate) graph: Graph<Int>,
    pub(crate) rng: StdRng,
    pub(crate) limb_bits: u32,
}

/// A square window.
pub(crate) fn window(kernel: usize, stride: usize, padding: usize) -> Window2d {
    Window2d {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
    }
}

impl Network {
    pub(crate) fn new(seed: u64, input: &[usize], range: (i64, i64)) -> Self {
        let graph = Graph {
            nodes: vec![],
            input: NodeId(0),
            outputs: vec![],
            parameters: vec![],
        };
        let mut network = Self {
            graph,
            rng: StdRng::seed_from_u64(seed),
            limb_bits: 8,
        };
        network.node("input", IntOp::Input(ops::Input), &[], input.to_vec(), range);
        network
    }

    pub(crate) fn node(
        &mut self,
        name: &str,
        op: IntOp,
        inputs: &[NodeId],
        shape: Vec<usize>,
        range: (i64, i64),
    ) -> NodeId {
        let fact = IntFact {
            shape,
            range,
            scale: 1.0,
        };
        self.graph.nodes.push(Node {
            name: name.into(),
            op,
            inputs: inputs.to_vec(),
            fact,
        });
        NodeId(self.graph.nodes.len() - 1)
    }

    /// A node with the range that the analysis finds.
    pub(crate) fn derived(&mut self, name: &str, op: IntOp, inputs: &[NodeId], shape: Vec<usize>) -> NodeId {
        let id = self.node(name, op, inputs, shape, (0, 0));
        self.graph.nodes[id.0].fact.range = node_range(&self.graph, id).expect("a range");
        id
    }

    pub(crate) fn shape(&self, id: NodeId) -> Vec<usize> {
        self.graph[id].fact.shape.clone()
    }

    fn magnitude(&self, id: NodeId) -> i64 {
        let (low, high) = self.graph[id].fact.range;
        low.abs().max(high.abs())
    }

    pub(crate) fn parameter(&mut self, path: String, role: ParameterRole, shape: &[usize]) -> ParameterId {
        let bound = match role {
            ParameterRole::Weight => 127,
            ParameterRole::Bias => 5000,
        };
        let values =
            ArrayD::from_shape_simple_fn(shape.to_vec(), || self.rng.gen_range(-bound..=bound)).into();
        self.graph.parameters.push(IntParameter { path, role, values });
        ParameterId(self.graph.parameters.len() - 1)
    }

    pub(crate) fn convolution(
        &mut self,
        name: &str,
        x: NodeId,
        out: usize,
        window: Window2d,
        groups: usize,
    ) -> NodeId {
        let shape = self.shape(x);
        let [height, width] = window.output([shape[2], shape[3]]).expect("window fits");
        let per_group = shape[1] / groups;
        let [kh, kw] = window.kernel;
        let weight = self.parameter(
            format!("{name}.weight"),
            ParameterRole::Weight,
            &[out, per_group, kh, kw],
        );
        let bias = self.parameter(format!("{name}.bias"), ParameterRole::Bias, &[out]);
        let bound =
            self.magnitude(x) * COMMITTED_WEIGHT_LIMIT * (per_group * kh * kw) as i64 + COMMITTED_BIAS_LIMIT;
        let op = IntOp::Conv2d(ops::Conv2d {
            weight,
            bias: Some(bias),
            window,
            groups,
        });
        self.node(
            name,
            op,
            &[x],
            vec![shape[0], out, height, width],
            (-bound, bound),
        )
    }

    /// A sum of tensors of one shape, each times its coefficient, in `[-bound, bound]`.
    pub(crate) fn weighted_sum(
        &mut self,
        name: &str,
        coefficients: &[i64],
        inputs: &[NodeId],
        bound: i64,
    ) -> NodeId {
        let coefficients = coefficients.to_vec();
        let op = IntOp::WeightedSum(ops::WeightedSum { coefficients });
        self.node(name, op, inputs, self.shape(inputs[0]), (-bound, bound))
    }

    pub(crate) fn linear(&mut self, name: &str, x: NodeId, out: usize, with_bias: bool) -> NodeId {
        let mut shape = self.shape(x);
        let inner = shape.pop().expect("rank");
        let weight = self.parameter(format!("{name}.weight"), ParameterRole::Weight, &[out, inner]);
        let bias = with_bias.then(|| self.parameter(format!("{name}.bias"), ParameterRole::Bias, &[out]));
        let bound = self.magnitude(x) * COMMITTED_WEIGHT_LIMIT * inner as i64 + COMMITTED_BIAS_LIMIT;
        shape.push(out);
        self.node(
            name,
            IntOp::Linear(ops::Linear { weight, bias }),
            &[x],
            shape,
            (-bound, bound),
        )
    }

    /// A rescale that brings random accumulators of `terms` products back to about int8.
    pub(crate) fn rescale(
        &mut self,
        name: &str,
        x: NodeId,
        function: Function,
        per_channel: Option<usize>,
    ) -> NodeId {
        let shape = self.shape(x);
        let count = per_channel.map_or(1, |axis| shape[axis]);
        // |acc| stays below about 127 * 127 * sqrt(terms): v below a few hundred for these multipliers.
        let multipliers = (0..count).map(|_| self.rng.gen_range(40..=120)).collect();
        let minimum = if function == Function::Relu { 0 } else { -127 };
        let table = FunctionTable {
            function,
            domain_bits: 12,
            minimum,
            maximum: 127,
        };
        let op = IntOp::Rescale(ops::Rescale {
            multipliers,
            axis: per_channel.unwrap_or(0),
            shift: 2 * self.limb_bits,
            table,
        });
        self.node(name, op, &[x], shape, (minimum, 127))
    }

    pub(crate) fn max_pool(&mut self, name: &str, x: NodeId, window: Window2d) -> NodeId {
        let shape = self.shape(x);
        let [height, width] = window.output([shape[2], shape[3]]).expect("window fits");
        let range = self.graph[x].fact.range;
        self.node(
            name,
            IntOp::MaxPool2d(ops::MaxPool2d { window }),
            &[x],
            vec![shape[0], shape[1], height, width],
            range,
        )
    }

    pub(crate) fn sum_pool(&mut self, name: &str, x: NodeId, window: Window2d) -> NodeId {
        let shape = self.shape(x);
        let [height, width] = window.output([shape[2], shape[3]]).expect("window fits");
        let bound = self.magnitude(x) * (window.kernel[0] * window.kernel[1]) as i64;
        self.node(
            name,
            IntOp::SumPool2d(ops::SumPool2d { window }),
            &[x],
            vec![shape[0], shape[1], height, width],
            (-bound, bound),
        )
    }

    pub(crate) fn flatten(&mut self, name: &str, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let range = self.graph[x].fact.range;
        self.node(
            name,
            IntOp::Reshape(ops::Reshape),
            &[x],
            vec![shape[0], shape[1..].iter().product()],
            range,
        )
    }

    pub(crate) fn argmax(&mut self, name: &str, x: NodeId, axis: usize) -> NodeId {
        let mut shape = self.shape(x);
        let size = shape.remove(axis);
        self.node(
            name,
            IntOp::Argmax(ops::Argmax { axis }),
            &[x],
            shape,
            (0, size as i64 - 1),
        )
    }

    /// The token of the last axis; it must be an output.
    pub(crate) fn greedy(&mut self, name: &str, x: NodeId, multipliers: Vec<i64>) -> NodeId {
        let mut shape = self.shape(x);
        let size = shape.pop().expect("rank");
        let op = ops::Greedy { multipliers };
        self.node(name, op.into(), &[x], shape, (0, size as i64 - 1))
    }

    pub(crate) fn finish(mut self, outputs: &[NodeId]) -> CompiledModel {
        self.graph.outputs = outputs.to_vec();
        let network = Quantized {
            input_scales: vec![crate::graph::ChannelScales::one(1.0); self.graph.inputs().count()],
            output_scales: vec![crate::graph::ChannelScales::one(1.0); outputs.len()],
            limb_bits: self.limb_bits,
            correspondence: vec![None; self.graph.nodes.len()],
            graph: self.graph,
            lowering: crate::optimize::Switches::default(),
            sizing: Default::default(),
            record: crate::quant::Record::default(),
        };
        CompiledModel::new("test", network).with_privacy(crate::privacy::Privacy::PUBLIC)
    }

    pub(crate) fn random_input(seed: u64, model: &CompiledModel) -> ArrayD<i64> {
        Self::random_inputs(seed, model).swap_remove(0)
    }

    /// For each input a tensor.
    pub(crate) fn random_inputs(seed: u64, model: &CompiledModel) -> Vec<ArrayD<i64>> {
        let graph = &model.network.graph;
        let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
        let facts = graph.inputs().map(|id| &graph[id].fact);
        facts
            .map(|fact| {
                ArrayD::from_shape_simple_fn(fact.shape.clone(), || {
                    rng.gen_range(fact.range.0..=fact.range.1)
                })
            })
            .collect()
    }
}
