//! Residual streams: values that are added to one another all along a network and normalized before each use.
//!
//! Their channels differ in size by orders of magnitude. One step for all would lose the small ones. So each channel of
//! a stream has a step of its own, `step 2^k`: a power of two, because a normalization has to add the squares of all
//! channels.
//!
//! Streams grow: in SmolLM2-135M a channel reaches 0.5 behind the embedding and 100 in the end. With the steps that the
//! end needs, the first layers would read little but rounding. So a stream has *phases*, whose steps grow by powers of
//! two: the sum at which one begins divides what it adds to, in the division that it has anyway.

use super::options::{QuantizeOptions, largest};
use super::ranges::Ranges;
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties};

/// Largest exponent of a channel.
const LARGEST_EXPONENT: i32 = 16;

/// The same where means are subtracted, which have 24 bits.
const LARGEST_CENTERED_EXPONENT: i32 = 6;

/// By how many bits the steps of a value may exceed those that it would have alone, on average over channels.
const LOST_BITS: f64 = 2.0;

/// Bits that `sum_c 4^(k_c)` may have. A normalization sums the squares of 16-bit values, each times its `4^(k_c)`, below
/// `2^58`. What is left are eight further bits, without which its own least divisor would move small rows.
const SQUARES_BITS: i32 = 20;

/// The stream of each node, numbered in any way; `None` for nodes of no stream.
///
/// A sum, what is looked up by ids and what several nodes use belong to one stream with the sums that take them, if one
/// of them is normalized.
pub(super) fn streams(graph: &Graph<Float>) -> Vec<Option<usize>> {
    let has = |id: NodeId, property| graph[id].op.room().has(property);
    let users = |id: NodeId| {
        let operands = graph.nodes.iter().flat_map(|node| &node.inputs);
        operands.filter(|operand| **operand == id).count()
    };
    let mut stream: Vec<usize> = (0..graph.nodes.len()).collect();
    for (index, node) in graph.nodes.iter().enumerate() {
        if !node.op.room().has(Properties::ADDS) {
            continue;
        }
        for &operand in &node.inputs {
            let looked_up = graph[operand].op.room().chosen_rows().is_some();
            if has(operand, Properties::ADDS) || looked_up || users(operand) > 1 {
                let (from, to) = (stream[index], stream[operand.0]);
                stream
                    .iter_mut()
                    .filter(|own| **own == from)
                    .for_each(|own| *own = to);
            }
        }
    }
    let mut normalized = vec![false; graph.nodes.len()];
    for node in &graph.nodes {
        if node.op.room().has(Properties::NORMALIZES) {
            // What comes out of a normalization has one unit already.
            let operands = node.inputs.iter().filter(|id| !has(**id, Properties::NORMALIZES));
            operands.for_each(|id| normalized[stream[id.0]] = true);
        }
    }
    stream
        .iter()
        .map(|own| normalized[*own].then_some(*own))
        .collect()
}

/// The steps of a stream's channels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steps {
    /// The number of the stream.
    stream: usize,
    /// The least step.
    pub(super) step: f64,
    /// The step of channel `c` is `step 2^exponents[c]`.
    pub(super) exponents: Vec<u32>,
}

impl Steps {
    /// The steps of all channels.
    pub(super) fn scales(&self) -> Vec<f64> {
        let exponents = self.exponents.iter();
        exponents.map(|k| self.step * libm::exp2(f64::from(*k))).collect()
    }

    /// By which powers of two these steps are larger than those of an earlier value of the stream; `None` for those of
    /// another stream, or of a later value.
    pub(super) fn growth_from(&self, earlier: &Self) -> Option<Vec<u32>> {
        let fits = self.stream == earlier.stream && self.exponents.len() == earlier.exponents.len();
        let by = libm::log2(self.step / earlier.step).round() as i64;
        let both = self.exponents.iter().zip(&earlier.exponents);
        let growth =
            both.map(|(own, earlier)| u32::try_from(by + i64::from(*own) - i64::from(*earlier)).ok());
        growth.collect::<Option<Vec<u32>>>().filter(|_| fits)
    }
}

