//! The order in which linear layers without a non-linearity between them are contracted, by a cost model.
//!
//! ```text
//! W2 (W1 x + b1) + b2  =  (W2 W1) x + (W2 b1 + b2)            W1 a convolution or linear layer, W2 a 1x1 one
//! mean (W x + b)       =  W (mean x) + b                       W a 1x1 convolution, no padding in the mean
//! ```
//!
//! First line: on the left the values between the layers are rounded, committed and looked up. On the right there are
//! no such values, but mostly more weights. So a bottleneck on a small image stays two layers, and on a large image it
//! becomes a single layer. Second line: on the right the layer has fewer positions.
//!
//! Inside a contraction there is no order to choose. Its claim folds each cell of both operands once over the free
//! axes, and the sumcheck over the summed axes costs the same in any order (`docs/protocol/reduction.md`). Without this
//! pass layers stay as the model has them.

use ndarray::{Array1, ArrayD};

use crate::graph::{Graph, NodeId, Parameter, ParameterId, Window2d};
use crate::ops::{AffineLayer, Float, FloatOp, Properties};
use crate::optimize::{Change, OptimizeError, pass, rewrite};

/// What a value between two layers costs the prover, in nanoseconds: some three cells committed at rate 1/4, some three
/// looked up.
const VALUE: f64 = 230.0;
/// What a weight costs in each proof: its part of opened columns, as work, and of the folds.
const WEIGHT: f64 = 12.0;
/// What a multiply-add of the execution costs.
const MULTIPLY_ADD: f64 = 0.015;

pass!(ContractionOrder, "contraction_order", Nodes(visit) in "optimize/run.rs",
    "joins linear layers, or takes a mean before a layer, where that costs less");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let above = graph[id].inputs.first().copied();
    let Some(above) = above.filter(|&above| rewrite::used_once(graph, above)) else {
        return Ok(None);
    };
    if pools_first(graph, above, id) {
        let what = format!("`{}` comes before `{}`", graph[id].name, graph[above].name);
        rewrite::swap(graph, above, id);
        set_pooled_shape(graph, above, id);
        return Ok(Some(Change {
            what,
            next: NodeId(id.0 + 1),
        }));
    }
    let Some(product) = product(graph, above, id)? else {
        return Ok(None);
    };
    let (first, second, weights) = (&graph[above].name, &graph[id].name, product.weight.values.len());
    let what = format!("`{first}` and `{second}` are one layer of {weights} weights");
    replace(graph, above, id, product);
    Ok(Some(Change { what, next: id }))
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

/// Two layers, the second of which is pointwise.
struct Pair<'g> {
    inner: &'g Parameter,
    inner_bias: Option<&'g Parameter>,
    outer: &'g Parameter,
    outer_bias: Option<&'g Parameter>,
    /// Channels between the two.
    middle: usize,
    /// Channels of the result.
    outputs: usize,
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
    let pair = Pair {
        inner,
        inner_bias: one.bias.map(parameter).transpose()?,
        outer,
        outer_bias: two.bias.map(parameter).transpose()?,
        middle,
        outputs,
    };
    let values = |id: NodeId| graph[id].fact.iter().product::<usize>() as f64;
    if !pair.costs_less_together(values(first), values(second)) {
        return Ok(None);
    }
    Ok(Some(Product {
        weight: pair.weight().ok_or_else(inconsistent)?,
        bias: pair.bias(),
    }))
}

impl Pair<'_> {
    /// Weights of the first layer for each of its outputs.
    fn each(&self) -> usize {
        self.inner.values.len() / self.middle
    }

    /// Whether one layer costs less, with that many values between the two and after them.
    fn costs_less_together(&self, between: f64, after: f64) -> bool {
        let (each, middle) = (self.each() as f64, self.middle as f64);
        let apart = VALUE * between
            + WEIGHT * (self.inner.values.len() + self.outer.values.len()) as f64
            + MULTIPLY_ADD * (between * each + after * middle);
        let together = WEIGHT * (self.outputs * self.each()) as f64 + MULTIPLY_ADD * after * each;
        together < apart
    }

    /// `W2 W1`; `None` where the weights do not fit together.
    fn weight(&self) -> Option<Parameter> {
        let each = self.each();
        let (inner, outer) = (wide(self.inner), wide(self.outer));
        let mut weight = Vec::with_capacity(self.outputs * each);
        for row in outer.chunks_exact(self.middle) {
            let mut sums = vec![0.0; each];
            for (factor, inner) in row.iter().zip(inner.chunks_exact(each)) {
                sums.iter_mut()
                    .zip(inner)
                    .for_each(|(sum, value)| *sum += factor * value);
            }
            weight.extend(sums.into_iter().map(|sum| sum as f32));
        }
        let mut shape = self.inner.values.shape().to_vec();
        *shape.first_mut()? = self.outputs;
        Some(Parameter {
            path: self.outer.path.clone(),
            values: ArrayD::from_shape_vec(shape, weight).ok()?,
        })
    }

    /// `W2 b1 + b2`, if there is a bias.
    fn bias(&self) -> Option<Parameter> {
        let path = self.outer_bias.or(self.inner_bias)?.path.clone();
        let inner = self.inner_bias.map_or(vec![0.0; self.middle], wide);
        let outer = self.outer_bias.map_or(vec![0.0; self.outputs], wide);
        let weight = wide(self.outer);
        let sums = weight.chunks_exact(self.middle).zip(outer).map(|(row, own)| {
            let moved: f64 = row.iter().zip(&inner).map(|(factor, value)| factor * value).sum();
            (moved + own) as f32
        });
        Some(Parameter {
            path,
            values: sums.collect::<Array1<f32>>().into_dyn(),
        })
    }
}

fn wide(parameter: &Parameter) -> Vec<f64> {
    parameter.values.iter().map(|value| f64::from(*value)).collect()
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

/// Whether a mean follows a 1x1 convolution and costs less before it.
fn pools_first(graph: &Graph<Float>, above: NodeId, pool: NodeId) -> bool {
    let Some(window) = layer(&graph[above].op).and_then(|layer| layer.window) else {
        return false;
    };
    // The values that are rounded: the layer's outputs, or the means of its inputs.
    let values = |id: NodeId| graph[id].fact.iter().product::<usize>();
    let channels = |id: NodeId| graph[id].fact.get(1).copied().unwrap_or(1).max(1);
    let source = graph[above].inputs.first().copied().unwrap_or(above);
    let means = values(pool) / channels(pool) * channels(source);
    graph[pool].op.room().has(Properties::TAKES_MEANS) && is_pointwise(&window) && means < values(above)
}

/// After the swap `above` is the mean: it has the channels of its operand and the positions of the layer after it.
fn set_pooled_shape(graph: &mut Graph<Float>, above: NodeId, layer: NodeId) {
    let mut shape = graph[layer].fact.clone();
    let source = graph[above].inputs.first().copied().unwrap_or(above);
    if let (Some(own), Some(channels)) = (shape.get_mut(1), graph[source].fact.get(1)) {
        *own = *channels;
    }
    graph.nodes[above.0].fact = shape;
}
