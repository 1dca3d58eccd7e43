//! Turns an affine map of an input that is written with numbers or parameters, `(x - mean) * gain`, into the
//! depthwise convolution that a batch normalization becomes.
//!
//! As that it is a map of each channel by itself, which needs one multiplication instead of several roundings, or none
//! where it becomes the [scales of the input](crate::optimize::operation::input_scales).

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{ArrayD, Axis};

use super::batch_norm_conversion;
use crate::graph::{Graph, NodeId, Parameter, ParameterId};
use crate::ops::{self, Float, FloatSite, Properties};
use crate::optimize::{Change, OptimizeError, pass};

pass!(InputNormalization, "input_normalization", Nodes(visit) in "optimize/run.rs",
    "turns `(x - mean) * gain` of an input into a depthwise 1x1 convolution");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    if !graph[id].op.room().has(Properties::INPUT) {
        return Ok(None);
    }
    let Some(map) = Map::behind(graph, id) else {
        return Ok(None);
    };
    let channels = map.gains.len();
    let name = graph[map.last].name.clone();
    let what = format!(
        "{} nodes behind `{}` are a normalization of {channels} channels, `{name}`",
        map.nodes, graph[id].name
    );
    let mut parameter = |kind: &str, values: Vec<f32>| {
        graph.parameters.push(Parameter {
            path: format!("{name}.{kind}"),
            values: ArrayD::from_shape_vec(vec![channels], values).unwrap_or_default(),
        });
        ParameterId(graph.parameters.len() - 1)
    };
    let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect();
    let op = ops::BatchNorm {
        weight: Some(parameter("gain", single(&map.gains))),
        bias: Some(parameter("shift", single(&map.shifts))),
        running_mean: parameter("mean", vec![0.0; channels]),
        running_var: parameter("variance", vec![1.0; channels]),
        epsilon: 0.0,
    };
    let node = &mut graph.nodes[map.last.0];
    (node.op, node.inputs) = (op.into(), vec![id]);
    // At once, for quantization takes it only so.
    batch_norm_conversion::visit(graph, map.last)?;
    Ok(Some(Change { what, next: id }))
}

/// `gain x + shift` for each channel, axis 1.
struct Map {
    /// The node of the mapped value.
    last: NodeId,
    /// How many nodes it is made of.
    nodes: usize,
    gains: Vec<f64>,
    shifts: Vec<f64>,
}

impl Map {
    /// The sums and products with fixed values behind an input that nothing else uses. A number alone that multiplies
    /// is none: it only changes a scale.
    fn behind(graph: &Graph<Float>, input: NodeId) -> Option<Self> {
        let channels = *graph[input].fact.get(1)?;
        let mut map = Self {
            last: input,
            nodes: 0,
            gains: vec![1.0; channels],
            shifts: vec![0.0; channels],
        };
        let mut is_worth_it = false;
        while let Some(user) = only_user(graph, map.last)
            && map.take(graph, user, &mut is_worth_it).is_some()
        {
            (map.last, map.nodes) = (user, map.nodes + 1);
        }
        is_worth_it.then_some(map)
    }

    /// Adds a node to the map; `None`, and no change, if it is no sum or product with fixed values, or if it would make
    /// a gain negative or 0.
    fn take(&mut self, graph: &Graph<Float>, user: NodeId, is_worth_it: &mut bool) -> Option<()> {
        let node = &graph[user];
        let room = node.op.room();
        if node.fact != graph[self.last].fact {
            return None;
        }
        let (gains, shifts) = match *node.inputs {
            [_] if room.has(Properties::KEEPS_ACCUMULATORS | Properties::MONOTONE) => {
                (vec![room.scale_factor(); self.gains.len()], None)
            }
            [left, right] => {
                let other = if left == self.last { right } else { left };
                let values = by_channel(&fixed(graph, other)?)?;
                match (room.has(Properties::ADDS), room.has(Properties::MULTIPLIES)) {
                    (true, false) => (vec![1.0; self.gains.len()], Some(values)),
                    (false, true) => (values, None),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let is_gain = |gain: &f64| gain.is_normal() && *gain > 0.0;
        let products: Vec<f64> = self.gains.iter().zip(&gains).map(|(a, b)| a * b).collect();
        if !products
            .iter()
            .all(|gain| is_gain(gain) && (*gain as f32).is_normal())
        {
            return None;
        }
        let moved = self.shifts.iter().zip(&gains).map(|(shift, gain)| shift * gain);
        let sums = moved.enumerate().map(|(channel, shift)| {
            shift
                + shifts
                    .as_ref()
                    .and_then(|shifts| shifts.get(channel))
                    .copied()
                    .unwrap_or(0.0)
        });
        self.shifts = sums.collect();
        self.gains = products;
        *is_worth_it |= node.inputs.len() == 2;
        Some(())
    }
}

/// The only node that takes this value, if it is no output.
fn only_user(graph: &Graph<Float>, id: NodeId) -> Option<NodeId> {
    let nodes = graph.nodes.iter().enumerate();
    let mut users = nodes.filter(|(_, node)| node.inputs.contains(&id));
    let (user, _) = users.next()?;
    (users.next().is_none() && !graph.outputs.contains(&id)).then_some(NodeId(user))
}

/// The value of a node that no input changes.
fn fixed(graph: &Graph<Float>, id: NodeId) -> Option<ArrayD<f32>> {
    let mut needed = BTreeSet::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        let node = &graph[id];
        if node.inputs.is_empty() && !node.op.room().has(Properties::FIXED) {
            return None;
        }
        if needed.insert(id.0) {
            open.extend(&node.inputs);
        }
    }
    // Operands come before their users.
    let mut values: BTreeMap<usize, ArrayD<f32>> = BTreeMap::new();
    for index in needed {
        let node = &graph.nodes[index];
        let operands = node.inputs.iter().map(|input| values.get(&input.0));
        let operands: Vec<&ArrayD<f32>> = operands.collect::<Option<_>>()?;
        let site = FloatSite {
            graph,
            node,
            operands: &operands,
        };
        let value = node.op.room().evaluate(&site)?;
        values.insert(index, value);
    }
    values.remove(&id.0)
}

/// One value for each index of axis 1, if nothing else changes them, and all are finite.
fn by_channel(values: &ArrayD<f32>) -> Option<Vec<f64>> {
    let channels = (values.ndim() > 1).then(|| values.axis_iter(Axis(1)))?;
    let one = |channel: ndarray::ArrayViewD<'_, f32>| {
        let first = *channel.first()?;
        let same = first.is_finite() && channel.iter().all(|value| *value == first);
        same.then_some(f64::from(first))
    };
    channels.map(one).collect()
}
