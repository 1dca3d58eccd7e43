//! `zkml compile FOREST.json`: a decision forest in XGBoost's JSON, and rows of its features.

use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use zkml::data::{self, DataError, Sample};
use zkml::graph::{IntFact, Node, Stage};
use zkml::keys::CompiledModel;
use zkml::models::forest::{FEATURES, FEATURES_OR_MISSING, Forest, ForestOptions, Task};
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

/// The rows in batches, as the forest takes them. A missing value is NaN.
pub(super) fn rows(
    samples: &[Sample],
    features: usize,
    batch: usize,
) -> Result<Vec<ArrayD<f32>>, CommandError> {
    let rows = samples
        .chunks(batch)
        .map(|chunk| data::batch_with_missing(chunk, &[features]));
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The integer network of a forest, with what it differs from the forest on the rows.
pub(super) fn compile(
    path: &Path,
    forest: &Forest,
    rows: &[ArrayD<f32>],
    options: &ForestOptions,
    console: &mut Console<'_>,
) -> Result<(CompiledModel, AccuracyReport), CommandError> {
    let (network, report) = console.spin("compiling the forest", || forest.compile(rows, options))?;
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
    if options.missing {
        console
            .line("features may be missing: the network takes a second number for each, and stays exact")?;
    }
    console.answer("missing_values", options.missing);
    console.answer("trees", forest.trees());
    console.answer("features", forest.features());
    console.answer("parameters", parameters);
    console.answer("calibration_samples", rows.len());
    Ok((CompiledModel::new(name.into_owned(), network), report))
}

/// How many features a row has, if this is the input of a forest's network whose features may be missing.
pub(super) fn features_or_missing<S: Stage<Fact = IntFact>>(input: &Node<S>) -> Option<usize> {
    match *input.fact.shape {
        [_, columns] if input.name == FEATURES_OR_MISSING => Some(columns / 2),
        _ => None,
    }
}

/// What a refused value of a row means, where the input is that of a forest whose features may not be missing.
pub(super) fn refused<S: Stage>(input: &Node<S>, error: DataError) -> CommandError {
    match error {
        DataError::Cell { .. } | DataError::NotFinite { .. } if input.name == FEATURES => {
            CommandError::Missing(error)
        }
        error => error.into(),
    }
}
