//! Max-pool after the ReLU, hence after the rescale.
//!
//! `relu(max(a, b)) = max(relu(a), relu(b))`. Where a model has convolution, max-pool, ReLU, the max-pool and the ReLU
//! change places, together with reshapes, permutes and padding between them. Then the ReLU is the table of the rescale
//! of the layer ([`activation_fusion`](crate::optimize::operation::activation_fusion)), and the maxima are over 8-bit
//! values that are not negative. This saves a rescale and half of a table. Without this pass the layer is rescaled,
//! then pooled, and the ReLU is a rescale of its own.

use super::relu_hoisting;
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties};
use crate::optimize::{Change, OptimizeError, pass};

pass!(MaxPoolOrder, "max_pool_order", Nodes(visit) in "optimize/run.rs",
    "puts max-pool after the ReLU, so that it runs on rescaled 8-bit values");

fn visit(graph: &mut Graph<Float>, id: NodeId) -> Result<Option<Change>, OptimizeError> {
    let Some(chain) = relu_hoisting::chain(graph, id, true) else {
        return Ok(None);
    };
    let pools = chain
        .iter()
        .filter(|id| graph[**id].op.room().has(Properties::TAKES_MAXIMA));
    let pools: Vec<String> = pools.map(|id| graph[*id].name.clone()).collect();
    if pools.is_empty() {
        return Ok(None);
    }
    let relu = relu_hoisting::hoist(graph, id, &chain);
    let what = format!("`{}` comes before `{}`", graph[relu].name, pools.join("`, `"));
    Ok(Some(Change {
        what,
        next: NodeId(id.0 + 1),
    }))
}
