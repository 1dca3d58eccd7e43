//! Moves a ReLU (or ReLU6) up through max-pool, reshape, permute and padding to the layer whose rescale can do it for free.
//!
//! `relu(max(a, b)) = max(relu(a), relu(b))`, and `relu(0) = 0` for padding.

use super::{OptimizeError, rewrite};
use crate::graph::{Float, FloatOp, Graph, NodeId};

/// Runs the pass.
///
/// # Errors
/// None on a validated graph.
pub fn run(graph: &mut Graph<Float>) -> Result<Vec<String>, OptimizeError> {
    let mut changes = Vec::new();
    for index in 0..graph.nodes.len() {
        if !matches!(graph.nodes[index].op, FloatOp::Relu | FloatOp::Relu6) {
            continue;
        }
        let Some(chain) = chain(graph, NodeId(index)) else {
            continue;
        };
        if chain.is_empty() {
            continue;
        }
        let mut relu = NodeId(index);
        for &moved in &chain {
            swap(graph, moved, relu);
            relu = moved;
        }
        let operand = graph[relu].inputs[0];
        changes.push(format!(
            "`{}` follows `{}`",
            graph[relu].name, graph[operand].name
        ));
    }
    Ok(changes)
}

/// The operations between a ReLU and the layer above it, from below; `None` where there is no such layer.
fn chain(graph: &Graph<Float>, relu: NodeId) -> Option<Vec<NodeId>> {
    let mut chain = Vec::new();
    let mut at = *graph[relu].inputs.first()?;
    loop {
        if !rewrite::used_once(graph, at) {
            return None;
        }
        match graph[at].op {
            FloatOp::MaxPool2d { .. } | FloatOp::Reshape | FloatOp::Permute { .. } | FloatOp::Pad { .. } => {
                chain.push(at);
                at = *graph[at].inputs.first()?;
            }
            FloatOp::Conv2d { .. }
            | FloatOp::Linear { .. }
            | FloatOp::Add
            | FloatOp::AvgPool2d { .. }
            | FloatOp::GlobalAvgPool2d => return Some(chain),
            _ => return None,
        }
    }
}

/// `relu(above(x))` becomes `above(relu(x))`, in the same two places.
fn swap(graph: &mut Graph<Float>, above: NodeId, relu: NodeId) {
    let source = graph[above].inputs[0];
    let shape = graph[source].fact.clone();
    let (first, second) = graph.nodes.split_at_mut(relu.0);
    let (above, relu) = (&mut first[above.0], &mut second[0]);
    core::mem::swap(&mut above.name, &mut relu.name);
    core::mem::swap(&mut above.op, &mut relu.op);
    above.fact = shape;
}
