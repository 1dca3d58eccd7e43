//! Quantization of weights and biases at given scales.

use ndarray::ArrayD;
use rayon::prelude::*;

use crate::ops::PARALLEL_CELLS;
use crate::ops::range::BIAS_LIMIT;

/// Weights as integers in `[-limit, limit]`, rounded half to even, with a scale for each output channel or one for all.
pub(crate) fn quantize_weights(weight: &ArrayD<f32>, scales: &[f64], limit: i64) -> ArrayD<i32> {
    let mut quantized = ArrayD::zeros(weight.shape());
    if weight.ndim() == 0 {
        let (scale, limit) = (scale_of(scales, 0), limit as f64);
        return weight.mapv(|value| (f64::from(value) / scale).round_ties_even().clamp(-limit, limit) as i32);
    }
    let limit = limit as f64;
    let weight = weight.as_standard_layout();
    let channel = weight.len() / weight.shape()[0].max(1);
    if let (Some(to), Some(from), true) = (quantized.as_slice_mut(), weight.as_slice(), channel > 0) {
        let channels = to
            .par_chunks_exact_mut(channel)
            .zip(from.par_chunks_exact(channel));
        let quantize = |(o, (to, from)): (usize, (&mut [i32], &[f32]))| {
            let scale = scale_of(scales, o);
            let round = |value: f32| whole((f64::from(value) / scale).clamp(-limit, limit)) as i32;
            to.iter_mut().zip(from).for_each(|(to, from)| *to = round(*from));
        };
        channels
            .with_min_len(PARALLEL_CELLS.div_ceil(channel))
            .enumerate()
            .for_each(quantize);
    }
    quantized
}

/// As `round_ties_even`, of a number of magnitude below `2^51`. That is a call for each number where the compiler may
/// not count on SSE4.1. Here the addition rounds: the sum has no bits for a fraction.
fn whole(value: f64) -> f64 {
    const NO_FRACTION: f64 = 1.5 * (1u64 << 52) as f64;
    (value + NO_FRACTION) - NO_FRACTION
}

/// Biases as integers of 32 bits at scale `input_scale * weight scale`, rounded half to even.
pub(crate) fn quantize_bias(bias: &ArrayD<f32>, input_scale: f64, scales: &[f64]) -> ArrayD<i32> {
    let limits = (-(BIAS_LIMIT as f64), BIAS_LIMIT as f64);
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
    use crate::optimize::operation::per_channel_scales::{SPREAD, least_scales};

    /// Also at halves, and next to them.
    #[test]
    fn whole_numbers_are_the_nearest() {
        for eighths in -2200..2200 {
            for value in [f64::from(eighths) / 8.0, (f64::from(eighths) / 8.0).next_up()] {
                assert_eq!(whole(value), value.round_ties_even(), "{value}");
            }
        }
    }

    #[test]
    fn channels_use_the_whole_range_and_stay_in_it() {
        let weight = ArrayD::from_shape_vec(vec![3, 2], vec![1.0, -2.0, 0.01, 0.005, 0.0, 0.0]).unwrap();
        let bias = ArrayD::from_shape_vec(vec![3], vec![0.5, -1e6, 3.0]).unwrap();
        let scales = least_scales(&weight, Some(&bias), 0.01, true, SPREAD, 127);
        let quantized = quantize_weights(&weight, &scales, 127);
        assert_eq!(quantized.as_slice().unwrap()[..2], [64, -127]);
        // The second channel's scale grows until its bias fits.
        let biases = quantize_bias(&bias, 0.01, &scales);
        assert!(biases[[1]] < -(1 << 30));
        for o in 0..3 {
            let real = f64::from(biases[[o]]) * 0.01 * scales[o];
            assert!((real - f64::from(bias[[o]])).abs() <= 0.01 * scales[o]);
        }
        let tensor = least_scales(&weight, None, 0.01, false, SPREAD, 127);
        assert_eq!(tensor.len(), 1);
        assert_eq!(
            quantize_weights(&weight, &tensor, 127).as_slice().unwrap()[..4],
            [64, -127, 1, 0]
        );
        let narrow = least_scales(&weight, None, 0.01, true, SPREAD, 7);
        assert_eq!(
            quantize_weights(&weight, &narrow, 7).as_slice().unwrap()[..4],
            [4, -7, 7, 4]
        );
    }
}
