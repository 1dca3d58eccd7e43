//! The integer semantics, written as directly as possible: the oracle for [`crate::execute::execute()`].
//!
//! Every result element is computed from its definition with checked indexing and `i128` sums. Slow.

use ndarray::{ArrayD, Dimension, IxDyn};

use super::{Execution, ExecutionError, check_input};
use crate::graph::{Graph, Int, IntOp, Node, ParameterId, Window2d};

/// Executes the graph on one input.
///
/// # Errors
/// An input of the wrong shape or range; a value outside a table's domain; a graph that was not validated.
pub fn execute_reference(graph: &Graph<Int>, input: &ArrayD<i64>) -> Result<Execution, ExecutionError> {
    check_input(graph, input)?;
    let mut execution = Execution {
        values: Vec::new(),
        before_table: Vec::new(),
    };
    for node in &graph.nodes {
        let inconsistent = || ExecutionError::Inconsistent {
            layer: node.name.clone(),
        };
        let operands: Option<Vec<&ArrayD<i64>>> =
            node.inputs.iter().map(|id| execution.values.get(id.0)).collect();
        let operands = operands.ok_or_else(inconsistent)?;
        let mut before = None;
        let value = if let IntOp::Rescale {
            multipliers,
            axis,
            shift,
            table,
        } = &node.op
        {
            let x = operands.first().ok_or_else(inconsistent)?;
            let v = ArrayD::from_shape_fn(x.shape(), |at| {
                let m = if multipliers.len() == 1 {
                    multipliers[0]
                } else {
                    multipliers[at[*axis]]
                };
                ((i128::from(x[&at]) * i128::from(m) + (1 << (shift - 1))) >> shift) as i64
            });
            let domain = 1i64 << table.domain_bits;
            if let Some((at, &value)) = v.indexed_iter().find(|(_, v)| !(-domain..domain).contains(*v)) {
                let (layer, index) = (node.name.clone(), at.slice().to_vec());
                return Err(ExecutionError::Domain {
                    layer,
                    index,
                    value,
                    domain_bits: table.domain_bits,
                });
            }
            before = Some(v.clone());
            let cells = table.cells().map_err(|error| ExecutionError::Table {
                layer: node.name.clone(),
                error,
            })?;
            let mut after = v.clone();
            for (after, &v) in after.iter_mut().zip(&v) {
                *after = cells.at(v).ok_or_else(inconsistent)?;
            }
            after
        } else {
            compute(graph, node, &operands, input).ok_or_else(inconsistent)?
        };
        execution.values.push(value);
        execution.before_table.push(before);
    }
    Ok(execution)
}

