//! Turns the signs of a normalization's gain in the linear layer before it.
//!
//! ```text
//! g_c n(x)_c  =  |g_c| n(s x)_c          s_c = -1 where g_c < 0, else 1;  n divides by the root mean square
//! ```
//!
//! A gain that no layer behind takes becomes multipliers of integers, which are positive. Signs that stay, of a
//! normalization of heads for example, take a product with constants for each cell. Only reshapes may stand between the
//! layer and the normalization, and nothing else may use what is turned.

use ndarray::{ArrayD, Axis};

use crate::graph::{Graph, NodeId, Parameter, ParameterId};
use crate::ops::{Float, Properties};
use crate::optimize::{Change, OptimizeError, pass};

pass!(NormSignFolding, "norm_sign_folding", Nodes(visit) in "optimize/run.rs",
    "turns the signs of a normalization's gain in the linear layer before it");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let Some(gain) = graph[id].op.room().gain() else {
        return Ok(None);
    };
    let signs = graph[gain]
        .values
        .mapv(|gain| if gain < 0.0 { -1.0 } else { 1.0 });
    if signs.iter().all(|sign| *sign > 0.0) {
        return Ok(None);
    }
    let Some(layer) = layer_before(graph, id, signs.len()) else {
        return Ok(None);
    };
    turn(graph, layer, &signs);
    let positive = graph[gain].values.mapv(f32::abs);
    let positive = replaced(graph, gain, positive);
    for parameter in graph.nodes[id.0].op.room_mut().parameters_mut() {
        if *parameter == gain {
            *parameter = positive;
        }
    }
    let (norm, layer) = (&graph[id].name, &graph[layer].name);
    let what = format!("turned the signs of the gain of `{norm}` in `{layer}`");
    let next = NodeId(id.0 + 1);
    Ok(Some(Change { what, next }))
}

/// The linear layer whose value, row by row of so many channels, is the operand of a node and of nothing else.
fn layer_before(graph: &Graph<Float>, id: NodeId, channels: usize) -> Option<NodeId> {
    let mut user = id;
    loop {
        let &[operand] = graph[user].inputs.as_slice() else {
            return None;
        };
        let uses = graph.nodes.iter().flat_map(|node| &node.inputs);
        let alone = uses.filter(|input| **input == operand).count() == 1;
        let whole = graph[operand].fact.last()?.is_multiple_of(channels);
        if !alone || !whole || graph.outputs.contains(&operand) {
            return None;
        }
        let room = graph[operand].op.room();
        if room.layer().is_some_and(|layer| layer.window.is_none()) {
            return Some(operand);
        }
        if !room.has(Properties::SHAPES) {
            return None;
        }
        user = operand;
    }
}

/// Multiplies output `r` of a layer by the sign of channel `r mod C`.
fn turn(graph: &mut Graph<Float>, layer: NodeId, signs: &ArrayD<f32>) {
    let Some(affine) = graph[layer].op.room().layer() else {
        return;
    };
    let turned = |graph: &mut Graph<Float>, id: ParameterId| {
        let mut values = graph[id].values.clone();
        let rows = values.axis_iter_mut(Axis(0)).zip(signs.iter().cycle());
        rows.for_each(|(mut row, sign)| row.mapv_inplace(|value| value * sign));
        replaced(graph, id, values)
    };
    let new_weight = turned(graph, affine.weight);
    let new_bias = affine.bias.map(|bias| turned(graph, bias));
    if let Some((weight, bias)) = graph.nodes[layer.0].op.room_mut().layer_mut() {
        (*weight, *bias) = (new_weight, new_bias);
    }
}

/// A new parameter under the key of an old one, which another layer may share.
fn replaced(graph: &mut Graph<Float>, old: ParameterId, values: ArrayD<f32>) -> ParameterId {
    let path = graph[old].path.clone();
    graph.parameters.push(Parameter { path, values });
    ParameterId(graph.parameters.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::float::execute_float;
    use crate::graph::GraphBuilder;
    use crate::ops::{Linear, Reshape, RmsNorm};
    use crate::optimize::{Switches, optimize};

    /// Heads of a linear layer, normalized with a gain of several signs; the heads are an output as well if `shown`.
    fn graph(shown: bool) -> Graph<Float> {
        let mut builder = GraphBuilder::<Float>::new();
        let mut parameter = |path: &str, shape: &[usize], values: Vec<f32>| {
            let values = ArrayD::from_shape_vec(shape, values).unwrap();
            let path = path.to_owned();
            builder.parameter(Parameter { path, values })
        };
        let gain = parameter("norm.weight", &[2], vec![-1.5, 0.5]);
        let values = (0..12)
            .map(|cell| ((cell * 37) % 19) as f32 / 7.0 - 1.2)
            .collect();
        let weight = parameter("q.weight", &[4, 3], values);
        let bias = Some(parameter("q.bias", &[4], vec![0.3, -0.4, 0.5, 0.6]));
        let x = builder.input("x", &[2, 3]).unwrap();
        let q = builder.add("q", Linear { weight, bias }, &[x]).unwrap();
        let heads = builder.declare("heads", Reshape, &[q], &[2, 2, 2]).unwrap();
        let norm = RmsNorm {
            weight: Some(gain),
            normalized_shape: 2,
            epsilon: 1e-5,
        };
        let norm = builder.add("norm", norm, &[heads]).unwrap();
        let mut outputs = vec![norm];
        outputs.extend(shown.then_some(heads));
        builder.finish(outputs).unwrap()
    }

    #[test]
    fn signs_go_into_the_layer_before_or_stay() {
        let x = ArrayD::from_shape_vec(vec![2, 3], vec![0.3, -1.0, 2.0, 0.7, 5.0, 0.1]).unwrap();
        for shown in [false, true] {
            let graph = graph(shown);
            let before = execute_float(&graph, &x).unwrap();
            let (turned, _) = optimize(graph.clone(), &Switches::default()).unwrap();
            let after = execute_float(&turned, &x).unwrap();
            for (a, b) in graph.outputs.iter().zip(&turned.outputs) {
                assert_eq!(before[a.0], after[b.0]);
            }
            let gain = turned
                .nodes
                .iter()
                .find_map(|node| node.op.room().gain())
                .unwrap();
            let expected = if shown { [-1.5, 0.5] } else { [1.5, 0.5] };
            assert_eq!(turned[gain].values.as_slice().unwrap(), expected);
        }
    }
}
