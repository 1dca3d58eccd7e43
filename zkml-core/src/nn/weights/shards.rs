//! Directories of weights, and indexes of shards: which file has which tensor.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::file::io;
use super::json::refuse_duplicate_keys;
use super::{WeightError, Weights};
use crate::files;

const INDEX: &str = "model.safetensors.index.json";
const SINGLE: &str = "model.safetensors";

/// Most bytes of an index. That of a model with 100,000 tensors has about 10 MB.
const INDEX_BYTES: u64 = 1 << 28;

/// Extensions of weights that PyTorch writes.
const TORCH: [&str; 4] = ["bin", "pt", "pth", "ckpt"];

impl Weights {
    /// Adds the tensors of an index, each from the shard that the index gives it to.
    pub(super) fn add_shards(&mut self, index: &Path) -> Result<(), WeightError> {
        let shards = read_index(index)?;
        self.paths.push(index.to_owned());
        let directory = index.parent().unwrap_or_else(|| Path::new(""));
        let assigned: BTreeMap<&str, &str> = shards
            .iter()
            .flat_map(|(shard, tensors)| tensors.iter().map(|tensor| (tensor.as_str(), shard.as_str())))
            .collect();
        for (shard, tensors) in &shards {
            let file = directory.join(shard);
            refuse_outside(index, directory, &file)?;
            let mut found = self.map(&file)?;
            for tensor in tensors {
                let Some(entry) = found.remove(tensor) else {
                    return Err(WeightError::Shard {
                        file,
                        path: tensor.clone(),
                    });
                };
                self.entries.insert(tensor.clone(), entry);
            }
            // What is left belongs to another shard, says the index, or to none.
            let outside = found
                .into_keys()
                .filter(|tensor| !assigned.contains_key(tensor.as_str()));
            self.outside
                .extend(outside.map(|tensor| format!("{tensor} ({shard})")));
        }
        Ok(())
    }
}

/// The tensors of each shard.
fn read_index(index: &Path) -> Result<BTreeMap<String, Vec<String>>, WeightError> {
    let invalid = |expected, found: String| WeightError::Index {
        file: index.to_owned(),
        expected,
        found,
    };
    let text = files::read(index, INDEX_BYTES).map_err(|source| io(index, source))?;
    if let Some(found) = files::Foreign::of(&text) {
        return Err(WeightError::Foreign {
            file: index.to_owned(),
            found,
        });
    }
    refuse_duplicate_keys(&text).map_err(|error| invalid("JSON with each key once", error.to_string()))?;
    let json: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| invalid("JSON", error.to_string()))?;
    let map = json
        .get("weight_map")
        .and_then(serde_json::Value::as_object)
        .ok_or_else(|| invalid("an object `weight_map`", "none".to_owned()))?;
    let mut shards: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (tensor, shard) in map {
        let shard = shard
            .as_str()
            .ok_or_else(|| invalid("the name of a shard", format!("{tensor}: {shard}")))?;
        // Only names below: an index from elsewhere must not make us read other files.
        let path = Path::new(shard);
        let mut parts = path.components();
        let below = parts.all(|part| matches!(part, Component::Normal(_)));
        if !below || path.file_name().is_none() {
            return Err(invalid(BELOW, format!("`{shard}`")));
        }
        shards
            .entry(shard.to_owned())
            .or_default()
            .push(tensor.to_owned());
    }
    Ok(shards)
}

/// Where shards stand.
const BELOW: &str = "shards in the directory of the index or below";

/// Refuses a shard that symbolic links lead out of the directory. The cache of Hugging Face is the exception: there the
/// files of `snapshots/REVISION` are links into `blobs` beside it.
fn refuse_outside(index: &Path, directory: &Path, shard: &Path) -> Result<(), WeightError> {
    let directory = match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    };
    let home = directory.canonicalize().map_err(|source| io(directory, source))?;
    let place = shard.canonicalize().map_err(|source| io(shard, source))?;
    let snapshots = home
        .parent()
        .filter(|parent| parent.file_name().is_some_and(|name| name == "snapshots"));
    let blobs = snapshots
        .and_then(Path::parent)
        .map(|repository| repository.join("blobs"));
    if place.starts_with(&home) || blobs.is_some_and(|blobs| place.starts_with(blobs)) {
        return Ok(());
    }
    Err(WeightError::Index {
        file: index.to_owned(),
        expected: BELOW,
        found: format!("`{}`, a link to {}", shard.display(), place.display()),
    })
}

/// The file to open in `directory`.
pub(super) fn find(directory: &Path) -> Result<PathBuf, WeightError> {
    for name in [INDEX, SINGLE] {
        let file = directory.join(name);
        if file.exists() {
            return Ok(file);
        }
    }
    let (mut found, mut torch) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(directory).map_err(|source| io(directory, source))? {
        let file = entry.map_err(|source| io(directory, source))?.path();
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        if extension == "safetensors" {
            found.push(file);
        } else if TORCH.contains(&&*extension) {
            torch.push(file);
        }
    }
    torch.sort();
    match (found.as_slice(), torch.first()) {
        ([only], _) => Ok(only.clone()),
        // Opening it says what it is, and how to convert it.
        ([], Some(checkpoint)) => Ok(checkpoint.clone()),
        _ => Err(WeightError::NoWeights {
            directory: directory.to_owned(),
            found: found.len(),
        }),
    }
}
