//! Moves a ReLU (or ReLU6) before the reshapes, permutes and padding that follow a layer, so that the rescale of the
//! layer applies it at no cost.
//!
//! Padding allows this since `relu(0) = 0`. [`max_pool_order`](super::max_pool_order) moves it before max-pools.

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

/// The operations between a ReLU and the layer before it, the last operation first. `pools` allows max-pools among
/// them. `None` for a node that is no ReLU, and where there is no such layer.
pub(super) fn chain(graph: &Graph<Float>, relu: NodeId, pools: bool) -> Option<Vec<NodeId>> {
    let room = graph[relu].op.room();
    if !(room.has(Properties::ACTIVATION)
        && room.has(Properties::MONOTONE)
        && room.has(Properties::ZERO_TO_ZERO))
    {
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
