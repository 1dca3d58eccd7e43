//! Quantization: from a floating-point graph to the exact integer network that is proved.
//!
//! 1. [`calibrate`] runs the float network ([`crate::execute::float`]) on samples and records activation ranges;
//! 2. [`mod@quantize`] chooses scales and builds `Graph<Int>`: multipliers, shifts ([`shift`]), tables and weights;
//! 3. [`crate::ops::range`] proves that no integer can wrap in the field;
//! 4. [`quantized`] is the result, with its boundary to the real numbers;
//! 5. [`Record`] says how a model was made;
//! 6. [`accuracy`] measures the distance from the float network, [`language`] that of a language model.

pub mod accuracy;
mod budget;
pub mod calibrate;
mod clipping;
mod doubts;
mod equalize;
mod functions;
mod kept;
pub mod language;
mod leading;
mod measure;
mod node;
mod observer;
mod options;
mod parameters;
pub mod quantize;
pub mod quantized;
mod ranges;
mod record;
mod scale;
mod settle;
pub mod shift;
mod streams;
mod warning;
mod weights;
mod wide;
mod widths;

#[cfg(test)]
pub(crate) mod tests;

pub use crate::graph::Preprocessing;
pub use crate::ops::QuantizeError;
pub use accuracy::{AccuracyError, AccuracyReport, ClassAccuracy, Distance, LayerAccuracy, OutputAccuracy};
pub use calibrate::{Calibration, CalibrationError, CalibrationMethod};
pub use clipping::{Clipping, Rounded};
pub use language::LanguageReport;
pub use options::QuantizeOptions;
pub use quantize::quantize;
pub(crate) use quantize::quantize_unmeasured;
pub use quantized::{Quantized, quantize_input};
pub use record::Record;
pub use warning::Warning;
