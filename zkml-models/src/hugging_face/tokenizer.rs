//! `tokenizer.json`: text to token ids and back.

use core::fmt;
use std::path::{Path, PathBuf};

use zkml_core::files;

/// Most bytes of a file; that of Llama 3 has 9 MB.
pub(super) const MAXIMUM_BYTES: u64 = 1 << 28;

/// A tokenizer as Hugging Face's `tokenizers` describes it.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocabulary", &self.vocabulary())
            .finish()
    }
}

/// A tokenizer that cannot be read, or a text or id that it has no token for.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The file is no tokenizer.
    #[error("{}: expected a tokenizer as the `tokenizers` library writes it, found {found}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The text cannot be split into tokens.
    #[error("expected a text that the tokenizer can encode, found {found}")]
    Encode {
        /// What is wrong with it.
        found: String,
    },
    /// The ids are no text.
    #[error("expected token ids that the tokenizer can decode, found {found}")]
    Decode {
        /// What is wrong with them.
        found: String,
    },
}

zkml_core::debug_as_display!(TokenizerError);

impl Tokenizer {
    /// The tokenizer in a `tokenizer.json`.
    ///
    /// # Errors
    /// [`TokenizerError::File`].
    pub fn from_file(file: impl AsRef<Path>) -> Result<Tokenizer, TokenizerError> {
        let file = file.as_ref();
        let text = files::read_to_string(file, MAXIMUM_BYTES).map_err(|error| TokenizerError::File {
            file: file.to_owned(),
            found: error.to_string(),
        })?;
        Self::from_json(file, &text)
    }

    /// The tokenizer in the text of `file`.
    pub(super) fn from_json(file: &Path, text: &str) -> Result<Tokenizer, TokenizerError> {
        let mut inner = tokenizers::Tokenizer::from_bytes(text).map_err(|error| TokenizerError::File {
            file: file.to_owned(),
            found: error.to_string(),
        })?;
        // Some files say that texts are padded or cut for batches. A network here reads the whole text, and nothing else.
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| TokenizerError::File {
                file: file.to_owned(),
                found: error.to_string(),
            })?;
        Ok(Tokenizer { inner })
    }

    /// The ids of a text, with the special tokens that the tokenizer's template adds, such as one at the beginning. A
    /// text that begins with that token already gets it twice, as in Hugging Face: see [`Self::encode_plain`].
    ///
    /// # Errors
    /// [`TokenizerError::Encode`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.ids(text, true)
    }

    /// The ids of a text without the special tokens that a template adds: `add_special_tokens = False`. Special tokens
    /// that the text itself names are tokens here too.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`].
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.ids(text, false)
    }

    fn ids(&self, text: &str, special: bool) -> Result<Vec<u32>, TokenizerError> {
        match self.inner.encode(text, special) {
            Ok(encoding) => Ok(encoding.get_ids().to_vec()),
            Err(error) => Err(TokenizerError::Encode {
                found: error.to_string(),
            }),
        }
    }

    /// The text of the ids, special tokens included.
    ///
    /// # Errors
    /// [`TokenizerError::Decode`].
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.inner
            .decode(ids, false)
            .map_err(|error| TokenizerError::Decode {
                found: error.to_string(),
            })
    }

    /// One more than the largest id.
    pub fn vocabulary(&self) -> usize {
        let ids = self.inner.get_vocab(true).into_values();
        ids.max().map_or(0, |largest| largest as usize + 1)
    }
}