fn compute(
    graph: &Graph<Int>,
    node: &Node<Int>,
    operands: &[&ArrayD<i64>],
    input: &ArrayD<i64>,
) -> Option<ArrayD<i64>> {
    let parameter = |id: ParameterId| graph.parameters.get(id.0).map(|p| p.values.to_array());
    let bias = match &node.op {
        IntOp::Conv2d { bias, .. } | IntOp::Linear { bias, .. } => bias.and_then(parameter),
        _ => None,
    };
    let bias_at = |channel: usize| -> i128 { bias.as_ref().map_or(0, |bias| i128::from(bias[[channel]])) };
    let shape = IxDyn(&node.fact.shape);
    let x = operands.first();
    Some(match &node.op {
        IntOp::Input => input.clone(),
        IntOp::Conv2d {
            weight,
            window,
            groups,
            ..
        } => {
            let (x, weight) = (x?, parameter(*weight)?);
            let per_group = weight.shape()[0] / groups;
            ArrayD::from_shape_fn(shape, |y| {
                let mut sum = bias_at(y[1]);
                for (at, w) in weight.index_axis(ndarray::Axis(0), y[1]).indexed_iter() {
                    let channel = y[1] / per_group * weight.shape()[1] + at[0];
                    if let Some([h, v]) = source(window, [y[2], y[3]], [at[1], at[2]], x.shape()) {
                        sum += i128::from(*w) * i128::from(x[[y[0], channel, h, v]]);
                    }
                }
                sum as i64
            })
        }
        IntOp::Linear { weight, .. } => {
            let (x, weight) = (x?, parameter(*weight)?);
            ArrayD::from_shape_fn(shape, |y| {
                let last = y.ndim() - 1;
                let mut sum = bias_at(y[last]);
                let mut at = y.clone();
                for i in 0..weight.shape()[1] {
                    at[last] = i;
                    sum += i128::from(weight[[y[last], i]]) * i128::from(x[&at]);
                }
                sum as i64
            })
        }
        IntOp::WeightedSum { coefficients } => ArrayD::from_shape_fn(shape, |at| {
            let terms = coefficients.iter().zip(operands);
            terms
                .map(|(c, x)| i128::from(*c) * i128::from(x[&at]))
                .sum::<i128>() as i64
        }),
        IntOp::SumPool2d { window } => {
            let x = x?;
            ArrayD::from_shape_fn(shape, |y| {
                window_positions(window, [y[2], y[3]], x.shape())
                    .iter()
                    .map(|[h, w]| x[[y[0], y[1], *h, *w]])
                    .sum()
            })
        }
        IntOp::MaxPool2d { window } => {
            let x = x?;
            ArrayD::from_shape_fn(shape, |y| {
                let positions = window_positions(window, [y[2], y[3]], x.shape());
                positions
                    .iter()
                    .map(|[h, w]| x[[y[0], y[1], *h, *w]])
                    .max()
                    .unwrap_or(i64::MIN)
            })
        }
        IntOp::Reshape => x?.to_shape(shape).ok()?.into_owned(),
        IntOp::Permute { order } => {
            let x = x?;
            ArrayD::from_shape_fn(shape, |y| {
                let mut at = y.clone();
                for (i, axis) in order.iter().enumerate() {
                    at[*axis] = y[i];
                }
                x[at]
            })
        }
        IntOp::Concat { axis } => ArrayD::from_shape_fn(shape, |y| {
            let mut at = y;
            for x in operands {
                if at[*axis] < x.shape()[*axis] {
                    return x[&at];
                }
                at[*axis] -= x.shape()[*axis];
            }
            0
        }),
        IntOp::Pad { amounts } => {
            let x = x?;
            ArrayD::from_shape_fn(shape, |y| {
                let mut at = y;
                for (axis, (before, _)) in amounts.iter().enumerate() {
                    at[axis] = at[axis].wrapping_sub(*before);
                }
                x.get(at).copied().unwrap_or(0)
            })
        }
        IntOp::Argmax { axis } => {
            let x = x?;
            ArrayD::from_shape_fn(shape, |y| {
                let lane: Vec<i64> = (0..x.shape()[*axis])
                    .map(|i| {
                        let mut at = y.slice().to_vec();
                        at.insert(*axis, i);
                        x[at.as_slice()]
                    })
                    .collect();
                let largest = lane.iter().max();
                lane.iter().position(|value| Some(value) == largest).unwrap_or(0) as i64
            })
        }
        IntOp::Rescale { .. } => return None,
    })
}

/// Input position under kernel offset `offset` of the window at `at`; `None` in the padding.
fn source(window: &Window2d, at: [usize; 2], offset: [usize; 2], shape: &[usize]) -> Option<[usize; 2]> {
    let along = |a: usize| {
        let position = at[a] * window.stride[a] + offset[a] * window.dilation[a];
        position
            .checked_sub(window.padding[a])
            .filter(|position| *position < shape[2 + a])
    };
    Some([along(0)?, along(1)?])
}

fn window_positions(window: &Window2d, at: [usize; 2], shape: &[usize]) -> Vec<[usize; 2]> {
    let offsets = (0..window.kernel[0]).flat_map(|h| (0..window.kernel[1]).map(move |w| [h, w]));
    offsets
        .filter_map(|offset| source(window, at, offset, shape))
        .collect()
}
