//! What can be wrong with weights.

use std::path::PathBuf;

use super::LoadReport;

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
    /// The index names a shard without one of the tensors it should have, or two shards have it.
    #[error("{}: expected tensor `{path}` {expected}, found it {found}", file.display())]
    Shard {
        /// The shard.
        file: PathBuf,
        /// The tensor.
        path: String,
        /// Where it should be.
        expected: &'static str,
        /// Where it is.
        found: &'static str,
    },
    /// A type of number that is not supported.
    #[error("{path}: expected F32, F16 or BF16, found {found}")]
    Dtype {
        /// The parameter.
        path: String,
        /// Its type.
        found: String,
    },
    /// A value is NaN or infinite.
    #[error("{path}: expected finite values, found {value} at index {index:?}")]
    NotFinite {
        /// The parameter.
        path: String,
        /// Where in the tensor.
        index: Vec<usize>,
        /// The value.
        value: f32,
    },
    /// Parameters are missing or have another shape.
    #[error("expected weights for every parameter of the model, found:\n{0}")]
    Mismatch(Box<LoadReport>),
}

crate::debug_as_display!(WeightError);
