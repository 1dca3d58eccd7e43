//! Samples, names of classes, and the digest of all that a model is made from.

use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use zkml::data::{self, DataError, Sample};
use zkml::files;
use zkml::models::registry::Entry;
use zkml::quant::Preprocessing;

use super::super::CommandError;

/// Reads the samples of a file: its path, the shape of an input, and how many are wanted.
pub(super) type Reader = fn(&Path, &[usize], usize) -> Result<Vec<Sample>, DataError>;

/// The samples, and the first ones again to fill up the last batch. Example: batches of 2 of the samples 0 to 2 are
/// (0, 1) and (2, 0).
pub(super) fn filled(mut samples: Vec<Sample>, batch: usize) -> Vec<Sample> {
    let missing = samples.len().next_multiple_of(batch) - samples.len();
    let again: Vec<Sample> = samples.iter().cycle().take(missing).cloned().collect();
    samples.extend(again);
    samples
}

pub(super) fn batches(
    samples: &[Sample],
    batch: usize,
    entry: &Entry,
    preprocessing: &Preprocessing,
) -> Result<Vec<ArrayD<f32>>, CommandError> {
    samples
        .chunks(batch)
        .map(|chunk| Ok(data::batch(chunk, &entry.input, Some(preprocessing))?))
        .collect()
}

/// Digest of all inputs and options. The model keeps it, so that a second run with the same ones does nothing.
pub(super) fn digest(
    choices: &str,
    files: &[PathBuf],
    inputs: &[ArrayD<f32>],
) -> Result<[u8; 32], CommandError> {
    let mut hasher = blake3::Hasher::new_derive_key("zkml compile: source of a model");
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(choices.as_bytes());
    for file in files {
        let mut contents = blake3::Hasher::new();
        files::open(file)
            .and_then(|(opened, _)| contents.update_reader(opened).map(|_| ()))
            .map_err(|error| read_error(file, error))?;
        part(contents.finalize().as_bytes());
    }
    for input in inputs {
        let bytes: Vec<u8> = input.iter().flat_map(|value| value.to_le_bytes()).collect();
        part(&bytes);
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Most bytes of the names of all classes.
const CLASSES_BYTES: u64 = 1 << 24;

pub(super) fn read_classes(path: &Path) -> Result<Vec<String>, CommandError> {
    let text = files::read_to_string(path, CLASSES_BYTES).map_err(|error| read_error(path, error))?;
    let lines = text.trim_start_matches('\u{feff}').lines();
    Ok(lines
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect())
}

fn read_error(path: &Path, error: std::io::Error) -> CommandError {
    CommandError::Read {
        path: path.to_path_buf(),
        error,
    }
}
