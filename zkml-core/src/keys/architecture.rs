//! The architecture of a network: the skeleton without what calibration chose and without names.

use serde::Serialize;

use super::NetworkSkeleton;
use crate::graph::{Graph, NodeId, Preprocessing, Sizing};
use crate::ops::{Input, IntOp, Properties, Skeleton};
use crate::transcript::{VerifyError, domain};

/// Operations, wiring, shapes, which lengths they stand for, strides, paddings, named tables, signs of clamps, bits of
/// inputs, eps, preprocessing and the order of classes; no scales, multipliers, shifts (nor by how much a residual is
/// divided) or names of nodes, no bounds of clamps (6 is another integer at another scale) or bits of single
/// activations, and not what is revealed of inputs and outputs.
#[derive(Debug, Clone, Serialize)]
pub struct Architecture {
    pub(super) graph: Graph<Skeleton>,
    pub(super) sizing: Sizing,
    pub(super) preprocessing: Option<Preprocessing>,
    pub(super) classes: Vec<String>,
    /// Names of the nodes, for messages.
    #[serde(skip)]
    pub(super) names: Vec<String>,
}

impl Architecture {
    pub(super) fn of(network: &NetworkSkeleton) -> Self {
        let mut graph = without_multipliers(without_reveals(&network.graph));
        let mut names = Vec::with_capacity(graph.nodes.len());
        for node in &mut graph.nodes {
            names.push(core::mem::take(&mut node.name));
            node.op.room_mut().forget_calibration();
            node.fact.scale = 1.0;
            // Other ranges follow from it and from what was left out.
            if !node.op.room().has(Properties::INPUT) {
                node.fact.range = (0, 0);
            }
        }
        for parameter in &mut graph.parameters {
            parameter.path.clear();
        }
        Self {
            graph,
            sizing: network.sizing,
            preprocessing: network.preprocessing.clone(),
            classes: network.classes.clone(),
            names,
        }
    }

    /// The same without the names of classes, for networks that have none.
    pub fn without_class_names(mut self) -> Self {
        self.classes.clear();
        self
    }

    /// BLAKE3 of the architecture.
    ///
    /// # Errors
    /// [`VerifyError::Invariant`] when it cannot be encoded.
    pub fn digest(&self) -> Result<[u8; 32], VerifyError> {
        domain::digest(domain::ARCHITECTURE, self)
    }
}

/// The network without the public integers by which rows are multiplied before an argmax compares them: whether there
/// are any depends on the sizes of the rows.
fn without_multipliers(mut graph: Graph<Skeleton>) -> Graph<Skeleton> {
    let mut dropped = vec![false; graph.nodes.len()];
    for index in 0..graph.nodes.len() {
        if let (IntOp::Argmax(_), &[operand]) = (&graph.nodes[index].op, graph.nodes[index].inputs.as_slice())
            && let Some((compared, others)) = multiplied(&graph, operand)
        {
            graph.nodes[index].inputs = vec![compared];
            others.into_iter().for_each(|id| dropped[id.0] = true);
        }
    }
    let mut next = 0;
    let renumbered = dropped.iter().map(|dropped| {
        let own = next;
        next += usize::from(!dropped);
        NodeId(own)
    });
    let renumbered: Vec<NodeId> = renumbered.collect();
    let mut kept = dropped.iter().map(|dropped| !dropped);
    graph.nodes.retain(|_| kept.next().unwrap_or(true));
    let operands = graph.nodes.iter_mut().flat_map(|node| &mut node.inputs);
    for id in operands.chain(&mut graph.outputs).chain([&mut graph.input]) {
        *id = renumbered.get(id.0).copied().unwrap_or(*id);
    }
    graph
}

/// What is multiplied by public integers, and the nodes that do it, if nothing else uses them.
fn multiplied(graph: &Graph<Skeleton>, id: NodeId) -> Option<(NodeId, Vec<NodeId>)> {
    let once = |id: NodeId| {
        let operands = graph.nodes.iter().flat_map(|node| &node.inputs);
        operands
            .chain(&graph.outputs)
            .filter(|other| **other == id)
            .count()
            == 1
    };
    let product = graph.nodes.get(id.0)?;
    let (IntOp::Product(_), &[compared, factor]) = (&product.op, product.inputs.as_slice()) else {
        return None;
    };
    let mut others = vec![id, factor];
    let mut node = graph.nodes.get(factor.0)?;
    if let (IntOp::Expand(_), &[constant]) = (&node.op, node.inputs.as_slice()) {
        others.push(constant);
        node = graph.nodes.get(constant.0)?;
    }
    let IntOp::IntegerConstant(constant) = &node.op else {
        return None;
    };
    let positive = constant.values.iter().all(|value| *value > 0);
    (positive && others.iter().all(|id| once(*id))).then_some((compared, others))
}

/// The network without the marks of what is revealed: these say what proofs show, not what is computed.
fn without_reveals(graph: &Graph<Skeleton>) -> Graph<Skeleton> {
    let mut graph = graph.clone();
    for node in &mut graph.nodes {
        if let IntOp::RevealedInput(_) = node.op {
            node.op = Input.into();
        }
    }
    let revealed = |id: NodeId| {
        let node = graph.nodes.get(id.0)?;
        let reveals = node.op.room().has(Properties::REVEALS) && !node.op.room().has(Properties::INPUT);
        node.inputs.first().copied().filter(|_| reveals)
    };
    let outputs: Vec<NodeId> = graph
        .outputs
        .iter()
        .map(|&id| revealed(id).unwrap_or(id))
        .collect();
    graph.outputs = outputs;
    while let Some(last) = graph.nodes.last() {
        let unused = !graph.outputs.contains(&NodeId(graph.nodes.len() - 1));
        let reveals = last.op.room().has(Properties::REVEALS) && !last.op.room().has(Properties::INPUT);
        if !(unused && reveals) {
            break;
        }
        graph.nodes.pop();
    }
    graph
}
