//! Drops operations that return their operand, and joins consecutive reshapes.

use super::{OptimizeError, rewrite};
use crate::graph::{Float, FloatOp, Graph, NodeId, Window2d};

/// Runs the pass.
///
/// # Errors
/// None on a validated graph.
pub fn run(graph: &mut Graph<Float>) -> Result<Vec<String>, OptimizeError> {
    let mut changes = Vec::new();
    let mut index = 0;
    while index < graph.nodes.len() {
        let id = NodeId(index);
        let node = &graph[id];
        let Some(&operand) = node.inputs.first() else {
            index += 1;
            continue;
        };
        if returns_operand(graph, id, operand) {
            changes.push(format!("removed `{}`, which returns its operand", node.name));
            rewrite::replace_uses(graph, id, operand);
            rewrite::remove(graph, id);
            continue;
        }
        let before = &graph[operand];
        if node.op == FloatOp::Reshape && before.op == FloatOp::Reshape {
            changes.push(format!(
                "`{}` reshapes the operand of `{}`",
                node.name, before.name
            ));
            let source = before.inputs.clone();
            graph.nodes[index].inputs = source;
            // The first reshape may be dead now; it may also have been the only difference.
            if rewrite_dead(graph, operand) {
                index -= 1;
            }
            continue;
        }
        index += 1;
    }
    Ok(changes)
}

fn rewrite_dead(graph: &mut Graph<Float>, id: NodeId) -> bool {
    let used = graph
        .nodes
        .iter()
        .flat_map(|node| &node.inputs)
        .chain(&graph.outputs)
        .any(|used| *used == id);
    if !used {
        rewrite::remove(graph, id);
    }
    !used
}

fn returns_operand(graph: &Graph<Float>, id: NodeId, operand: NodeId) -> bool {
    let node = &graph[id];
    let single =
        |window: &Window2d| window.kernel == [1, 1] && window.stride == [1, 1] && window.padding == [0, 0];
    match &node.op {
        FloatOp::Relu => is_non_negative(graph, operand),
        FloatOp::Reshape => node.fact == graph[operand].fact,
        FloatOp::Permute { order } => order.iter().copied().eq(0..order.len()),
        FloatOp::Pad { amounts } => amounts.iter().all(|amount| *amount == (0, 0)),
        FloatOp::Concat { .. } => node.inputs.len() == 1,
        FloatOp::MaxPool2d { window } | FloatOp::AvgPool2d { window } => single(window),
        FloatOp::GlobalAvgPool2d => node.fact == graph[operand].fact,
        _ => false,
    }
}

/// Whether a value comes from a ReLU through operations that keep it non-negative.
fn is_non_negative(graph: &Graph<Float>, id: NodeId) -> bool {
    let node = &graph[id];
    match node.op {
        FloatOp::Relu | FloatOp::Relu6 => true,
        FloatOp::MaxPool2d { .. } | FloatOp::Reshape | FloatOp::Permute { .. } | FloatOp::Pad { .. } => node
            .inputs
            .first()
            .is_some_and(|operand| is_non_negative(graph, *operand)),
        _ => false,
    }
}
