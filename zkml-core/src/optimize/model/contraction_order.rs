//! The order in which linear layers without a non-linearity between them are contracted, by a cost model.
//!
//! ```text
//! W2 (W1 x + b1) + b2  =  (W2 W1) x + (W2 b1 + b2)            W1 a convolution or linear layer, W2 a 1x1 one
//! mean (W x + b)       =  W (mean x) + b                       W a 1x1 convolution, no padding in the mean
//! ```
//!
//! On the left each layer has weights of its own and the values between them are rounded, committed and looked up; on the
//! right of the first line one layer has more weights, unless the values between are as many as those around them. A
//! bottleneck on a small image stays two layers, one on a large image becomes a single layer. In the second line the layer has
//! fewer positions.
//!
//! Inside one contraction there is nothing to choose: its claim is folded by the free axes of both operands, each cell once,
//! and a sumcheck over what is summed is left, in whatever order (`docs/protocol/reduction.md`). Without this pass layers stay
//! as the model wrote them.

use ndarray::ArrayD;

use super::{OptimizeError, rewrite};
use crate::graph::{Graph, NodeId, Parameter, ParameterId, Window2d};
use crate::ops::{AffineLayer, Float, FloatOp};

/// Name of the pass.
pub const NAME: &str = "contraction_order";

/// What a value between two layers costs the prover, in nanoseconds: some three cells committed at rate 1/4, some three
/// looked up.
const VALUE: f64 = 230.0;
/// What a weight costs in each proof: its part of opened columns, as work, and of the folds.
const WEIGHT: f64 = 12.0;
/// What a multiply-add of the execution costs.
const MULTIPLY_ADD: f64 = 0.015;

/// Runs the pass.
///
/// # Errors
/// [`OptimizeError::Inconsistent`] for parameters that do not fit, which a validated graph has not.
pub fn run(graph: &mut Graph<Float>) -> Result<Vec<String>, OptimizeError> {
    let mut changes = Vec::new();
    let mut index = 0;
    while index < graph.nodes.len() {
        let id = NodeId(index);
        index += 1;
        let Some(&above) = graph[id].inputs.first() else {
            continue;
        };
        if !rewrite::used_once(graph, above) {
            continue;
        }
        if pools_first(graph, above, id) {
            changes.push(format!(
                "`{}` comes before `{}`",
                graph[id].name, graph[above].name
            ));
            rewrite::swap(graph, above, id);
            set_pooled_shape(graph, above, id);
        } else if let Some(product) = product(graph, above, id)? {
            changes.push(format!(
                "`{}` and `{}` are one layer of {} weights",
                graph[above].name,
                graph[id].name,
                product.weight.values.len()
            ));
            replace(graph, above, id, product);
            index -= 1;
        }
    }
    Ok(changes)
}

/// The product of two layers.
struct Product {
    weight: Parameter,
    bias: Option<Parameter>,
}

/// A layer whose channels are all connected.
fn layer(op: &FloatOp) -> Option<AffineLayer> {
    op.room().layer().filter(|layer| layer.connected)
}

fn is_pointwise(window: &Window2d) -> bool {
    window.kernel == [1, 1] && window.stride == [1, 1] && window.padding == [0, 0]
}