/// The steps of each stream, for each node of it.
pub(super) fn steps(
    graph: &Graph<Float>,
    ranges: &Ranges<'_>,
    options: &QuantizeOptions,
) -> Vec<Option<Steps>> {
    let streams = streams(graph);
    let mut steps: Vec<Option<Steps>> = vec![None; graph.nodes.len()];
    for index in 0..graph.nodes.len() {
        let Some(stream) = streams[index].filter(|_| steps[index].is_none()) else {
            continue;
        };
        let members: Vec<usize> = (index..streams.len())
            .filter(|member| streams[*member] == Some(stream))
            .collect();
        let most: Vec<Vec<f64>> = members
            .iter()
            .map(|member| reach(graph, ranges, NodeId(*member)))
            .collect();
        let centered = graph.nodes.iter().any(|node| {
            node.op.room().has(Properties::CENTERS)
                && node.inputs.iter().any(|id| streams[id.0] == Some(stream))
        });
        let spread = if centered {
            LARGEST_CENTERED_EXPONENT
        } else {
            LARGEST_EXPONENT
        };
        let phases = phases(stream, &most, largest(options.activation_bits), spread);
        members
            .into_iter()
            .zip(phases)
            .for_each(|(member, own)| steps[member] = Some(own));
    }
    steps
}

/// The largest magnitude of each channel of a node. A text may choose any row of a table, whatever calibration saw.
fn reach(graph: &Graph<Float>, ranges: &Ranges<'_>, id: NodeId) -> Vec<f64> {
    let channels = ranges.channels(id).iter();
    let mut most: Vec<f64> = channels.map(|channel| channel.largest).collect();
    let table = graph[id]
        .op
        .room()
        .chosen_rows()
        .map(|weight| &graph[weight].values);
    for row in table.into_iter().flat_map(|table| table.rows()) {
        let both = most.iter_mut().zip(row);
        both.for_each(|(most, value)| *most = most.max(f64::from(value.abs())));
    }
    most
}

/// The steps of values of a stream, in their order, whose channels reach `most`, for integers up to `limit`. Exponents
/// are at most `spread`.
fn phases(stream: usize, most: &[Vec<f64>], limit: i64, spread: i32) -> Vec<Steps> {
    // What a value reaches, or one before it: steps only grow.
    let mut reached: Vec<Vec<f64>> = Vec::with_capacity(most.len());
    for most in most {
        let mut all = reached.last().cloned().unwrap_or_default();
        all.resize(most.len().max(all.len()), 0.0);
        all.iter_mut()
            .zip(most)
            .for_each(|(all, own)| *all = all.max(*own));
        reached.push(all);
    }
    let (unit, mut later) = exponents(reached.last().map_or(&[], Vec::as_slice), None, spread);
    let mut of_value = vec![later.clone()];
    for reached in reached.iter().rev().skip(1) {
        // Of zeros any step is right.
        if reached.iter().all(|most| *most == 0.0) {
            of_value.push(later.clone());
            continue;
        }
        let (_, own) = exponents(reached, Some(unit), spread);
        let lost: i32 = later.iter().zip(&own).map(|(later, own)| later - own).sum();
        if f64::from(lost) > LOST_BITS * own.len() as f64 {
            later = own;
        }
        of_value.push(later.clone());
    }
    of_value.reverse();
    let with_least = |exponents: Vec<i32>| {
        let least = exponents.iter().copied().min().unwrap_or(0);
        Steps {
            stream,
            step: libm::ldexp(QuantizeOptions::HEADROOM * unit / limit as f64, least),
            exponents: exponents.iter().map(|k| k.abs_diff(least)).collect(),
        }
    };
    of_value.into_iter().map(with_least).collect()
}

