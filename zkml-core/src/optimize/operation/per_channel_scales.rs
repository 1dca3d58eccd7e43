//! One weight scale, hence one rescaling multiplier, for each output channel.
//!
//! A channel of small weights keeps its precision, at the price of a sumcheck over the channels alone
//! (`sum_o eq(z, o) m_o acc(o, z')`), nothing committed. One scale per tensor saves that and tells nothing of the
//! weights; accuracy suffers.

use crate::graph::Graph;
use crate::ops::{Int, IntOp};

/// Name of the pass.
pub const NAME: &str = "per_channel_scales";

/// The rescales with several multipliers.
pub fn changes(graph: &Graph<Int>) -> Vec<String> {
    let channels = graph.nodes.iter().filter_map(|node| match &node.op {
        IntOp::Rescale(rescale) if rescale.multipliers.len() > 1 => Some(format!(
            "`{}` has {} multipliers",
            node.name,
            rescale.multipliers.len()
        )),
        _ => None,
    });
    channels.collect()
}
