//! Channels that are nearly 0 for every sample in both networks. An error relative to their size would say nothing.
//!
//! Small alone is not negligible: an output of size 1 beside one of 50,000 may be what a user asked for. Two kinds of
//! channels are:
//!
//! - *Parts of 1* (of a sigmoid or a softmax) that never reach 1/256 of the largest part. All parts have one unit.
//! - *Rounding.* What stays below 2^-20 of the largest product that a linear layer or a convolution adds up for the
//!   channel is what floats of 24 bits leave of terms that cancel.

use ndarray::ArrayD;

use super::Distance;
use super::tally::channels;
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties};

/// Of the largest part of an output.
const OF_LARGEST_PART: f64 = 1.0 / 256.0;
/// Of the largest term of a channel's sum.
const OF_LARGEST_TERM: f64 = 1.0 / (1 << 20) as f64;

/// What the channels of an output are measured against.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Yardstick {
    /// Nothing: every channel counts.
    None,
    /// The largest value of the output.
    LargestPart,
    /// The largest term of each channel's sum: the largest value of the operand times a weight, or a bias.
    LargestTerm {
        operand: NodeId,
        weights: Vec<f64>,
        biases: Vec<f64>,
    },
}

impl Yardstick {
    pub(super) fn of(float: &Graph<Float>, output: NodeId) -> Self {
        match are_parts(float, output) {
            true => Self::LargestPart,
            false => Self::of_layer(float, output).unwrap_or(Self::None),
        }
    }

    fn of_layer(float: &Graph<Float>, output: NodeId) -> Option<Self> {
        let node = &float[output];
        let layer = node.op.room().layer()?;
        let (axis, count) = channels(&node.fact);
        // Output channels of the layer: axis 1 of a convolution, else the last one.
        let own = layer.window.map_or(node.fact.len().checked_sub(1), |_| Some(1));
        let weight = &float[layer.weight].values;
        let rows = weight.shape().first().copied().unwrap_or(0);
        if axis.is_none() || axis != own || rows != count || weight.is_empty() {
            return None;
        }
        let weights = weight.outer_iter().map(|row| largest(row.iter()));
        let biases = match layer.bias {
            Some(bias) => float[bias].values.iter().map(|x| f64::from(x.abs())).collect(),
            None => vec![0.0; rows],
        };
        Some(Self::LargestTerm {
            operand: *node.inputs.first()?,
            weights: weights.collect(),
            biases,
        })
    }

    /// The largest value of the operand on a sample, where it counts.
    pub(super) fn operand(&self, values: &[ArrayD<f32>]) -> f64 {
        match self {
            Self::LargestTerm { operand, .. } => values.get(operand.0).map_or(0.0, |x| largest(x.iter())),
            _ => 0.0,
        }
    }

    /// The numbers of the negligible channels; `operand` is the largest value of the operand on all samples. A channel
    /// of nothing but zeros has no error, and is none of them.
    pub(super) fn negligible(&self, channels: &[Distance], operand: f64) -> Vec<usize> {
        let largest = channels.iter().map(Distance::reach).fold(0.0, f64::max);
        let floor = |channel: usize| match self {
            Self::None => 0.0,
            Self::LargestPart => OF_LARGEST_PART * largest,
            Self::LargestTerm { weights, biases, .. } => {
                let [weight, bias] = [weights, biases].map(|list| list.get(channel).copied().unwrap_or(0.0));
                OF_LARGEST_TERM * (weight * operand).max(bias)
            }
        };
        let all = channels.iter().enumerate();
        let small = all.filter(|(number, channel)| channel.reach() > 0.0 && channel.reach() < floor(*number));
        small.map(|(number, _)| number).collect()
    }
}

/// Is every value of this node a part of 1, or 0?
fn are_parts(float: &Graph<Float>, output: NodeId) -> bool {
    let mut open = vec![output];
    let mut met = vec![false; float.nodes.len()];
    while let Some(id) = open.pop() {
        if core::mem::replace(&mut met[id.0], true) {
            continue;
        }
        let (room, inputs) = (float[id].op.room(), &float[id].inputs);
        if room.has(Properties::PART_OF_ONE) {
            continue;
        }
        let passes = room.has(Properties::SELECTS_VALUES) || room.has(Properties::JOINS);
        if !passes || inputs.is_empty() {
            return false;
        }
        open.extend(inputs);
    }
    true
}

fn largest<'a>(values: impl Iterator<Item = &'a f32>) -> f64 {
    f64::from(values.fold(0.0f32, |most, value| most.max(value.abs())))
}
