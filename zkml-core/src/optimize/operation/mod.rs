//! Choices made for single operations when the network is quantized ([`quantize`](fn@crate::quant::quantize)).
//!
//! | pass | what it does |
//! |---|---|
//! | [`activation_fusion`] | a ReLU is the table of the rescale before it: one lookup instead of two |
//! | [`per_channel_scales`] | each output channel has a weight scale and a rescaling multiplier of its own |
//! | [`exact_multipliers`] | scales of weights are chosen so that multipliers are small and exact, and remainders short |
//! | [`concat_scales`] | the operands of a concatenation are rescaled to one scale by the layers that make them |
//!
//! Every switch gives a network that proves and verifies; without a pass it is larger, or less precise. Max-pool runs on
//! 8-bit values behind the rescale in any case: on accumulators its table would have more rows than the trace has cells.
//! That the ReLU stands before it, so that it shares the layer's rescale, is the pass
//! [`max_pool_order`](super::model::max_pool_order), which runs on the float graph.

pub mod activation_fusion;
pub mod concat_scales;
pub mod exact_multipliers;
pub mod per_channel_scales;

use crate::graph::Node;
use crate::ops::Int;

/// Which passes run; all by default. [`per_channel_scales`] is [`QuantizeOptions::weight_scales`](crate::quant::QuantizeOptions).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationOptions {
    /// [`activation_fusion`]
    pub activation_fusion: bool,
    /// [`exact_multipliers`]
    pub exact_multipliers: bool,
    /// [`concat_scales`]
    pub concat_scales: bool,
}

impl Default for OperationOptions {
    fn default() -> Self {
        Self {
            activation_fusion: true,
            exact_multipliers: true,
            concat_scales: true,
        }
    }
}

impl OperationOptions {
    /// Names of all passes.
    pub const NAMES: [&str; 4] = [
        activation_fusion::NAME,
        per_channel_scales::NAME,
        exact_multipliers::NAME,
        concat_scales::NAME,
    ];

    /// The switch of the pass of that name, if it is one of these.
    pub fn switch(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            activation_fusion::NAME => Some(&mut self.activation_fusion),
            exact_multipliers::NAME => Some(&mut self.exact_multipliers),
            concat_scales::NAME => Some(&mut self.concat_scales),
            _ => None,
        }
    }
}

/// Whether the node's result is an exact accumulator.
fn accumulates(node: &Node<Int>) -> bool {
    node.op.room().accumulates()
}
