//! Fast integer execution.
//!
//! Convolutions and linear layers run on [`Layers`], whose weights are laid out for int8 kernels once for all
//! executions; rescales and pooling run over planes. Large ones run in parallel.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Slice};
use rayon::prelude::*;

use super::float::inside;
use super::layers::Layer;
use super::rescale::rescale;
use super::{Execution, ExecutionError, Layers, PARALLEL_CELLS, check_input};
use crate::graph::{Graph, Int, IntOp, Node, Window2d};

/// A graph made ready for repeated execution.
#[derive(Debug)]
pub struct Executor<'a> {
    graph: &'a Graph<Int>,
    layers: Cow<'a, Layers>,
}

/// Executes the graph on one input. For many inputs, make an [`Executor`] once.
///
/// # Errors
/// See [`Executor::run`].
pub fn execute(graph: &Graph<Int>, input: &ArrayD<i64>) -> Result<Execution, ExecutionError> {
    Executor::new(graph)?.run(input)
}

impl<'a> Executor<'a> {
    /// Lays the weights out for the kernels.
    ///
    /// # Errors
    /// A graph that was not validated.
    pub fn new(graph: &'a Graph<Int>) -> Result<Self, ExecutionError> {
        Ok(Self {
            graph,
            layers: Cow::Owned(Layers::new(graph)?),
        })
    }

    /// With the [`Layers`] of the same graph.
    pub fn with_layers(graph: &'a Graph<Int>, layers: &'a Layers) -> Self {
        Self {
            graph,
            layers: Cow::Borrowed(layers),
        }
    }

    /// The value of every node on one input.
    ///
    /// # Errors
    /// An input of the wrong shape or range; a value outside a table's domain.
    pub fn run(&self, input: &ArrayD<i64>) -> Result<Execution, ExecutionError> {
        check_input(self.graph, input)?;
        let count = self.graph.nodes.len();
        let mut execution = Execution {
            values: Vec::with_capacity(count),
            before_table: Vec::with_capacity(count),
        };
        for (node, layer) in self.graph.nodes.iter().zip(&self.layers.0) {
            let _span = tracing::debug_span!("layer", layer = %node.name).entered();
            let inconsistent = || ExecutionError::Inconsistent {
                layer: node.name.clone(),
            };
            let operands: Option<Vec<&ArrayD<i64>>> =
                node.inputs.iter().map(|id| execution.values.get(id.0)).collect();
            let operands = operands.ok_or_else(inconsistent)?;
            let (value, before) = if let IntOp::Rescale { .. } = node.op {
                let (value, before) = rescale(node, operands.first().ok_or_else(inconsistent)?)?;
                (value, Some(before))
            } else {
                (
                    compute(node, layer.as_ref(), &operands, input).ok_or_else(inconsistent)?,
                    None,
                )
            };
            if value.shape() != node.fact.shape {
                return Err(inconsistent());
            }
            execution.values.push(value);
            execution.before_table.push(before);
        }
        Ok(execution)
    }
}

fn compute(
    node: &Node<Int>,
    layer: Option<&Layer>,
    operands: &[&ArrayD<i64>],
    input: &ArrayD<i64>,
) -> Option<ArrayD<i64>> {
    if matches!(node.op, IntOp::Input) {
        return Some(input.as_standard_layout().into_owned());
    }
    let x = *operands.first()?;
    let shape = node.fact.shape.as_slice();
    Some(match &node.op {
        IntOp::Input | IntOp::Rescale { .. } => return None,
        IntOp::Conv2d { window, groups, .. } => layer?.convolution(x, window, *groups, shape)?,
        IntOp::Linear { .. } => layer?.linear(x, shape)?,
        IntOp::WeightedSum { coefficients } => {
            let mut sum = ArrayD::zeros(shape);
            for (&c, x) in coefficients.iter().zip(operands) {
                sum.zip_mut_with(x, |sum, x| *sum += c * x);
            }
            sum
        }
        IntOp::SumPool2d { window } => pool(x, window, shape, 0, |a, b| a + b)?,
        IntOp::MaxPool2d { window } => pool(x, window, shape, i64::MIN, i64::max)?,
        IntOp::Reshape => x.to_shape(shape).ok()?.into_owned(),
        IntOp::Permute { order } => x
            .view()
            .permuted_axes(IxDyn(order))
            .as_standard_layout()
            .into_owned(),
        IntOp::Concat { axis } => {
            let views: Vec<ArrayViewD<'_, i64>> = operands.iter().map(|operand| operand.view()).collect();
            ndarray::concatenate(Axis(*axis), &views)
                .ok()?
                .as_standard_layout()
                .into_owned()
        }
        IntOp::Pad { amounts } => {
            let mut y = ArrayD::zeros(shape);
            y.slice_each_axis_mut(|axis| {
                let axis = axis.axis.index();
                Slice::from(amounts[axis].0..amounts[axis].0 + x.shape()[axis])
            })
            .assign(x);
            y
        }
        IntOp::Argmax { axis } => x.map_axis(Axis(*axis), |lane| {
            let mut best = (0, i64::MIN);
            for (index, &value) in lane.iter().enumerate() {
                if index == 0 || value > best.1 {
                    best = (index as i64, value);
                }
            }
            best.0
        }),
    })
}

fn pool(
    x: &ArrayD<i64>,
    window: &Window2d,
    shape: &[usize],
    start: i64,
    combine: impl Fn(i64, i64) -> i64 + Sync,
) -> Option<ArrayD<i64>> {
    let (&[n, channels, height, width], &[_, _, out_height, out_width]) = (x.shape(), shape) else {
        return None;
    };
    let mut y = vec![start; n * channels * out_height * out_width];
    let pool_plane = |(plane, source): (&mut [i64], &[i64])| {
        for (kh, kw) in (0..window.kernel[0]).flat_map(|kh| (0..window.kernel[1]).map(move |kw| (kh, kw))) {
            let columns = inside(kw, width, out_width, window, 1);
            let first = columns.start * window.stride[1] + kw * window.dilation[1] - window.padding[1];
            for row in inside(kh, height, out_height, window, 0) {
                let h = row * window.stride[0] + kh * window.dilation[0] - window.padding[0];
                let from = source[h * width + first..(h + 1) * width]
                    .iter()
                    .step_by(window.stride[1]);
                let to = &mut plane[row * out_width..][columns.clone()];
                to.iter_mut()
                    .zip(from)
                    .for_each(|(to, from)| *to = combine(*to, *from));
            }
        }
    };
    y.par_chunks_exact_mut(out_height * out_width)
        .zip(x.as_slice()?.par_chunks_exact(height * width))
        .with_min_len(PARALLEL_CELLS.div_ceil(height * width))
        .for_each(pool_plane);
    ArrayD::from_shape_vec(shape, y).ok()
}
