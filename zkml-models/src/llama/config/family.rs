//! Where the families differ, and what a model of them would have to do that ours does not.
//!
//! Defaults are those of `transformers.models.FAMILY.configuration_FAMILY`.

use serde_json::Value;

use crate::hugging_face::{ConfigError, Settings};

/// A `model_type` whose decoder is that of [`LlamaForCausalLM`](crate::llama::LlamaForCausalLM).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
}

/// The window of a file that does not speak of one.
const DEFAULT_WINDOW: usize = 4096;

impl Family {
    pub(super) fn of(settings: &Settings<'_>) -> Result<Family, ConfigError> {
        let known = ["llama", "mistral", "qwen2", "qwen3"];
        let family = match settings.expect("model_type", &known)? {
            "mistral" => Family::Mistral,
            "qwen2" => Family::Qwen2,
            "qwen3" => Family::Qwen3,
            _ => Family::Llama,
        };
        settings.architecture(family.architecture())?;
        Ok(family)
    }

    const fn architecture(self) -> &'static str {
        match self {
            Family::Llama => "LlamaForCausalLM",
            Family::Mistral => "MistralForCausalLM",
            Family::Qwen2 => "Qwen2ForCausalLM",
            Family::Qwen3 => "Qwen3ForCausalLM",
        }
    }

    const fn is_qwen(self) -> bool {
        matches!(self, Family::Qwen2 | Family::Qwen3)
    }

    /// The context of a file that does not say it.
    pub(super) const fn max_position_embeddings(self) -> usize {
        match self {
            Family::Llama => 2048,
            Family::Mistral => 4096 * 32,
            Family::Qwen2 | Family::Qwen3 => 32_768,
        }
    }

    /// The channels of a head in a file that does not say it.
    pub(super) const fn head_dim(self, share: usize) -> usize {
        match self {
            Family::Qwen3 => 128,
            _ => share,
        }
    }

    /// `null` is as many as there are query heads. A file without the setting means so too in Llama, and elsewhere a
    /// number that no model has: there it is asked for.
    pub(super) fn num_key_value_heads(
        self,
        settings: &Settings<'_>,
        heads: usize,
    ) -> Result<usize, ConfigError> {
        const KEY: &str = "num_key_value_heads";
        if self == Family::Llama || settings.has(KEY) {
            return settings.positive_or(KEY, heads);
        }
        settings.positive(KEY)
    }

    /// Whether queries, keys and values have biases.
    pub(super) fn attention_bias(self, settings: &Settings<'_>) -> Result<bool, ConfigError> {
        match self {
            Family::Llama | Family::Qwen3 => settings.flag_or("attention_bias", false),
            Family::Mistral => Ok(false),
            Family::Qwen2 => Ok(true),
        }
    }

    pub(super) fn mlp_bias(self, settings: &Settings<'_>) -> Result<bool, ConfigError> {
        match self {
            Family::Llama => settings.flag_or("mlp_bias", false),
            _ => Ok(false),
        }
    }

    /// The window of the layers that have one. It must hold the whole context: then it changes nothing.
    pub(super) fn window(
        self,
        settings: &Settings<'_>,
        layers: usize,
        context: usize,
    ) -> Result<Option<usize>, ConfigError> {
        const KEY: &str = "sliding_window";
        let slides = match self {
            Family::Llama => {
                settings.absent(KEY, "attention to all earlier tokens")?;
                false
            }
            Family::Mistral => settings.get(KEY).is_some() || !settings.has(KEY),
            Family::Qwen2 | Family::Qwen3 => slides(settings, layers)?,
        };
        if !slides {
            return Ok(None);
        }
        let window = settings.positive_or(KEY, DEFAULT_WINDOW)?;
        if window >= context {
            return Ok(Some(window));
        }
        let expected = format!(
            "no window, or one of at least max_position_embeddings = {context}: attention is to all earlier tokens (for \
             texts of at most {window} tokens set max_position_embeddings to {window}; longer ones are then refused)"
        );
        Err(ConfigError::new(KEY, expected, window))
    }

    /// Refuses what a model file would have to do differently.
    pub(super) fn refuse(self, settings: &Settings<'_>) -> Result<(), ConfigError> {
        if settings.get("hidden_act").is_some() {
            settings.expect("hidden_act", &["silu", "swish"])?;
        }
        settings.no_quantization()?;
        settings.absent("attn_logit_softcapping", "scores of the attention as they are")?;
        settings.absent("final_logit_softcapping", "logits as they are")?;
        for key in ["num_local_experts", "num_experts", "n_routed_experts"] {
            settings.absent(key, "one MLP in each layer, no mixture of experts")?;
        }
        if settings.flag_or("rope_interleaved", false)? {
            return Err(ConfigError::new(
                "rope_interleaved",
                "the half-split order, false",
                true,
            ));
        }
        for (key, value, why) in [
            ("partial_rotary_factor", 1.0, "all channels of a head are turned"),
            ("attention_dropout", 0.0, "dropout has no part in inference"),
        ] {
            let found = settings.number_or(key, value)?;
            if found != value {
                return Err(ConfigError::new(key, format!("{value}: {why}"), found));
            }
        }
        if self.is_qwen() && settings.flag_or("use_mrope", false)? {
            return Err(ConfigError::new(
                "use_mrope",
                "positions of text alone, false",
                true,
            ));
        }
        Ok(())
    }
}

/// Has a layer of a Qwen a window?
fn slides(settings: &Settings<'_>, layers: usize) -> Result<bool, ConfigError> {
    let uses = settings.flag_or("use_sliding_window", false)?;
    let Some(types) = settings.get("layer_types") else {
        // The layers from `max_window_layers` on.
        return Ok(uses && settings.count_or("max_window_layers", 28)? < layers);
    };
    let known = [Value::from("full_attention"), Value::from("sliding_attention")];
    let list = types.as_array().filter(|list| list.len() == layers);
    let Some(list) = list.filter(|list| list.iter().all(|kind| known.contains(kind))) else {
        let expected =
            format!("\"full_attention\" or \"sliding_attention\" for each of num_hidden_layers = {layers}");
        return Err(ConfigError::new("layer_types", expected, types));
    };
    let sliding = list.contains(&known[1]);
    if sliding && !uses {
        let expected = "\"full_attention\" alone without `use_sliding_window`";
        return Err(ConfigError::new("layer_types", expected, types));
    }
    Ok(sliding)
}
