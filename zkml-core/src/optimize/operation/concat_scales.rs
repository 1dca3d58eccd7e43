//! One scale for all operands of a concatenation.
//!
//! A concatenated tensor has one scale. Where an operand has no other user, the rescale that makes it anyway takes the
//! common scale (`quant/scale.rs`); without this pass it takes its own, and another rescale follows.

use crate::graph::Graph;
use crate::ops::{Int, IntOp};

/// Name of the pass.
pub const NAME: &str = "concat_scales";

/// The concatenations, with the operands that need no rescale of their own.
pub fn changes(graph: &Graph<Int>) -> Vec<String> {
    let mut changes = Vec::new();
    for node in &graph.nodes {
        if !matches!(node.op, IntOp::Concat(_)) {
            continue;
        }
        for operand in &node.inputs {
            let operand = &graph[*operand];
            // A rescale that was put in for the concatenation bears its name.
            if !operand.name.starts_with(&format!("{}.rescale", node.name)) {
                changes.push(format!("`{}` has the scale of `{}`", operand.name, node.name));
            }
        }
    }
    changes
}
