//! Choices of quantization.

use super::weights::WeightScales;
use crate::optimize::circuit::CircuitOptions;
use crate::optimize::operation::{OperationOptions, per_channel_scales};

/// Choices of quantization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantizeOptions {
    /// Scales of weights; accumulators that are outputs always have one for the tensor.
    pub weight_scales: WeightScales,
    /// Bits of a weight, 2 to 8: weights lie in `[-(2^(bits-1) - 1), 2^(bits-1) - 1]`.
    pub weight_bits: u32,
    /// Bits of an activation and of the input, 4 to 8: likewise. What leaves a ReLU is not negative.
    pub activation_bits: u32,
    /// Significant bits of the largest multiplier of a rescale, 6 to 24.
    pub multiplier_bits: u32,
    /// Passes of the operation level.
    pub operation: OperationOptions,
    /// Passes of the circuit level; the network remembers them for its lowering.
    pub circuit: CircuitOptions,
}

impl QuantizeOptions {
    /// Bits that weights can have.
    pub const WEIGHT_BITS: core::ops::RangeInclusive<u32> = 2..=8;
    /// Bits that activations can have.
    pub const ACTIVATION_BITS: core::ops::RangeInclusive<u32> = 4..=8;

    /// Largest magnitude of a weight.
    pub(super) fn weight_limit(&self) -> i64 {
        largest(self.weight_bits)
    }

    /// Largest magnitude of an activation.
    pub(super) fn activation_limit(&self) -> i64 {
        largest(self.activation_bits)
    }

    /// These options without the pass of that name, of the operation or circuit level; `None` for an unknown name.
    pub fn without(mut self, pass: &str) -> Option<Self> {
        if pass == per_channel_scales::NAME {
            self.weight_scales = WeightScales::PerTensor;
        } else if let Some(switch) = self.operation.switch(pass) {
            *switch = false;
        } else {
            *self.circuit.switch(pass)? = false;
        }
        Some(self)
    }
}

/// The largest integer of that many bits whose negative has as many.
fn largest(bits: u32) -> i64 {
    (1 << (bits - 1)) - 1
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            weight_scales: WeightScales::PerChannel,
            weight_bits: 8,
            activation_bits: 8,
            multiplier_bits: 12,
            operation: OperationOptions::default(),
            circuit: CircuitOptions::default(),
        }
    }
}
