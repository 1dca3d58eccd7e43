//! Residual streams: values that are added to one another all along a network and normalized before each use.
//!
//! Their channels differ in size by orders of magnitude, and stay so from layer to layer. One step for all would lose
//! the small ones. So each channel of a stream has a step of its own, `step 2^k`: a power of two, because a
//! normalization has to add the squares of all channels. All values of a stream have the same steps, or they could not
//! be added without rounding.

use super::options::{QuantizeOptions, largest};
use super::ranges::Ranges;
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties};

/// Largest exponent of a channel.
const LARGEST_EXPONENT: i32 = 16;

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
}

/// The steps of each stream, for each node of it.
pub(super) fn steps(
    graph: &Graph<Float>,
    ranges: &Ranges<'_>,
    options: &QuantizeOptions,
) -> Vec<Option<Steps>> {
    let streams = streams(graph);
    let of_stream = |stream: usize| {
        let members = (0..graph.nodes.len()).filter(|index| streams[*index] == Some(stream));
        let channels = members.map(|index| ranges.channels(NodeId(index)));
        let mut most: Vec<f64> = Vec::new();
        for channels in channels {
            most.resize(channels.len().max(most.len()), 0.0);
            let both = most.iter_mut().zip(channels);
            both.for_each(|(most, largest)| *most = most.max(largest.largest));
        }
        of_channels(&most, largest(options.activation_bits))
    };
    let mut known: Vec<Option<Steps>> = vec![None; graph.nodes.len()];
    let mut steps = Vec::with_capacity(graph.nodes.len());
    for stream in &streams {
        let of_node = stream.map(|stream| known[stream].get_or_insert_with(|| of_stream(stream)).clone());
        steps.push(of_node);
    }
    steps
}

/// The steps of channels whose values reach `most`, for integers up to `limit`. Each channel has its range, unless its
/// values are so small beside the largest ones that the squares would not fit.
fn of_channels(most: &[f64], limit: i64) -> Steps {
    let widest = most.iter().copied().fold(0.0, f64::max);
    // Of zeros any step is right.
    let widest = if widest > 0.0 { widest } else { 1.0 };
    let down_to = |floor: f64| {
        let least = most.iter().map(|most| most.max(floor)).fold(widest, f64::min);
        let exponent = |most: &f64| libm::log2(most.max(floor) / least).ceil() as u32;
        Steps {
            step: QuantizeOptions::HEADROOM * least / limit as f64,
            exponents: most.iter().map(exponent).collect(),
        }
    };
    let fits = |steps: &Steps| {
        let squares = steps.exponents.iter().map(|k| libm::exp2(2.0 * f64::from(*k)));
        squares.sum::<f64>() < libm::ldexp(1.0, SQUARES_BITS)
    };
    let spreads = (1..=LARGEST_EXPONENT).rev();
    let mut steps = spreads.map(|spread| down_to(libm::ldexp(widest, -spread)));
    steps.find(fits).unwrap_or_else(|| down_to(widest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_fits_with_headroom_and_uses_a_quarter_of_its_range() {
        let most = [0.001, 1.0, 1.5, 4.0, 63.9, 64.0];
        let steps = of_channels(&most, 32_767);
        for (most, scale) in most.iter().zip(steps.scales()) {
            let integer = most / scale;
            assert!(
                integer <= 32_767.0 / QuantizeOptions::HEADROOM * 1.001,
                "{integer}"
            );
            assert!(
                integer > 32_767.0 / QuantizeOptions::HEADROOM / 2.0 || *most < 0.1,
                "{integer}"
            );
        }
        assert_eq!(steps.exponents, [0, 3, 4, 5, 9, 9]);
        // One large channel leaves more room than many.
        let one = [[1.0; 30].as_slice(), &[900.0]].concat();
        assert_eq!(of_channels(&one, 32_767).exponents[29..], [0, 9]);
        let many = [[1.0; 30].as_slice(), &[900.0; 300]].concat();
        assert_eq!(of_channels(&many, 32_767).exponents[29..31], [0, 5]);
        assert!(of_channels(&[0.0, 0.0], 127).step > 0.0);
    }
}