/// The exponents of channels whose values reach `most`, and what is reached with exponent 0, the least channel's unless
/// it is given. Each channel has its range, unless its values are so small beside the largest ones that the squares
/// would not fit.
fn exponents(most: &[f64], unit: Option<f64>, spread: i32) -> (f64, Vec<i32>) {
    let widest = most.iter().copied().fold(0.0, f64::max);
    let widest = if widest > 0.0 { widest } else { 1.0 };
    let down_to = |floor: f64| {
        let least = most.iter().map(|most| most.max(floor)).fold(widest, f64::min);
        let unit = unit.unwrap_or(least);
        let exponent = |most: &f64| libm::log2(most.max(floor) / unit).ceil() as i32;
        (unit, most.iter().map(exponent).collect::<Vec<i32>>())
    };
    let fits = |(_, exponents): &(f64, Vec<i32>)| {
        let least = exponents.iter().min();
        let above = |k: &i32| f64::from(k.abs_diff(*least.unwrap_or(k)));
        let squares = exponents.iter().map(|k| libm::exp2(2.0 * above(k)));
        squares.sum::<f64>() < libm::ldexp(1.0, SQUARES_BITS)
    };
    let mut spreads = (1..=spread)
        .rev()
        .map(|spread| down_to(libm::ldexp(widest, -spread)));
    spreads.find(fits).unwrap_or_else(|| down_to(widest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: i64 = 32_767;

    fn of_channels(most: &[f64]) -> Steps {
        phases(0, &[most.to_vec()], LIMIT, LARGEST_EXPONENT)
            .pop()
            .unwrap()
    }

    /// Integers that the channels reach.
    fn integers(most: &[f64], steps: &Steps) -> Vec<f64> {
        let both = most.iter().zip(steps.scales());
        both.map(|(most, scale)| most / scale).collect()
    }

    #[test]
    fn every_channel_fits_with_headroom_and_uses_a_quarter_of_its_range() {
        let most = [0.001, 1.0, 1.5, 4.0, 63.9, 64.0];
        let steps = of_channels(&most);
        let whole = LIMIT as f64 / QuantizeOptions::HEADROOM;
        for (integer, most) in integers(&most, &steps).iter().zip(most) {
            assert!(*integer <= whole * 1.001, "{integer}");
            assert!(*integer > whole / 2.0 || most < 0.1, "{integer}");
        }
        assert_eq!(steps.exponents, [0, 3, 4, 5, 9, 9]);
        assert!(of_channels(&[0.0, 0.0]).step > 0.0);
        // One large channel leaves more room than many.
        let one = [[1.0; 30].as_slice(), &[900.0]].concat();
        assert_eq!(of_channels(&one).exponents[29..], [0, 9]);
        let many = [[1.0; 30].as_slice(), &[900.0; 300]].concat();
        assert_eq!(of_channels(&many).exponents[29..31], [0, 5]);
    }

    #[test]
    fn steps_grow_with_the_stream_by_powers_of_two() {
        let channels = |size: f64| vec![size, 1.5 * size, 40.0 * size];
        let sizes = [0.1, 0.2, 0.3, 5.0, 4.0, 90.0, 100.0];
        let values: Vec<Vec<f64>> = sizes.map(channels).into();
        let steps = phases(7, &values, LIMIT, LARGEST_EXPONENT);
        let whole = LIMIT as f64 / QuantizeOptions::HEADROOM;
        for (index, (most, steps)) in values.iter().zip(&steps).enumerate() {
            for integer in integers(most, steps) {
                assert!(integer <= whole * 1.001, "value {index}: {integer}");
                assert!(integer > whole / 32.0, "value {index}: {integer}");
            }
        }
        assert_eq!([&steps[0], &steps[1]], [&steps[2]; 2]);
        assert_eq!((&steps[3], &steps[5]), (&steps[4], &steps[6]));
        for (earlier, later) in [(2, 3), (4, 5), (0, 6)] {
            let growth = steps[later].growth_from(&steps[earlier]).unwrap();
            assert!(growth.iter().all(|bits| *bits > 2), "{growth:?}");
            for ((growth, earlier), later) in growth
                .iter()
                .zip(steps[earlier].scales())
                .zip(steps[later].scales())
            {
                assert_eq!(earlier * libm::exp2(f64::from(*growth)), later);
            }
            assert_eq!(steps[earlier].growth_from(&steps[later]), None);
        }
        let one = [[1.0; 30].as_slice(), &[900.0]].concat();
        let other = phases(8, &values, LIMIT, LARGEST_EXPONENT);
        assert_eq!(other[6].growth_from(&steps[0]), None);
        // Where means are subtracted, exponents are small. Zeros begin no phase of their own.
        let centered = phases(0, &[vec![0.0; 31], one.clone()], LIMIT, LARGEST_CENTERED_EXPONENT);
        assert_eq!(centered[1].exponents[29..], [0, 6]);
        assert_eq!(centered[0], centered[1]);
        // A stream that keeps its size has one phase, whatever a single channel does.
        let values: Vec<Vec<f64>> = [1.0, 1.1, 900.0]
            .map(|wide| [vec![1.0; 30], vec![wide]].concat())
            .into();
        let steps = phases(0, &values, LIMIT, LARGEST_EXPONENT);
        assert_eq!([&steps[0], &steps[1]], [&steps[2]; 2]);
    }
}
