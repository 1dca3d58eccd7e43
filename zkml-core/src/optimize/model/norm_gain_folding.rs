//! Multiplies the gain of a normalization into the linear layers behind it.
//!
//! ```text
//! W (g x) + b  =  (W g) x + b
//! ```
//!
//! Only where every user is a layer that takes each channel of the last axis once, and the normalization is no output. A
//! weight that is used elsewhere too, as a head that is tied to an embedding, is left alone: with the gain it would be
//! another weight, committed beside the first.

use ndarray::{ArrayViewD, Axis};

use crate::graph::{Graph, NodeId, Operation, ParameterId};
use crate::ops::Float;
use crate::optimize::{Change, OptimizeError, pass};

pass!(NormGainFolding, "norm_gain_folding", Nodes(visit) in "optimize/run.rs",
    "multiplies the gain of a normalization into the linear layers behind it");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let node = &graph[id];
    let Some(gain) = node.op.room().gain() else {
        return Ok(None);
    };
    let Some(users) = layers_behind(graph, id) else {
        return Ok(None);
    };
    let what = format!("folded the gain of `{}` into {}", node.name, names(graph, &users));
    let gain = graph[gain].values.clone();
    for user in users {
        fold(graph, user, &gain.view());
    }
    graph.nodes[id.0].op.room_mut().drop_gain();
    let next = NodeId(id.0 + 1);
    Ok(Some(Change { what, next }))
}

/// The linear layers that use a node, if nothing else does and each is alone in using its weight.
pub(super) fn layers_behind(graph: &Graph<Float>, id: NodeId) -> Option<Vec<NodeId>> {
    let users = graph.nodes.iter().enumerate();
    let users = users.filter(|(_, user)| user.inputs.contains(&id));
    let users: Vec<NodeId> = users.map(|(index, _)| NodeId(index)).collect();
    let takes_channels = |user: &NodeId| {
        let layer = graph[*user].op.room().layer();
        let uses = |id: ParameterId| {
            graph
                .nodes
                .iter()
                .filter(move |node| node.op.parameters().contains(&id))
        };
        layer.is_some_and(|layer| layer.window.is_none() && uses(layer.weight).count() == 1)
    };
    let foldable = !users.is_empty() && !graph.outputs.contains(&id) && users.iter().all(takes_channels);
    foldable.then_some(users)
}

/// Their names, for a report.
pub(super) fn names(graph: &Graph<Float>, nodes: &[NodeId]) -> String {
    let names = nodes.iter().map(|id| format!("`{}`", graph[*id].name));
    names.collect::<Vec<String>>().join(", ")
}

/// Multiplies column `c` of a layer's weight by `gain[c]`.
pub(super) fn fold(graph: &mut Graph<Float>, layer: NodeId, gain: &ArrayViewD<'_, f32>) {
    let Some(layer_weight) = graph[layer].op.room().layer().map(|layer| layer.weight) else {
        return;
    };
    let mut folded = graph[layer_weight].clone();
    let columns = folded.values.axis_iter_mut(Axis(1)).zip(gain);
    for (mut column, gain) in columns {
        column.mapv_inplace(|value| (f64::from(value) * f64::from(*gain)) as f32);
    }
    let id = ParameterId(graph.parameters.len());
    graph.parameters.push(folded);
    if let Some((weight, _)) = graph.nodes[layer.0].op.room_mut().layer_mut() {
        *weight = id;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use crate::execute::float::execute_float;
    use crate::graph::{Graph, GraphBuilder, Parameter, ParameterId};
    use crate::ops::{Float, Linear, RmsNorm};
    use crate::optimize::{Switches, optimize};

    /// A normalization with two layers behind it, which is an output as well if `kept`, and whose layers have one weight
    /// if `shared`.
    fn graph(kept: bool, shared: bool) -> Graph<Float> {
        let mut builder = GraphBuilder::<Float>::new();
        let mut parameter = |path: &str, shape: &[usize], seed: usize| {
            let value = |cell: usize| ((cell * 37 + seed) % 19) as f32 / 7.0 - 1.2;
            let values = (0..shape.iter().product()).map(value).collect();
            let path = path.to_owned();
            let values = ArrayD::from_shape_vec(shape, values).unwrap();
            builder.parameter(Parameter { path, values })
        };
        let gain = parameter("norm.weight", &[4], 3);
        let weights: [ParameterId; 2] = [0, 1].map(|k| parameter(&format!("{k}.weight"), &[4, 4], 5 + k));
        let x = builder.input("x", &[2, 4]).unwrap();
        let norm = RmsNorm {
            weight: Some(gain),
            normalized_shape: 4,
            epsilon: 1e-5,
        };
        let norm = builder.add("norm", norm, &[x]).unwrap();
        let mut layer = |name: &str, weight| {
            let op = Linear { weight, bias: None };
            builder.add(name, op, &[norm]).unwrap()
        };
        let (a, b) = (layer("0", weights[0]), layer("1", weights[usize::from(!shared)]));
        let mut outputs = vec![a, b];
        outputs.extend(kept.then_some(norm));
        builder.finish(outputs).unwrap()
    }

    #[test]
    fn a_gain_goes_into_all_layers_or_stays() {
        let x = ArrayD::from_shape_vec(vec![2, 4], vec![0.3, -1.0, 2.0, 0.7, 5.0, 0.1, -0.2, 1.5]).unwrap();
        for (kept, shared) in [(false, false), (true, false), (false, true)] {
            let graph = graph(kept, shared);
            let before = execute_float(&graph, &x).unwrap();
            let (folded, reports) = optimize(graph.clone(), &Switches::default()).unwrap();
            let after = execute_float(&folded, &x).unwrap();
            for (a, b) in graph.outputs.iter().zip(&folded.outputs) {
                let pairs = before[a.0].iter().zip(&after[b.0]);
                pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} {b}"));
            }
            let gains = folded.nodes.iter().filter(|node| node.op.room().gain().is_some());
            assert_eq!(gains.count(), usize::from(kept || shared));
            let text: String = reports.iter().map(ToString::to_string).collect();
            assert_eq!(
                text.contains("folded the gain of `norm` into `0`, `1`"),
                !kept && !shared
            );
        }
    }
}
