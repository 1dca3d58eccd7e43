//! `config.json` of a Llama, and of the families that are built like it.

mod family;

use zkml_core::graph::ShapeError;
use zkml_core::nn::{Llama3Scaling, Rope, TraceError};

use crate::hugging_face::{ConfigError, Settings};

use family::Family;

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
    /// Whether the projections to queries, keys and values have biases.
    pub attention_bias: bool,
    /// Whether the projection behind the attention has biases: as [`Self::attention_bias`], but never in Qwen 2, whose
    /// files have no name for it.
    pub attention_out_bias: bool,
    /// Whether the layers of the MLP have biases.
    pub mlp_bias: bool,
    /// Whether queries and keys are normalized, each head by itself: in Qwen 3, whose files have no name for it.
    pub use_qk_norm: bool,
    /// How many tokens a token attends to, itself included; `None` for all before it. The graph attends to all, so
    /// [`trace_step`](crate::hugging_face::CausalModel::trace_step) and
    /// [`PretrainedLlama`](crate::hugging_face::PretrainedLlama) refuse longer texts.
    pub sliding_window: Option<usize>,
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
            attention_out_bias: false,
            mlp_bias: false,
            use_qk_norm: false,
            sliding_window: None,
        }
    }

    /// The configuration in the text of a `config.json`.
    ///
    /// # Errors
    /// A setting that is missing or has no meaning; one that asks for something this model does not have.
    pub fn from_json(text: &str) -> Result<LlamaConfig, ConfigError> {
        let settings = Settings::parse(text)?;
        let family = Family::of(&settings)?;
        family.refuse(&settings)?;
        let heads = settings.positive("num_attention_heads")?;
        let hidden_size = settings.positive("hidden_size")?;
        let context = family.max_position_embeddings();
        let max_position_embeddings = settings.positive_or("max_position_embeddings", context)?;
        let (rope_theta, rope_scaling) = rope(&settings, max_position_embeddings)?;
        let num_hidden_layers = settings.positive("num_hidden_layers")?;
        let bias = family.attention_bias(&settings)?;
        let config = LlamaConfig {
            vocab_size: settings.positive("vocab_size")?,
            hidden_size,
            intermediate_size: settings.positive("intermediate_size")?,
            num_hidden_layers,
            num_attention_heads: heads,
            num_key_value_heads: family.num_key_value_heads(&settings, heads)?,
            head_dim: settings.positive_or("head_dim", family.head_dim(hidden_size / heads))?,
            rms_norm_eps: settings.number_or("rms_norm_eps", 1e-6)?,
            max_position_embeddings,
            rope_theta,
            rope_scaling,
            tie_word_embeddings: settings.flag_or("tie_word_embeddings", false)?,
            attention_bias: bias,
            attention_out_bias: bias && family != Family::Qwen2,
            mlp_bias: family.mlp_bias(&settings)?,
            use_qk_norm: family == Family::Qwen3,
            sliding_window: family.window(&settings, num_hidden_layers, max_position_embeddings)?,
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

    /// Refuses a text, of which a token would attend to a part alone.
    pub(crate) fn check_window(&self, tokens: usize) -> Result<(), TraceError> {
        let window = match self.sliding_window {
            Some(window) if window < tokens => window,
            _ => return Ok(()),
        };
        let source = ShapeError::Option {
            operation: "attention",
            name: "tokens",
            expected: "of at most sliding_window",
            found: tokens,
        };
        Err(TraceError::Shape {
            path: "input_ids".to_owned(),
            expected: format!("a text of at most sliding_window = {window} tokens"),
            found: format!("{tokens}; give it in shorter parts"),
            source: Box::new(source),
        })
    }
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
