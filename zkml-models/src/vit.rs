//! The vision transformer, ViT and DeiT without distillation: an image in patches, classified.
//!
//! The PyTorch it mirrors, `transformers.models.vit.modeling_vit`; the state-dict keys are those of its files:
//!
//! ```python
//! class ViTPatchEmbeddings(nn.Module):
//!     def forward(self, pixel_values):
//!         return self.projection(pixel_values).flatten(2).transpose(1, 2)
//!
//! class ViTEmbeddings(nn.Module):
//!     def forward(self, pixel_values):
//!         batch_size, num_channels, height, width = pixel_values.shape
//!         embeddings = self.patch_embeddings(pixel_values)
//!         cls_tokens = self.cls_token.expand(batch_size, -1, -1)
//!         embeddings = torch.cat((cls_tokens, embeddings), dim=1)
//!         return embeddings + self.position_embeddings
//!
//! class ViTSelfAttention(nn.Module):
//!     def forward(self, hidden_states):
//!         hidden_shape = (*hidden_states.shape[:-1], -1, self.attention_head_size)
//!         query_layer = self.query(hidden_states).view(hidden_shape).transpose(1, 2)
//!         key_layer = self.key(hidden_states).view(hidden_shape).transpose(1, 2)
//!         value_layer = self.value(hidden_states).view(hidden_shape).transpose(1, 2)
//!         context_layer = F.scaled_dot_product_attention(query_layer, key_layer, value_layer)
//!         return context_layer.transpose(1, 2).reshape(*hidden_states.shape[:-1], -1)
//!
//! class ViTAttention(nn.Module):
//!     def forward(self, hidden_states):
//!         self_attn_output = self.attention(hidden_states)
//!         return self.output(self_attn_output)
//!
//! class ViTLayer(nn.Module):
//!     def forward(self, hidden_states):
//!         residual = hidden_states
//!         hidden_states = self.layernorm_before(hidden_states)
//!         hidden_states = self.attention(hidden_states)
//!         hidden_states = hidden_states + residual
//!
//!         residual = hidden_states
//!         hidden_states = self.layernorm_after(hidden_states)
//!         hidden_states = self.intermediate(hidden_states)
//!         hidden_states = self.output(hidden_states)
//!         return hidden_states + residual
//!
//! class ViTModel(nn.Module):
//!     def forward(self, pixel_values):
//!         hidden_states = self.embeddings(pixel_values)
//!         hidden_states = self.encoder(hidden_states)
//!         return self.layernorm(hidden_states)
//!
//! class ViTForImageClassification(nn.Module):
//!     def forward(self, pixel_values):
//!         sequence_output = self.vit(pixel_values)
//!         pooled_output = sequence_output[:, 0, :]
//!         return self.classifier(pooled_output)
//! ```
//!
//! A. Dosovitskiy et al., "An image is worth 16x16 words", 2021.

mod config;

pub use config::ViTConfig;

use zkml_core::graph::Graph;
use zkml_core::nn::{Forward, GELU, LayerNorm, Parameter, cat, expand, scaled_dot_product_attention};
use zkml_core::ops::Float;

use crate::hugging_face::{ConfigError, PretrainedError, PretrainedModel, PretrainedViT};
use crate::prelude::*;

/// The patches of an image, each as a token.
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTPatchEmbeddings {
    #[arg]
    config: ViTConfig,
    #[layer(
        in_channels = config.num_channels,
        out_channels = config.hidden_size,
        kernel_size = (config.patch_size[0], config.patch_size[1]),
        stride = (config.patch_size[0], config.patch_size[1])
    )]
    projection: Conv2d,
}

#[zk_model]
impl ViTPatchEmbeddings {
    /// `[N, num_channels, H, W]` to `[N, patches, hidden_size]`.
    pub fn forward(&self, pixel_values: Tensor) -> Tensor {
        self.projection(pixel_values).flatten(2).transpose(1, 2)
    }
}

