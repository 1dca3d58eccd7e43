//! Why a directory holds no model that can be run.

use std::path::PathBuf;

use zkml_core::execute::ExecutionError;
use zkml_core::nn::{LoadReport, TraceError, WeightError};

use super::{ConfigError, TokenizerError};

/// A directory that holds no model we can run.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PretrainedError {
    /// A file cannot be read.
    #[error("{}: expected a file of a Hugging Face directory, found {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A setting asks for what we lack.
    #[error("{}: {error}", file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// The setting.
        error: ConfigError,
    },
    /// The tokenizer cannot be read.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The tokenizer has more tokens than the model.
    #[error("{}: expected token ids below vocab_size = {expected}, found {found} ids", file.display())]
    Vocabulary {
        /// The file.
        file: PathBuf,
        /// Tokens of the model.
        expected: usize,
        /// Tokens of the tokenizer.
        found: usize,
    },
    /// The weights cannot be read, or do not fit.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// The file has tensors that the model does not ask for: it is another model.
    #[error("expected no tensor beyond the model's, found:\n{0}")]
    Unused(Box<LoadReport>),
    /// The head is tied to the embedding, but the file has another one for it.
    #[error(
        "{head}: expected the values of `{embedding}`, for config.json has `tie_word_embeddings`, found others; set \
         `tie_word_embeddings` to false to use them"
    )]
    Untied {
        /// The tensor.
        head: &'static str,
        /// The one that it should be.
        embedding: &'static str,
    },
    /// The float model cannot be run on the text.
    #[error("{0}")]
    Run(ExecutionError),
    /// The model cannot be traced on the input.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

zkml_core::debug_as_display!(PretrainedError);
