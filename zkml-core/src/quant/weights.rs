//! Quantization of weights and biases.

use ndarray::{ArrayD, Axis};

use crate::ops::range::BIAS_LIMIT;

/// How many scales a weight tensor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightScales {
    /// One per output channel: more precise. The multipliers, which are public, tell a little about private weights.
    #[default]
    PerChannel,
    /// One for the whole tensor.
    PerTensor,
}

/// A channel's scale is at least this part of the tensor's largest, so that multipliers of one rescale stay comparable.
const SPREAD: f64 = 1.0 / 4096.0;

/// The least scales, one per output channel or one for all, with which weights fit `[-limit, limit]` and biases 32 bits
/// at scale `input_scale * weight scale`: `real = scale * integer`.
pub(crate) fn least_scales(
    weight: &ArrayD<f32>,
    bias: Option<&ArrayD<f32>>,
    input_scale: f64,
    scales: WeightScales,
    limit: i64,
) -> Vec<f64> {
    let limit = limit as f64;
    let largest = |values: ndarray::ArrayViewD<'_, f32>| {
        values
            .iter()
            .fold(0.0f64, |largest, value| largest.max(f64::from(value.abs())))
    };
    let channels = weight.shape().first().copied().unwrap_or(0);
    let overall = largest(weight.view()) / limit;
    // A tensor of zeros: any scale is right.
    let overall = if overall > 0.0 { overall } else { 1.0 / limit };
    let biases: Vec<f64> = bias.map_or_else(Vec::new, |bias| bias.iter().map(|b| f64::from(*b)).collect());
    // The bias has to fit 32 bits, with a little room for rounding.
    let bias_floor = |o: usize| {
        let bias = biases.get(o).copied().unwrap_or(0.0).abs();
        bias / (input_scale * (BIAS_LIMIT - 2) as f64)
    };
    let of_channel = |o: usize| {
        let own = largest(weight.index_axis(Axis(0), o)) / limit;
        own.max(overall * SPREAD).max(bias_floor(o))
    };
    match scales {
        WeightScales::PerChannel => (0..channels).map(of_channel).collect(),
        WeightScales::PerTensor => vec![(0..channels).map(bias_floor).fold(overall, f64::max)],
    }
}

/// Weights to `[-limit, limit]`, rounded half to even, with one scale per output channel or one for all.
pub(crate) fn quantize_weights(weight: &ArrayD<f32>, scales: &[f64], limit: i64) -> ArrayD<i32> {
    let mut quantized = ArrayD::zeros(weight.shape());
    if weight.ndim() == 0 {
        let (scale, limit) = (scale_of(scales, 0), limit as f64);
        return weight.mapv(|value| (f64::from(value) / scale).round_ties_even().clamp(-limit, limit) as i32);
    }
    for (o, (mut to, from)) in quantized
        .axis_iter_mut(Axis(0))
        .zip(weight.axis_iter(Axis(0)))
        .enumerate()
    {
        let (scale, limit) = (scale_of(scales, o), limit as f64);
        let round = |value: f32| (f64::from(value) / scale).round_ties_even().clamp(-limit, limit) as i32;
        to.zip_mut_with(&from, |to, from| *to = round(*from));
    }
    quantized
}

/// Biases to 32 bits at scale `input_scale * weight scale`, rounded half to even.
pub(crate) fn quantize_bias(bias: &ArrayD<f32>, input_scale: f64, scales: &[f64]) -> ArrayD<i32> {
    let limits = (-(BIAS_LIMIT as f64), (BIAS_LIMIT - 1) as f64);
    let mut quantized = ArrayD::zeros(bias.shape());
    for (o, (to, from)) in quantized.iter_mut().zip(bias).enumerate() {
        let exact = f64::from(*from) / (input_scale * scale_of(scales, o));
        *to = exact.round_ties_even().clamp(limits.0, limits.1) as i32;
    }
    quantized
}

/// The scale of an output channel.
fn scale_of(scales: &[f64], channel: usize) -> f64 {
    scales.get(channel).or(scales.first()).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_use_the_whole_range_and_stay_in_it() {
        let weight = ArrayD::from_shape_vec(vec![3, 2], vec![1.0, -2.0, 0.01, 0.005, 0.0, 0.0]).unwrap();
        let bias = ArrayD::from_shape_vec(vec![3], vec![0.5, -1e6, 3.0]).unwrap();
        let scales = least_scales(&weight, Some(&bias), 0.01, WeightScales::PerChannel, 127);
        let quantized = quantize_weights(&weight, &scales, 127);
        assert_eq!(quantized.as_slice().unwrap()[..2], [64, -127]);
        // The second channel's scale grows until its bias fits.
        let biases = quantize_bias(&bias, 0.01, &scales);
        assert!(biases[[1]] < -(1 << 30));
        for o in 0..3 {
            let real = f64::from(biases[[o]]) * 0.01 * scales[o];
            assert!((real - f64::from(bias[[o]])).abs() <= 0.01 * scales[o]);
        }
        let tensor = least_scales(&weight, None, 0.01, WeightScales::PerTensor, 127);
        assert_eq!(tensor.len(), 1);
        assert_eq!(
            quantize_weights(&weight, &tensor, 127).as_slice().unwrap()[..4],
            [64, -127, 1, 0]
        );
        let narrow = least_scales(&weight, None, 0.01, WeightScales::PerChannel, 7);
        assert_eq!(
            quantize_weights(&weight, &narrow, 7).as_slice().unwrap()[..4],
            [4, -7, 7, 4]
        );
    }
}
