//! Bits of the values of each node. They are the same for all, unless more are chosen where these are not enough.

use super::options::{QuantizeOptions, largest};
use super::record::Record;
use super::scale::{Source, source};
use crate::graph::{Graph, NodeId};
use crate::ops::Float;
use crate::optimize::operation::input_scales::leading;

/// Bits of the activation of each node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Widths {
    bits: Vec<u32>,
}

impl Widths {
    /// As the options say.
    pub(super) fn uniform(graph: &Graph<Float>, options: &QuantizeOptions) -> Self {
        let bits = graph
            .nodes
            .iter()
            .map(|node| options.bits_of(node.op.room().properties()));
        Self { bits: bits.collect() }
    }

    /// As a network of this graph has them.
    pub(super) fn of_record(graph: &Graph<Float>, options: &QuantizeOptions, record: &Record) -> Self {
        let mut widths = Self::uniform(graph, options);
        let groups = groups(graph, options);
        for (name, bits) in &record.wider {
            let named = |group: &&Vec<NodeId>| group.iter().any(|id| graph[*id].name == *name);
            if let Some(group) = groups.iter().find(named) {
                widths = widths.with(group, *bits);
            }
        }
        widths
    }

    /// With other bits for these nodes.
    pub(super) fn with(&self, nodes: &[NodeId], bits: u32) -> Self {
        let mut widths = self.clone();
        for id in nodes {
            if let Some(own) = widths.bits.get_mut(id.0) {
                *own = bits;
            }
        }
        widths
    }

    /// The bits of a node.
    pub(super) fn of(&self, id: NodeId) -> Option<u32> {
        self.bits.get(id.0).copied()
    }

    /// The largest integer of each node.
    pub(super) fn limits(&self) -> Vec<i64> {
        self.bits.iter().map(|bits| largest(*bits)).collect()
    }

    /// The nodes that choose a scale and have more than `usual` bits, with their bits.
    pub(super) fn wider(&self, graph: &Graph<Float>, activated: &[bool], usual: u32) -> Vec<(String, u32)> {
        let ids = (0..graph.nodes.len()).map(NodeId);
        let chosen = ids.filter(|id| activated[id.0] && !matches!(source(graph, *id), Source::Operand(_)));
        let bits = chosen.filter_map(|id| Some((graph[id].name.clone(), self.of(id)?)));
        bits.filter(|(_, bits)| *bits > usual).collect()
    }
}

/// Sets of nodes whose values have the same bits: nodes that keep the scale of their operand, operands of a
/// concatenation, and an input with the affine map behind it.
pub(super) fn groups(graph: &Graph<Float>, options: &QuantizeOptions) -> Vec<Vec<NodeId>> {
    let mut group: Vec<usize> = (0..graph.nodes.len()).collect();
    let mut join = |a: NodeId, b: NodeId| {
        let (from, to) = (group[a.0].max(group[b.0]), group[a.0].min(group[b.0]));
        group
            .iter_mut()
            .filter(|own| **own == from)
            .for_each(|own| *own = to);
    };
    for (index, node) in graph.nodes.iter().enumerate() {
        match source(graph, NodeId(index)) {
            Source::Operand(operand) => join(NodeId(index), operand),
            Source::Joined => node
                .inputs
                .iter()
                .for_each(|operand| join(NodeId(index), *operand)),
            Source::Accumulator | Source::Fused(_) | Source::Own => {}
        }
    }
    for leading in leading(graph, &options.switches) {
        join(leading.input, leading.mapped);
    }
    let mut groups: Vec<Vec<NodeId>> = vec![Vec::new(); graph.nodes.len()];
    for (index, group) in group.iter().enumerate() {
        groups[*group].push(NodeId(index));
    }
    groups.retain(|group| !group.is_empty());
    groups
}
