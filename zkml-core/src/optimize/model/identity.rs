//! Drops operations that return their operand, and joins consecutive reshapes.

use crate::graph::{Graph, NodeId};
use crate::ops::{Float, FloatOp};
use crate::optimize::{OptimizeError, pass, rewrite};

pass! {
    Identity: "identity",
    "drops operations that return their operand, joins consecutive reshapes";
    Model(run) in "optimize/run.rs";
}

/// Runs the pass.
///
/// # Errors
/// None on a validated graph.
fn run(graph: &mut Graph<Float>) -> Result<Vec<String>, OptimizeError> {
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
        if let (FloatOp::Reshape(_), FloatOp::Reshape(_)) = (&node.op, &before.op) {
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
    let (node, operand_shape) = (&graph[id], &graph[operand].fact);
    let room = node.op.room();
    room.returns_operand(operand_shape, &node.fact, node.inputs.len())
        || (room.keeps_non_negative() && is_non_negative(graph, operand))
}

/// Whether a value comes from a ReLU through operations that keep it non-negative.
fn is_non_negative(graph: &Graph<Float>, id: NodeId) -> bool {
    let room = graph[id].op.room();
    let operand = graph[id].inputs.first();
    room.non_negative()
        || (room.selects_values() && operand.is_some_and(|operand| is_non_negative(graph, *operand)))
}
