//! The architectures of well-known networks, to compare keys with.

use ndarray::ArrayD;
use zkml_core::keys::{Architecture, CompiledModel, NetworkSkeleton};
use zkml_core::optimize::{Switches, optimize};
use zkml_core::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};
use zkml_models::registry::Entry;

use super::Error;

/// Most numbers of an input: the network is run once.
const MAXIMUM_INPUT: usize = 1 << 21;

/// Bits of activations, as the range of the input says them.
fn bits_of(network: &NetworkSkeleton) -> u32 {
    let largest = network
        .graph
        .inputs()
        .next()
        .map_or(1, |input| network.graph[input].fact.range.1);
    64 - largest.max(1).leading_zeros() + 1
}

/// The choices of a compilation that [`of_model`] takes from a key, for people.
pub fn choices(network: &NetworkSkeleton) -> String {
    let inputs = network.graph.inputs().next();
    let batch = inputs.and_then(|input| network.graph[input].fact.shape.first().copied());
    let mut outputs = network.graph.outputs.iter();
    let class = match outputs.any(|&output| network.graph.index_of(output).is_some()) {
        true => "the class as an output",
        false => "no class as an output",
    };
    format!(
        "{} bits, a batch of {} and {class}",
        bits_of(network),
        batch.unwrap_or(1)
    )
}

/// The architecture that `zkml compile` gives a known model, with the choices of `like` that are not calibrated: batch,
/// bits, and whether the class is an output. Names of classes are left out.
///
/// Weights and samples do not matter to it, so the network is compiled without them.
///
/// # Errors
/// [`Error`] of the step that fails.
pub fn of_model(entry: &Entry, like: &NetworkSkeleton) -> Result<Architecture, Error> {
    let model = entry.name.to_owned();
    let input = &like.graph[like.graph.input].fact;
    let batch = input.shape.first().copied().unwrap_or(1);
    let elements = input
        .shape
        .iter()
        .fold(1usize, |elements, size| elements.saturating_mul(*size));
    if elements > MAXIMUM_INPUT {
        return Err(Error::Compare {
            model,
            expected: format!("an input of at most {MAXIMUM_INPUT} numbers"),
            found: format!("{:?}", input.shape),
        });
    }
    let traced = entry.trace(batch).map_err(|error| Error::Trace {
        model: model.clone(),
        error: Box::new(error),
    })?;
    let optimized = optimize(traced.untrained(0), &Switches::default());
    let (mut graph, _) = optimized.map_err(|error| Error::Optimize {
        model: model.clone(),
        error: Box::new(error),
    })?;
    let mut outputs = like.graph.outputs.iter();
    if outputs.any(|&output| like.graph.index_of(output).is_some()) {
        graph = graph.with_argmax().map_err(|error| Error::Classifier {
            model: model.clone(),
            error: Box::new(error),
        })?;
    }
    let shape = graph[graph.input].fact.clone();
    let mut state = 0u32;
    let sample = ArrayD::from_shape_simple_fn(shape, || {
        // Any numbers that are not all alike.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    });
    let options = QuantizeOptions {
        activation_bits: bits_of(like),
        error_budget: None,
        ..QuantizeOptions::default()
    };
    let calibration = Calibration::collect(&graph, [sample], CalibrationMethod::MinMax);
    let calibration = calibration.map_err(|error| Error::Calibration {
        model: model.clone(),
        error: Box::new(error),
    })?;
    let network = quantize(&graph, &calibration, &options);
    let mut network = network.map_err(|error| Error::Quantize {
        model: model.clone(),
        error: Box::new(error),
    })?;
    network.record.preprocessing = Some(entry.preprocessing());
    let skeleton = CompiledModel::new(model, network).skeleton();
    Ok(skeleton.architecture().without_class_names())
}
