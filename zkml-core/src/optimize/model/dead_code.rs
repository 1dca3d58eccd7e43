//! Drops nodes and parameters that no output needs. The input stays.

use crate::graph::{Graph, Operation, ParameterId};
use crate::ops::Float;
use crate::optimize::{OptimizeError, pass, rewrite};

pass!(DeadCode, "dead_code", Model(run) in "optimize/run.rs",
    "drops nodes and parameters that no output needs");

/// Runs the pass.
///
/// # Errors
/// None on a validated graph.
fn run(graph: &mut Graph<Float>) -> Result<Vec<String>, OptimizeError> {
    let mut needed = vec![false; graph.nodes.len()];
    for id in graph.outputs.iter().copied().chain(graph.inputs()) {
        needed[id.0] = true;
    }
    for index in (0..graph.nodes.len()).rev() {
        if needed[index] {
            for operand in &graph.nodes[index].inputs {
                needed[operand.0] = true;
            }
        }
    }
    let dead = graph.nodes.iter().zip(&needed).filter(|(_, needed)| !**needed);
    let mut changes: Vec<String> = dead.map(|(node, _)| format!("removed `{}`", node.name)).collect();
    rewrite::retain(graph, &needed);

    let mut used = vec![false; graph.parameters.len()];
    for node in &graph.nodes {
        for id in node.op.parameters() {
            used[id.0] = true;
        }
    }
    let mut renumbered = Vec::with_capacity(used.len());
    let mut kept = Vec::new();
    for (parameter, used) in graph.parameters.drain(..).zip(used) {
        renumbered.push(ParameterId(kept.len()));
        if used {
            kept.push(parameter);
        } else {
            changes.push(format!("removed parameter `{}`", parameter.path));
        }
    }
    graph.parameters = kept;
    for node in &mut graph.nodes {
        for id in node.op.room_mut().parameters_mut() {
            *id = renumbered[id.0];
        }
    }
    Ok(changes)
}
