//! The architecture of a network: the skeleton without what calibration chose and without names.

use serde::Serialize;

use super::NetworkSkeleton;
use crate::graph::{Graph, NodeId, Preprocessing};
use crate::ops::{Input, IntOp, Properties, Skeleton};
use crate::transcript::{VerifyError, domain};

/// Operations, wiring, shapes, strides, paddings, named tables, clamps, bits, eps, preprocessing and the order of
/// classes; no scales, multipliers, shifts or names of nodes, and not what is revealed of inputs and outputs.
#[derive(Debug, Clone, Serialize)]
pub struct Architecture {
    pub(super) graph: Graph<Skeleton>,
    pub(super) preprocessing: Option<Preprocessing>,
    pub(super) classes: Vec<String>,
    /// Names of the nodes, for messages.
    #[serde(skip)]
    pub(super) names: Vec<String>,
}

impl Architecture {
    pub(super) fn of(network: &NetworkSkeleton) -> Self {
        let mut graph = without_reveals(&network.graph);
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
