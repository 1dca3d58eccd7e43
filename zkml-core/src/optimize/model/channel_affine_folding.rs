//! Multiplies gain and bias of a layer normalization into the linear layers behind it.
//!
//! ```text
//! W (g x + b) + c  =  (W g) x + (W b + c)
//! ```
//!
//! Where [`norm_gain_folding`] does it for a gain alone. What stays is a product for each value, and a bias.

use ndarray::ArrayD;

use super::batch_norm_folding::bias_path;
use super::norm_gain_folding::{self, layers_behind, names};
use crate::graph::{Graph, NodeId, Parameter, ParameterId};
use crate::ops::Float;
use crate::optimize::{Change, OptimizeError, pass, rewrite};

pass!(ChannelAffineFolding, "channel_affine_folding", Nodes(visit) in "optimize/run.rs",
    "multiplies gain and bias of a layer normalization into the linear layers behind it");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let node = &graph[id];
    let (Some(affine), Some(&operand)) = (node.op.room().channel_affine(), node.inputs.first()) else {
        return Ok(None);
    };
    let Some(users) = layers_behind(graph, id) else {
        return Ok(None);
    };
    let what = format!("folded `{}` into {}", node.name, names(graph, &users));
    let gain = graph[affine.weight].values.clone();
    let bias = affine.bias.map(|bias| graph[bias].values.clone());
    for user in users {
        if let Some(bias) = &bias {
            add_bias(graph, user, bias)?;
        }
        norm_gain_folding::fold(graph, user, &gain.view());
    }
    rewrite::replace_uses(graph, id, operand);
    rewrite::remove(graph, id);
    Ok(Some(Change { what, next: id }))
}

/// Adds `W b` to the bias of a layer, or makes it one.
fn add_bias(graph: &mut Graph<Float>, layer: NodeId, added: &ArrayD<f32>) -> Result<(), OptimizeError> {
    let node = &graph[layer];
    let inconsistent = || OptimizeError::Inconsistent {
        layer: node.name.clone(),
    };
    let affine = node.op.room().layer().ok_or_else(inconsistent)?;
    let weight = &graph[affine.weight];
    let old = affine.bias.map(|bias| &graph[bias]);
    let sums = weight.values.outer_iter().enumerate().map(|(o, row)| {
        let products = row.iter().zip(added);
        let sum: f64 = products.map(|(w, b)| f64::from(*w) * f64::from(*b)).sum();
        (sum + old.map_or(0.0, |old| f64::from(old.values[[o]]))) as f32
    });
    let sums: Vec<f32> = sums.collect();
    let path = old.map_or_else(|| bias_path(&weight.path), |old| old.path.clone());
    let values = ArrayD::from_shape_vec(vec![sums.len()], sums).map_err(|_| inconsistent())?;
    let id = ParameterId(graph.parameters.len());
    graph.parameters.push(Parameter { path, values });
    if let Some((_, bias)) = graph.nodes[layer.0].op.room_mut().layer_mut() {
        *bias = Some(id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use crate::execute::float::execute_float;
    use crate::graph::{Graph, GraphBuilder, Parameter};
    use crate::ops::{ChannelAffine, Float, Linear};
    use crate::optimize::{Switches, optimize};

    /// A map of channels with two layers behind it, of which one has a bias; the map is an output as well if `kept`.
    fn graph(kept: bool) -> Graph<Float> {
        let mut builder = GraphBuilder::<Float>::new();
        let mut parameter = |path: &str, shape: &[usize], seed: usize| {
            let value = |cell: usize| ((cell * 37 + seed) % 19) as f32 / 7.0 - 1.2;
            let values = (0..shape.iter().product()).map(value).collect();
            let path = path.to_owned();
            let values = ArrayD::from_shape_vec(shape, values).unwrap();
            builder.parameter(Parameter { path, values })
        };
        let (weight, bias) = (
            parameter("norm.weight", &[4], 3),
            Some(parameter("norm.bias", &[4], 8)),
        );
        let layers = [
            (
                parameter("0.weight", &[3, 4], 5),
                Some(parameter("0.bias", &[3], 2)),
            ),
            (parameter("1.weight", &[5, 4], 6), None),
        ];
        let x = builder.input("x", &[2, 4]).unwrap();
        let norm = builder.add("norm", ChannelAffine { weight, bias }, &[x]).unwrap();
        let layers = layers.iter().enumerate().map(|(k, &(weight, bias))| {
            let op = Linear { weight, bias };
            builder.add(&k.to_string(), op, &[norm]).unwrap()
        });
        let mut outputs: Vec<_> = layers.collect();
        outputs.extend(kept.then_some(norm));
        builder.finish(outputs).unwrap()
    }

    #[test]
    fn gain_and_bias_go_into_all_layers_or_stay() {
        let x = ArrayD::from_shape_vec(vec![2, 4], vec![0.3, -1.0, 2.0, 0.7, 5.0, 0.1, -0.2, 1.5]).unwrap();
        for kept in [false, true] {
            let graph = graph(kept);
            let before = execute_float(&graph, &x).unwrap();
            let (folded, reports) = optimize(graph.clone(), &Switches::default()).unwrap();
            let after = execute_float(&folded, &x).unwrap();
            for (a, b) in graph.outputs.iter().zip(&folded.outputs) {
                let pairs = before[a.0].iter().zip(&after[b.0]);
                pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} {b}"));
            }
            let maps = folded
                .nodes
                .iter()
                .filter(|node| node.op.room().channel_affine().is_some());
            assert_eq!(maps.count(), usize::from(kept));
            let text: String = reports.iter().map(ToString::to_string).collect();
            assert_eq!(text.contains("folded `norm` into `0`, `1`"), !kept);
        }
    }
}
