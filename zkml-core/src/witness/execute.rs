//! Fast integer execution.
//!
//! Convolutions and linear layers run on 16-bit operands with 32-bit accumulators where the ranges of the graph allow
//! it (a dot product of `i16` compiles to multiply-and-add-pairs), else on 64 bits. A convolution gathers the patch
//! under each output position once and multiplies it with all filters of the group, so nothing larger than a patch is
//! ever expanded. Large layers run in parallel over output rows.

use ndarray::{ArrayD, ArrayViewD, Axis, Dimension, IxDyn, Slice};
use rayon::prelude::*;

use super::{Execution, ExecutionError, check_input};
use crate::graph::{Graph, Int, IntOp, Node, ParameterId, Window2d};
use crate::quant::float_execution::inside;
use crate::quant::range::{WEIGHT_LIMIT, magnitude};

/// Below this number of multiply-adds a layer runs on the calling thread.
const PARALLEL_WORK: usize = 1 << 20;

/// Rows of weights are padded with zeros to a multiple of this, for whole vector registers.
const LANES: usize = 16;

/// A graph made ready for repeated execution.
#[derive(Debug)]
pub struct Executor<'a> {
    graph: &'a Graph<Int>,
    weights: Vec<Option<Weights>>,
}

/// A weight matrix of `rows` rows of `terms` values, each row padded with zeros to `stride`.
#[derive(Debug)]
struct Weights {
    terms: usize,
    stride: usize,
    values: Values,
    bias: Vec<i64>,
}

#[derive(Debug)]
enum Values {
    /// Operand magnitudes fit 16 bits and sums 32.
    Narrow(Vec<i16>),
    Wide(Vec<i64>),
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
        let prepare = |node: &Node<Int>| match &node.op {
            IntOp::Conv2d { weight, bias, .. } | IntOp::Linear { weight, bias } => {
                let weights = Weights::prepare(graph, node, *weight, *bias);
                weights.map(Some).ok_or_else(|| ExecutionError::Inconsistent {
                    layer: node.name.clone(),
                })
            }
            _ => Ok(None),
        };
        Ok(Self {
            graph,
            weights: graph.nodes.iter().map(prepare).collect::<Result<_, _>>()?,
        })
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
        for (node, weights) in self.graph.nodes.iter().zip(&self.weights) {
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
                    compute(node, weights.as_ref(), &operands, input).ok_or_else(inconsistent)?,
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

impl Weights {
    fn prepare(
        graph: &Graph<Int>,
        node: &Node<Int>,
        weight: ParameterId,
        bias: Option<ParameterId>,
    ) -> Option<Self> {
        let weight = &graph.parameters.get(weight.0)?.values;
        let rows = *weight.shape().first()?;
        let terms = weight.len().checked_div(rows)?;
        let stride = terms.next_multiple_of(LANES);
        let operand = magnitude(graph.nodes.get(node.inputs.first()?.0)?.fact.range);
        let narrow = operand <= i128::from(i16::MAX)
            && operand * i128::from(WEIGHT_LIMIT) * terms as i128 <= i128::from(i32::MAX);
        let weight = weight.as_standard_layout();
        let weight = weight.as_slice()?;
        let values = if narrow {
            Values::Narrow(pad_rows(weight, terms, stride))
        } else {
            Values::Wide(pad_rows(weight, terms, stride))
        };
        let bias = match bias {
            None => vec![0; rows],
            Some(id) => graph
                .parameters
                .get(id.0)?
                .values
                .iter()
                .map(|b| i64::from(*b))
                .collect(),
        };
        Some(Self {
            terms,
            stride,
            values,
            bias,
        })
    }
}

/// A number a kernel computes with.
trait Lane: Copy + Default + Send + Sync {
    fn from_value(value: i64) -> Self;
    fn dot(a: &[Self], b: &[Self]) -> i64;
}

impl Lane for i16 {
    fn from_value(value: i64) -> Self {
        value as i16
    }
    fn dot(a: &[Self], b: &[Self]) -> i64 {
        // The range of the graph excludes overflow; wrapping spares the check in the loop.
        let product = |(a, b): (&i16, &i16)| i32::from(*a).wrapping_mul(i32::from(*b));
        i64::from(a.iter().zip(b).map(product).fold(0i32, i32::wrapping_add))
    }
}

impl Lane for i64 {
    fn from_value(value: i64) -> Self {
        value
    }
    fn dot(a: &[Self], b: &[Self]) -> i64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| a.wrapping_mul(*b))
            .fold(0, i64::wrapping_add)
    }
}

