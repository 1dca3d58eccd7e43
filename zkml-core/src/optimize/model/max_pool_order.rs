//! Max-pool after the ReLU, hence after the rescale.
//!
//! `relu(max(a, b)) = max(relu(a), relu(b))`: where a model pools before its activation (convolution, max-pool, ReLU), the two
//! change places, together with reshapes, permutations and padding between them. The ReLU is then the table of the layer's
//! rescale ([`activation_fusion`](crate::optimize::operation::activation_fusion)), and the maxima are those of 8-bit values
//! that are not negative: one rescale less, and a table half as long. Without this pass both stand where the model wrote them;
//! the layer is rescaled, pooled, and the ReLU is a rescale of its own.

use super::relu_hoisting;
use crate::graph::{Graph, NodeId};
use crate::ops::Float;
use crate::optimize::{OptimizeError, pass};

pass! {
    MaxPoolOrder: "max_pool_order",
    "puts max-pool after the ReLU, so that it runs on rescaled 8-bit values";
    Model(run) in "optimize/run.rs";
}

/// Runs the pass.
///
/// # Errors
/// None on a validated graph.
fn run(graph: &mut Graph<Float>) -> Result<Vec<String>, OptimizeError> {
    let mut changes = Vec::new();
    for index in 0..graph.nodes.len() {
        let Some(chain) = relu_hoisting::chain(graph, NodeId(index), true) else {
            continue;
        };
        let pools = chain.iter().filter(|id| graph[**id].op.room().takes_maxima());
        let pools: Vec<String> = pools.map(|id| graph[*id].name.clone()).collect();
        if pools.is_empty() {
            continue;
        }
        let relu = relu_hoisting::hoist(graph, NodeId(index), &chain);
        changes.push(format!(
            "`{}` comes before `{}`",
            graph[relu].name,
            pools.join("`, `")
        ));
    }
    Ok(changes)
}
