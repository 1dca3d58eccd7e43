//! One weight scale, hence one rescaling multiplier, for each output channel.
//!
//! A channel of small weights keeps its precision, at the price of a sumcheck over the channels alone
//! (`sum_o eq(z, o) m_o acc(o, z')`), nothing committed. One scale per tensor saves that and tells nothing of the
//! weights; accuracy suffers.

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::graph::Graph;
use crate::ops::range::BIAS_LIMIT;
use crate::ops::{Int, IntOp};
use crate::optimize::pass;

pass!(PerChannelScales, "per_channel_scales", Operation(changes) in "quant/node.rs",
    "gives each output channel a weight scale and a rescaling multiplier of its own");

/// A channel's scale is at least this part of the tensor's largest where it is rescaled, so that multipliers of one
/// rescale stay comparable.
pub(crate) const SPREAD: f64 = 1.0 / 4096.0;

/// The same of accumulators that are kept: only scales that are no numbers any more are avoided.
pub(crate) const KEPT_SPREAD: f64 = 1e-30;

/// The least scales, one per output channel or one for all, with which weights fit `[-limit, limit]` and biases 32 bits
/// at scale `input_scale * weight scale`: `real = scale * integer`. None is less than the part `spread` of the largest.
pub(crate) fn least_scales(
    weight: &ArrayD<f32>,
    bias: Option<&ArrayD<f32>>,
    input_scale: f64,
    per_channel: bool,
    spread: f64,
    limit: i64,
) -> Vec<f64> {
    let limit = limit as f64;
    // Magnitudes have the order of their bits, which the compiler compares many at a time.
    let larger = |most: u32, value: &f32| most.max(value.abs().to_bits());
    let largest = |values: ArrayViewD<'_, f32>| {
        let most = match values.as_slice() {
            Some(values) => values.iter().fold(0, larger),
            None => values.iter().fold(0, larger),
        };
        f64::from(f32::from_bits(most))
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
        // A row of zeros has no size of its own.
        let own = if own > 0.0 { own } else { overall };
        own.max(overall * spread).max(bias_floor(o))
    };
    match per_channel {
        true => (0..channels).map(of_channel).collect(),
        false => vec![(0..channels).map(bias_floor).fold(overall, f64::max)],
    }
}

/// Rows of about one size share a scale, so that they are compared as they are.
const ALIKE: f64 = 8.0;

/// The least multiplier of rows of different size, where the largest has room.
const LEAST_COMPARED: f64 = 4.0;

/// Bits of the largest multiplier of rows that are compared.
pub(crate) const COMPARED_BITS: u32 = 20;

/// Scales, at least these, at which rows can be compared: one for all, or integer multiples of a common unit. A row of
/// small weights that one scale for all would lose keeps its digits.
pub(crate) fn comparable(scales: Vec<f64>) -> Vec<f64> {
    let most = scales.iter().copied().fold(0.0, f64::max);
    let least = scales.iter().copied().fold(most, f64::min);
    if most <= ALIKE * least {
        return vec![most];
    }
    let enough = |bits: &u32| least / most * libm::ldexp(1.0, *bits as i32) >= LEAST_COMPARED;
    let bits = (1..COMPARED_BITS).find(enough).unwrap_or(COMPARED_BITS);
    let unit = most * libm::ldexp(1.0, -(bits as i32));
    scales
        .iter()
        .map(|scale| (scale / unit).ceil().max(1.0) * unit)
        .collect()
}

/// The rescales with several multipliers.
fn changes(graph: &Graph<Int>) -> Vec<String> {
    let channels = graph.nodes.iter().filter_map(|node| match &node.op {
        IntOp::Rescale(rescale) if rescale.multipliers.len() > 1 => Some(format!(
            "`{}` has {} multipliers",
            node.name,
            rescale.multipliers.len()
        )),
        _ => None,
    });
    channels.collect()
}
