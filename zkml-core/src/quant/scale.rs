//! Scales of activations: which magnitude of each edge becomes the largest integer, 127 of 8 bits.
//!
//! A *producer* chooses its scale freely: the input, and every result that is rescaled (a convolution, linear layer,
//! average or sum, or the ReLU directly behind it). Max-pool, reshape, permute and padding keep their operand's scale.
//! The operands of a concatenation need one scale: where an operand has no other user, its producer simply takes the
//! common one; elsewhere an extra rescale is inserted.

use super::calibrate::Calibration;
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties};
use crate::optimize::Switches;
use crate::optimize::operation::concat_scales::{self, ConcatScales};

/// What pre-activations reach at most, about 2^14, so that a table of 2^16 keeps a margin of 4.
const LARGEST_BEFORE: f64 = 127.0 * 129.0;

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
        let room = node.op.room();
        if (room.has(Properties::KEEPS_ACCUMULATORS) && kept[index]) || room.has(Properties::INDEX) {
            for operand in &node.inputs {
                kept[operand.0] = true;
            }
        }
    }
    kept
}

/// The wanted scale of every node's 8-bit value (`real = scale * integer`). For nodes that keep their operand's scale it
/// only informs. `limit` is the largest integer. The operands of a
/// concatenation take its scale where the pass [`concat_scales`] runs.
pub(crate) fn activation_scales(
    graph: &Graph<Float>,
    calibration: &Calibration,
    limit: i64,
    switches: &Switches,
) -> Vec<f64> {
    let ratio = LARGEST_BEFORE / limit as f64;
    let mut thresholds: Vec<f64> = Vec::with_capacity(graph.nodes.len());
    let accumulates = |id: NodeId| graph[id].op.room().has(Properties::ACCUMULATES);
    let largest = |id: NodeId| calibration.largest(id).unwrap_or(0.0);
    for (index, node) in graph.nodes.iter().enumerate() {
        let own = calibration.threshold(NodeId(index)).unwrap_or(0.0);
        let operand = node.inputs.first().copied();
        let room = node.op.room();
        let threshold = match operand {
            _ if room.has(Properties::ACCUMULATES) => own.max(largest(NodeId(index)) / ratio),
            Some(_) if room.has(Properties::OWN_SCALE) => own,
            Some(operand) if room.has(Properties::ACTIVATION) && accumulates(operand) => {
                own.max(largest(operand) / ratio)
            }
            Some(_) if room.has(Properties::JOINS) => {
                node.inputs.iter().map(|id| thresholds[id.0]).fold(0.0, f64::max)
            }
            Some(operand) => thresholds[operand.0] * room.scale_factor(),
            // Known in full: nothing of it saturates.
            None if room.has(Properties::FIXED) => largest(NodeId(index)),
            None => own,
        };
        // Nothing but zeros was seen: any scale is right.
        thresholds.push(if threshold > 0.0 { threshold } else { 1.0 });
    }
    if switches.runs(&ConcatScales) {
        concat_scales::share(graph, &mut thresholds);
    }
    thresholds
        .iter()
        .map(|threshold| threshold / limit as f64)
        .collect()
}
