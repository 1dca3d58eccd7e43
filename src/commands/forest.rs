//! `zkml compile FOREST.json`: a decision forest in XGBoost's JSON, and rows of its features.

use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use zkml::data::{self, Sample};
use zkml::keys::CompiledModel;
use zkml::models::forest::{Forest, ForestOptions, Task};
use zkml::quant::AccuracyReport;

use super::CommandError;
use super::console::Console;
use super::words::count;

/// Is this the file of a forest, and no name of a network?
pub(super) fn file(model: &str) -> Option<PathBuf> {
    let path = Path::new(model);
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    is_json.then(|| path.to_path_buf())
}

/// The rows in batches, as the forest takes them.
pub(super) fn rows(
    samples: &[Sample],
    features: usize,
    batch: usize,
) -> Result<Vec<ArrayD<f32>>, CommandError> {
    let rows = samples
        .chunks(batch)
        .map(|chunk| data::batch(chunk, &[features], None));
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The integer network of a forest, with what it differs from the forest on the rows.
pub(super) fn compile(
    path: &Path,
    forest: &Forest,
    rows: &[ArrayD<f32>],
    batch: usize,
    console: &mut Console<'_>,
) -> Result<(CompiledModel, AccuracyReport), CommandError> {
    let options = ForestOptions {
        batch,
        ..ForestOptions::default()
    };
    let (network, report) = console.spin("compiling the forest", || forest.compile(rows, &options))?;
    let name = path
        .file_stem()
        .map_or("forest".into(), |stem| stem.to_string_lossy());
    let parameters: usize = network
        .graph
        .parameters
        .iter()
        .map(|parameter| parameter.values.len())
        .sum();
    let task = match forest.task() {
        Task::Regression => "regression",
        Task::Binary => "two classes, the second where the answer is above 0",
        Task::Classes => "classes",
    };
    console.line(&format!(
        "{name}: {}, {}, {task}; {} in the integer network",
        count(forest.trees(), "tree"),
        count(forest.features(), "feature"),
        count(parameters, "weight"),
    ))?;
    console.answer("trees", forest.trees());
    console.answer("features", forest.features());
    console.answer("parameters", parameters);
    console.answer("calibration_samples", rows.len());
    Ok((CompiledModel::new(name.into_owned(), network), report))
}
