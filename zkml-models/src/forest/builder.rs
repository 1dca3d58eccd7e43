//! Builds the integer network of a forest ([`super::network`]).

use ndarray::ArrayD;
use zkml_core::circuit::{Custom, Function, FunctionTable};
use zkml_core::graph::{
    ChannelScales, Graph, IntFact, IntParameter, Node, NodeId, Operation, ParameterId, ParameterRole,
    Window2d,
};
use zkml_core::ops::{
    self, Argmax, Conv2d, Int, IntOp, Linear, Narrow, Rescale, Reshape, WeightedSum, node_range,
};
use zkml_core::optimize::Switches;
use zkml_core::quant::{Quantized, Record};

use super::grid::Grid;
use super::{FEATURES, FEATURES_OR_MISSING, Forest, ForestError, ForestOptions, Task, Tree, TreeNode};

/// Bits of a remainder limb, and of both shifts.
const LIMB_BITS: u32 = 8;
/// The base of a leaf's two digits, each in `[-127, 127]`.
const BASE: i64 = 255;
/// The largest integer of a leaf.
const LARGEST_LEAF: f64 = (127 * BASE + 127) as f64;
/// The largest integer of a base score, well within a bias.
const LARGEST_BASE: f64 = (1u32 << 30) as f64;
/// Weights that the network may have.
const MAXIMUM_WEIGHTS: u64 = 1 << 26;

