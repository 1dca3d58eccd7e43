//! Moves a ReLU (or ReLU6) up through reshape, permute and padding to the layer whose rescale can do it for free.
//!
//! `relu(0) = 0` for padding. Through max-pool it moves by [`max_pool_order`](super::max_pool_order).

use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties};
use crate::optimize::{Change, OptimizeError, pass, rewrite};

pass!(ReluHoisting, "relu_hoisting", Nodes(visit) in "optimize/run.rs",
    "moves a ReLU before reshapes and padding, where it joins a rescale at no cost");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let chain = chain(graph, id, false).unwrap_or_default();
    if chain.is_empty() {
        return Ok(None);
    }
    let relu = hoist(graph, id, &chain);
    let what = format!(
        "`{}` follows `{}`",
        graph[relu].name, graph[graph[relu].inputs[0]].name
    );
    Ok(Some(Change {
        what,
        next: NodeId(id.0 + 1),
    }))
}

/// The operations between a ReLU and the layer above it, from below, max-pools among them or not; `None` for another node,
/// and where there is no such layer.
pub(super) fn chain(graph: &Graph<Float>, relu: NodeId, pools: bool) -> Option<Vec<NodeId>> {
    let room = graph[relu].op.room();
    if !(room.has(Properties::ACTIVATION) && room.has(Properties::MONOTONE) && room.has(Properties::ZERO_TO_ZERO)) {
        return None;
    }
    let mut chain = Vec::new();
    let mut at = *graph[relu].inputs.first()?;
    loop {
        if !rewrite::used_once(graph, at) {
            return None;
        }
        let room = graph[at].op.room();
        if room.has(Properties::ACCUMULATES) {
            return Some(chain);
        }
        if !room.has(Properties::SELECTS_VALUES) || (room.has(Properties::TAKES_MAXIMA) && !pools) {
            return None;
        }
        chain.push(at);
        at = *graph[at].inputs.first()?;
    }
}

/// Moves a ReLU before all of `chain`; returns where it is now.
pub(super) fn hoist(graph: &mut Graph<Float>, mut relu: NodeId, chain: &[NodeId]) -> NodeId {
    for &moved in chain {
        rewrite::swap(graph, moved, relu);
        relu = moved;
    }
    relu
}
