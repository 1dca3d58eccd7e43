//! Multiplies a batch normalization into the layer before it.
//!
//! ```text
//! g = weight / sqrt(running_var + epsilon)
//! g (W x + b - running_mean) + bias  =  (g W) x + (g (b - running_mean) + bias)
//! ```
//!
//! Only where the layer has no other user, and where its channels are the normalized axis (a convolution, or a linear
//! layer on rank 2). Reshapes that leave batch and channels alone may stand between.

use ndarray::{ArrayD, Axis};

use crate::graph::{Graph, Node, NodeId, Parameter, ParameterId};
use crate::ops::{AffineLayer, BatchNorm, Float, FloatOp};
use crate::optimize::{Change, OptimizeError, pass, rewrite};

pass!(BatchNormFolding, "batch_norm_folding", Nodes(visit) in "optimize/run.rs",
    "multiplies a batch normalization into the convolution or linear layer before it");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let node = &graph[id];
    let (FloatOp::BatchNorm(_), Some(&operand)) = (&node.op, node.inputs.first()) else {
        return Ok(None);
    };
    let Some(below) = below_reshapes(graph, operand) else {
        return Ok(None);
    };
    let layer = &graph[below];
    // Channels of a convolution are axis 1; those of a linear layer are the last axis.
    let affine_layer = layer.op.room().layer();
    let foldable = affine_layer.is_some_and(|found| found.window.is_some() || layer.fact.len() == 2);
    if !foldable || !rewrite::used_once(graph, below) {
        return Ok(None);
    }
    let what = format!("folded `{}` into `{}`", node.name, layer.name);
    let affine = affine(graph, node)?;
    fold(graph, below, &affine)?;
    rewrite::replace_uses(graph, id, operand);
    rewrite::remove(graph, id);
    Ok(Some(Change { what, next: id }))
}

/// The node below reshapes that leave batch and channels alone, such as those of a convolution in one dimension. `None`
/// if something else uses a value between.
fn below_reshapes(graph: &Graph<Float>, mut at: NodeId) -> Option<NodeId> {
    while let (FloatOp::Reshape(_), Some(&operand)) = (&graph[at].op, graph[at].inputs.first()) {
        let (shape, before) = (&graph[at].fact, &graph[operand].fact);
        if shape.len() < 3 || shape.get(..2) != before.get(..2) {
            break;
        }
        if !rewrite::used_once(graph, at) {
            return None;
        }
        at = operand;
    }
    Some(at)
}

/// `y = gain * x + shift` per channel.
pub(super) struct Affine {
    pub(super) gain: Vec<f64>,
    pub(super) shift: Vec<f64>,
}

/// A batch normalization as gain and shift per channel.
pub(super) fn affine(graph: &Graph<Float>, node: &Node<Float>) -> Result<Affine, OptimizeError> {
    let inconsistent = || OptimizeError::Inconsistent {
        layer: node.name.clone(),
    };
    let FloatOp::BatchNorm(BatchNorm {
        weight,
        bias,
        running_mean,
        running_var,
        epsilon,
    }) = &node.op
    else {
        return Err(inconsistent());
    };
    let values = |id: &ParameterId| -> Result<Vec<f64>, OptimizeError> {
        let parameter = graph.parameters.get(id.0).ok_or_else(inconsistent)?;
        Ok(parameter.values.iter().map(|value| f64::from(*value)).collect())
    };
    let (mean, variance) = (values(running_mean)?, values(running_var)?);
    let weight = weight
        .as_ref()
        .map(values)
        .transpose()?
        .unwrap_or(vec![1.0; mean.len()]);
    let bias = bias
        .as_ref()
        .map(values)
        .transpose()?
        .unwrap_or(vec![0.0; mean.len()]);
    let mut affine = Affine {
        gain: Vec::new(),
        shift: Vec::new(),
    };
    for (channel, (((mean, variance), weight), bias)) in
        mean.iter().zip(&variance).zip(&weight).zip(&bias).enumerate()
    {
        let value = variance + epsilon;
        if !(value > 0.0 && value.is_finite()) {
            return Err(OptimizeError::Variance {
                layer: node.name.clone(),
                channel,
                value,
            });
        }
        let gain = weight / value.sqrt();
        affine.gain.push(gain);
        affine.shift.push(bias - gain * mean);
    }
    Ok(affine)
}

fn fold(graph: &mut Graph<Float>, layer: NodeId, affine: &Affine) -> Result<(), OptimizeError> {
    let node = &graph[layer];
    let name = node.name.clone();
    let inconsistent = || OptimizeError::Inconsistent { layer: name.clone() };
    let AffineLayer { weight, bias, .. } = node.op.room().layer().ok_or_else(inconsistent)?;
    let source = graph.parameters.get(weight.0).ok_or_else(inconsistent)?;
    let mut folded = source.clone();
    for (mut channel, gain) in folded.values.axis_iter_mut(Axis(0)).zip(&affine.gain) {
        channel.mapv_inplace(|value| (f64::from(value) * gain) as f32);
    }
    let (path, old): (String, Vec<f64>) = match bias {
        Some(bias) => {
            let bias = graph.parameters.get(bias.0).ok_or_else(inconsistent)?;
            (
                bias.path.clone(),
                bias.values.iter().map(|value| f64::from(*value)).collect(),
            )
        }
        None => (bias_path(&source.path), vec![0.0; affine.gain.len()]),
    };
    let bias = old
        .iter()
        .zip(&affine.gain)
        .zip(&affine.shift)
        .map(|((b, gain), shift)| (b * gain + shift) as f32);
    let values =
        ArrayD::from_shape_vec(vec![affine.gain.len()], bias.collect()).map_err(|_| inconsistent())?;
    // New parameters: another layer may share the old ones.
    let weight_id = ParameterId(graph.parameters.len());
    graph.parameters.push(folded);
    let bias_id = ParameterId(graph.parameters.len());
    graph.parameters.push(Parameter { path, values });
    if let Some((weight, bias)) = graph.nodes[layer.0].op.room_mut().layer_mut() {
        (*weight, *bias) = (weight_id, Some(bias_id));
    }
    Ok(())
}

/// `conv1.weight` has its bias at `conv1.bias`.
pub(super) fn bias_path(weight: &str) -> String {
    format!("{}.bias", weight.strip_suffix(".weight").unwrap_or(weight))
}
