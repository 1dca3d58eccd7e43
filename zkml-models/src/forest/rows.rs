//! Rows of features: their check, their integers' grids, and the input that a network takes for them.

use ndarray::{Array2, ArrayD, ArrayViewD, Axis, Ix2, concatenate};
use zkml_core::graph::ChannelScales;
use zkml_core::quant::Quantized;

use super::grid::Grid;
use super::{Forest, ForestError, ForestOptions, TreeNode};

/// Name of the input of a forest's network, `[batch, features]`.
pub const FEATURES: &str = "features";

/// Name of that input where features may be missing, `[batch, 2 features]`: [`with_missing`] makes it.
pub const FEATURES_OR_MISSING: &str = "features, and 1 for each that is missing";

/// Rows `[batch, features]`, where NaN is a missing value, as the input `[batch, 2 features]` of a network that takes
/// them. The second half has 1 for each missing value, else 0. The value itself then stands in the middle of the
/// feature's range, where its integer is 0. `scales` are those of the input.
pub fn with_missing(rows: ArrayViewD<'_, f32>, scales: &ChannelScales) -> ArrayD<f32> {
    let features = rows.shape().last().copied().unwrap_or(0).max(1);
    let mut values = rows.to_owned();
    for (place, value) in values.iter_mut().enumerate().filter(|(_, value)| value.is_nan()) {
        *value = scales
            .offsets
            .get(place % features)
            .map_or(0.0, |offset| *offset as f32);
    }
    let flags = rows.mapv(|value| f32::from(u8::from(value.is_nan())));
    // Of the same shape, so that they can be joined.
    let last = Axis(rows.ndim().saturating_sub(1));
    concatenate(last, &[values.view(), flags.view()]).unwrap_or(values)
}

impl Forest {
    /// The input of a compiled network for rows of features, `[batch, features]`: the rows themselves or, with missing
    /// values (NaN), `[batch, 2 features]`, where the second half says which are missing.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn input(
        &self,
        network: &Quantized,
        rows: &ArrayD<f32>,
        options: &ForestOptions,
    ) -> Result<ArrayD<f32>, ForestError> {
        Ok(self.widened(network, &self.checked(0, rows, options)?, options))
    }

    pub(super) fn checked(
        &self,
        number: usize,
        rows: &ArrayD<f32>,
        options: &ForestOptions,
    ) -> Result<Array2<f32>, ForestError> {
        let expected = [options.batch, self.features];
        let refused = |expected: String, found: String| ForestError::Row {
            row: number,
            expected,
            found,
        };
        if rows.shape() != expected {
            return Err(refused(
                format!("shape {expected:?}"),
                format!("{:?}", rows.shape()),
            ));
        }
        let bad = |value: &&f32| !(value.is_finite() || value.is_nan() && options.missing);
        if let Some(value) = rows.iter().find(bad) {
            let expected = match options.missing {
                true => "finite numbers, or NaN where a value is missing",
                false => "finite numbers (missing values need `ForestOptions { missing: true, .. }`)",
            };
            return Err(refused(expected.into(), value.to_string()));
        }
        let shape = format!("{:?}", rows.shape());
        let matrix = rows.view().into_dimensionality::<Ix2>();
        Ok(matrix.map_err(|_| refused("a matrix".into(), shape))?.to_owned())
    }

    pub(super) fn widened(
        &self,
        network: &Quantized,
        rows: &Array2<f32>,
        options: &ForestOptions,
    ) -> ArrayD<f32> {
        if !options.missing {
            return rows.clone().into_dyn();
        }
        let unknown = ChannelScales::one(1.0);
        with_missing(
            rows.view().into_dyn(),
            network.input_scales.first().unwrap_or(&unknown),
        )
    }

    /// A grid for each feature, from the rows and the thresholds.
    pub(super) fn grids(
        &self,
        rows: &[ArrayD<f32>],
        options: &ForestOptions,
    ) -> Result<Vec<Grid>, ForestError> {
        if rows.is_empty() {
            return Err(ForestError::NoRows);
        }
        let mut seen: Vec<Vec<f32>> = vec![Vec::new(); self.features];
        for (number, rows) in rows.iter().enumerate() {
            for row in self.checked(number, rows, options)?.rows() {
                for (seen, value) in seen.iter_mut().zip(row).filter(|(_, value)| !value.is_nan()) {
                    seen.push(*value);
                }
            }
        }
        let mut thresholds: Vec<Vec<f32>> = vec![Vec::new(); self.features];
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            if let TreeNode::Split {
                feature, threshold, ..
            } = node
            {
                thresholds[*feature].push(*threshold);
            }
        }
        let grid = |(seen, thresholds): (Vec<f32>, Vec<f32>)| {
            let ends = seen.iter().chain(&thresholds).map(|value| f64::from(*value));
            let range = ends
                .map(|value| (value, value))
                .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            Grid::of(range.unwrap_or_default(), options.feature_bits, seen)
        };
        Ok(seen.into_iter().zip(thresholds).map(grid).collect())
    }
}