fn pad_rows<T: Lane>(values: &[i32], terms: usize, stride: usize) -> Vec<T> {
    let mut rows = vec![T::default(); values.len() / terms.max(1) * stride];
    for (row, source) in rows
        .chunks_exact_mut(stride.max(1))
        .zip(values.chunks_exact(terms.max(1)))
    {
        for (to, from) in row.iter_mut().zip(source) {
            *to = T::from_value(i64::from(*from));
        }
    }
    rows
}

fn compute(
    node: &Node<Int>,
    weights: Option<&Weights>,
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
        IntOp::Conv2d { window, groups, .. } => {
            let weights = weights?;
            match &weights.values {
                Values::Narrow(values) => conv2d(x, values, weights, window, *groups, shape)?,
                Values::Wide(values) => conv2d(x, values, weights, window, *groups, shape)?,
            }
        }
        IntOp::Linear { .. } => {
            let weights = weights?;
            match &weights.values {
                Values::Narrow(values) => linear(x, values, weights, shape)?,
                Values::Wide(values) => linear(x, values, weights, shape)?,
            }
        }
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

fn linear<T: Lane>(x: &ArrayD<i64>, values: &[T], weights: &Weights, shape: &[usize]) -> Option<ArrayD<i64>> {
    let x = x.as_slice()?;
    let mut y = Vec::with_capacity(shape.iter().product());
    for row in x.chunks_exact(weights.terms) {
        let mut padded = vec![T::default(); weights.stride];
        for (to, from) in padded.iter_mut().zip(row) {
            *to = T::from_value(*from);
        }
        let output = |(row, bias): (&[T], &i64)| T::dot(row, &padded) + bias;
        if values.len() < PARALLEL_WORK {
            y.extend(values.chunks_exact(weights.stride).zip(&weights.bias).map(output));
        } else {
            y.par_extend(
                values
                    .par_chunks_exact(weights.stride)
                    .zip(&weights.bias)
                    .map(output),
            );
        }
    }
    ArrayD::from_shape_vec(shape, y).ok()
}

fn conv2d<T: Lane>(
    x: &ArrayD<i64>,
    values: &[T],
    weights: &Weights,
    window: &Window2d,
    groups: usize,
    shape: &[usize],
) -> Option<ArrayD<i64>> {
    let (&[n, channels, height, width], &[_, outputs, out_height, out_width]) = (x.shape(), shape) else {
        return None;
    };
    let ([pad_height, pad_width], [kernel_height, kernel_width]) = (window.padding, window.kernel);
    let (full_height, full_width) = (height + 2 * pad_height, width + 2 * pad_width);
    // The operand, narrowed, with its zero padding around each plane.
    let mut padded = vec![T::default(); n * channels * full_height * full_width];
    let planes = padded.chunks_exact_mut(full_height * full_width);
    for (plane, source) in planes.zip(x.as_slice()?.chunks_exact(height * width)) {
        let rows = plane.chunks_exact_mut(full_width).skip(pad_height);
        for (to, from) in rows.zip(source.chunks_exact(width)) {
            for (to, from) in to[pad_width..].iter_mut().zip(from) {
                *to = T::from_value(*from);
            }
        }
    }
    let (per_group, inputs) = (outputs / groups, channels / groups);
    // One output row of one image: `[outputs, out_width]`.
    let compute_row = |index: usize| -> Vec<i64> {
        let (image, row) = (index / out_height, index % out_height);
        let mut out = vec![0i64; outputs * out_width];
        let mut patch = vec![T::default(); weights.stride];
        for (column, group) in (0..out_width).flat_map(|c| (0..groups).map(move |g| (c, g))) {
            let mut to = patch.iter_mut();
            for (i, kh) in (0..inputs).flat_map(|i| (0..kernel_height).map(move |kh| (i, kh))) {
                let plane = image * channels + group * inputs + i;
                let h = row * window.stride[0] + kh * window.dilation[0];
                let from = &padded[(plane * full_height + h) * full_width + column * window.stride[1]..];
                let from = from.iter().step_by(window.dilation[1]).take(kernel_width);
                // `from` first: a zip that ends on its second iterator has already taken from its first.
                for (from, to) in from.zip(to.by_ref()) {
                    *to = *from;
                }
            }
            for o in group * per_group..(group + 1) * per_group {
                let filter = &values[o * weights.stride..][..weights.stride];
                out[o * out_width + column] = T::dot(filter, &patch) + weights.bias[o];
            }
        }
        out
    };
    let rows: Vec<Vec<i64>> = if out_height * out_width * values.len() < PARALLEL_WORK {
        (0..n * out_height).map(compute_row).collect()
    } else {
        (0..n * out_height).into_par_iter().map(compute_row).collect()
    };
    let mut y = vec![0i64; n * outputs * out_height * out_width];
    for (index, values) in rows.iter().enumerate() {
        let (image, row) = (index / out_height, index % out_height);
        for (o, values) in values.chunks_exact(out_width).enumerate() {
            let start = ((image * outputs + o) * out_height + row) * out_width;
            y[start..start + out_width].copy_from_slice(values);
        }
    }
    ArrayD::from_shape_vec(shape, y).ok()
}

fn pool(
    x: &ArrayD<i64>,
    window: &Window2d,
    shape: &[usize],
    start: i64,
    combine: impl Fn(i64, i64) -> i64,
) -> Option<ArrayD<i64>> {
    let (&[n, channels, height, width], &[_, _, out_height, out_width]) = (x.shape(), shape) else {
        return None;
    };
    let mut y = vec![start; n * channels * out_height * out_width];
    let planes = y.chunks_exact_mut(out_height * out_width);
    for (plane, source) in planes.zip(x.as_slice()?.chunks_exact(height * width)) {
        for (kh, kw) in (0..window.kernel[0]).flat_map(|kh| (0..window.kernel[1]).map(move |kw| (kh, kw))) {
            let columns = inside(kw, width, out_width, window, 1);
            for row in inside(kh, height, out_height, window, 0) {
                let h = row * window.stride[0] + kh * window.dilation[0] - window.padding[0];
                for column in columns.clone() {
                    let w = column * window.stride[1] + kw * window.dilation[1] - window.padding[1];
                    let y = &mut plane[row * out_width + column];
                    *y = combine(*y, source[h * width + w]);
                }
            }
        }
    }
    ArrayD::from_shape_vec(shape, y).ok()
}

/// The table's results, and the values they were looked up at.
fn rescale(node: &Node<Int>, x: &ArrayD<i64>) -> Result<(ArrayD<i64>, ArrayD<i64>), ExecutionError> {
    let inconsistent = || ExecutionError::Inconsistent {
        layer: node.name.clone(),
    };
    let IntOp::Rescale {
        multipliers,
        axis,
        shift,
        table,
    } = &node.op
    else {
        return Err(inconsistent());
    };
    let shape = x.shape();
    let inner: usize = shape.get(axis + 1..).ok_or_else(inconsistent)?.iter().product();
    let source = x.as_slice().ok_or_else(inconsistent)?;
    let (half, domain) = (1i64 << (shift - 1), 1i64 << table.domain_bits);
    let mut before = Vec::with_capacity(source.len());
    for (block, &m) in source.chunks_exact(inner.max(1)).zip(multipliers.iter().cycle()) {
        before.extend(block.iter().map(|x| (x * m + half) >> shift));
    }
    if let Some(at) = before.iter().position(|v| !(-domain..domain).contains(v)) {
        let value = before[at];
        let before = ArrayD::from_shape_vec(shape, before).map_err(|_| inconsistent())?;
        let index = before
            .indexed_iter()
            .nth(at)
            .map(|(index, _)| index.slice().to_vec());
        return Err(ExecutionError::Domain {
            layer: node.name.clone(),
            index: index.unwrap_or_default(),
            value,
            domain_bits: table.domain_bits,
        });
    }
    let after = before.iter().map(|v| table.apply(*v)).collect();
    let tensor = |values| ArrayD::from_shape_vec(shape, values).map_err(|_| inconsistent());
    Ok((tensor(after)?, tensor(before)?))
}
