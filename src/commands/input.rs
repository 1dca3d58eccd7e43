//! Inputs on the command line: of `zkml prove`, and of `zkml verify --input`.

use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use serde_json::{Value, json};
use zkml::data::{self, Sample, Source};
use zkml::graph::{ChannelScales, Graph, IntFact, Preprocessing, Stage};
use zkml::keys::NetworkSkeleton;
use zkml::models::forest::with_missing;
use zkml::proof::PublicValues;
use zkml::quant::{Clipping, Rounded, quantize_input};

use super::CommandError;
use super::forest;
use super::words::count;

/// The files and folders of inputs, without what is selected in them, and the files of labels that are read with them.
pub(super) fn paths(inputs: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    inputs.iter().flat_map(|input| {
        let path = Source::parse(input).map_or_else(|_| input.clone(), |source| source.path);
        let labels = data::labels_beside(&path);
        core::iter::once(path).chain(labels)
    })
}

/// The input of a network, and what is [doubtful](data::doubt) about it, from all files, each as `zkml::data` reads it.
/// `scales` are what its integers stand for.
pub(super) fn read_input<S: Stage<Fact = IntFact>>(
    files: &[PathBuf],
    graph: &Graph<S>,
    scales: &ChannelScales,
    preprocessing: Option<&Preprocessing>,
) -> Result<(ArrayD<f32>, Option<String>), CommandError> {
    let input = &graph[graph.input];
    let (batch, each) = input.fact.shape.split_first().unwrap_or((&1, &[]));
    if let Some(features) = forest::features_or_missing(input) {
        let read = |path: &Path, limit| Ok(data::samples_with_missing(path, &[features], limit)?);
        let rows = data::batch_with_missing(&read_samples(files, *batch, read)?, &[features])?;
        return Ok((with_missing(rows.view(), scales), None));
    }
    let refused = |error| forest::refused(input, error);
    let read = |path: &Path, limit| data::samples(path, each, limit).map_err(refused);
    let samples = read_samples(files, *batch, read)?;
    let doubt = preprocessing.and_then(|preprocessing| data::doubt(&samples, preprocessing));
    Ok((
        data::batch(&samples, each, preprocessing).map_err(refused)?,
        doubt,
    ))
}

/// As many samples as the batch has.
fn read_samples(
    files: &[PathBuf],
    batch: usize,
    read: impl Fn(&Path, usize) -> Result<Vec<Sample>, CommandError>,
) -> Result<Vec<Sample>, CommandError> {
    let mut samples = Vec::new();
    for path in files {
        samples.extend(read(path, batch.saturating_add(1))?);
    }
    if samples.len() != batch {
        let (more, remedy) = if samples.len() > batch {
            (" or more", "; `FILE#7` takes the one of number 7, counted from 0")
        } else {
            ("", "")
        };
        return Err(CommandError::Usage(format!(
            "--input: expected {} for one proof of this model, found {}{more}{remedy}",
            count(batch, "input"),
            samples.len(),
        )));
    }
    Ok(samples)
}

/// What rounding an input clipped, for programs.
pub(super) fn clipping_json(clipping: &Clipping) -> Value {
    json!({
        "values": clipping.values,
        "clipped": clipping.clipped,
        "outside_calibration": clipping.outside,
        "farthest": clipping.farthest,
        "reach": clipping.reach,
    })
}

/// Refuses a proof of another input than that of the files, and says what of these was clipped.
pub(super) fn compare_input(
    files: &[PathBuf],
    network: &NetworkSkeleton,
    public: &PublicValues,
) -> Result<Clipping, CommandError> {
    let graph = &network.graph;
    let Some(found) = &public.input else {
        return Err(CommandError::Usage(
            "--input: the input of this proof is private, and cannot be compared; leave --input out"
                .to_owned(),
        ));
    };
    if graph.inputs().count() != 1 {
        return Err(CommandError::Usage(
            "--input: the network has several inputs; compare those of --json".to_owned(),
        ));
    }
    // One input, hence one entry.
    let unknown = ChannelScales::one(f64::NAN);
    let scales = network.input_scales.first().unwrap_or(&unknown);
    let (input, _) = read_input(files, graph, scales, network.preprocessing.as_ref())?;
    let Rounded { integers, clipping } = quantize_input(graph, scales, &input)?;
    if integers.len() != found.len() {
        return Err(CommandError::OtherInput(format!(
            "the proof's input has {} integers, that of --input has {}",
            found.len(),
            integers.len()
        )));
    }
    let pairs = integers.iter().zip(found);
    match pairs.enumerate().find(|(_, (expected, found))| expected != found) {
        None => Ok(clipping),
        Some((place, (expected, found))) => Err(CommandError::OtherInput(format!(
            "integer {place} of the proof's input is {found}, that of --input is {expected}"
        ))),
    }
}
