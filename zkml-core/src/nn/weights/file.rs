//! Opening safetensors files: one, or the shards of an index.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use super::WeightError;
use crate::mapped::MappedFile;

const INDEX: &str = "model.safetensors.index.json";
const SINGLE: &str = "model.safetensors";

/// Where a tensor lies.
#[derive(Debug, Clone)]
struct Entry {
    file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Range<usize>,
}

/// The tensors of one or more safetensors files.
#[derive(Debug)]
pub struct Weights {
    files: Vec<MappedFile>,
    entries: BTreeMap<String, Entry>,
}

impl Weights {
    /// Opens a `.safetensors` file, an index (`.json`) with its shards beside it, or a directory with
    /// `model.safetensors.index.json`, `model.safetensors`, or a single `.safetensors` file.
    ///
    /// # Errors
    /// A file that is missing, truncated or no safetensors file, with its name; an index that does not match its
    /// shards or names a file outside of its directory.
    pub fn open(path: impl AsRef<Path>) -> Result<Weights, WeightError> {
        let path = path.as_ref();
        let mut weights = Weights {
            files: Vec::new(),
            entries: BTreeMap::new(),
        };
        let metadata = std::fs::metadata(path).map_err(|source| io(path, source))?;
        let file = if metadata.is_dir() {
            find(path)?
        } else {
            path.to_owned()
        };
        if file.extension().is_some_and(|extension| extension == "json") {
            weights.add_shards(&file)?;
        } else {
            weights.add_file(&file)?;
        }
        Ok(weights)
    }

    /// Names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Shape of the tensor `name`.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Values of the tensor `name` in row-major order, as `f32`.
    ///
    /// # Errors
    /// Another type than F32, F16 and BF16.
    pub fn values(&self, name: &str) -> Result<Option<Vec<f32>>, WeightError> {
        let Some(entry) = self.entries.get(name) else {
            return Ok(None);
        };
        let Some(bytes) = self
            .files
            .get(entry.file)
            .and_then(|file| file.get(entry.bytes.clone()))
        else {
            return Ok(None);
        };
        let halves = || bytes.as_chunks::<2>().0.iter();
        Ok(Some(match entry.dtype {
            Dtype::F32 => bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|&word| f32::from_le_bytes(word))
                .collect(),
            Dtype::F16 => halves()
                .map(|&half| half::f16::from_le_bytes(half).to_f32())
                .collect(),
            Dtype::BF16 => halves()
                .map(|&half| half::bf16::from_le_bytes(half).to_f32())
                .collect(),
            other => {
                return Err(WeightError::Dtype {
                    path: name.to_owned(),
                    found: format!("{other:?}"),
                });
            }
        }))
    }

    fn add_file(&mut self, path: &Path) -> Result<(), WeightError> {
        let file = File::open(path).map_err(|source| io(path, source))?;
        let map = MappedFile::new(&file).map_err(|source| io(path, source))?;
        let tensors = SafeTensors::deserialize(&map).map_err(|error| WeightError::NotSafetensors {
            file: path.to_owned(),
            found: format!("{error} ({} bytes)", map.len()),
        })?;
        let start = map.as_ptr() as usize;
        let mut entries = Vec::new();
        for (name, view) in tensors.iter() {
            let offset = view.data().as_ptr() as usize - start;
            let bytes = offset..offset + view.data().len();
            let entry = Entry {
                file: self.files.len(),
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                bytes,
            };
            entries.push((name.to_owned(), entry));
        }
        for (name, entry) in entries {
            if self.entries.insert(name.clone(), entry).is_some() {
                let (expected, found) = ("in one shard", "in another as well");
                return Err(WeightError::Shard {
                    file: path.to_owned(),
                    path: name,
                    expected,
                    found,
                });
            }
        }
        self.files.push(map);
        Ok(())
    }

    fn add_shards(&mut self, index: &Path) -> Result<(), WeightError> {
        let invalid = |expected, found: String| WeightError::Index {
            file: index.to_owned(),
            expected,
            found,
        };
        let text = std::fs::read(index).map_err(|source| io(index, source))?;
        let json: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| invalid("JSON", error.to_string()))?;
        let map = json
            .get("weight_map")
            .and_then(serde_json::Value::as_object)
            .ok_or_else(|| invalid("an object `weight_map`", "none".to_owned()))?;
        let mut shards: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (tensor, shard) in map {
            let shard = shard
                .as_str()
                .ok_or_else(|| invalid("the name of a shard", format!("{tensor}: {shard}")))?;
            // Only plain names: an index from elsewhere must not make us read other files.
            let mut parts = Path::new(shard).components();
            if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
                return Err(invalid(
                    "shards in the directory of the index",
                    format!("`{shard}`"),
                ));
            }
            shards.entry(shard).or_default().push(tensor);
        }
        let directory = index.parent().unwrap_or_else(|| Path::new(""));
        for (shard, tensors) in shards {
            let file = directory.join(shard);
            let position = self.files.len();
            self.add_file(&file)?;
            for tensor in tensors {
                let found = match self.entries.get(tensor) {
                    Some(entry) if entry.file == position => continue,
                    Some(_) => "in another shard",
                    None => "nowhere",
                };
                let expected = "in this shard, as the index says";
                return Err(WeightError::Shard {
                    file,
                    path: tensor.to_owned(),
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// The file to open in `directory`.
fn find(directory: &Path) -> Result<PathBuf, WeightError> {
    for name in [INDEX, SINGLE] {
        let file = directory.join(name);
        if file.exists() {
            return Ok(file);
        }
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|source| io(directory, source))? {
        let file = entry.map_err(|source| io(directory, source))?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "safetensors")
        {
            found.push(file);
        }
    }
    match found.as_slice() {
        [only] => Ok(only.clone()),
        _ => Err(WeightError::NoWeights {
            directory: directory.to_owned(),
            found: found.len(),
        }),
    }
}

fn io(file: &Path, source: std::io::Error) -> WeightError {
    WeightError::Io {
        file: file.to_owned(),
        source,
    }
}
