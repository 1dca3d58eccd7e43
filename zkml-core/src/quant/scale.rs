//! Scales of activations: which magnitude of each edge becomes the largest integer, 127 of 8 bits.
//!
//! A *producer* chooses its scale freely: the input, and every result that is rescaled (a convolution, linear layer,
//! average or sum, or the ReLU directly behind it). Max-pool, reshape, permute and padding keep their operand's scale.
//! The operands of a concatenation need one scale: where an operand has no other user, its producer simply takes the
//! common one; elsewhere an extra rescale is inserted.

use super::calibrate::Calibration;
use crate::graph::{Float, FloatOp, Graph, NodeId};

/// What pre-activations reach at most, about 2^14, so that a table of 2^16 keeps a margin of 4.
const LARGEST_BEFORE: f64 = 127.0 * 129.0;

/// Whether the operation's exact result is an accumulator that has to be rescaled.
pub(crate) fn accumulates(op: &FloatOp) -> bool {
    matches!(
        op,
        FloatOp::Conv2d { .. }
            | FloatOp::Linear { .. }
            | FloatOp::Add
            | FloatOp::AvgPool2d { .. }
            | FloatOp::GlobalAvgPool2d
    )
}

/// Nodes whose accumulator is used as it is: network outputs, and what reaches an output or an argmax through reshapes
/// and permutations only. Their weights need one scale for all channels, or the values would not be comparable.
pub(crate) fn kept_accumulators(graph: &Graph<Float>) -> Vec<bool> {
    let mut kept = vec![false; graph.nodes.len()];
    for id in &graph.outputs {
        if let Some(kept) = kept.get_mut(id.0) {
            *kept = true;
        }
    }
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        let passes = matches!(node.op, FloatOp::Reshape | FloatOp::Permute { .. }) && kept[index];
        if passes || matches!(node.op, FloatOp::Argmax { .. }) {
            for operand in &node.inputs {
                kept[operand.0] = true;
            }
        }
    }
    kept
}

/// The wanted scale of every node's 8-bit value (`real = scale * integer`). For nodes that keep their operand's scale it
/// only informs. `limit` is the largest integer. With `concat_scales` the operands of a concatenation take its scale.
pub(crate) fn activation_scales(
    graph: &Graph<Float>,
    calibration: &Calibration,
    limit: i64,
    concat_scales: bool,
) -> Vec<f64> {
    let ratio = LARGEST_BEFORE / limit as f64;
    let mut thresholds: Vec<f64> = Vec::with_capacity(graph.nodes.len());
    let largest = |id: NodeId| calibration.largest(id).unwrap_or(0.0);
    for (index, node) in graph.nodes.iter().enumerate() {
        let own = calibration.threshold(NodeId(index)).unwrap_or(0.0);
        let operand = node.inputs.first().copied();
        let threshold = match (&node.op, operand) {
            (op, _) if accumulates(op) => own.max(largest(NodeId(index)) / ratio),
            (FloatOp::Relu | FloatOp::Relu6, Some(operand)) if accumulates(&graph[operand].op) => {
                own.max(largest(operand) / ratio)
            }
            (FloatOp::Concat { .. }, _) => node.inputs.iter().map(|id| thresholds[id.0]).fold(0.0, f64::max),
            (_, Some(operand)) => thresholds[operand.0],
            (_, None) => own,
        };
        // Nothing but zeros was seen: any scale is right.
        thresholds.push(if threshold > 0.0 { threshold } else { 1.0 });
    }
    let users = graph.users();
    let alone = |id: NodeId| users[id.0].len() == 1 && !graph.outputs.contains(&id);
    for index in (0..graph.nodes.len()).rev() {
        if !concat_scales || !matches!(graph.nodes[index].op, FloatOp::Concat { .. }) {
            continue;
        }
        for &operand in &graph.nodes[index].inputs {
            let mut at = operand;
            while alone(at) {
                let node = &graph[at];
                let produces = match (&node.op, node.inputs.first()) {
                    (FloatOp::Input, _) => break,
                    (FloatOp::Relu | FloatOp::Relu6, Some(operand)) => accumulates(&graph[*operand].op),
                    (op, _) => accumulates(op) || matches!(op, FloatOp::Concat { .. }),
                };
                if produces {
                    thresholds[at.0] = thresholds[index];
                    break;
                }
                let Some(&next) = node.inputs.first() else { break };
                at = next;
            }
        }
    }
    thresholds
        .iter()
        .map(|threshold| threshold / limit as f64)
        .collect()
}
