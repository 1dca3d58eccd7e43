//! From a forest to the integer network that is proved.
//!
//! ```text
//! d = x[feature] - threshold            a linear layer: one weight of 1 in each row, the threshold is the bias
//! b = [d >= 0]                          a table of two values behind a rescale: 1 goes to the right
//! c = sum right b - sum left b - rights a layer for each tree: 0 for the leaf that is reached, less for the others
//! r = [c >= 0]                          the same table
//! y = 255 sum r high + sum r low        a linear layer: leaves have two digits
//! ```
//!
//! A feature is rounded to a grid whose step is a power of two, of so many bits that the range of the rows and thresholds
//! fits. A comparison is exact but for values that round to the same integer as the threshold (`Grid::threshold`).
//! Beyond the range a feature is clamped, which changes no comparison. Leaves are rounded to 1/65,024 of twice the largest one.
//!
//! With [`ForestOptions::missing`] a row has a second number for each feature, 1 where it is missing. It moves `d` to the
//! side of the default direction, whatever the threshold.

use ndarray::{Array2, ArrayD, Ix2};
use zkml_core::circuit::{Custom, Function, FunctionTable};
use zkml_core::execute::Executor;
use zkml_core::graph::{
    ChannelScales, Graph, IntFact, IntParameter, Node, NodeId, Operation, ParameterId, ParameterRole,
    Window2d,
};
use zkml_core::ops::{
    self, Argmax, Conv2d, Int, IntOp, Linear, Narrow, Rescale, Reshape, WeightedSum, node_range,
};
use zkml_core::optimize::Switches;
use zkml_core::quant::{
    AccuracyReport, ClassAccuracy, Clipping, Distance, OutputAccuracy, Quantized, Record,
};

use super::{Forest, ForestError, Task, Tree, TreeNode};

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

/// How a forest is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForestOptions {
    /// Rows of one proof; 1.
    pub batch: usize,
    /// Bits of a feature, 8 to 16; 16.
    pub feature_bits: u32,
    /// Whether rows may have missing values (NaN); no. They cost a second input for each feature.
    pub missing: bool,
}

impl Default for ForestOptions {
    fn default() -> Self {
        Self {
            batch: 1,
            feature_bits: 16,
            missing: false,
        }
    }
}

/// The integers of a feature, `x = step * integer + offset`, and the values that the rows have of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pub(super) step: f64,
    pub(super) offset: f64,
    /// In ascending order.
    pub(super) seen: Vec<f32>,
}

impl Grid {
    /// The finest power of two at which `low` to `high` have that many bits, with a little room.
    pub(super) fn of((low, high): (f64, f64), bits: u32, mut seen: Vec<f32>) -> Self {
        let span = (high - low)
            .max(low.abs().max(high.abs()) * libm::ldexp(1.0, -20))
            .max(libm::ldexp(1.0, -60));
        let steps = f64::from((1u32 << bits) - 4);
        let mut step = libm::ldexp(1.0, -80);
        while step * steps < span {
            step *= 2.0;
        }
        let offset = ((low + high) / 2.0 / step).round_ties_even() * step;
        seen.sort_unstable_by(f32::total_cmp);
        Self { step, offset, seen }
    }

    fn integer(&self, x: f32) -> i64 {
        ((f64::from(x) - self.offset) / self.step).round_ties_even() as i64
    }

    /// `x < threshold` becomes `integer < self.threshold(threshold)`. That is exact but for values that round to the
    /// same integer as the threshold: they all go where most of the rows' values among them go, or, if the rows have
    /// none, where the value on the grid goes.
    pub(super) fn threshold(&self, threshold: f32) -> i64 {
        let cell = self.integer(threshold);
        let first = self.seen.partition_point(|x| self.integer(*x) < cell);
        let end = self.seen.partition_point(|x| self.integer(*x) <= cell);
        let beside = self.seen.get(first..end).unwrap_or_default();
        let below = beside.iter().filter(|x| **x < threshold).count();
        let goes_left = match beside.len() {
            0 => cell as f64 * self.step + self.offset < f64::from(threshold),
            all => 2 * below > all,
        };
        cell + i64::from(goes_left)
    }
}