/// A token for the class, then the patches, each with its position.
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTEmbeddings {
    #[arg]
    config: ViTConfig,
    #[param(shape = [1, 1, config.hidden_size])]
    cls_token: Parameter,
    #[layer(config = config)]
    patch_embeddings: ViTPatchEmbeddings,
    #[param(shape = [1, config.num_patches() + 1, config.hidden_size])]
    position_embeddings: Parameter,
}

#[zk_model]
impl ViTEmbeddings {
    /// `[N, num_channels, H, W]` to `[N, 1 + patches, hidden_size]`.
    pub fn forward(&self, pixel_values: Tensor) -> Tensor {
        let batch_size = pixel_values.size(0);
        let embeddings = self.patch_embeddings(pixel_values);
        let cls_tokens = expand(self.cls_token.tensor(), [batch_size, 1, self.config.hidden_size]);
        let embeddings = cat([cls_tokens, embeddings], 1);
        embeddings + self.position_embeddings
    }
}

/// Attention of every token to every token.
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTSelfAttention {
    #[arg]
    config: ViTConfig,
    #[layer(in_features = config.hidden_size, out_features = config.hidden_size, bias = config.qkv_bias)]
    query: Linear,
    #[layer(in_features = config.hidden_size, out_features = config.hidden_size, bias = config.qkv_bias)]
    key: Linear,
    #[layer(in_features = config.hidden_size, out_features = config.hidden_size, bias = config.qkv_bias)]
    value: Linear,
}

#[zk_model]
impl ViTSelfAttention {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let [n, t, hidden_size] = [0, 1, 2].map(|axis| hidden_states.size(axis));
        let heads = self.config.num_attention_heads;
        let hidden_shape = [n, t, heads, hidden_size / heads];
        let query_layer = self.query(hidden_states).view(hidden_shape).transpose(1, 2);
        let key_layer = self.key(hidden_states).view(hidden_shape).transpose(1, 2);
        let value_layer = self.value(hidden_states).view(hidden_shape).transpose(1, 2);
        let context_layer = scaled_dot_product_attention(query_layer, key_layer, value_layer);
        context_layer.transpose(1, 2).reshape([n, t, hidden_size])
    }
}

/// A layer by itself; its residual sum is that of [`ViTLayer`].
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTOutput {
    #[arg]
    in_features: usize,
    #[arg]
    out_features: usize,
    #[layer(in_features = in_features, out_features = out_features)]
    dense: Linear,
}

#[zk_model]
impl ViTOutput {
    /// `[N, T, in_features]` to `[N, T, out_features]`.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        self.dense(hidden_states)
    }
}

/// Attention with its output.
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTAttention {
    #[arg]
    config: ViTConfig,
    #[layer(config = config)]
    attention: ViTSelfAttention,
    #[layer(in_features = config.hidden_size, out_features = config.hidden_size)]
    output: ViTOutput,
}

#[zk_model]
impl ViTAttention {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let self_attn_output = self.attention(hidden_states);
        self.output(self_attn_output)
    }
}

/// The first half of the MLP.
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTIntermediate {
    #[arg]
    config: ViTConfig,
    #[layer(in_features = config.hidden_size, out_features = config.intermediate_size)]
    dense: Linear,
    #[layer(approximate = config.hidden_act)]
    intermediate_act_fn: GELU,
}

#[zk_model]
impl ViTIntermediate {
    /// `[N, T, hidden_size]` to `[N, T, intermediate_size]`.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let hidden_states = self.dense(hidden_states);
        self.intermediate_act_fn(hidden_states)
    }
}

/// Attention and MLP, each with a normalization before it and a residual sum after it.
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTLayer {
    #[arg]
    config: ViTConfig,
    #[layer(config = config)]
    attention: ViTAttention,
    #[layer(config = config)]
    intermediate: ViTIntermediate,
    #[layer(in_features = config.intermediate_size, out_features = config.hidden_size)]
    output: ViTOutput,
    #[layer(normalized_shape = config.hidden_size, eps = config.layer_norm_eps)]
    layernorm_before: LayerNorm,
    #[layer(normalized_shape = config.hidden_size, eps = config.layer_norm_eps)]
    layernorm_after: LayerNorm,
}

