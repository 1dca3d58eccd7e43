//! `config.json` of a Llama.

use serde_json::Value;
use zkml_core::nn::{Llama3Scaling, Rope};

use crate::hugging_face::{ConfigError, Settings};

/// Sizes of a Llama, under their names in Hugging Face's `config.json`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LlamaConfig {
    /// Number of tokens.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Number of decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Heads of keys and values; divides the query heads.
    pub num_key_value_heads: usize,
    /// Channels of a head; even.
    pub head_dim: usize,
    /// Added to the mean of the squares in normalizations.
    pub rms_norm_eps: f64,
    /// The context it was made for. Longer inputs are not refused: Hugging Face does not refuse them either.
    pub max_position_embeddings: usize,
    /// Base of the frequencies of the rotary embedding.
    pub rope_theta: f64,
    /// How these frequencies are stretched.
    pub rope_scaling: Option<Llama3Scaling>,
    /// Whether the head uses the table of the embedding.
    pub tie_word_embeddings: bool,
    /// Whether the projections of the attention have biases.
    pub attention_bias: bool,
    /// Whether the layers of the MLP have biases.
    pub mlp_bias: bool,
}

impl LlamaConfig {
    /// These sizes, with 4 heads and Hugging Face's defaults.
    pub const fn new(vocab_size: usize, hidden_size: usize, intermediate_size: usize) -> LlamaConfig {
        LlamaConfig {
            vocab_size,
            hidden_size,
            intermediate_size,
            num_hidden_layers: 1,
            num_attention_heads: 4,
            num_key_value_heads: 4,
            head_dim: hidden_size / 4,
            rms_norm_eps: 1e-6,
            max_position_embeddings: 2048,
            rope_theta: Rope::new().rope_theta,
            rope_scaling: None,
            tie_word_embeddings: false,
            attention_bias: false,
            mlp_bias: false,
        }
    }

    /// The configuration in the text of a `config.json`.
    ///
    /// # Errors
    /// A setting that is missing or has no meaning; one that asks for something this model does not have.
    pub fn from_json(text: &str) -> Result<LlamaConfig, ConfigError> {
        let settings = Settings::parse(text)?;
        refuse(&settings)?;
        let heads = settings.positive("num_attention_heads")?;
        let hidden_size = settings.positive("hidden_size")?;
        let max_position_embeddings = settings.positive_or("max_position_embeddings", 2048)?;
        let (rope_theta, rope_scaling) = rope(&settings, max_position_embeddings)?;
        let config = LlamaConfig {
            vocab_size: settings.positive("vocab_size")?,
            hidden_size,
            intermediate_size: settings.positive("intermediate_size")?,
            num_hidden_layers: settings.positive("num_hidden_layers")?,
            num_attention_heads: heads,
            num_key_value_heads: settings.positive_or("num_key_value_heads", heads)?,
            head_dim: settings.positive_or("head_dim", hidden_size / heads)?,
            rms_norm_eps: settings.number_or("rms_norm_eps", 1e-6)?,
            max_position_embeddings,
            rope_theta,
            rope_scaling,
            tie_word_embeddings: settings.flag_or("tie_word_embeddings", false)?,
            attention_bias: settings.flag_or("attention_bias", false)?,
            mlp_bias: settings.flag_or("mlp_bias", false)?,
        };
        config.check_heads()?;
        Ok(config)
    }

    fn check_heads(&self) -> Result<(), ConfigError> {
        let (heads, groups) = (self.num_attention_heads, self.num_key_value_heads);
        if !heads.is_multiple_of(groups) {
            let expected = format!("a divisor of num_attention_heads = {heads}");
            return Err(ConfigError::new("num_key_value_heads", expected, groups));
        }
        if self.head_dim == 0 || !self.head_dim.is_multiple_of(2) {
            return Err(ConfigError::new(
                "head_dim",
                "an even number above 0",
                self.head_dim,
            ));
        }
        Ok(())
    }
}

/// Refuses what a model file would have to do differently.
fn refuse(settings: &Settings<'_>) -> Result<(), ConfigError> {
    settings.expect("model_type", &["llama"])?;
    if let Some(Value::Array(architectures)) = settings.get("architectures") {
        let ours = Value::from("LlamaForCausalLM");
        if !architectures.is_empty() && !architectures.contains(&ours) {
            let found = Value::from(architectures.clone());
            return Err(ConfigError::new("architectures", "`LlamaForCausalLM`", found));
        }
    }
    if settings.get("hidden_act").is_some() {
        settings.expect("hidden_act", &["silu", "swish"])?;
    }
    settings.absent("quantization_config", "weights in BF16, F16 or F32")?;
    settings.absent("sliding_window", "attention to all earlier tokens")?;
    settings.absent("attn_logit_softcapping", "scores of the attention as they are")?;
    settings.absent("final_logit_softcapping", "logits as they are")?;
    if settings.flag_or("rope_interleaved", false)? {
        return Err(ConfigError::new(
            "rope_interleaved",
            "the half-split order, false",
            true,
        ));
    }
    let share = settings.number_or("partial_rotary_factor", 1.0)?;
    if share != 1.0 {
        return Err(ConfigError::new("partial_rotary_factor", "1", share));
    }
    Ok(())
}

/// Base and scaling: under `rope_parameters` in newer files, `rope_theta` and `rope_scaling` in older ones.
fn rope(settings: &Settings<'_>, context: usize) -> Result<(f64, Option<Llama3Scaling>), ConfigError> {
    let (newer, older) = (
        settings.child("rope_parameters")?,
        settings.child("rope_scaling")?,
    );
    if let (Some(_), Some(older)) = (&newer, &older) {
        let found = older.value();
        return Err(ConfigError::new(
            "rope_scaling",
            "nothing beside `rope_parameters`",
            found,
        ));
    }
    let theta = settings.number_or("rope_theta", Rope::new().rope_theta)?;
    let Some(child) = newer.or(older) else {
        return Ok((theta, None));
    };
    let theta = child.number_or("rope_theta", theta)?;
    // Files of 2023 call it `type`.
    let key = if child.get("rope_type").is_some() {
        "rope_type"
    } else {
        "type"
    };
    if child.get(key).is_none() || child.expect(key, &["default", "llama3"])? == "default" {
        return Ok((theta, None));
    }
    let scaling = Llama3Scaling {
        factor: child.number("factor")?,
        low_freq_factor: child.number("low_freq_factor")?,
        high_freq_factor: child.number("high_freq_factor")?,
        original_max_position_embeddings: child.positive_or("original_max_position_embeddings", context)?,
    };
    let rope = Rope {
        rope_theta: theta,
        rope_scaling: Some(scaling),
        position: 0,
    };
    match rope.check() {
        Ok(()) => Ok((theta, Some(scaling))),
        Err(error) => Err(ConfigError::new(
            &child.name("rope_type"),
            error.expected(),
            error.found(),
        )),
    }
}