impl Forest {
    /// The integer network of the forest, and how close it is to the forest on these rows, arrays `[1, features]` (or
    /// `[batch, features]`) as they will be proved. Features outside of the range of the rows and of the thresholds are
    /// clamped.
    ///
    /// # Errors
    /// No rows, rows of another shape or with values that are not finite (NaN is a missing value, if the options allow
    /// it), bits out of range, a forest that is too large.
    pub fn compile(
        &self,
        rows: &[ArrayD<f32>],
        options: &ForestOptions,
    ) -> Result<(Quantized, AccuracyReport), ForestError> {
        if !(8..=16).contains(&options.feature_bits) {
            return Err(ForestError::Bits {
                found: options.feature_bits,
            });
        }
        let grids = self.grids(rows, options)?;
        let network = Builder::new(self, &grids, options)?.finish()?;
        let report = self.measure(&network, rows, options)?;
        Ok((network, report))
    }

    /// The input of a compiled network for rows of features, `[batch, features]`: the rows themselves or, with missing
    /// values (NaN), `[batch, 2 features]`, where the second half says which are missing.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn input(
        &self,
        network: &Quantized,
        rows: &ArrayD<f32>,
        options: &ForestOptions,
    ) -> Result<ArrayD<f32>, ForestError> {
        Ok(self.widened(network, &self.checked(0, rows, options)?, options))
    }

    fn checked(
        &self,
        number: usize,
        rows: &ArrayD<f32>,
        options: &ForestOptions,
    ) -> Result<Array2<f32>, ForestError> {
        let expected = [options.batch, self.features];
        let refused = |expected: String, found: String| ForestError::Row {
            row: number,
            expected,
            found,
        };
        if rows.shape() != expected {
            return Err(refused(
                format!("shape {expected:?}"),
                format!("{:?}", rows.shape()),
            ));
        }
        let bad = |value: &&f32| !(value.is_finite() || value.is_nan() && options.missing);
        if let Some(value) = rows.iter().find(bad) {
            let expected = match options.missing {
                true => "finite numbers, or NaN where a value is missing",
                false => "finite numbers (missing values need `ForestOptions { missing: true, .. }`)",
            };
            return Err(refused(expected.into(), value.to_string()));
        }
        let shape = format!("{:?}", rows.shape());
        let matrix = rows.view().into_dimensionality::<Ix2>();
        Ok(matrix.map_err(|_| refused("a matrix".into(), shape))?.to_owned())
    }

    fn widened(&self, network: &Quantized, rows: &Array2<f32>, options: &ForestOptions) -> ArrayD<f32> {
        if !options.missing {
            return rows.clone().into_dyn();
        }
        // A missing value stands in the middle of the feature's range, where its integer is 0.
        let offsets = network
            .input_scales
            .first()
            .map(|scales| scales.offsets.as_slice());
        let middle = |feature: usize| {
            offsets
                .and_then(|offsets| offsets.get(feature))
                .map_or(0.0, |x| *x as f32)
        };
        let value = |(row, column): (usize, usize)| match column.checked_sub(self.features) {
            None => match rows[(row, column)] {
                value if value.is_nan() => middle(column),
                value => value,
            },
            Some(feature) => f32::from(u8::from(rows[(row, feature)].is_nan())),
        };
        Array2::from_shape_fn((rows.nrows(), 2 * self.features), value).into_dyn()
    }

    /// A grid for each feature, from the rows and the thresholds.
    fn grids(&self, rows: &[ArrayD<f32>], options: &ForestOptions) -> Result<Vec<Grid>, ForestError> {
        if rows.is_empty() {
            return Err(ForestError::NoRows);
        }
        let mut seen: Vec<Vec<f32>> = vec![Vec::new(); self.features];
        for (number, rows) in rows.iter().enumerate() {
            for row in self.checked(number, rows, options)?.rows() {
                for (seen, value) in seen.iter_mut().zip(row).filter(|(_, value)| !value.is_nan()) {
                    seen.push(*value);
                }
            }
        }
        let mut thresholds: Vec<Vec<f32>> = vec![Vec::new(); self.features];
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            if let TreeNode::Split {
                feature, threshold, ..
            } = node
            {
                thresholds[*feature].push(*threshold);
            }
        }
        let grid = |(seen, thresholds): (Vec<f32>, Vec<f32>)| {
            let ends = seen.iter().chain(&thresholds).map(|value| f64::from(*value));
            let range = ends
                .map(|value| (value, value))
                .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            Grid::of(range.unwrap_or_default(), options.feature_bits, seen)
        };
        Ok(seen.into_iter().zip(thresholds).map(grid).collect())
    }

    /// Both on every row.
    fn measure(
        &self,
        network: &Quantized,
        rows: &[ArrayD<f32>],
        options: &ForestOptions,
    ) -> Result<AccuracyReport, ForestError> {
        let graph = &network.graph;
        let failed = |row: usize, error: String| ForestError::Row {
            row,
            expected: "a row that the network takes".into(),
            found: error,
        };
        let executor = Executor::new(graph).map_err(|error| failed(0, error.to_string()))?;
        let mut channels = vec![Distance::default(); self.targets()];
        let mut classes = ClassAccuracy::default();
        let mut clipping = Clipping::default();
        let mut extremes: Option<(usize, usize)> = None;
        for (number, rows) in rows.iter().enumerate() {
            let rows = self.checked(number, rows, options)?;
            let refused = |error: zkml_core::execute::ExecutionError| failed(number, error.to_string());
            let input = network.quantize_input(&self.widened(network, &rows, options));
            let input = input.map_err(refused)?;
            clipping = clipping.and(input.clipping);
            let execution = executor.run(&input.integers).map_err(refused)?;
            let integers = execution.outputs(graph).next();
            let reals = integers.and_then(|integers| network.dequantize_output(0, integers));
            let reals: Vec<f64> = reals.iter().flatten().map(|real| f64::from(*real)).collect();
            for (row, integer) in rows.rows().into_iter().zip(reals.chunks(self.targets())) {
                let float = self.margins(&row.to_vec())?;
                for ((channel, float), integer) in channels.iter_mut().zip(&float).zip(integer) {
                    channel.add(*float, *integer);
                }
                let (a, b) = (self.class(&float), self.class(integer));
                classes.rows += 1;
                classes.agreement += usize::from(a == b);
                let (least, most) = extremes.unwrap_or((a, a));
                extremes = Some((least.min(a), most.max(a)));
            }
        }
        classes.constant = extremes.is_some_and(|(least, most)| least == most);
        let output = OutputAccuracy {
            number: 0,
            name: graph
                .outputs
                .first()
                .map_or(String::new(), |id| graph[*id].name.clone()),
            scores: self.task != Task::Regression,
            axis: Some(1),
            channels,
            negligible: Vec::new(),
        };
        Ok(AccuracyReport {
            samples: rows.len(),
            out_of_domain: 0,
            clipping,
            classes: (self.task != Task::Regression).then_some(classes),
            outputs: vec![output],
            layers: Vec::new(),
        })
    }

    /// The class that margins stand for: the first largest of several, or the sign of one.
    pub fn class(&self, margins: &[f64]) -> usize {
        if let [margin] = margins {
            return usize::from(*margin > 0.0);
        }
        let better = |best: (usize, f64), (class, &margin): (usize, &f64)| match margin > best.1 {
            true => (class, margin),
            false => best,
        };
        margins.iter().enumerate().fold((0, f64::NEG_INFINITY), better).0
    }
}

/// Builds the network.
struct Builder<'a> {
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
    fn new(forest: &'a Forest, grids: &'a [Grid], options: &'a ForestOptions) -> Result<Self, ForestError> {
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

    fn finish(mut self) -> Result<Quantized, ForestError> {
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
        let x = self.node("features", ops::Input, &[], &[batch, inputs])?;
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
