//! Runs the passes of the model level.
//!
//! The graph is validated after each pass. No pass folds constant nodes. Weights are parameters of operations, not
//! nodes; the passes that combine weights compute the result at once (`batch_norm_folding`, `batch_norm_conversion`,
//! `norm_gain_folding`, `norm_sign_folding`, `contraction_order`).

#![cfg(feature = "prover")]

use std::collections::HashSet;

use super::{Change, Level, PassReport, Switches, Work, all};
use crate::graph::{Graph, GraphError, Node, NodeId, Operation, ParameterId};
use crate::ops::{Float, Properties};

/// Why a graph cannot be optimized.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizeError {
    /// The graph is inconsistent (before the first pass; never expected after one).
    #[error("after pass `{pass}`: {reason}")]
    Graph {
        /// The pass that ran last, `input` before the first.
        pass: &'static str,
        /// What is wrong.
        reason: Box<GraphError>,
    },
    /// A batch normalization whose `running_var + epsilon` is not positive and finite.
    #[error(
        "`{layer}`: running_var + epsilon is {value} for channel {channel}, it must be positive and finite"
    )]
    Variance {
        /// Name of the node.
        layer: String,
        /// The channel.
        channel: usize,
        /// The sum.
        value: f64,
    },
    /// A parameter that does not exist or a graph damaged in a way that validation does not see.
    #[error("`{layer}`: the graph is inconsistent here")]
    Inconsistent {
        /// Name of the node.
        layer: String,
    },
}

crate::debug_as_display!(OptimizeError);

/// Runs the chosen passes of the model level, in the order of the list.
///
/// # Errors
/// A graph that does not validate; a batch normalization that divides by zero.
pub fn optimize(
    mut graph: Graph<Float>,
    switches: &Switches,
) -> Result<(Graph<Float>, Vec<PassReport>), OptimizeError> {
    validate(&graph, "input")?;
    let mut reports = Vec::new();
    for pass in all() {
        if pass.level() != Level::Model {
            continue;
        }
        if !switches.runs(pass) {
            reports.push(PassReport::off(pass));
            continue;
        }
        let _span = tracing::info_span!("optimizer pass", pass = pass.name()).entered();
        let before = sizes(&graph);
        let changes = match pass.work() {
            Work::Nodes(visit) => visit_all(&mut graph, visit)?,
            Work::Model(run) => run(&mut graph)?,
            Work::Operation(_) | Work::Circuit(_) => Vec::new(),
        };
        validate(&graph, pass.name())?;
        reports.push(PassReport::ran(pass, changes, before, sizes(&graph)));
    }
    Ok((graph, reports))
}

/// Visits each node, in order, those that a visit adds or moves included.
fn visit_all(
    graph: &mut Graph<Float>,
    visit: fn(&mut Graph<Float>, NodeId) -> Result<Option<Change>, OptimizeError>,
) -> Result<Vec<String>, OptimizeError> {
    let (mut changes, mut at) = (Vec::new(), NodeId(0));
    while at.0 < graph.nodes.len() {
        at = match visit(graph, at)? {
            Some(Change { what, next }) => {
                changes.push(what);
                next
            }
            None => NodeId(at.0 + 1),
        };
    }
    Ok(changes)
}

fn validate(graph: &Graph<Float>, pass: &'static str) -> Result<(), OptimizeError> {
    graph.validate().map_err(|reason| OptimizeError::Graph {
        pass,
        reason: Box::new(reason),
    })
}

/// What a pass may make smaller.
fn sizes(graph: &Graph<Float>) -> [(&'static str, u64); 4] {
    // A pass leaves parameters behind that no node uses any more.
    let used: HashSet<ParameterId> = graph.nodes.iter().flat_map(|node| node.op.parameters()).collect();
    let parameters: usize = used.into_iter().map(|id| graph[id].values.len()).sum();
    [
        ("nodes", graph.nodes.len() as u64),
        ("parameters", parameters as u64),
        ("multiply-adds", multiply_adds(graph)),
        ("values of layers", values_of_layers(graph)),
    ]
}

/// Values that layers and sums give in one run of the network: those that are rescaled.
fn values_of_layers(graph: &Graph<Float>) -> u64 {
    let layers = graph
        .nodes
        .iter()
        .filter(|node| node.op.room().has(Properties::ACCUMULATES));
    layers
        .map(|node| node.fact.iter().product::<usize>() as u64)
        .sum()
}

/// Products of weights and activations in one run of the network.
pub fn multiply_adds(graph: &Graph<Float>) -> u64 {
    let shape_of = |id: ParameterId| {
        let parameter = graph.parameters.get(id.0);
        parameter
            .map(|parameter| parameter.values.shape().to_vec())
            .unwrap_or_default()
    };
    let of_node = |node: &Node<Float>| {
        let outputs: usize = node.fact.iter().product();
        let terms = node.op.room().products(&shape_of);
        (outputs as u64).saturating_mul(terms as u64)
    };
    graph.nodes.iter().map(of_node).sum()
}
