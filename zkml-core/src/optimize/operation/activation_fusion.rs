//! Rescale and activation in one lookup.
//!
//! A rescale looks up its rounded quotient `v` and its 8-bit result `f(v)` as a pair. With this pass `f` is the clamped
//! ReLU after it. Without it `f` clamps to `[-127, 127]`, and the ReLU is a second rescale by exactly 1, with remainder
//! limbs and a table of its own.

use crate::circuit::Function;
use crate::graph::Graph;
use crate::ops::{Accumulator, Int, IntOp, Properties};
use crate::optimize::{Switches, pass};

pass!(ActivationFusion, "activation_fusion", Operation(changes) in "quant/functions.rs",
    "makes an activation the table of the rescale before it: one lookup instead of two");

/// The accumulator that an activation is rescaled from: that of its operand. Without the pass there is none, and the
/// activation takes its operand's 8-bit value.
pub(crate) fn source(switches: &Switches, operand: Option<Accumulator>) -> Option<Accumulator> {
    operand.filter(|_| switches.runs(&ActivationFusion))
}

/// The rescales that are activations, too.
fn changes(graph: &Graph<Int>) -> Vec<String> {
    let fused = graph.nodes.iter().filter_map(|node| match &node.op {
        IntOp::Rescale(rescale) if rescale.table.function != Function::Identity => {
            let operand = &graph[*node.inputs.first()?];
            operand.op.room().has(Properties::ACCUMULATES).then(|| {
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
