//! Finds what is doubtful about a network: layers without effect, channels and weights that are lost in rounding.

use super::equalize::Equalized;
use super::warning::Warning;
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Int, Properties};

/// Fewer samples say little about ranges.
const FEW: usize = 8;

/// A channel with fewer steps is nearly lost.
const NARROW: f64 = 2.0;

/// A channel that is 0 more often than that is not judged.
const LEAST_PART: f64 = 1.0 / 8.0;

/// A layer is judged where a larger part of its weights became 0.
const LOST: f64 = 0.9;

/// The warnings of a network; `steps` has the scale of each node's activation.
pub(super) fn doubts(
    equalized: &Equalized<'_>,
    steps: &[Option<f64>],
    samples: usize,
    integers: &Graph<Int>,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if samples < FEW {
        warnings.push(Warning::FewSamples { samples });
    }
    let graph = &*equalized.graph;
    for (index, node) in graph.nodes.iter().enumerate() {
        let id = NodeId(index);
        warnings.extend(only_zeros(equalized, id));
        warnings.extend(weights(graph, integers, id));
        let judged = Properties::INPUT | Properties::ACTIVATION | Properties::ACCUMULATES | Properties::JOINS;
        if node.op.room().properties().intersects(judged)
            && let Some(step) = steps.get(index).copied().flatten()
        {
            warnings.extend(narrow(equalized, id, step));
        }
    }
    warnings
}

/// A node that is 0 on all samples, though its operands are not.
fn only_zeros(equalized: &Equalized<'_>, id: NodeId) -> Option<Warning> {
    let zero = |id: &NodeId| equalized.spreads[id.0].largest == 0.0;
    let node = &equalized.graph[id];
    let computed = node.op.room().properties();
    let fixed = computed.intersects(Properties::FIXED | Properties::INDEX);
    (zero(&id) && !fixed && !node.inputs.iter().any(zero)).then(|| Warning::OnlyZeros {
        layer: node.name.clone(),
    })
}

/// Weights that are 0 or became 0.
fn weights(graph: &Graph<Float>, integers: &Graph<Int>, id: NodeId) -> Option<Warning> {
    let node = &graph[id];
    let parameter = &graph[node.op.room().layer()?.weight];
    let layer = node.name.clone();
    let floats = parameter.values.iter().copied();
    let nonzero = floats.clone().filter(|weight| *weight != 0.0).count();
    if nonzero == 0 {
        return Some(Warning::ZeroWeights { layer });
    }
    // The integer layer has the name of the float layer.
    let integer = integers.nodes.iter().find(|node| node.name == layer)?;
    let mut op = integer.op.clone();
    let weight = **op.room_mut().parameters_mut().first()?;
    let weights = &integers[weight].values;
    let (count, lost_largest) = match weights.to_bytes() {
        Some(bytes) => lost(floats.clone(), bytes),
        None => lost(floats.clone(), weights.to_vec()),
    };
    (count as f64 > LOST * nonzero as f64 && count > 1).then(|| Warning::LostWeights {
        layer,
        lost: count,
        of: nonzero,
        largest: floats.fold(0.0, |most, weight| most.max(weight.abs())),
        lost_largest,
    })
}

/// How many numbers that are not 0 became 0, and the largest of these.
fn lost<I: PartialEq + Default>(
    floats: impl Iterator<Item = f32>,
    integers: impl IntoIterator<Item = I>,
) -> (usize, f32) {
    let pairs = floats.zip(integers);
    let lost = pairs.filter(|(float, integer)| *float != 0.0 && *integer == I::default());
    lost.fold((0, 0f32), |(count, most), (float, _)| {
        (count + 1, most.max(float.abs()))
    })
}

/// Channels that span few steps.
fn narrow(equalized: &Equalized<'_>, id: NodeId, step: f64) -> Option<Warning> {
    let channels = &equalized.spreads[id.0].channels;
    let judged = channels
        .iter()
        .enumerate()
        .filter(|(_, channel)| channel.usual > 0.0 && channel.part >= LEAST_PART);
    let of = judged.clone().count();
    let narrow = judged.filter(|(_, channel)| channel.usual < NARROW * step);
    let count = narrow.clone().count();
    let (example, channel) = narrow.min_by(|a, b| a.1.usual.total_cmp(&b.1.usual))?;
    Some(Warning::NarrowChannels {
        layer: equalized.graph[id].name.clone(),
        channels: count,
        of,
        example,
        steps: channel.usual / step,
    })
}
