//! Scales of weights that make multipliers exact and remainders short.
//!
//! A rescale multiplies by `m 2^-s ~ M = s_x s_w / s_y` and looks up the remainder, of s bits, in limbs. If M is given, m
//! needs some twelve bits to be near it, and s is the number of bits of `1 / M` more. But the scale `s_w` of the weights
//! of a channel is ours to choose: rounded up until `M 2^s` is an integer, it makes any m exact, at the price of a
//! grid for the weights that is coarser by `m / (M 2^s) < (m + 1) / m`. So s can be as small as one limb
//! (`quant/settle.rs`, [`shift`](crate::quant::shift)). The coefficients of a residual sum are chosen likewise: in units of
//! `2^-s s_y`, with a multiplier of 1.
//!
//! Without this pass, remainders have a limb more.

use super::accumulates;
use crate::graph::Graph;
use crate::ops::{Int, IntOp, Rescale};

/// Name of the pass.
pub const NAME: &str = "exact_multipliers";

/// The rescales whose multipliers are exact.
pub fn changes(graph: &Graph<Int>) -> Vec<String> {
    let exact = graph.nodes.iter().filter_map(|node| {
        let IntOp::Rescale(Rescale {
            multipliers, shift, ..
        }) = &node.op
        else {
            return None;
        };
        let operand = &graph[*node.inputs.first()?];
        let scale = *multipliers.first()? as f64 * (node.fact.scale * 2f64.powi(-(*shift as i32)));
        (accumulates(operand) && operand.fact.scale == scale).then(|| {
            let (least, most) = (multipliers.iter().min(), multipliers.iter().max());
            format!(
                "a unit of `{}` is {} to {} times 2^-{shift} of one of `{}`",
                operand.name,
                least.unwrap_or(&1),
                most.unwrap_or(&1),
                node.name
            )
        })
    });
    exact.collect()
}
