//! Editing steps shared by the passes.

#![cfg(feature = "prover")]

use crate::graph::{Graph, Node, NodeId, Stage};

/// Makes every user of `from` (and the outputs) use `to` instead.
pub(super) fn replace_uses<S: Stage>(graph: &mut Graph<S>, from: NodeId, to: NodeId) {
    let operands = graph.nodes.iter_mut().flat_map(|node| &mut node.inputs);
    for id in operands.chain(&mut graph.outputs).filter(|id| **id == from) {
        *id = to;
    }
}

/// Drops the nodes for which `keep` is false; none of them may be used by a node that stays.
pub(super) fn retain<S: Stage>(graph: &mut Graph<S>, keep: &[bool]) {
    let mut renumbered = Vec::with_capacity(keep.len());
    let mut next = 0;
    for kept in keep {
        renumbered.push(NodeId(next));
        next += usize::from(*kept);
    }
    let mut index = 0;
    graph.nodes.retain(|_| {
        index += 1;
        keep[index - 1]
    });
    let operands = graph.nodes.iter_mut().flat_map(|node| &mut node.inputs);
    for id in operands.chain(&mut graph.outputs).chain([&mut graph.input]) {
        *id = renumbered[id.0];
    }
}

/// Puts a node at index `at`, moving the others up.
pub(super) fn insert<S: Stage>(graph: &mut Graph<S>, at: NodeId, node: Node<S>) {
    let operands = graph.nodes.iter_mut().flat_map(|node| &mut node.inputs);
    for id in operands
        .chain(&mut graph.outputs)
        .chain([&mut graph.input])
        .filter(|id| **id >= at)
    {
        id.0 += 1;
    }
    graph.nodes.insert(at.0, node);
}

/// Drops a node that has no user left.
pub(super) fn remove<S: Stage>(graph: &mut Graph<S>, id: NodeId) {
    let keep: Vec<bool> = (0..graph.nodes.len()).map(|index| index != id.0).collect();
    retain(graph, &keep);
}

/// `below(above(x))` becomes `above(below(x))`. The operations change places, the ids stay. The first node gets the
/// fact of `x`; the caller corrects it where `below` changes the shape.
pub(super) fn swap<S: Stage>(graph: &mut Graph<S>, above: NodeId, below: NodeId)
where
    S::Fact: Clone,
{
    let source = graph[above].inputs[0];
    let shape = graph[source].fact.clone();
    let (first, second) = graph.nodes.split_at_mut(below.0);
    let (above, below) = (&mut first[above.0], &mut second[0]);
    core::mem::swap(&mut above.name, &mut below.name);
    core::mem::swap(&mut above.op, &mut below.op);
    above.fact = shape;
}

/// Whether `id` is an operand exactly once, and no output of the graph.
pub(super) fn used_once<S: Stage>(graph: &Graph<S>, id: NodeId) -> bool {
    let uses = graph
        .nodes
        .iter()
        .flat_map(|node| &node.inputs)
        .filter(|operand| **operand == id)
        .count();
    uses == 1 && !graph.outputs.contains(&id)
}
