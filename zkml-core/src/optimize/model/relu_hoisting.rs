//! Moves a ReLU (or ReLU6) before the reshapes, permutes and padding that follow a layer, so that the rescale of the
//! layer applies it at no cost. A ReLU of joined values becomes one of each of them: the rescale of each applies it, and
//! to values that have their own size.
//!
//! Padding allows this since `relu(0) = 0`. [`max_pool_order`](super::max_pool_order) moves it before max-pools.

use crate::graph::{Graph, Node, NodeId};
use crate::ops::{Float, Properties};
use crate::optimize::{Change, OptimizeError, pass, rewrite};

pass!(ReluHoisting, "relu_hoisting", Nodes(visit) in "optimize/run.rs",
    "moves a ReLU before reshapes, padding and `cat`, where it joins a rescale at no cost");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    if let Some(operand) = joined(graph, id) {
        return Ok(Some(split(graph, operand, id)));
    }
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

/// Is it a ReLU, or a function like it?
fn rectifies(graph: &Graph<Float>, id: NodeId) -> bool {
    let like_relu = Properties::ACTIVATION | Properties::MONOTONE | Properties::ZERO_TO_ZERO;
    graph[id].op.room().has(like_relu)
}

/// What a ReLU takes, if that is joined values that nothing else takes.
fn joined(graph: &Graph<Float>, id: NodeId) -> Option<NodeId> {
    let &operand = graph[id].inputs.first()?;
    let joins = graph[operand].op.room().has(Properties::JOINS) && graph[operand].inputs.len() > 1;
    (rectifies(graph, id) && joins && rewrite::used_once(graph, operand)).then_some(operand)
}

/// `relu(cat(a, b))` becomes `cat(relu(a), relu(b))`.
fn split(graph: &mut Graph<Float>, joined: NodeId, relu: NodeId) -> Change {
    let what = format!("`{}` goes before `{}`", graph[relu].name, graph[joined].name);
    let (op, name) = (graph[relu].op.clone(), graph[relu].name.clone());
    rewrite::replace_uses(graph, relu, joined);
    rewrite::remove(graph, relu);
    let operands = graph[joined].inputs.clone();
    for (number, &operand) in operands.iter().enumerate() {
        let mut own = format!("{name}.{number}");
        while graph.find(&own).is_some() {
            own.push('\'');
        }
        let node = Node {
            name: own,
            op: op.clone(),
            inputs: vec![operand],
            fact: graph[operand].fact.clone(),
        };
        rewrite::insert(graph, NodeId(joined.0 + number), node);
    }
    let before = (0..operands.len()).map(|number| NodeId(joined.0 + number));
    graph.nodes[joined.0 + operands.len()].inputs = before.collect();
    Change { what, next: joined }
}

/// The operations between a ReLU and the layer before it, the last operation first. `pools` allows max-pools among
/// them. `None` for a node that is no ReLU, and where there is no such layer.
pub(super) fn chain(graph: &Graph<Float>, relu: NodeId, pools: bool) -> Option<Vec<NodeId>> {
    if !rectifies(graph, relu) {
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
