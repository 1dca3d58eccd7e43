//! Opening safetensors files, and the tensors in them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use super::json::refuse_duplicate_keys;
use super::{WeightError, shards};
use crate::files::{self, Foreign};
use crate::mapped::MappedFile;

/// Where a tensor lies.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Range<usize>,
}

/// The tensors of one or more safetensors files.
#[derive(Debug)]
pub struct Weights {
    files: Vec<MappedFile>,
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) paths: Vec<PathBuf>,
    pub(super) outside: Vec<String>,
}

impl Weights {
    /// Opens a `.safetensors` file, an index (`.json`) with its shards beside it or below, or a directory with
    /// `model.safetensors.index.json`, `model.safetensors`, or a single `.safetensors` file.
    ///
    /// Where two shards hold a tensor, the index decides. Tensors that it does not name are not loaded:
    /// [`Self::outside_index`].
    ///
    /// # Errors
    /// A file that is missing, truncated or no safetensors file, with its name and, for files of PyTorch, the lines
    /// that convert it; a name that stands twice; an index that does not match its shards or names a file outside of
    /// its directory.
    pub fn open(path: impl AsRef<Path>) -> Result<Weights, WeightError> {
        let path = path.as_ref();
        let mut weights = Weights {
            files: Vec::new(),
            entries: BTreeMap::new(),
            paths: Vec::new(),
            outside: Vec::new(),
        };
        let metadata = std::fs::metadata(path).map_err(|source| io(path, source))?;
        let file = if metadata.is_dir() {
            shards::find(path)?
        } else {
            path.to_owned()
        };
        if file.extension().is_some_and(|extension| extension == "json") {
            weights.add_shards(&file)?;
        } else {
            weights.entries = weights.map(&file)?;
        }
        Ok(weights)
    }

    /// The same tensors, where names that begin with `prefix` have lost it. Example: `module.`, which
    /// `torch.nn.DataParallel` puts before each name, and `_orig_mod.`, which `torch.compile` does. As
    /// `torch.nn.modules.utils.consume_prefix_in_state_dict_if_present`.
    ///
    /// # Errors
    /// No name that begins with it; a name that another tensor has then.
    pub fn without_prefix(mut self, prefix: &str) -> Result<Weights, WeightError> {
        let error = |found: String| WeightError::Prefix {
            prefix: prefix.to_owned(),
            found,
        };
        let has_prefix = |name: &String| name.starts_with(prefix) && name.len() > prefix.len();
        if prefix.is_empty() || !self.entries.keys().any(has_prefix) {
            let names: Vec<&String> = self.entries.keys().collect();
            return Err(error(super::first_few(&names)));
        }
        let mut entries = BTreeMap::new();
        for (name, entry) in core::mem::take(&mut self.entries) {
            let own = match has_prefix(&name) {
                true => name[prefix.len()..].to_owned(),
                false => name.clone(),
            };
            if entries.insert(own.clone(), entry).is_some() {
                return Err(error(format!("both `{own}` and `{prefix}{own}`")));
            }
        }
        self.entries = entries;
        Ok(self)
    }

    /// Names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Names of the tensors that stand in a shard but not in the index, and are not loaded; each with its file.
    pub fn outside_index(&self) -> &[String] {
        &self.outside
    }

    /// The files that were opened; an index comes before its shards.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Shape of the tensor `name`.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Values of the tensor `name` in row-major order, rounded to `f32`.
    ///
    /// # Errors
    /// Another type than F64, F32, F16 and BF16.
    pub fn values(&self, name: &str) -> Result<Option<Vec<f32>>, WeightError> {
        let Some((dtype, bytes)) = self.bytes(name) else {
            return Ok(None);
        };
        let halves = || bytes.as_chunks::<2>().0.iter();
        Ok(Some(match dtype {
            Dtype::F64 => doubles(bytes).map(|value| value as f32).collect(),
            Dtype::F32 => bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|&word| f32::from_le_bytes(word))
                .collect(),
            Dtype::F16 => halves().map(|&half| f16::from_le_bytes(half).to_f32()).collect(),
            Dtype::BF16 => halves().map(|&half| bf16::from_le_bytes(half).to_f32()).collect(),
            other => {
                return Err(WeightError::Dtype {
                    path: name.to_owned(),
                    found: format!("{other:?}"),
                });
            }
        }))
    }

    /// The value at `position` of a tensor of 64 bits, which may be beyond `f32`; nothing for other types.
    pub(super) fn double(&self, name: &str, position: usize) -> Option<f64> {
        match self.bytes(name)? {
            (Dtype::F64, bytes) => doubles(bytes).nth(position),
            _ => None,
        }
    }

    fn bytes(&self, name: &str) -> Option<(Dtype, &[u8])> {
        let entry = self.entries.get(name)?;
        let bytes = self.files.get(entry.file)?.get(entry.bytes.clone())?;
        Some((entry.dtype, bytes))
    }

    /// Maps a safetensors file, and says which tensors are in it.
    pub(super) fn map(&mut self, path: &Path) -> Result<BTreeMap<String, Entry>, WeightError> {
        let (file, length) = files::open(path).map_err(|source| io(path, source))?;
        let foreign = |found| WeightError::Foreign {
            file: path.to_owned(),
            found,
        };
        // Some systems do not map an empty file.
        if length == 0 {
            return Err(foreign(Foreign::Empty));
        }
        let map = MappedFile::new(&file).map_err(|source| io(path, source))?;
        let refused = |error: String| match Foreign::of(&map) {
            Some(found) => foreign(found),
            None => WeightError::NotSafetensors {
                file: path.to_owned(),
                found: format!("{error} ({} bytes)", map.len()),
            },
        };
        let tensors = SafeTensors::deserialize(&map).map_err(|error| refused(error.to_string()))?;
        let (header, _) = SafeTensors::read_metadata(&map).map_err(|error| refused(error.to_string()))?;
        let header = map.get(8..8 + header).unwrap_or_default();
        refuse_duplicate_keys(header).map_err(|error| refused(format!("in its header {error}")))?;
        let start = map.as_ptr() as usize;
        let mut entries = BTreeMap::new();
        for (name, view) in tensors.iter() {
            let offset = view.data().as_ptr() as usize - start;
            let bytes = offset..offset + view.data().len();
            let entry = Entry {
                file: self.files.len(),
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                bytes,
            };
            entries.insert(name.to_owned(), entry);
        }
        self.files.push(map);
        self.paths.push(path.to_owned());
        Ok(entries)
    }
}

fn doubles(bytes: &[u8]) -> impl Iterator<Item = f64> {
    let words = bytes.as_chunks::<8>().0.iter();
    words.map(|&word| f64::from_le_bytes(word))
}

pub(super) fn io(file: &Path, source: std::io::Error) -> WeightError {
    WeightError::Io {
        file: file.to_owned(),
        source,
    }
}
