//! What can be wrong with weights.

use std::path::PathBuf;

use super::LoadReport;
use super::convert::remedy;
use crate::files::Foreign;

/// Weights that cannot be opened or do not fit the model.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum WeightError {
    /// The file or directory cannot be read.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The directory holds no weights.
    #[error("{}: expected `model.safetensors`, `model.safetensors.index.json` or one `.safetensors` file, found {found}", directory.display())]
    NoWeights {
        /// The directory.
        directory: PathBuf,
        /// Number of `.safetensors` files in it.
        found: usize,
    },
    /// Not a safetensors file, or truncated.
    #[error("{}: expected a complete safetensors file, found {found}", file.display())]
    NotSafetensors {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// A file of another kind, with what converts it.
    #[error("{}: expected a safetensors file, found {found}{}", file.display(), remedy(*found, file))]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What it is.
        found: Foreign,
    },
    /// The index is not the JSON it should be.
    #[error("{}: expected {expected}, found {found}", file.display())]
    Index {
        /// The index file.
        file: PathBuf,
        /// What should stand there.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// A shard lacks a tensor that the index says it has.
    #[error("{}: expected tensor `{path}` in this shard, as the index says, found it not there", file.display())]
    Shard {
        /// The shard.
        file: PathBuf,
        /// The tensor.
        path: String,
    },
    /// No tensor has the prefix that was to be stripped, or two tensors would have one name without it.
    #[error("expected names that begin with `{prefix}` and differ without it, found {found}")]
    Prefix {
        /// The prefix.
        prefix: String,
        /// The names.
        found: String,
    },
    /// A type of number that is not supported.
    #[error("{path}: expected F64, F32, F16 or BF16, found {found}")]
    Dtype {
        /// The parameter.
        path: String,
        /// Its type.
        found: String,
    },
    /// A value is NaN or infinite, or becomes so in 32 bits.
    #[error("{path}: expected finite values of float32, found {value} at index {index:?}")]
    NotFinite {
        /// The parameter.
        path: String,
        /// Where in the tensor.
        index: Vec<usize>,
        /// The value.
        value: f64,
    },
    /// Parameters are missing or have another shape.
    #[error("expected weights for every parameter of the model, found:\n{0}")]
    Mismatch(Box<LoadReport>),
}

crate::debug_as_display!(WeightError);
