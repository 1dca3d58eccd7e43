//! Reference execution of a `Graph<Float>` in `f32`, as PyTorch computes it in evaluation mode.
//!
//! Simple on purpose: it is what calibration measures and what the integer network is compared with.

use ndarray::{ArrayD, ArrayViewD, Axis, Dimension, IxDyn, Slice};
use rayon::prelude::*;

use super::float_convolution::conv2d;
pub(crate) use super::float_convolution::inside;
use crate::graph::{Float, FloatOp, Graph, Node, ParameterId, Window2d};

/// Why a floating-point execution did not start or finish.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FloatExecutionError {
    /// The input has another shape than the network takes.
    #[error("input: expected shape {expected:?}, found {found:?}")]
    InputShape {
        /// Shape of the network's input.
        expected: Vec<usize>,
        /// Shape of what was given.
        found: Vec<usize>,
    },
    /// The input holds a NaN or an infinity.
    #[error("input: value {value} at index {index:?} is not finite")]
    NotFinite {
        /// Where.
        index: Vec<usize>,
        /// What.
        value: f32,
    },
    /// The graph is not consistent at this node; it was not validated.
    #[error("`{node}`: the graph is inconsistent here, validate it first")]
    Inconsistent {
        /// Name of the node.
        node: String,
    },
}

crate::debug_as_display!(FloatExecutionError);

/// The value of every node on one input, by node index. An `Argmax` yields its index as a float.
///
/// # Errors
/// Wrong shape, NaN or infinity in the input; a graph that would not pass [`Graph::validate`].
pub fn execute_float(
    graph: &Graph<Float>,
    input: &ArrayD<f32>,
) -> Result<Vec<ArrayD<f32>>, FloatExecutionError> {
    check_input(&graph[graph.input].fact, input)?;
    let mut values: Vec<ArrayD<f32>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let operands: Option<Vec<&ArrayD<f32>>> = node.inputs.iter().map(|id| values.get(id.0)).collect();
        let value = operands.and_then(|operands| compute(graph, node, &operands, input));
        match value {
            Some(value) if value.shape() == node.fact => values.push(value),
            _ => {
                return Err(FloatExecutionError::Inconsistent {
                    node: node.name.clone(),
                });
            }
        }
    }
    Ok(values)
}

/// The outputs of the network on many inputs, in parallel over inputs: one list of outputs per input.
///
/// # Errors
/// As [`execute_float`], for the first failing input.
pub fn execute_float_outputs(
    graph: &Graph<Float>,
    inputs: &[ArrayD<f32>],
) -> Result<Vec<Vec<ArrayD<f32>>>, FloatExecutionError> {
    inputs
        .par_iter()
        .map(|input| {
            let mut values = execute_float(graph, input)?;
            let take = |id: &crate::graph::NodeId| values.get_mut(id.0).map(|v| v.clone());
            Ok(graph.outputs.iter().filter_map(take).collect())
        })
        .collect()
}

/// Refuses inputs of the wrong shape and inputs with NaN or infinity, naming the index.
pub(crate) fn check_input(expected: &[usize], input: &ArrayD<f32>) -> Result<(), FloatExecutionError> {
    if input.shape() != expected {
        return Err(FloatExecutionError::InputShape {
            expected: expected.to_vec(),
            found: input.shape().to_vec(),
        });
    }
    match input.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((index, &value)) => Err(FloatExecutionError::NotFinite {
            index: index.slice().to_vec(),
            value,
        }),
    }
}

