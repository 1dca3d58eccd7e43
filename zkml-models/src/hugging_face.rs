//! Directories in the form of Hugging Face: `config.json`, weights in safetensors, `tokenizer.json`.

mod cache;
mod chat;
mod error;
mod pretrained;
mod sample;
mod settings;
mod tokenizer;

pub(crate) use cache::{CacheShape, trace_after};
pub use chat::{ChatError, ChatTemplate, Message};
pub use error::PretrainedError;
pub use pretrained::{
    CausalModel, FromDirectory, Pretrained, PretrainedBert, PretrainedGpt2, PretrainedLlama, PretrainedModel,
    PretrainedViT,
};
pub use sample::Sampling;
pub use settings::ConfigError;
pub(crate) use settings::Settings;
pub use tokenizer::{Tokenizer, TokenizerError};
