//! Makes zero padding part of the convolution or average pool behind it (which counts padding as zeros; a max-pool does
//! not), when it is the same on both sides and around height and width only.

use crate::graph::{Graph, NodeId};
use crate::ops::{Float, FloatOp, Pad};
use crate::optimize::{OptimizeError, pass, rewrite};

pass! {
    PadMerging: "pad_merging",
    "makes zero padding part of the convolution or average pool after it";
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
        index += 1;
        let Some(&operand) = graph[id].inputs.first() else {
            continue;
        };
        let FloatOp::Pad(Pad { amounts }) = &graph[operand].op else {
            continue;
        };
        let &[(0, 0), (0, 0), (top, bottom), (left, right)] = amounts.as_slice() else {
            continue;
        };
        let pools = graph.nodes[id.0].op.room_mut().own_padding().is_some();
        if top != bottom || left != right || !pools || !rewrite::used_once(graph, operand) {
            continue;
        }
        changes.push(format!(
            "`{}` is padding of `{}`",
            graph[operand].name, graph[id].name
        ));
        let source = graph[operand].inputs.clone();
        let node = &mut graph.nodes[id.0];
        if let Some(padding) = node.op.room_mut().own_padding() {
            padding[0] += top;
            padding[1] += left;
        }
        node.inputs = source;
        rewrite::remove(graph, operand);
        // Everything behind the removed node moved down; another padding may have become the operand.
        index -= 2;
    }
    Ok(changes)
}
