//! `config.json` of a vision transformer.

use serde_json::Value;

use crate::hugging_face::{ConfigError, Settings};

/// Sizes of a vision transformer, under their names in Hugging Face's `config.json`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ViTConfig {
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
    /// Added to the variance in normalizations.
    pub layer_norm_eps: f64,
    /// Height and width of an image.
    pub image_size: [usize; 2],
    /// Height and width of a patch.
    pub patch_size: [usize; 2],
    /// Channels of an image.
    pub num_channels: usize,
    /// Whether the projections to queries, keys and values have biases.
    pub qkv_bias: bool,
    /// Number of classes: of entries in `id2label`.
    pub num_labels: usize,
}

impl ViTConfig {
    /// These sizes, with 4 heads, one layer and Hugging Face's defaults.
    pub const fn new(hidden_size: usize, intermediate_size: usize, num_labels: usize) -> ViTConfig {
        ViTConfig {
            hidden_size,
            num_hidden_layers: 1,
            num_attention_heads: 4,
            intermediate_size,
            hidden_act: "none",
            layer_norm_eps: 1e-12,
            image_size: [224; 2],
            patch_size: [16; 2],
            num_channels: 3,
            qkv_bias: true,
            num_labels,
        }
    }

    /// The configuration in the text of a `config.json`.
    ///
    /// # Errors
    /// A setting that is missing or has no meaning; one that asks for something this model does not have.
    pub fn from_json(text: &str) -> Result<ViTConfig, ConfigError> {
        let settings = Settings::parse(text)?;
        settings.expect("model_type", &["vit"])?;
        settings.architecture("ViTForImageClassification")?;
        settings.no_quantization()?;
        let hidden_size = settings.positive("hidden_size")?;
        let config = ViTConfig {
            hidden_size,
            num_hidden_layers: settings.positive("num_hidden_layers")?,
            num_attention_heads: settings.divisor("num_attention_heads", "hidden_size", hidden_size)?,
            intermediate_size: settings.positive("intermediate_size")?,
            hidden_act: settings.gelu("hidden_act", "none")?,
            layer_norm_eps: settings.number_or("layer_norm_eps", 1e-12)?,
            image_size: settings.pair_or("image_size", 224)?,
            patch_size: settings.pair_or("patch_size", 16)?,
            num_channels: settings.positive_or("num_channels", 3)?,
            qkv_bias: settings.flag_or("qkv_bias", true)?,
            num_labels: match settings.get("id2label").and_then(Value::as_object) {
                Some(labels) if !labels.is_empty() => labels.len(),
                // Hugging Face's default.
                _ => settings.positive_or("num_labels", 2)?,
            },
        };
        let [image, patch] = [config.image_size, config.patch_size];
        if patch[0] > image[0] || patch[1] > image[1] {
            let expected = format!("patches that fit in image_size = {image:?}");
            return Err(ConfigError::new("patch_size", expected, format!("{patch:?}")));
        }
        Ok(config)
    }

    /// Patches of an image.
    pub const fn num_patches(&self) -> usize {
        let [height, width] = self.image_size;
        let [patch_height, patch_width] = self.patch_size;
        (height / patch_height) * (width / patch_width)
    }
}