/// Two layers as one, where that costs less.
fn product(graph: &Graph<Float>, first: NodeId, second: NodeId) -> Result<Option<Product>, OptimizeError> {
    let layers = layer(&graph[first].op).zip(layer(&graph[second].op));
    let Some((one, two)) = layers else {
        return Ok(None);
    };
    let pointwise = two.window.as_ref().is_none_or(is_pointwise);
    if one.window.is_some() != two.window.is_some() || !pointwise {
        return Ok(None);
    }
    let inconsistent = || OptimizeError::Inconsistent {
        layer: graph[second].name.clone(),
    };
    let parameter = |id: ParameterId| graph.parameters.get(id.0).ok_or_else(inconsistent);
    let (inner, outer) = (parameter(one.weight)?, parameter(two.weight)?);
    let (&[middle, ..], &[outputs, ..]) = (inner.values.shape(), outer.values.shape()) else {
        return Err(inconsistent());
    };
    if middle == 0 || outer.values.len() != outputs * middle {
        return Err(inconsistent());
    }
    // Weights of the first layer for each of its outputs.
    let each = inner.values.len() / middle;
    let values = |id: NodeId| graph[id].fact.iter().product::<usize>() as f64;
    let (between, behind) = (values(first), values(second));
    let apart = VALUE * between
        + WEIGHT * (inner.values.len() + outer.values.len()) as f64
        + MULTIPLY_ADD * (between * each as f64 + behind * middle as f64);
    let together = WEIGHT * (outputs * each) as f64 + MULTIPLY_ADD * behind * each as f64;
    if together >= apart {
        return Ok(None);
    }

    let wide = |values: &ArrayD<f32>| -> Vec<f64> { values.iter().map(|value| f64::from(*value)).collect() };
    let (inner_values, outer_values) = (wide(&inner.values), wide(&outer.values));
    let mut weight = Vec::with_capacity(outputs * each);
    for row in outer_values.chunks_exact(middle) {
        let mut sums = vec![0.0; each];
        for (factor, inner) in row.iter().zip(inner_values.chunks_exact(each)) {
            sums.iter_mut()
                .zip(inner)
                .for_each(|(sum, value)| *sum += factor * value);
        }
        weight.extend(sums.into_iter().map(|sum| sum as f32));
    }
    let mut shape = inner.values.shape().to_vec();
    if let Some(first) = shape.first_mut() {
        *first = outputs;
    }
    let weight = Parameter {
        path: outer.path.clone(),
        values: ArrayD::from_shape_vec(shape, weight).map_err(|_| inconsistent())?,
    };
    let bias1 = one.bias.map(parameter).transpose()?;
    let bias2 = two.bias.map(parameter).transpose()?;
    let bias = match bias1.or(bias2) {
        None => None,
        Some(any) => {
            let inner = bias1.map_or(vec![0.0; middle], |bias| wide(&bias.values));
            let outer = bias2.map_or(vec![0.0; outputs], |bias| wide(&bias.values));
            let sums = outer_values.chunks_exact(middle).zip(outer).map(|(row, own)| {
                let moved: f64 = row.iter().zip(&inner).map(|(factor, value)| factor * value).sum();
                (moved + own) as f32
            });
            Some(Parameter {
                path: bias2.unwrap_or(any).path.clone(),
                values: ArrayD::from_shape_vec(vec![outputs], sums.collect()).map_err(|_| inconsistent())?,
            })
        }
    };
    Ok(Some(Product { weight, bias }))
}

/// Puts the product in the place of the second layer and drops the first one.
fn replace(graph: &mut Graph<Float>, first: NodeId, second: NodeId, product: Product) {
    // New parameters: another layer may share the old ones.
    let mut push = |parameter| {
        graph.parameters.push(parameter);
        ParameterId(graph.parameters.len() - 1)
    };
    let new_weight = push(product.weight);
    let new_bias = product.bias.map(push);
    let (mut op, inputs) = (graph[first].op.clone(), graph[first].inputs.clone());
    if let Some((weight, bias)) = op.room_mut().layer_mut() {
        (*weight, *bias) = (new_weight, new_bias);
    }
    let node = &mut graph.nodes[second.0];
    (node.op, node.inputs) = (op, inputs);
    rewrite::remove(graph, first);
}

/// Whether a mean stands behind a 1x1 convolution and is better taken before it.
fn pools_first(graph: &Graph<Float>, above: NodeId, pool: NodeId) -> bool {
    let Some(window) = layer(&graph[above].op).and_then(|layer| layer.window) else {
        return false;
    };
    // What is rounded: the layer's outputs, or the means of its inputs.
    let values = |id: NodeId| graph[id].fact.iter().product::<usize>();
    let channels = |id: NodeId| graph[id].fact.get(1).copied().unwrap_or(1).max(1);
    let source = graph[above].inputs.first().copied().unwrap_or(above);
    let means = values(pool) / channels(pool) * channels(source);
    graph[pool].op.room().takes_means() && is_pointwise(&window) && means < values(above)
}

/// After the swap the mean of `above` has the channels of its operand and the positions of the layer behind it.
fn set_pooled_shape(graph: &mut Graph<Float>, above: NodeId, layer: NodeId) {
    let mut shape = graph[layer].fact.clone();
    let source = graph[above].inputs.first().copied().unwrap_or(above);
    if let (Some(own), Some(channels)) = (shape.get_mut(1), graph[source].fact.get(1)) {
        *own = *channels;
    }
    graph.nodes[above.0].fact = shape;
}
