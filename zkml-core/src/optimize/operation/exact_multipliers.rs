//! Scales of weights that make multipliers exact and remainders short.
//!
//! A rescale multiplies by `m 2^-s`, close to `M = s_x s_w / s_y`, and looks up the remainder of s bits in limbs. For a
//! given M, m needs some twelve bits, and s exceeds them by the bits of `1 / M`. But the scale `s_w` of the weights of
//! a channel is free: rounded up until `M 2^s` is an integer, it makes any m exact, so s can be as small as a limb. The
//! scales of activations stay. If a rescale to `s_y` is the only user of an accumulator, the accumulator's scale
//! `s_acc` is free, and `m 2^-s` becomes exactly `s_acc / s_y`:
//!
//! ```text
//! conv, linear    M_c = s_x s_w / s_y  at the least scales s_w that the weights of channel c fit
//!                 m_c = ceil(M_c 2^s),  s_w := m_c 2^-s s_y / s_x:  no smaller, so weights and biases still fit
//! residual sum    c_i = round(s_i / s_y 2^s),  m = 1
//! ```
//!
//! The cost is precision of the weights: their grid is coarser by the ratio `m / (M 2^s) < m / (m - 1)`. In units of
//! `s_y` the error of an output is `m 2^-s` times the rounding errors of the weights of its channel. Over all channels
//! it grows by `sqrt(sum m^2 / sum (M 2^s)^2)`. The least shift is the smallest that keeps this ratio at 1.05 or below.
//!
//! Two kinds of weights are not free: weights that several layers share, which would become several weights; and
//! kernels of a single weight, which would be rounded more coarsely than a multiplier. Without this pass nothing is
//! free, and remainders have a limb more.

use crate::graph::{Graph, NodeId};
use crate::ops::{Int, IntOp, Properties, Rescale};
use crate::optimize::{Switches, pass};

pass!(ExactMultipliers, "exact_multipliers", Operation(changes) in "quant/settle.rs",
    "chooses scales of weights so that multipliers are small and exact, and remainders short");

/// Bits of a multiplier given up where that saves a limb.
const SPARE_BITS: u32 = 2;

/// The least ratio of a coefficient of a sum to the largest coefficient. A smaller operand vanishes in the rounding.
const LEAST_COEFFICIENT: f64 = 1.0 / 4096.0;

/// Relative error of a factor, a quotient and a product of scales.
const ROUNDING: f64 = 1e-12;

/// By how much the error from rounding the weights of a layer may grow for the sake of exact multipliers.
pub(crate) const LARGEST_GROWTH: f64 = 1.05;

/// What makes an accumulator.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Maker {
    /// A layer with weights.
    Layer {
        /// Its number among the layers.
        number: usize,
        /// Whether no other layer shares its weights.
        alone: bool,
        /// Weights for each value of its result.
        terms: usize,
    },
    /// A sum of operands of different scales, with its number among the sums.
    Sum(usize),
}

/// What of an accumulator's scale is ours to choose.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Freedom {
    /// Nothing.
    None,
    /// The scales of the weights of this layer may grow.
    Weights(usize),
    /// The coefficients of this sum.
    Coefficients(usize),
}

/// What of an accumulator's scale is free. `graph` has no outputs yet: `is_output` says whether `accumulator` is one.
pub(crate) fn freedom(
    switches: &Switches,
    graph: &Graph<Int>,
    accumulator: NodeId,
    is_output: bool,
    maker: Option<Maker>,
) -> Freedom {
    let users = graph.nodes.iter().flat_map(|node| &node.inputs);
    let users = users.filter(|user| **user == accumulator).count();
    if !switches.runs(&ExactMultipliers) || users != 1 || is_output {
        return Freedom::None;
    }
    match maker {
        Some(Maker::Layer { number, alone, terms }) if alone && terms > 1 => Freedom::Weights(number),
        Some(Maker::Layer { .. }) | None => Freedom::None,
        Some(Maker::Sum(number)) => Freedom::Coefficients(number),
    }
}

/// Bits of a multiplier given up where that saves a limb.
pub(crate) fn spare_bits(switches: &Switches) -> u32 {
    match switches.runs(&ExactMultipliers) {
        true => SPARE_BITS,
        false => 0,
    }
}

/// The factors `s_i / s_y` of the operands of a sum, whose coefficients are chosen like multipliers.
pub(crate) fn coefficient_factors(scales: &[f64], target: f64) -> Vec<f64> {
    let least = scales.iter().fold(0.0, |most: f64, scale| most.max(*scale)) * LEAST_COEFFICIENT;
    scales.iter().map(|scale| scale.max(least) / target).collect()
}

/// The multiplier of a factor `exact = M 2^s` that may grow: the next integer.
pub(crate) fn multiplier(exact: f64) -> i64 {
    // A factor above an integer by no more than its rounding error counts as that integer.
    (exact * (1.0 - ROUNDING)).ceil() as i64
}

/// How much larger the errors from rounding weights are with this shift.
pub(crate) fn growth(factors: &[f64], shift: u32) -> f64 {
    let scale = libm::ldexp(1.0, shift as i32);
    let square = |sum: f64, value: f64| sum + value * value;
    let exact = factors.iter().map(|factor| factor * scale);
    let multipliers = exact.clone().map(|exact| multiplier(exact) as f64);
    (multipliers.fold(0.0, square) / exact.fold(0.0, square)).sqrt()
}

/// The least shift with a [`growth`] of at most [`LARGEST_GROWTH`].
pub(crate) fn least_shift(factors: &[f64]) -> u32 {
    (1..60)
        .find(|shift| growth(factors, *shift) <= LARGEST_GROWTH)
        .unwrap_or(60)
}

/// The rescales whose multipliers are exact.
pub(crate) fn changes(graph: &Graph<Int>) -> Vec<String> {
    let exact = graph.nodes.iter().filter_map(|node| {
        let IntOp::Rescale(Rescale {
            multipliers, shift, ..
        }) = &node.op
        else {
            return None;
        };
        let operand = &graph[*node.inputs.first()?];
        let scale = *multipliers.first()? as f64 * (node.fact.scale * libm::ldexp(1.0, -(*shift as i32)));
        (operand.op.room().has(Properties::ACCUMULATES) && operand.fact.scale == scale).then(|| {
            let (least, most) = (multipliers.iter().min(), multipliers.iter().max());
            format!(
                "a unit of `{}` is {} to {} times 2^-{shift} of one of `{}`",
                operand.name,
                least.unwrap_or(&1),
                most.unwrap_or(&1),
                node.name
            )
        })
    });
    exact.collect()
}
