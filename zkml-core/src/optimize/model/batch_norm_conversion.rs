//! Replaces a batch normalization without a layer to fold into by a depthwise 1x1 convolution. Reshapes surround it
//! where its operand has rank 2 or 3.

use ndarray::ArrayD;

use super::batch_norm_folding::affine;
use crate::graph::{Graph, Node, NodeId, Parameter, ParameterId, Window2d};
use crate::ops::{self, Float, FloatOp};
use crate::optimize::{Change, OptimizeError, pass, rewrite};

pass!(BatchNormConversion, "batch_norm_conversion", Nodes(visit) in "optimize/run.rs",
    "turns the remaining ones into depthwise 1x1 convolutions; quantization refuses those that are left");

pub(super) fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    if !matches!(graph[id].op, FloatOp::BatchNorm(_)) {
        return Ok(None);
    }
    let node = graph[id].clone();
    let channels = convert(graph, id, &node)?;
    let what = format!(
        "`{}` is a depthwise convolution over {channels} channels",
        node.name
    );
    let mut next = NodeId(id.0 + 1);
    if node.fact.len() < 4 {
        reshape_around(graph, id, &node);
        next.0 += 2;
    }
    Ok(Some(Change { what, next }))
}

/// Puts a depthwise convolution in the place of `node`, a batch normalization; returns its number of channels.
fn convert(graph: &mut Graph<Float>, id: NodeId, node: &Node<Float>) -> Result<usize, OptimizeError> {
    let inconsistent = || OptimizeError::Inconsistent {
        layer: node.name.clone(),
    };
    let affine = affine(graph, node)?;
    let channels = affine.gain.len();
    let mut parameter = |kind: &str, shape: Vec<usize>, values: &[f64]| {
        let values = values.iter().map(|value| *value as f32).collect();
        let values = ArrayD::from_shape_vec(shape, values).map_err(|_| inconsistent())?;
        graph.parameters.push(Parameter {
            path: format!("{}.{kind}", node.name),
            values,
        });
        Ok(ParameterId(graph.parameters.len() - 1))
    };
    let weight = parameter("weight", vec![channels, 1, 1, 1], &affine.gain)?;
    let bias = Some(parameter("bias", vec![channels], &affine.shift)?);
    let window = Window2d {
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
    };
    graph.nodes[id.0].op = FloatOp::Conv2d(ops::Conv2d {
        weight,
        bias,
        window,
        groups: channels,
    });
    Ok(channels)
}

/// Puts a reshape to an image before a node, and one back to features after it. `node` is the node as it was.
fn reshape_around(graph: &mut Graph<Float>, id: NodeId, node: &Node<Float>) {
    let mut image = node.fact.clone();
    image.resize(4, 1);
    graph.nodes[id.0].fact = image.clone();
    let reshape = |name: &str, inputs, fact| Node {
        name: format!("{}.{name}", node.name),
        op: FloatOp::Reshape(ops::Reshape),
        inputs,
        fact,
    };
    rewrite::insert(graph, id, reshape("image", node.inputs.clone(), image));
    graph.nodes[id.0 + 1].inputs = vec![id];
    let after = NodeId(id.0 + 2);
    rewrite::insert(graph, after, reshape("features", Vec::new(), node.fact.clone()));
    rewrite::replace_uses(graph, NodeId(id.0 + 1), after);
    graph.nodes[after.0].inputs = vec![NodeId(id.0 + 1)];
}