#[zk_model]
impl ViTLayer {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let residual = hidden_states;
        let hidden_states = self.layernorm_before(hidden_states);
        let hidden_states = self.attention(hidden_states);
        let hidden_states = hidden_states + residual;

        let residual = hidden_states;
        let hidden_states = self.layernorm_after(hidden_states);
        let hidden_states = self.intermediate(hidden_states);
        let hidden_states = self.output(hidden_states);
        hidden_states + residual
    }
}

/// The layers, one after the other.
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTEncoder {
    #[arg]
    config: ViTConfig,
    #[layer(repeat = config.num_hidden_layers, config = config)]
    layer: Vec<ViTLayer>,
}

#[zk_model]
impl ViTEncoder {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let mut hidden_states = hidden_states;
        for layer_module in &self.layer {
            hidden_states = layer_module.forward(hidden_states);
        }
        hidden_states
    }
}

/// The encoder of an image.
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTModel {
    #[arg]
    config: ViTConfig,
    #[layer(config = config)]
    embeddings: ViTEmbeddings,
    #[layer(config = config)]
    encoder: ViTEncoder,
    #[layer(normalized_shape = config.hidden_size, eps = config.layer_norm_eps)]
    layernorm: LayerNorm,
}

#[zk_model]
impl ViTModel {
    /// `[N, num_channels, H, W]` to `[N, 1 + patches, hidden_size]`.
    pub fn forward(&self, pixel_values: Tensor) -> Tensor {
        let hidden_states = self.embeddings(pixel_values);
        let hidden_states = self.encoder(hidden_states);
        self.layernorm(hidden_states)
    }
}

/// The scores of the classes of an image.
///
/// ```
/// use zkml_core::nn::Forward;
/// use zkml_models::vit::{ViTConfig, ViTForImageClassification};
///
/// let config = ViTConfig { image_size: [32, 32], patch_size: [8, 8], ..ViTConfig::new(48, 96, 10) };
/// let graph = ViTForImageClassification::new(config).trace_with_input(&[1, 3, 32, 32]).unwrap();
/// assert_eq!(graph[graph.outputs[0]].fact, [1, 10]);
/// ```
#[zk_model]
#[derive(Debug, Clone)]
pub struct ViTForImageClassification {
    #[arg]
    config: ViTConfig,
    #[layer(config = config)]
    vit: ViTModel,
    #[layer(in_features = config.hidden_size, out_features = config.num_labels)]
    classifier: Linear,
}

#[zk_model]
impl ViTForImageClassification {
    /// `[N, num_channels, H, W]` to `[N, num_labels]`.
    pub fn forward(&self, pixel_values: Tensor) -> Tensor {
        let sequence_output = self.vit(pixel_values);
        let pooled_output = sequence_output.select(1, 0);
        self.classifier(pooled_output)
    }
}

impl PretrainedModel for ViTForImageClassification {
    type Config = ViTConfig;
    type Tokenizer = ();

    const PREFIX: &'static str = "vit.";

    fn configured(text: &str) -> Result<ViTConfig, ConfigError> {
        ViTConfig::from_json(text)
    }

    fn with_config(config: &ViTConfig) -> ViTForImageClassification {
        ViTForImageClassification::new(*config)
    }

    /// A pooler, which the classifier does not read.
    fn ignores(key: &str) -> bool {
        key.contains("pooler.")
    }
}

impl PretrainedViT {
    /// The network on so many images: input `[batch, num_channels, H, W]`, output `[batch, num_labels]`.
    ///
    /// # Errors
    /// As [`load`](crate::hugging_face::Pretrained::load).
    pub fn graph(&self, batch: usize) -> Result<Graph<Float>, PretrainedError> {
        let config = self.config();
        let [height, width] = config.image_size;
        let shape = [batch, config.num_channels, height, width];
        self.load(self.model().trace_with_input(&shape)?)
    }
}
