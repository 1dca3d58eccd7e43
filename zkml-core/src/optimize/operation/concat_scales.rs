//! One scale for all operands of a concatenation.
//!
//! A concatenated tensor has one scale. An operand without another user is rescaled to this scale where it is made.
//! Without this pass it is rescaled to a scale of its own, and a second rescale follows.

use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Int, IntOp, Properties};
use crate::optimize::pass;

pass!(ConcatScales, "concat_scales", Operation(changes) in "quant/scale.rs",
    "rescales the operands of a concatenation to one scale in the layers that make them");

/// Gives the producers of concatenated values the threshold of the concatenation. `thresholds` has one for each node.
pub(crate) fn share(graph: &Graph<Float>, thresholds: &mut [f64]) {
    let users = graph.users();
    let alone = |id: NodeId| users[id.0].len() == 1 && !graph.outputs.contains(&id);
    for index in (0..graph.nodes.len()).rev() {
        if !graph.nodes[index].op.room().has(Properties::JOINS) {
            continue;
        }
        for &operand in &graph.nodes[index].inputs {
            if let Some(producer) = producer(graph, operand, &alone) {
                thresholds[producer.0] = thresholds[index];
            }
        }
    }
}

/// The node that chooses the scale of `at`, if all between the two have no other user.
fn producer(graph: &Graph<Float>, mut at: NodeId, alone: &dyn Fn(NodeId) -> bool) -> Option<NodeId> {
    while alone(at) {
        let node = &graph[at];
        let room = node.op.room();
        let operand = *node.inputs.first()?;
        let produces = room.has(Properties::OWN_SCALE)
            || match room.has(Properties::ACTIVATION) {
                true => graph[operand].op.room().has(Properties::ACCUMULATES),
                false => room.has(Properties::ACCUMULATES) || room.has(Properties::JOINS),
            };
        if produces {
            return Some(at);
        }
        at = operand;
    }
    None
}

/// The concatenations, with the operands that need no rescale of their own.
fn changes(graph: &Graph<Int>) -> Vec<String> {
    let mut changes = Vec::new();
    for node in &graph.nodes {
        if !matches!(node.op, IntOp::Concat(_)) {
            continue;
        }
        for operand in &node.inputs {
            let operand = &graph[*operand];
            // A rescale that was put in for the concatenation bears its name.
            if !operand.name.starts_with(&format!("{}.rescale", node.name)) {
                changes.push(format!("`{}` has the scale of `{}`", operand.name, node.name));
            }
        }
    }
    changes
}
