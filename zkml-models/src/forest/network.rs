//! From a forest to the integer network that is proved.
//!
//! ```text
//! d = x[feature] - threshold            a linear layer: one weight of 1 in each row, the threshold is the bias
//! b = [d >= 0]                          a table of two values behind a rescale: 1 goes to the right
//! c = sum right b - sum left b - rights a layer for each tree: 0 for the leaf that is reached, less for the others
//! r = [c >= 0]                          the same table
//! y = 255 sum r high + sum r low        a linear layer: leaves have two digits
//! ```
//!
//! A feature is rounded to a grid whose step is a power of two, of so many bits that the range of the rows and thresholds
//! fits. A comparison is exact but for values that round to the same integer as the threshold (`grid.rs`).
//! Beyond the range a feature is clamped, which changes no comparison. Leaves are rounded to 1/65,024 of twice the largest one.
//!
//! With [`ForestOptions::missing`] a row has a second number for each feature, 1 where it is missing. It moves `d` to the
//! side of the default direction, whatever the threshold.

use ndarray::ArrayD;
use zkml_core::quant::{AccuracyReport, Quantized};

use super::builder::Builder;
use super::{Forest, ForestError};

/// How a forest is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForestOptions {
    /// Rows of one proof; 1.
    pub batch: usize,
    /// Bits of a feature, 8 to 16; 16.
    pub feature_bits: u32,
    /// Whether rows may have missing values (NaN); no. They cost a second input for each feature.
    pub missing: bool,
}

impl Default for ForestOptions {
    fn default() -> Self {
        Self {
            batch: 1,
            feature_bits: 16,
            missing: false,
        }
    }
}

impl Forest {
    /// The integer network of the forest, and how close it is to the forest on these rows, arrays `[1, features]` (or
    /// `[batch, features]`) as they will be proved. Features outside of the range of the rows and of the thresholds are
    /// clamped.
    ///
    /// # Errors
    /// No rows, rows of another shape or with values that are not finite (NaN is a missing value, if the options allow
    /// it), bits out of range, a forest that is too large.
    pub fn compile(
        &self,
        rows: &[ArrayD<f32>],
        options: &ForestOptions,
    ) -> Result<(Quantized, AccuracyReport), ForestError> {
        if !(8..=16).contains(&options.feature_bits) {
            return Err(ForestError::Bits {
                found: options.feature_bits,
            });
        }
        let grids = self.grids(rows, options)?;
        let network = Builder::new(self, &grids, options)?.finish()?;
        let report = self.measure(&network, rows, options)?;
        Ok((network, report))
    }
}
