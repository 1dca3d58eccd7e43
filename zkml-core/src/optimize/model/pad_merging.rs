//! Makes zero padding part of the convolution or average pool after it, when it is the same on both sides and around
//! height and width only. An average pool counts padding as zeros; a max-pool does not, and keeps the padding node.

use crate::graph::{Graph, NodeId};
use crate::ops::{Float, FloatOp, Pad};
use crate::optimize::{Change, OptimizeError, pass, rewrite};

pass!(PadMerging, "pad_merging", Nodes(visit) in "optimize/run.rs",
    "makes zero padding part of the convolution or average pool after it");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let Some(&operand) = graph[id].inputs.first() else {
        return Ok(None);
    };
    let FloatOp::Pad(Pad { amounts }) = &graph[operand].op else {
        return Ok(None);
    };
    let &[(0, 0), (0, 0), (top, bottom), (left, right)] = amounts.as_slice() else {
        return Ok(None);
    };
    let pools = graph.nodes[id.0].op.room_mut().own_padding().is_some();
    if top != bottom || left != right || !pools || !rewrite::used_once(graph, operand) {
        return Ok(None);
    }
    let what = format!("`{}` is padding of `{}`", graph[operand].name, graph[id].name);
    let source = graph[operand].inputs.clone();
    let node = &mut graph.nodes[id.0];
    if let Some(padding) = node.op.room_mut().own_padding() {
        padding[0] += top;
        padding[1] += left;
    }
    node.inputs = source;
    rewrite::remove(graph, operand);
    // The nodes after the removed one moved down by one. The new operand may be a padding again.
    Ok(Some(Change {
        what,
        next: NodeId(id.0 - 1),
    }))
}
