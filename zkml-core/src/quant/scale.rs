//! Scales of activations: the magnitude at each edge that becomes the largest integer (127 for 8 bits).
//!
//! A *producer* chooses its scale freely: the input, and every result that is rescaled (a convolution, linear layer,
//! average or sum, or the ReLU directly after it). Max-pool, reshape, permute and padding keep their operand's scale.
//! The operands of a concatenation need one scale. Where an operand has no other user, its producer takes the common
//! scale; elsewhere a rescale is inserted.

use super::options::QuantizeOptions;
use super::ranges::Ranges;
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties};
use crate::optimize::operation::concat_scales::{self, ConcatScales};

/// What pre-activations reach at most, about 2^14, so that a table of 2^16 keeps a margin of 4.
const LARGEST_BEFORE: f64 = 127.0 * 129.0;

/// Nodes whose accumulator is used without a rescale: outputs, and what reaches an output or an argmax through reshapes
/// and permutations only. Each of their channels has a scale of its own; those that an argmax compares have a common
/// unit, or the values could not be compared. Where activations are wide (`options`), an argmax takes any scales.
pub(crate) fn kept_accumulators(graph: &Graph<Float>, options: &QuantizeOptions) -> Vec<Option<Kept>> {
    let mut kept = vec![None; graph.nodes.len()];
    for id in &graph.outputs {
        if let Some(kept) = kept.get_mut(id.0) {
            *kept = Some(Kept::Shown);
        }
    }
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        let room = node.op.room();
        let (keeps, joins) = (
            room.has(Properties::KEEPS_ACCUMULATORS),
            room.has(Properties::JOINS),
        );
        let passed = match kept[index] {
            _ if room.has(Properties::INDEX) && !options.is_wide() => Some(Kept::Compared),
            Some(how) if keeps => Some(how),
            // Accumulators of several layers have no common unit.
            Some(Kept::Shown) if joins && !options.is_wide() => Some(Kept::Shown),
            _ => None,
        };
        for operand in node.inputs.iter().filter(|_| passed.is_some()) {
            kept[operand.0] = kept[operand.0].max(passed);
        }
    }
    kept
}

/// Why an accumulator is not rescaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kept {
    /// It is an output.
    Shown,
    /// An argmax compares its values, whether it is an output or not.
    Compared,
}

/// What the scale of a node's activation follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The values that calibration saw, and the reach of its accumulator.
    Accumulator,
    /// These values, and the reach of the accumulator of the operand, whose rescale it is part of.
    Fused(NodeId),
    /// These values alone.
    Own,
    /// The widest operand.
    Joined,
    /// Its operand.
    Operand(NodeId),
}

/// What the scale of a node's activation follows from.
pub(super) fn source(graph: &Graph<Float>, id: NodeId) -> Source {
    let node = &graph[id];
    let room = node.op.room();
    let accumulates = |id: NodeId| graph[id].op.room().has(Properties::ACCUMULATES);
    match node.inputs.first().copied() {
        _ if room.has(Properties::ACCUMULATES) => Source::Accumulator,
        Some(_) if room.has(Properties::OWN_SCALE) => Source::Own,
        Some(operand) if room.has(Properties::ACTIVATION) && accumulates(operand) => Source::Fused(operand),
        Some(_) if room.has(Properties::JOINS) => Source::Joined,
        Some(operand) => Source::Operand(operand),
        None => Source::Own,
    }
}

/// The scale of every node's value as an activation (`real = scale * integer`). It is only informative where a node
/// keeps its operand's scale. The operands of a concatenation take its scale where the pass [`concat_scales`] runs.
pub(crate) fn activation_scales(
    graph: &Graph<Float>,
    ranges: &Ranges<'_>,
    options: &QuantizeOptions,
) -> Vec<f64> {
    let mut thresholds: Vec<f64> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let (id, room) = (NodeId(index), node.op.room());
        let ratio = match options.is_wide() {
            true => 1.0 / QuantizeOptions::HEADROOM,
            false => LARGEST_BEFORE / ranges.limit(id) as f64,
        };
        let own = ranges.threshold(id);
        let threshold = match source(graph, id) {
            Source::Accumulator => own.max(ranges.largest(id) / ratio),
            Source::Fused(operand) => own.max(ranges.largest(operand) / ratio),
            Source::Joined => node.inputs.iter().map(|id| thresholds[id.0]).fold(0.0, f64::max),
            Source::Operand(operand) => thresholds[operand.0] * room.scale_factor(),
            // All its values are known, so none saturates.
            Source::Own if node.inputs.is_empty() && room.has(Properties::FIXED) => ranges.largest(id),
            Source::Own => own,
        };
        // Only zeros were seen, which fit every scale.
        thresholds.push(if threshold > 0.0 { threshold } else { 1.0 });
    }
    if options.switches.runs(&ConcatScales) {
        concat_scales::share(graph, &mut thresholds);
    }
    let scales = thresholds.iter().enumerate();
    scales
        .map(|(index, threshold)| threshold / ranges.limit(NodeId(index)) as f64)
        .collect()
}
