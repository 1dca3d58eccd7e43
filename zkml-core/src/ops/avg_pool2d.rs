//! `torch.nn.AvgPool2d` and `AdaptiveAvgPool2d`; sums over windows in integers.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::pooling::{check_window, is_single_cell, pooled, pooled_up, pooling_options};
#[cfg(feature = "prover")]
use super::pooling::{pool, pool_reference};
use super::product::{rank4, window_factor};
use super::range::{magnitude, wide};
use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{Axis, CircuitError, ColumnId, Factor};
use crate::graph::{
    OperandError, Shape, ShapeError, Site, Window2d, attempt, infer, of_rank, positive_pair, sized,
};

const NAME: &str = "avg_pool2d";
const ADAPTIVE: &str = "adaptive_avg_pool2d";

pooling_options! {
    /// Hyper-parameters of an average pooling.
    AvgPool2dOptions {
        /// Zeros on both sides; 0.
        padding,
        flag:
        /// Whether those zeros count in the mean; yes.
        count_include_pad = true,
    }, NAME, |x, window, ceil| pooled_up(NAME, x, window, ceil)
}

/// Hyper-parameters of an adaptive average pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveAvgPool2dOptions {
    /// Height and width of the result.
    pub output_size: [usize; 2],
}

impl AdaptiveAvgPool2dOptions {
    /// The pooling to `output_size` cells.
    pub const fn new(output_size: [usize; 2]) -> AdaptiveAvgPool2dOptions {
        AdaptiveAvgPool2dOptions { output_size }
    }

    /// # Errors
    /// An output size of 0.
    pub const fn check(&self) -> Result<(), ShapeError> {
        positive_pair("AdaptiveAvgPool2d", "output_size", self.output_size)
    }

    /// `[N, C, H, W] -> [N, C, H', W']` with `[H', W'] = output_size`.
    ///
    /// # Errors
    /// An operand that does not fit.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        let [height, width] = self.output_size;
        attempt!(positive_pair(ADAPTIVE, "output_size", self.output_size));
        attempt!(of_rank(ADAPTIVE, 4, "4 dimensions [N, C, H, W]", x));
        sized(ADAPTIVE, x, &[x.size(0), x.size(1), height, width])
    }

    infer!(|self, x| self.shape(x));
}

/// Mean over each window; padding counts as zeros (`count_include_pad = True`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvgPool2d {
    /// What slides.
    pub window: Window2d,
}

/// Mean over height and width, keeping them as 1 (`AdaptiveAvgPool2d(1)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobalAvgPool2d;

/// Sum over each window, zeros outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumPool2d {
    /// What slides.
    pub window: Window2d,
}

impl Room for AvgPool2d {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        Ok(pooled(NAME, site.one()?, &self.window)?)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
            | Properties::HOMOGENEOUS
            | Properties::TAKES_MEANS.when(self.window.padding == [0, 0])
    }
}

impl FloatRoom for AvgPool2d {
    fn returns_operand(&self, _operand: &[usize], _shape: &[usize], _inputs: usize) -> bool {
        is_single_cell(&self.window)
    }

    fn own_padding(&mut self) -> Option<&mut [usize; 2]> {
        Some(&mut self.window.padding)
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let count = (self.window.kernel[0] * self.window.kernel[1]) as f32;
        Some(pool(site.operand(0)?, &self.window, site.shape(), 0.0, |a, b| a + b)? / count)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        average(self.window, quantizing)
    }
}

impl Room for GlobalAvgPool2d {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        Ok(AdaptiveAvgPool2dOptions::new([1, 1]).shape(site.one()?)?)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES | Properties::HOMOGENEOUS | Properties::TAKES_MEANS | Properties::SHAPES
    }
}

impl FloatRoom for GlobalAvgPool2d {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let x = site.operand(0)?;
        let [_, _, height, width] = *x.shape() else {
            return None;
        };
        let planes = x.as_slice()?.chunks_exact(height * width);
        // One cell after the other, as over any window.
        let mean = |plane: &[f32]| plane.iter().fold(0.0, |sum, cell| sum + cell) / plane.len() as f32;
        ArrayD::from_shape_vec(site.shape(), planes.map(mean).collect()).ok()
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let [_, _, height, width] = rank4(quantizing.operand_shape(0));
        let window = Window2d {
            kernel: [height, width],
            stride: [1, 1],
            padding: [0, 0],
            dilation: [1, 1],
        };
        average(window, quantizing)
    }
}

/// Appends the sum over each window of `k` cells. It stands for the mean: its scale is that of the operand, divided by
/// `k`.
#[cfg(feature = "prover")]
fn average(window: Window2d, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
    let x = quantizing.activation(0)?;
    let scale = x.scale / (window.kernel[0] * window.kernel[1]) as f64;
    quantizing.accumulate(SumPool2d { window }.into(), vec![x.node], scale)
}

impl Room for SumPool2d {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        Ok(pooled(NAME, site.one()?, &self.window)?)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

impl IntegerRoom for SumPool2d {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let Window2d { kernel, padding, .. } = &self.window;
        let count = (kernel[0] as i128).saturating_mul(kernel[1] as i128);
        let (low, high) = wide(site.hull()?);
        let (low, high) = (low.saturating_mul(count), high.saturating_mul(count));
        // A window that reaches into the padding has fewer terms, so its sum may be nearer to 0.
        let padded = padding != &[0, 0];
        site.accumulator(if padded {
            (low.min(0), high.max(0))
        } else {
            (low, high)
        })
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        self.window.to_string()
    }

    /// `y[n, c, p] = sum_d x[n, c, p * stride + d - padding]`.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let [n, channels, out_height, out_width] = rank4(shape);
        let [height, width] = self.window.kernel;
        lowering.circuit().check_bound(
            name,
            "sum",
            magnitude(fact.range) * height as i128 * width as i128,
        )?;
        let circuit = lowering.circuit();
        let windows = circuit.view(
            &format!("{name}/windows"),
            &[n, channels, height, width, out_height, out_width],
            x,
            vec![
                Factor::identity(0, 0),
                Factor::identity(1, 1),
                window_factor(&self.window, 0, 2, 4, 2),
                window_factor(&self.window, 1, 3, 5, 3),
            ],
        );
        circuit.expect_cells(name, height.saturating_mul(width))?;
        let ones = circuit.constant(&[height, width], vec![1; height * width]);
        let axes = vec![
            Axis::free_right(0, 0),
            Axis::free_right(1, 1),
            Axis::summed(0, 2),
            Axis::summed(1, 3),
            Axis::free_right(4, 2),
            Axis::free_right(5, 3),
        ];
        Ok(circuit.contraction(name, shape, ones, windows, axes))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        pool(site.operand(0)?, &self.window, site.shape(), 0, |a, b| a + b)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let sum = |values: &mut dyn Iterator<Item = i64>| values.sum();
        Some(pool_reference(site.operand(0)?, &self.window, site.shape(), sum))
    }
}
