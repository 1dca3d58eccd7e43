//! Lets an argmax compare what goes into a softmax or log_softmax instead of its result, which has the same order.
//!
//! The softmax is then computed only if something else uses it.

use crate::graph::{Graph, NodeId};
use crate::ops::Float;
use crate::optimize::{Change, OptimizeError, pass};

pass!(ArgmaxOperand, "argmax_operand", Nodes(visit) in "optimize/run.rs",
    "compares what goes into a softmax or log_softmax, whose order is the same");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let node = &graph[id];
    let (Some(axis), Some(&operand)) = (node.op.room().compares_along(), node.inputs.first()) else {
        return Ok(None);
    };
    let ordered = &graph[operand];
    let (true, Some(&source)) = (
        ordered.op.room().ordered_along() == Some(axis),
        ordered.inputs.first(),
    ) else {
        return Ok(None);
    };
    let what = format!("`{}` compares the operand of `{}`", node.name, ordered.name);
    graph.nodes[id.0].inputs = vec![source];
    Ok(Some(Change { what, next: id }))
}
