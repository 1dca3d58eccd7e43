//! Reference execution of a `Graph<Float>` in `f32`, as PyTorch computes it in evaluation mode.
//!
//! Simple on purpose: calibration measures it, and the integer network is compared with it.

use ndarray::{ArrayD, Dimension};
use rayon::prelude::*;

use super::{ExecutionError, check_inputs, check_shape};
use crate::graph::{Graph, Operation};
use crate::ops::{Float, FloatSite};

/// The value of every node on one input, by node index. An `Argmax` yields its index as a float.
///
/// # Errors
/// Wrong shape, NaN or infinity in the input; a graph that would not pass [`Graph::validate`].
pub fn execute_float(graph: &Graph<Float>, input: &ArrayD<f32>) -> Result<Vec<ArrayD<f32>>, ExecutionError> {
    execute_float_on(graph, core::slice::from_ref(input))
}

/// The value of every node on several inputs, in their order.
///
/// # Errors
/// As [`execute_float`]; another number of inputs.
pub fn execute_float_on(
    graph: &Graph<Float>,
    inputs: &[ArrayD<f32>],
) -> Result<Vec<ArrayD<f32>>, ExecutionError> {
    check_inputs(graph, inputs, |fact, input| check_input(fact, input))?;
    let mut inputs = inputs.iter();
    let mut values: Vec<ArrayD<f32>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let operands: Option<Vec<&ArrayD<f32>>> = node.inputs.iter().map(|id| values.get(id.0)).collect();
        let value = match (node.op.is_input(), operands) {
            (true, _) => inputs.next().map(|input| input.as_standard_layout().into_owned()),
            (false, None) => None,
            (false, Some(operands)) => evaluate(&FloatSite {
                graph,
                node,
                operands: &operands,
            })?,
        };
        match value {
            Some(value) if value.shape() == node.fact => values.push(value),
            _ => {
                let layer = node.name.clone();
                return Err(ExecutionError::Inconsistent { layer });
            }
        }
    }
    Ok(values)
}

/// The value of a node; `None` where its operands do not fit.
fn evaluate(site: &FloatSite<'_>) -> Result<Option<ArrayD<f32>>, ExecutionError> {
    let room = site.node.op.room();
    room.accepts(site)?;
    Ok(room.evaluate(site))
}

/// The outputs of the network on many inputs, in parallel over inputs: one list of outputs per input.
///
/// # Errors
/// As [`execute_float`], for the first failing input.
pub fn execute_float_outputs(
    graph: &Graph<Float>,
    inputs: &[ArrayD<f32>],
) -> Result<Vec<Vec<ArrayD<f32>>>, ExecutionError> {
    inputs
        .par_iter()
        .map(|input| {
            let mut values = execute_float(graph, input)?;
            let take = |id: &crate::graph::NodeId| values.get_mut(id.0).map(|v| v.clone());
            Ok(graph.outputs.iter().filter_map(take).collect())
        })
        .collect()
}

/// The outputs of a network of several inputs on many samples, each a list of inputs: one list of outputs per sample.
///
/// # Errors
/// As [`execute_float_on`], for the first failing sample.
pub fn execute_float_outputs_on(
    graph: &Graph<Float>,
    samples: &[Vec<ArrayD<f32>>],
) -> Result<Vec<Vec<ArrayD<f32>>>, ExecutionError> {
    samples
        .par_iter()
        .map(|inputs| {
            let values = execute_float_on(graph, inputs)?;
            let take = |id: &crate::graph::NodeId| values.get(id.0).cloned();
            Ok(graph.outputs.iter().filter_map(take).collect())
        })
        .collect()
}

/// Refuses inputs of the wrong shape and inputs with NaN or infinity, naming the index.
pub(crate) fn check_input(expected: &[usize], input: &ArrayD<f32>) -> Result<(), ExecutionError> {
    check_shape(expected, input)?;
    match input.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((index, &value)) => Err(ExecutionError::NotFinite {
            index: index.slice().to_vec(),
            value,
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::Window2d;
    use crate::ops;
    use crate::ops::FloatOp;
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
            let op = FloatOp::Conv2d(ops::Conv2d { weight: parameter, bias: None, window, groups });
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
            ExecutionError::InputShape {
                expected: vec![1, 2],
                found: vec![2, 1]
            }
        );
        let mut input = ArrayD::zeros(vec![1, 2]);
        input[[0, 1]] = f32::INFINITY;
        let error = execute_float(&graph, &input).unwrap_err();
        assert_eq!(
            error,
            ExecutionError::NotFinite {
                index: vec![0, 1],
                value: f32::INFINITY
            }
        );
    }
}