/// Builds the network.
pub(super) struct Builder<'a> {
    forest: &'a Forest,
    grids: &'a [Grid],
    options: &'a ForestOptions,
    graph: Graph<Int>,
    /// Splits and leaves of the largest tree.
    splits: usize,
    leaves: usize,
    depth: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        forest: &'a Forest,
        grids: &'a [Grid],
        options: &'a ForestOptions,
    ) -> Result<Self, ForestError> {
        let splits = forest.trees.iter().map(Tree::splits).max().unwrap_or(0).max(1);
        let leaves = forest.trees.iter().map(Tree::leaves).max().unwrap_or(0).max(1);
        let (trees, inputs) = (forest.trees.len().max(1) as u64, inputs(forest, options) as u64);
        let (wide_splits, wide_leaves) = (splits as u64, leaves as u64);
        let weights = trees * wide_splits * inputs
            + trees * wide_splits * wide_leaves
            + 2 * forest.targets() as u64 * trees * wide_leaves;
        if weights > MAXIMUM_WEIGHTS {
            return Err(ForestError::TooLarge {
                what: "weights (trees x splits of the largest tree x (features + leaves of the largest tree))",
                limit: MAXIMUM_WEIGHTS,
                found: weights,
            });
        }
        Ok(Self {
            forest,
            grids,
            options,
            graph: Graph {
                nodes: Vec::new(),
                input: NodeId(0),
                outputs: Vec::new(),
                parameters: Vec::new(),
            },
            splits,
            leaves,
            depth: forest
                .trees
                .iter()
                .map(|tree| paths(tree).iter().map(Vec::len).max().unwrap_or(0))
                .max()
                .unwrap_or(0),
        })
    }

    fn node(
        &mut self,
        name: &str,
        op: impl Into<IntOp>,
        operands: &[NodeId],
        shape: &[usize],
    ) -> Result<NodeId, ForestError> {
        let (op, id) = (op.into(), NodeId(self.graph.nodes.len()));
        let half = 1i64 << (self.options.feature_bits - 1);
        let range = if op.is_input() { (-half, half - 1) } else { (0, 0) };
        self.graph.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs: operands.to_vec(),
            fact: IntFact {
                shape: shape.to_vec(),
                range,
                scale: 1.0,
            },
        });
        if !self.graph.nodes[id.0].op.is_input() {
            self.graph.nodes[id.0].fact.range = node_range(&self.graph, id)?;
        }
        Ok(id)
    }

    fn parameter(
        &mut self,
        path: &str,
        role: ParameterRole,
        shape: &[usize],
        values: Vec<i32>,
    ) -> ParameterId {
        // As many values as the shape says.
        let values = ArrayD::from_shape_vec(shape, values).unwrap_or_default();
        self.graph.parameters.push(IntParameter {
            path: path.to_owned(),
            role,
            values: values.into(),
        });
        ParameterId(self.graph.parameters.len() - 1)
    }

    /// `[v >= 0]`
    fn step(&self) -> FunctionTable {
        let reach = self.options.feature_bits + u32::from(self.options.missing) - LIMB_BITS;
        let deep = usize::BITS - self.depth.leading_zeros();
        let domain_bits = reach.max(deep).max(2);
        let entries = (-(1i64 << domain_bits)..1i64 << domain_bits).map(|v| i64::from(v >= 0));
        FunctionTable {
            function: Function::Custom(Custom::new(entries.collect())),
            domain_bits,
            minimum: 0,
            maximum: 1,
        }
    }

    fn rescale(&self, multiplier: i64) -> Rescale {
        Rescale {
            multipliers: vec![multiplier],
            axis: 0,
            shift: LIMB_BITS,
            table: self.step(),
        }
    }

    pub(super) fn finish(mut self) -> Result<Quantized, ForestError> {
        let (batch, trees, targets) = (
            self.options.batch,
            self.forest.trees.len().max(1),
            self.forest.targets(),
        );
        let (inputs, splits, leaves) = (
            inputs(self.forest, self.options),
            trees * self.splits,
            trees * self.leaves,
        );
        let name = match self.options.missing {
            true => FEATURES_OR_MISSING,
            false => FEATURES,
        };
        let x = self.node(name, ops::Input, &[], &[batch, inputs])?;
        self.graph.input = x;

        let (weight, bias) = self.comparisons(inputs);
        let weight = self.parameter("splits.feature", ParameterRole::Weight, &[splits, inputs], weight);
        let bias = Some(self.parameter("splits.threshold", ParameterRole::Bias, &[splits], bias));
        let compared = self.node("splits", Linear { weight, bias }, &[x], &[batch, splits])?;
        let right = self.node("splits.right", self.rescale(1), &[compared], &[batch, splits])?;

        let channels = self.node("splits.channels", Reshape, &[right], &[batch, splits, 1, 1])?;
        let (weight, bias) = self.paths();
        let weight = self.parameter(
            "leaves.path",
            ParameterRole::Weight,
            &[leaves, self.splits, 1, 1],
            weight,
        );
        let bias = Some(self.parameter("leaves.rights", ParameterRole::Bias, &[leaves], bias));
        let counted = Conv2d {
            weight,
            bias,
            window: Window2d::new([1; 2], [1; 2], [0; 2], [1; 2]),
            groups: trees,
        };
        let counted = self.node("leaves", counted, &[channels], &[batch, leaves, 1, 1])?;
        let reached = self.rescale(1 << LIMB_BITS);
        let reached = self.node("leaves.reached", reached, &[counted], &[batch, leaves, 1, 1])?;
        let reached = self.node("leaves.row", Reshape, &[reached], &[batch, leaves])?;

        let (weight, bias, scale) = self.leaf_digits();
        let weight = self.parameter(
            "leaves.digits",
            ParameterRole::Weight,
            &[2 * targets, leaves],
            weight,
        );
        let bias = Some(self.parameter("base_score", ParameterRole::Bias, &[2 * targets], bias));
        let digits = self.node(
            "digits",
            Linear { weight, bias },
            &[reached],
            &[batch, 2 * targets],
        )?;
        let half = |start| Narrow {
            axis: 1,
            start,
            length: targets,
        };
        let high = self.node("digits.high", half(0), &[digits], &[batch, targets])?;
        let low = self.node("digits.low", half(targets), &[digits], &[batch, targets])?;
        let sum = WeightedSum {
            coefficients: vec![BASE, 1],
        };
        let margins = self.node("margins", sum, &[high, low], &[batch, targets])?;
        self.graph.nodes[margins.0].fact.scale = scale;
        self.graph.outputs.push(margins);
        let mut output_scales = vec![ChannelScales::one(scale)];
        if self.forest.task == Task::Classes {
            let class = self.node("class", Argmax { axis: 1 }, &[margins], &[batch])?;
            self.graph.outputs.push(class);
            output_scales.push(ChannelScales::one(1.0));
        }
        self.graph.validate()?;
        ops::check(&self.graph)?;
        Ok(Quantized {
            input_scales: vec![self.input_scales()],
            output_scales,
            limb_bits: LIMB_BITS,
            correspondence: Vec::new(),
            graph: self.graph,
            lowering: Switches::default(),
            sizing: Default::default(),
            record: Record::default(),
        })
    }

    fn input_scales(&self) -> ChannelScales {
        let flag = Grid {
            step: 1.0 / f64::from((1u32 << (self.options.feature_bits - 1)) - 1),
            offset: 0.0,
            seen: Vec::new(),
        };
        let flags = self.grids.iter().filter(|_| self.options.missing).map(|_| &flag);
        let grids: Vec<&Grid> = self.grids.iter().chain(flags).collect();
        ChannelScales {
            axes: vec![1],
            scales: grids.iter().map(|grid| grid.step).collect(),
            offsets: grids.iter().map(|grid| grid.offset).collect(),
        }
    }

    /// Weights and thresholds of all splits, tree by tree, filled up to the largest tree.
    fn comparisons(&self, inputs: usize) -> (Vec<i32>, Vec<i32>) {
        let half = 1i64 << (LIMB_BITS - 1);
        let splits = self.forest.trees.len().max(1) * self.splits;
        let (mut weight, mut bias) = (vec![0; splits * inputs], vec![0; splits]);
        for (number, tree) in self.forest.trees.iter().enumerate() {
            let nodes = tree.nodes.iter().filter_map(|node| match node {
                TreeNode::Split {
                    feature,
                    threshold,
                    default_left,
                    ..
                } => Some((*feature, *threshold, *default_left)),
                TreeNode::Leaf { .. } => None,
            });
            for (index, (feature, threshold, default_left)) in nodes.enumerate() {
                let row = number * self.splits + index;
                weight[row * inputs + feature] = 1;
                if self.options.missing {
                    // A flag is as large as half of the range, so that twice of it exceeds every threshold.
                    let flag = &mut weight[row * inputs + self.forest.features + feature];
                    *flag = if default_left { -2 } else { 2 };
                }
                // Within the range of a feature, hence of 32 bits.
                bias[row] = (-self.grids[feature].threshold(threshold) - half) as i32;
            }
        }
        (weight, bias)
    }

    /// For each leaf of each tree: 1 for a split that it lies to the right of, -1 for one that it lies to the left of.
    fn paths(&self) -> (Vec<i32>, Vec<i32>) {
        let leaves = self.forest.trees.len().max(1) * self.leaves;
        // A leaf that no tree has is reached by nobody.
        let (mut weight, mut bias) = (vec![0; leaves * self.splits], vec![-1; leaves]);
        for (number, tree) in self.forest.trees.iter().enumerate() {
            for (index, path) in paths(tree).iter().enumerate() {
                let row = number * self.leaves + index;
                bias[row] = 0;
                for &(split, right) in path {
                    weight[row * self.splits + split] = if right { 1 } else { -1 };
                    bias[row] -= i32::from(right);
                }
            }
        }
        (weight, bias)
    }

    /// Two digits of each leaf for each target, the base scores, and the step of both.
    fn leaf_digits(&self) -> (Vec<i32>, Vec<i32>, f64) {
        let targets = self.forest.targets();
        let values = self.forest.trees.iter().flat_map(leaf_values);
        let largest = values
            .flat_map(|(_, values)| values)
            .fold(0.0f64, |most, value| most.max(f64::from(value.abs())));
        let base = self
            .forest
            .base
            .iter()
            .fold(0.0f64, |most, base| most.max(base.abs()));
        let step = (largest / LARGEST_LEAF).max(base / LARGEST_BASE);
        let step = if step > 0.0 { step } else { 1.0 };
        let columns = self.forest.trees.len().max(1) * self.leaves;
        let (mut weight, mut bias) = (vec![0; 2 * targets * columns], vec![0; 2 * targets]);
        for (number, tree) in self.forest.trees.iter().enumerate() {
            for (index, (first, values)) in leaf_values(tree).enumerate() {
                for (target, value) in (first..).zip(values) {
                    let integer = (f64::from(*value) / step).round_ties_even() as i64;
                    let high = (integer as f64 / BASE as f64).round_ties_even() as i64;
                    let column = number * self.leaves + index;
                    weight[target * columns + column] = high as i32;
                    weight[(targets + target) * columns + column] = (integer - BASE * high) as i32;
                }
            }
        }
        for (low, base) in bias.iter_mut().skip(targets).zip(&self.forest.base) {
            *low = (base / step).round_ties_even() as i32;
        }
        (weight, bias, step)
    }
}

