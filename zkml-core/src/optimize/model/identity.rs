//! Drops operations that return their operand, and joins consecutive reshapes.

use crate::graph::{Graph, NodeId};
use crate::ops::{Float, FloatOp, Properties};
use crate::optimize::{Change, OptimizeError, pass, rewrite};

pass!(Identity, "identity", Nodes(visit) in "optimize/run.rs",
    "drops operations that return their operand, joins consecutive reshapes");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let node = &graph[id];
    let Some(&operand) = node.inputs.first() else {
        return Ok(None);
    };
    if returns_operand(graph, id, operand) {
        let what = format!("removed `{}`, which returns its operand", node.name);
        rewrite::replace_uses(graph, id, operand);
        rewrite::remove(graph, id);
        return Ok(Some(Change { what, next: id }));
    }
    let before = &graph[operand];
    if let (FloatOp::Reshape(_), FloatOp::Reshape(_)) = (&node.op, &before.op) {
        let what = format!("`{}` reshapes the operand of `{}`", node.name, before.name);
        graph.nodes[id.0].inputs = before.inputs.clone();
        // Visit this node again: it may now return its operand. Without the first reshape, this node's id is one less.
        let next = match remove_unused(graph, operand) {
            true => NodeId(id.0 - 1),
            false => id,
        };
        return Ok(Some(Change { what, next }));
    }
    Ok(None)
}

/// Removes a node that nobody uses; says whether it did.
fn remove_unused(graph: &mut Graph<Float>, id: NodeId) -> bool {
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
        || (room.has(Properties::KEEPS_NON_NEGATIVE) && is_non_negative(graph, operand))
}

/// Whether a value comes from a ReLU through operations that keep it non-negative.
fn is_non_negative(graph: &Graph<Float>, id: NodeId) -> bool {
    let room = graph[id].op.room();
    let operand = graph[id].inputs.first();
    room.has(Properties::NON_NEGATIVE)
        || (room.has(Properties::SELECTS_VALUES)
            && operand.is_some_and(|operand| is_non_negative(graph, *operand)))
}
