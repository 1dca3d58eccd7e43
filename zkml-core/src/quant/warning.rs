//! What is doubtful about a quantized network, layer by layer.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Something that quantization did, or was given, that may make the integer network a worse one than the float network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Warning {
    /// Calibrated on so few samples that others will be clipped.
    FewSamples {
        /// How many.
        samples: usize,
    },
    /// The values of a node are 0 on all samples.
    OnlyZeros {
        /// Name of the node.
        layer: String,
    },
    /// All weights of a layer are 0.
    ZeroWeights {
        /// Name of the node.
        layer: String,
    },
    /// Weights that are not 0 became 0, because others beside them are so much larger.
    LostWeights {
        /// Name of the node.
        layer: String,
        /// How many became 0.
        lost: usize,
        /// Of how many that are not 0.
        of: usize,
        /// The largest magnitude of a weight.
        largest: f32,
        /// The largest magnitude of a weight that became 0.
        lost_largest: f32,
    },
    /// The integer network has no value for a calibration sample, however large the table.
    LeavesTable {
        /// Name of the integer node.
        layer: String,
        /// What came before the table.
        value: i64,
    },
    /// Channels whose largest value is less than two steps of the integers: they are nearly lost.
    NarrowChannels {
        /// Name of the node.
        layer: String,
        /// How many channels.
        channels: usize,
        /// Of how many that are not 0.
        of: usize,
        /// One of them.
        example: usize,
        /// How many steps its largest value has.
        steps: f64,
    },
}

impl Warning {
    /// The layer it is about, where it is about one.
    pub fn layer(&self) -> Option<&str> {
        match self {
            Self::FewSamples { .. } => None,
            Self::OnlyZeros { layer }
            | Self::ZeroWeights { layer }
            | Self::LostWeights { layer, .. }
            | Self::LeavesTable { layer, .. }
            | Self::NarrowChannels { layer, .. } => Some(layer),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewSamples { samples: 1 } => write!(
                f,
                "calibrated on one sample: inputs that differ from it may be clipped (give 32 or more)"
            ),
            Self::FewSamples { samples } => write!(
                f,
                "calibrated on {samples} samples: inputs that differ from them may be clipped (give 32 or more)"
            ),
            Self::OnlyZeros { layer } => write!(
                f,
                "`{layer}`: it is 0 on all calibration samples, so its range is unknown (are these real inputs?)"
            ),
            Self::ZeroWeights { layer } => write!(
                f,
                "`{layer}`: all weights are 0, so its input has no effect (are the trained weights loaded?)"
            ),
            Self::LostWeights {
                layer,
                lost,
                of,
                largest,
                lost_largest,
            } => write!(
                f,
                "`{layer}`: {lost} of {of} weights became 0, up to {lost_largest:e}, beside a weight of {largest:e}"
            ),
            Self::LeavesTable { layer, value } => write!(
                f,
                "`{layer}`: a calibration sample gives {value}, for which no table has a row: it cannot be proved"
            ),
            Self::NarrowChannels {
                layer,
                channels,
                of,
                example,
                steps,
            } => write!(
                f,
                "`{layer}`: {channels} of {of} channels span fewer than two steps of the integers, such as channel \
                 {example} with {steps:.2}"
            ),
        }
    }
}