fn compute(
    graph: &Graph<Float>,
    node: &Node<Float>,
    operands: &[&ArrayD<f32>],
    input: &ArrayD<f32>,
) -> Option<ArrayD<f32>> {
    let parameter = |id: ParameterId| graph.parameters.get(id.0).map(|p| p.values.view());
    let optional = |id: Option<ParameterId>| id.map(parameter);
    if matches!(node.op, FloatOp::Input) {
        return Some(input.as_standard_layout().into_owned());
    }
    let x = *operands.first()?;
    Some(match &node.op {
        FloatOp::Input => return None,
        FloatOp::Conv2d {
            weight,
            bias,
            window,
            groups,
        } => conv2d(
            x,
            parameter(*weight)?,
            window,
            *groups,
            bias_of(optional(*bias))?,
            &node.fact,
        )?,
        FloatOp::Linear { weight, bias } => {
            linear(x, parameter(*weight)?, bias_of(optional(*bias))?, &node.fact)?
        }
        FloatOp::BatchNorm {
            weight,
            bias,
            running_mean,
            running_var,
            epsilon,
        } => {
            let mean = parameter(*running_mean)?;
            let variance = parameter(*running_var)?;
            let (weight, bias) = (bias_of(optional(*weight))?, bias_of(optional(*bias))?);
            let mut y = x.clone();
            for (c, mut channel) in y.axis_iter_mut(Axis(1)).enumerate() {
                let inverse = 1.0 / (f64::from(*variance.get([c].as_slice())?) + epsilon).sqrt();
                let gain = weight.as_ref().map_or(1.0, |w| f64::from(w[c])) * inverse;
                let shift = bias.as_ref().map_or(0.0, |b| f64::from(b[c]))
                    - gain * f64::from(*mean.get([c].as_slice())?);
                channel.mapv_inplace(|value| (f64::from(value) * gain + shift) as f32);
            }
            y
        }
        FloatOp::Relu => x.mapv(|value| value.max(0.0)),
        FloatOp::Relu6 => x.mapv(|value| value.clamp(0.0, 6.0)),
        FloatOp::MaxPool2d { window } => pool(x, window, &node.fact, f32::NEG_INFINITY, f32::max)?,
        FloatOp::AvgPool2d { window } => {
            let count = (window.kernel[0] * window.kernel[1]) as f32;
            pool(x, window, &node.fact, 0.0, |a, b| a + b)? / count
        }
        FloatOp::GlobalAvgPool2d => {
            let [_, _, height, width] = *x.shape() else {
                return None;
            };
            (x.sum_axis(Axis(3)).sum_axis(Axis(2)) / (height * width) as f32)
                .into_shape_with_order(node.fact.as_slice())
                .ok()?
        }
        FloatOp::Reshape => x.to_shape(node.fact.as_slice()).ok()?.into_owned(),
        FloatOp::Permute { order } => x
            .view()
            .permuted_axes(IxDyn(order))
            .as_standard_layout()
            .into_owned(),
        FloatOp::Concat { axis } => {
            let views: Vec<ArrayViewD<'_, f32>> = operands.iter().map(|operand| operand.view()).collect();
            ndarray::concatenate(Axis(*axis), &views)
                .ok()?
                .as_standard_layout()
                .into_owned()
        }
        FloatOp::Pad { amounts } => {
            let mut y = ArrayD::zeros(node.fact.as_slice());
            y.slice_each_axis_mut(|axis| {
                let before = amounts[axis.axis.index()].0;
                Slice::from(before..before + x.shape()[axis.axis.index()])
            })
            .assign(x);
            y
        }
        FloatOp::Add => x + *operands.get(1)?,
        FloatOp::Argmax { axis } => x.map_axis(Axis(*axis), |lane| {
            let mut best = 0;
            for (index, value) in lane.iter().enumerate() {
                if *value > lane[best] {
                    best = index;
                }
            }
            best as f32
        }),
    })
}

/// `Some(None)`: no bias; `None`: a bias that does not exist.
fn bias_of(bias: Option<Option<ArrayViewD<'_, f32>>>) -> Option<Option<Vec<f32>>> {
    match bias {
        None => Some(None),
        Some(view) => Some(Some(view?.iter().copied().collect())),
    }
}

fn linear(
    x: &ArrayD<f32>,
    weight: ArrayViewD<'_, f32>,
    bias: Option<Vec<f32>>,
    shape: &[usize],
) -> Option<ArrayD<f32>> {
    let weight = weight.as_standard_layout();
    let (weight, x) = (weight.as_slice()?, x.as_slice()?);
    let outputs = *shape.last()?;
    let inputs = weight.len().checked_div(outputs)?;
    let mut y = Vec::with_capacity(shape.iter().product());
    for row in x.chunks_exact(inputs.max(1)) {
        for (o, weights) in weight.chunks_exact(inputs.max(1)).enumerate() {
            y.push(dot(row, weights) + bias.as_ref().map_or(0.0, |bias| bias[o]));
        }
    }
    ArrayD::from_shape_vec(shape, y).ok()
}

/// Eight partial sums, so that the compiler may use vector registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f32 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + tail
}

