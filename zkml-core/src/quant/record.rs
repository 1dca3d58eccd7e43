//! How a compiled model was made: preprocessing of images and names of classes, which keys state, and its source and
//! the reports of the optimizer, which stay with the model.

use serde::{Deserialize, Serialize};

use super::calibrate::CalibrationMethod;
use super::warning::Warning;
use crate::graph::Preprocessing;
use crate::optimize::PassReport;

/// How a model was compiled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// How an image becomes the input; `None` for a model that does not take images.
    pub preprocessing: Option<Preprocessing>,
    /// Smallest and largest value of each input in calibration, in steps of its scale. Other inputs are counted
    /// ([`Clipping`](super::Clipping)).
    pub inputs: Vec<(f64, f64)>,
    /// Names of the classes, by index; empty if they have none.
    pub classes: Vec<String>,
    /// Digest of everything the model was compiled from, to see whether it has to be compiled again.
    pub source: Option<[u8; 32]>,
    /// How the ranges of activations were chosen; `None` where that is not known.
    pub calibration: Option<CalibrationMethod>,
    /// Bits of activations.
    pub activation_bits: u32,
    /// Nodes of the float network whose values have more bits, with these.
    pub wider: Vec<(String, u32)>,
    /// The relative error of the worst output on calibration samples; `None` where it was not measured.
    pub error: Option<f64>,
    /// Channels that were brought to one size, a line for each layer.
    pub equalized: Vec<String>,
    /// What is doubtful about the integer network.
    pub warnings: Vec<Warning>,
    /// What the passes of the optimizer did, in order.
    pub passes: Vec<PassReport>,
}

/// How many layers are named.
const NAMED: usize = 4;

impl Record {
    /// Bits of activations in words. Example: ``8 bits (12 for `fc1`, `fc2`)``.
    pub fn bits(&self) -> String {
        let usual = self.activation_bits;
        let mut widths: Vec<u32> = self.wider.iter().map(|(_, bits)| *bits).collect();
        widths.sort_unstable();
        widths.dedup();
        let parts = widths.into_iter().map(|width| {
            let layers: Vec<&String> = self
                .wider
                .iter()
                .filter(|(_, bits)| *bits == width)
                .map(|(name, _)| name)
                .collect();
            let named: Vec<String> = layers
                .iter()
                .take(NAMED)
                .map(|name| format!("`{name}`"))
                .collect();
            let more = match layers.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{width} for {}{more}", named.join(", "))
        });
        match parts.collect::<Vec<String>>() {
            parts if parts.is_empty() => format!("{usual} bits"),
            parts => format!("{usual} bits ({})", parts.join("; ")),
        }
    }
}