/// Numbers of a row, with those that say what is missing.
fn inputs(forest: &Forest, options: &ForestOptions) -> usize {
    forest.features * (1 + usize::from(options.missing))
}

fn leaf_values(tree: &Tree) -> impl Iterator<Item = (usize, &[f32])> {
    tree.nodes.iter().filter_map(|node| match node {
        TreeNode::Leaf { first, values } => Some((*first, values.as_slice())),
        TreeNode::Split { .. } => None,
    })
}

/// For each leaf in the order of the nodes: the splits above it, by number among the splits, and whether it lies to their
/// right.
fn paths(tree: &Tree) -> Vec<Vec<(usize, bool)>> {
    let mut above: Vec<Vec<(usize, bool)>> = vec![Vec::new(); tree.nodes.len()];
    let (mut split, mut leaves) = (0, Vec::new());
    // Children come after their parent.
    for (at, node) in tree.nodes.iter().enumerate() {
        let path = core::mem::take(&mut above[at]);
        match node {
            TreeNode::Leaf { .. } => leaves.push(path),
            TreeNode::Split { children, .. } => {
                for (child, right) in children.iter().zip([false, true]) {
                    above[*child] = path.iter().copied().chain([(split, right)]).collect();
                }
                split += 1;
            }
        }
    }
    leaves
}
