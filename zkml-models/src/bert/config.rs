//! `config.json` of a BERT.

use crate::hugging_face::{ConfigError, Settings};

/// Sizes of a BERT, under their names in Hugging Face's `config.json`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BertConfig {
    /// Number of tokens.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Attention heads; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Which GELU: `"none"` for Hugging Face's `gelu`, `"tanh"` for `gelu_new`.
    pub hidden_act: &'static str,
    /// Number of positions; longer texts are refused.
    pub max_position_embeddings: usize,
    /// Number of token types.
    pub type_vocab_size: usize,
    /// Added to the variance in normalizations.
    pub layer_norm_eps: f64,
}

impl BertConfig {
    /// These sizes, with 4 heads, one layer and Hugging Face's defaults.
    pub const fn new(vocab_size: usize, hidden_size: usize, intermediate_size: usize) -> BertConfig {
        BertConfig {
            vocab_size,
            hidden_size,
            num_hidden_layers: 1,
            num_attention_heads: 4,
            intermediate_size,
            hidden_act: "none",
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
        }
    }

    /// The configuration in the text of a `config.json`.
    ///
    /// # Errors
    /// A setting that is missing or has no meaning; one that asks for something this model does not have.
    pub fn from_json(text: &str) -> Result<BertConfig, ConfigError> {
        let settings = Settings::parse(text)?;
        settings.expect("model_type", &["bert"])?;
        settings.no_quantization()?;
        settings.disabled("is_decoder", "attention to the whole text")?;
        settings.disabled("add_cross_attention", "attention to the text itself alone")?;
        if settings.get("position_embedding_type").is_some() {
            settings.expect("position_embedding_type", &["absolute"])?;
        }
        let hidden_size = settings.positive("hidden_size")?;
        Ok(BertConfig {
            vocab_size: settings.positive("vocab_size")?,
            hidden_size,
            num_hidden_layers: settings.positive("num_hidden_layers")?,
            num_attention_heads: settings.divisor("num_attention_heads", "hidden_size", hidden_size)?,
            intermediate_size: settings.positive("intermediate_size")?,
            hidden_act: settings.gelu("hidden_act", "none")?,
            max_position_embeddings: settings.positive_or("max_position_embeddings", 512)?,
            type_vocab_size: settings.positive_or("type_vocab_size", 2)?,
            layer_norm_eps: settings.number_or("layer_norm_eps", 1e-12)?,
        })
    }
}
