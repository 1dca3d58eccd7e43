//! Rescale and activation in one lookup.
//!
//! A rescale looks its rounded quotient `v` up in a table `(v, f(v))`, which clamps to 8 bits. With this pass `f` is the
//! ReLU that follows: one looked-up pair a value. Without it the rescale clamps to `[-127, 127]`, and the ReLU is a second
//! rescale by exactly 1, with remainder limbs and a table of its own.

use super::accumulates;
use crate::circuit::Function;
use crate::graph::Graph;
use crate::ops::{Int, IntOp};

/// Name of the pass.
pub const NAME: &str = "activation_fusion";

/// The rescales that are activations, too.
pub fn changes(graph: &Graph<Int>) -> Vec<String> {
    let fused = graph.nodes.iter().filter_map(|node| match &node.op {
        IntOp::Rescale(rescale) if rescale.table.function != Function::Identity => {
            let operand = &graph[*node.inputs.first()?];
            accumulates(operand).then(|| {
                format!(
                    "`{}` is the table of the rescale of `{}`",
                    node.name, operand.name
                )
            })
        }
        _ => None,
    });
    fused.collect()
}
