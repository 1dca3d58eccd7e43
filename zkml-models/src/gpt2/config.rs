//! `config.json` of a GPT-2.

use crate::hugging_face::{ConfigError, Settings};

/// Sizes of a GPT-2, under their names in Hugging Face's `config.json`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GPT2Config {
    /// Number of tokens.
    pub vocab_size: usize,
    /// Number of positions; longer texts are refused.
    pub n_positions: usize,
    /// Width of the residual stream.
    pub n_embd: usize,
    /// Number of blocks.
    pub n_layer: usize,
    /// Attention heads; divides `n_embd`.
    pub n_head: usize,
    /// Width of the MLP.
    pub n_inner: usize,
    /// Which GELU: `"tanh"` for Hugging Face's `gelu_new`, `"none"` for `gelu`.
    pub activation_function: &'static str,
    /// Added to the variance in normalizations.
    pub layer_norm_epsilon: f64,
    /// Whether scores are divided by the root of the channels of a head.
    pub scale_attn_weights: bool,
    /// Whether scores are also divided by the number of the layer, counted from 1.
    pub scale_attn_by_inverse_layer_idx: bool,
    /// Whether the head uses the table of the embedding.
    pub tie_word_embeddings: bool,
}

impl GPT2Config {
    /// These sizes, with 4 heads, one block and Hugging Face's defaults.
    pub const fn new(vocab_size: usize, n_embd: usize) -> GPT2Config {
        GPT2Config {
            vocab_size,
            n_positions: 1024,
            n_embd,
            n_layer: 1,
            n_head: 4,
            n_inner: 4 * n_embd,
            activation_function: "tanh",
            layer_norm_epsilon: 1e-5,
            scale_attn_weights: true,
            scale_attn_by_inverse_layer_idx: false,
            tie_word_embeddings: true,
        }
    }

    /// The configuration in the text of a `config.json`.
    ///
    /// # Errors
    /// A setting that is missing or has no meaning; one that asks for something this model does not have.
    pub fn from_json(text: &str) -> Result<GPT2Config, ConfigError> {
        let settings = Settings::parse(text)?;
        settings.expect("model_type", &["gpt2"])?;
        settings.architecture("GPT2LMHeadModel")?;
        settings.no_quantization()?;
        settings.disabled("add_cross_attention", "attention to the text itself alone")?;
        let n_embd = settings.positive("n_embd")?;
        let config = GPT2Config {
            vocab_size: settings.positive("vocab_size")?,
            n_positions: settings.positive_or("n_positions", 1024)?,
            n_embd,
            n_layer: settings.positive("n_layer")?,
            n_head: settings.divisor("n_head", "n_embd", n_embd)?,
            n_inner: settings.positive_or("n_inner", 4 * n_embd)?,
            activation_function: settings.gelu("activation_function", "tanh")?,
            layer_norm_epsilon: settings.number_or("layer_norm_epsilon", 1e-5)?,
            scale_attn_weights: settings.flag_or("scale_attn_weights", true)?,
            scale_attn_by_inverse_layer_idx: settings.flag_or("scale_attn_by_inverse_layer_idx", false)?,
            tie_word_embeddings: settings.flag_or("tie_word_embeddings", true)?,
        };
        Ok(config)
    }

    /// Channels of a head.
    pub fn head_dim(&self) -> usize {
        self.n_embd / self.n_head.max(1)
    }

    /// Factor of the scores in a layer.
    pub fn scaling(&self, layer_idx: usize) -> f64 {
        let mut scaling = 1.0;
        if self.scale_attn_weights {
            scaling /= (self.head_dim() as f64).sqrt();
        }
        if self.scale_attn_by_inverse_layer_idx {
            scaling /= (layer_idx + 1) as f64;
        }
        scaling
    }
}