fn pool(
    x: &ArrayD<f32>,
    window: &Window2d,
    shape: &[usize],
    start: f32,
    combine: impl Fn(f32, f32) -> f32,
) -> Option<ArrayD<f32>> {
    let (&[n, channels, height, width], &[_, _, out_height, out_width]) = (x.shape(), shape) else {
        return None;
    };
    let x = x.as_slice()?;
    let mut y = vec![start; n * channels * out_height * out_width];
    for (plane, source) in y
        .chunks_exact_mut(out_height * out_width)
        .zip(x.chunks_exact(height * width))
    {
        for (kh, kw) in (0..window.kernel[0]).flat_map(|kh| (0..window.kernel[1]).map(move |kw| (kh, kw))) {
            for row in inside(kh, height, out_height, window, 0) {
                let h = row * window.stride[0] + kh * window.dilation[0] - window.padding[0];
                for column in inside(kw, width, out_width, window, 1) {
                    let w = column * window.stride[1] + kw * window.dilation[1] - window.padding[1];
                    let y = &mut plane[row * out_width + column];
                    *y = combine(*y, source[h * width + w]);
                }
            }
        }
    }
    ArrayD::from_shape_vec(shape, y).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graph::{GraphBuilder, Parameter};

    /// The definition, with one bounds check per kernel offset.
    fn conv2d_by_definition(
        x: &ArrayD<f32>,
        weight: &ArrayD<f32>,
        window: &Window2d,
        groups: usize,
    ) -> ArrayD<f32> {
        let (xs, ws) = (x.shape(), weight.shape());
        let [out_height, out_width] = window.output([xs[2], xs[3]]).unwrap();
        ArrayD::from_shape_fn(vec![xs[0], ws[0], out_height, out_width], |y| {
            let mut sum = 0.0;
            for i in 0..ws[1] {
                for kh in 0..ws[2] {
                    for kw in 0..ws[3] {
                        let h = (y[2] * window.stride[0] + kh * window.dilation[0])
                            .wrapping_sub(window.padding[0]);
                        let w = (y[3] * window.stride[1] + kw * window.dilation[1])
                            .wrapping_sub(window.padding[1]);
                        let c = y[1] / (ws[0] / groups) * ws[1] + i;
                        sum += weight[[y[1], i, kh, kw]] * x.get([y[0], c, h, w]).unwrap_or(&0.0);
                    }
                }
            }
            sum
        })
    }

    proptest! {
        #[test]
        fn convolution_agrees_with_its_definition(
            (groups, inputs, outputs) in (1usize..3, 1usize..3, 1usize..3),
            kernel in [1usize..4, 1usize..4], stride in [1usize..4, 1usize..4],
            padding in [0usize..3, 0usize..3], dilation in [1usize..3, 1usize..3],
            (height, width) in (5usize..9, 5usize..9), seed in 0u32..1000,
        ) {
            let window = Window2d { kernel, stride, padding, dilation };
            let value = |i: usize| ((i as u32 * 7919 + seed * 31) % 17) as f32 - 8.0;
            let fill = |shape: &[usize]| {
                let count = shape.iter().product();
                ArrayD::from_shape_vec(shape, (0..count).map(value).collect()).unwrap()
            };
            let x = fill(&[2, inputs * groups, height, width]);
            let weight = fill(&[outputs * groups, inputs, kernel[0], kernel[1]]);
            let mut builder = GraphBuilder::<Float>::new();
            let id = builder.input("x", x.shape()).unwrap();
            let parameter = builder.parameter(Parameter { path: "w".into(), values: weight.clone() });
            let op = FloatOp::Conv2d { weight: parameter, bias: None, window, groups };
            let y = builder.add("y", op, &[id]).unwrap();
            let graph = builder.finish(vec![y]).unwrap();
            let values = execute_float(&graph, &x).unwrap();
            // Small integers: exact in f32.
            prop_assert_eq!(&values[1], &conv2d_by_definition(&x, &weight, &window, groups));
        }
    }

    #[test]
    fn wrong_inputs_are_refused() {
        let mut builder = GraphBuilder::<Float>::new();
        let x = builder.input("x", &[1, 2]).unwrap();
        let graph = builder.finish(vec![x]).unwrap();
        let error = execute_float(&graph, &ArrayD::zeros(vec![2, 1])).unwrap_err();
        assert_eq!(
            error,
            FloatExecutionError::InputShape {
                expected: vec![1, 2],
                found: vec![2, 1]
            }
        );
        let mut input = ArrayD::zeros(vec![1, 2]);
        input[[0, 1]] = f32::INFINITY;
        let error = execute_float(&graph, &input).unwrap_err();
        assert_eq!(
            error,
            FloatExecutionError::NotFinite {
                index: vec![0, 1],
                value: f32::INFINITY
            }
        );
    }
}
