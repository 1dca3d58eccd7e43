//! Directories in the form of Hugging Face: `config.json`, weights in safetensors, `tokenizer.json`.

mod pretrained;
mod sample;
mod settings;
mod tokenizer;

pub use pretrained::{PretrainedError, PretrainedLlama};
pub use sample::Sampling;
pub use settings::ConfigError;
pub(crate) use settings::Settings;
pub use tokenizer::{Tokenizer, TokenizerError};
