//! The options of quantization: widths of weights, activations and multipliers, and the passes that run.

use crate::ops::Properties;
use crate::optimize::{Switches, UnknownPass};

/// Widths of weights, activations and multipliers, and the passes that run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantizeOptions {
    /// Bits of a weight, 2 to 8: weights lie in `[-(2^(bits-1) - 1), 2^(bits-1) - 1]`.
    pub weight_bits: u32,
    /// Bits of an activation and of the input, 4 to 16, with the same range. A ReLU's result uses its half from 0 on.
    ///
    /// Up to 14 bits, activations come out of a table that clamps them. Wider ones are rounded and never clamped: an
    /// input on which one leaves its range, twice as wide as calibration asks for, is refused. Language models need 16.
    pub activation_bits: u32,
    /// The relative error of the outputs, as measured on calibration samples, above which these bits are not enough:
    /// then some activations have up to 14, those that need them. If even that is not enough all have 16, where every
    /// operation of the network allows it. `None` leaves the bits as they are. 2 %.
    ///
    /// A table of 14 bits has 2^16 rows, which a proof commits to once. Activations of 16 bits cost about twice as many
    /// committed cells.
    pub error_budget: Option<f64>,
    /// Bits of the product of two activations of 15 or 16 bits, up to 24; 20.
    pub product_bits: u32,
    /// Significant bits of the largest multiplier of a rescale, 6 to 24.
    pub multiplier_bits: u32,
    /// Which passes run. Those of the operation level act here; the network remembers those of the circuit level for
    /// lowering and setup. Without `per_channel_scales` a weight tensor has one scale: that is less precise, but the
    /// multipliers, which are public, tell less about private weights. Accumulators that are outputs always have one
    /// scale.
    pub switches: Switches,
}

impl QuantizeOptions {
    /// The error that outputs may have before activations get more bits, unless another is chosen.
    pub const ERROR_BUDGET: f64 = 0.02;
    /// Bits that weights can have.
    pub const WEIGHT_BITS: core::ops::RangeInclusive<u32> = 2..=8;
    /// Bits that activations can have.
    pub const ACTIVATION_BITS: core::ops::RangeInclusive<u32> = 4..=16;
    /// Bits that activations can have that come out of tables.
    pub const TABLE_BITS: core::ops::RangeInclusive<u32> = 4..=14;
    /// By how much a wide value may exceed what calibration saw. Nothing clamps it beyond.
    pub(super) const HEADROOM: f64 = 2.0;
    /// Bits that products can have.
    pub const PRODUCT_BITS: core::ops::RangeInclusive<u32> = 4..=24;

    /// For networks that end in a distribution over tokens: weights of 8 bits, activations of 16.
    pub fn language_model() -> Self {
        Self {
            activation_bits: 16,
            ..Self::default()
        }
    }

    /// Are activations too wide for a table?
    pub(super) fn is_wide(&self) -> bool {
        self.activation_bits > *Self::TABLE_BITS.end()
    }

    /// Bits of the value of an operation with these properties.
    pub(super) fn bits_of(&self, properties: Properties) -> u32 {
        match self.is_wide() && properties.contains(Properties::SPANS_MORE) {
            true => self.product_bits,
            false => self.activation_bits,
        }
    }

    /// Largest magnitude of a weight.
    pub(super) fn weight_limit(&self) -> i64 {
        largest(self.weight_bits)
    }

    /// Largest magnitude of an activation.
    pub(super) fn activation_limit(&self) -> i64 {
        largest(self.activation_bits)
    }

    /// These options without the pass of that name.
    ///
    /// # Errors
    /// An unknown name; the error lists the known ones.
    pub fn without(mut self, pass: &str) -> Result<Self, UnknownPass> {
        self.switches = self.switches.without(pass)?;
        Ok(self)
    }
}

/// The largest `m` such that `m` and `-m` have that many bits. Example: 127 for 8.
pub(super) fn largest(bits: u32) -> i64 {
    (1 << (bits - 1)) - 1
}

/// By how many bits integers of that magnitude are wider than 8. Example: 2 for 511.
pub(super) fn bits_beyond(magnitude: i64) -> u32 {
    (i64::BITS + 1 - magnitude.leading_zeros()).saturating_sub(8)
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            weight_bits: 8,
            activation_bits: 8,
            error_budget: Some(Self::ERROR_BUDGET),
            product_bits: 20,
            multiplier_bits: 12,
            switches: Switches::default(),
        }
    }
}
