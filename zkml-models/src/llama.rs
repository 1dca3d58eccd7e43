//! Llama 2, 3, 3.1 and 3.2, SmolLM2, TinyLlama, Mistral, Qwen 2, 2.5 and 3: one decoder, whose [configuration](LlamaConfig)
//! says where they differ.
//!
//! | `model_type` | biases | normalizations of heads | window |
//! |---|---|---|---|
//! | `llama` | as `attention_bias` and `mlp_bias` say | | |
//! | `mistral` | | | `sliding_window` |
//! | `qwen2` | of queries, keys and values | | `sliding_window`, if `use_sliding_window` |
//! | `qwen3` | of the attention, as `attention_bias` says | of queries and keys | `sliding_window`, if `use_sliding_window` |
//!
//! A text that fits in the window is attended to as a whole; a longer one is refused.
//!
//! The PyTorch it mirrors, `transformers.models.llama.modeling_llama` (and `mistral`, `qwen2`, `qwen3`), whose
//! state-dict keys it has:
//!
//! ```python
//! class LlamaMLP(nn.Module):
//!     def forward(self, x):
//!         return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))
//!
//! class LlamaAttention(nn.Module):
//!     def forward(self, hidden_states, position_embeddings, attention_mask, past_key_values):
//!         input_shape = hidden_states.shape[:-1]
//!         hidden_shape = (*input_shape, -1, self.head_dim)
//!
//!         query_states = self.q_norm(self.q_proj(hidden_states).view(hidden_shape)).transpose(1, 2)  # norms: Qwen 3
//!         key_states = self.k_norm(self.k_proj(hidden_states).view(hidden_shape)).transpose(1, 2)
//!         value_states = self.v_proj(hidden_states).view(hidden_shape).transpose(1, 2)
//!
//!         cos, sin = position_embeddings
//!         query_states, key_states = apply_rotary_pos_emb(query_states, key_states, cos, sin)
//!         key_states, value_states = past_key_values.update(key_states, value_states, self.layer_idx)
//!
//!         attn_output = F.scaled_dot_product_attention(
//!             query_states, key_states, value_states, attn_mask=attention_mask, enable_gqa=True)
//!         attn_output = attn_output.transpose(1, 2).reshape(*input_shape, -1)
//!         return self.o_proj(attn_output)
//!
//! class LlamaDecoderLayer(nn.Module):
//!     def forward(self, hidden_states, position_embeddings, attention_mask, past_key_values):
//!         residual = hidden_states
//!         hidden_states = self.input_layernorm(hidden_states)
//!         hidden_states = self.self_attn(hidden_states, position_embeddings, attention_mask, past_key_values)
//!         hidden_states = residual + hidden_states
//!
//!         residual = hidden_states
//!         hidden_states = self.post_attention_layernorm(hidden_states)
//!         hidden_states = self.mlp(hidden_states)
//!         return residual + hidden_states
//!
//! class LlamaModel(nn.Module):
//!     def forward(self, input_ids, past_key_values):
//!         inputs_embeds = self.embed_tokens(input_ids)
//!         hidden_states = inputs_embeds
//!         position_embeddings = self.rotary_emb(hidden_states, position_ids)
//!         for decoder_layer in self.layers:
//!             hidden_states = decoder_layer(hidden_states, position_embeddings, causal_mask, past_key_values)
//!         return self.norm(hidden_states)
//!
//! class LlamaForCausalLM(nn.Module):
//!     _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}
//!
//!     def forward(self, input_ids, past_key_values):
//!         return self.lm_head(self.model(input_ids, past_key_values))
//! ```
//!
//! What differs: the angles of the rotary embedding are a [`Rope`] and no tensors, for they are constants of the graph.
//! The mask is causal and needs no tensor either.
//!
//! H. Touvron et al., "LLaMA: Open and efficient foundation language models", 2023; A. Dubey et al., "The Llama 3 herd
//! of models", 2024; A. Q. Jiang et al., "Mistral 7B", 2023; An Yang et al., "Qwen2 technical report", 2024, and "Qwen3
//! technical report", 2025.

mod config;

pub use config::LlamaConfig;

use zkml_core::graph::Graph;
use zkml_core::nn::{
    Embedding, Forward, KvCache, RMSNorm, Rope, ScaledDotProductAttentionOptions, SiLU, Tokens, TraceError,
    apply_rotary_pos_emb, scaled_dot_product_attention_with,
};
use zkml_core::ops::Symbolic;

use crate::hugging_face::{CacheShape, CausalModel, ConfigError, PretrainedModel, Tokenizer, trace_after};
use crate::prelude::*;

/// The angles that queries and keys are turned by.
#[zk_model]
#[derive(Debug, Clone)]
pub struct LlamaRotaryEmbedding {
    #[arg]
    config: LlamaConfig,
}

#[zk_model]
impl LlamaRotaryEmbedding {
    /// For the tokens of `x`, `[N, T, hidden_size]`, which come after those of the cache.
    pub fn forward(&self, x: Tensor, past_key_values: &KvCache) -> Rope {
        let _ = x;
        Rope {
            rope_theta: self.config.rope_theta,
            rope_scaling: self.config.rope_scaling,
            position: past_key_values.seq_length(),
        }
    }
}

/// SwiGLU: `down(silu(gate(x)) * up(x))`.
#[zk_model]
#[derive(Debug, Clone)]
pub struct LlamaMLP {
    #[arg]
    config: LlamaConfig,
    #[layer(in_features = config.hidden_size, out_features = config.intermediate_size, bias = config.mlp_bias)]
    gate_proj: Linear,
    #[layer(in_features = config.hidden_size, out_features = config.intermediate_size, bias = config.mlp_bias)]
    up_proj: Linear,
    #[layer(in_features = config.intermediate_size, out_features = config.hidden_size, bias = config.mlp_bias)]
    down_proj: Linear,
    act_fn: SiLU,
}

#[zk_model]
impl LlamaMLP {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(&self, x: Tensor) -> Tensor {
        self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))
    }
}

/// Causal attention; groups of `num_attention_heads / num_key_value_heads` query heads share a key.
#[zk_model]
#[derive(Debug, Clone)]
pub struct LlamaAttention {
    #[arg]
    config: LlamaConfig,
    #[arg]
    layer_idx: usize,
    #[layer(
        in_features = config.hidden_size,
        out_features = config.num_attention_heads * config.head_dim,
        bias = config.attention_bias
    )]
    q_proj: Linear,
    #[layer(
        in_features = config.hidden_size,
        out_features = config.num_key_value_heads * config.head_dim,
        bias = config.attention_bias
    )]
    k_proj: Linear,
    #[layer(
        in_features = config.hidden_size,
        out_features = config.num_key_value_heads * config.head_dim,
        bias = config.attention_bias
    )]
    v_proj: Linear,
    #[layer(
        in_features = config.num_attention_heads * config.head_dim,
        out_features = config.hidden_size,
        bias = config.attention_out_bias
    )]
    o_proj: Linear,
    #[layer(when = config.use_qk_norm, normalized_shape = config.head_dim, eps = config.rms_norm_eps)]
    q_norm: Option<RMSNorm>,
    #[layer(when = config.use_qk_norm, normalized_shape = config.head_dim, eps = config.rms_norm_eps)]
    k_norm: Option<RMSNorm>,
}

#[zk_model]
impl LlamaAttention {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(
        &self,
        hidden_states: Tensor,
        position_embeddings: Rope,
        past_key_values: &mut KvCache,
    ) -> Tensor {
        let [n, t] = [hidden_states.size(0), hidden_states.size(1)];
        let (heads, groups) = (self.config.num_attention_heads, self.config.num_key_value_heads);
        let head_dim = self.config.head_dim;

        let query_states = self.q_proj(hidden_states).view([n, t, heads, head_dim]);
        let query_states = normalized(self.q_norm.as_ref(), query_states).transpose(1, 2);
        let key_states = self.k_proj(hidden_states).view([n, t, groups, head_dim]);
        let key_states = normalized(self.k_norm.as_ref(), key_states).transpose(1, 2);
        let value_states = self
            .v_proj(hidden_states)
            .view([n, t, groups, head_dim])
            .transpose(1, 2);

        let (query_states, key_states) = apply_rotary_pos_emb(query_states, key_states, position_embeddings);
        let (key_states, value_states) = past_key_values.update(key_states, value_states, self.layer_idx);

        let causal = ScaledDotProductAttentionOptions {
            is_causal: true,
            ..ScaledDotProductAttentionOptions::new()
        };
        let attn_output = scaled_dot_product_attention_with(query_states, key_states, value_states, causal);
        let attn_output = attn_output.transpose(1, 2).reshape([n, t, heads * head_dim]);
        self.o_proj(attn_output)
    }
}

/// What a model that normalizes its heads makes of them.
fn normalized(norm: Option<&RMSNorm>, x: Tensor) -> Tensor {
    norm.map_or(x, |norm| norm.forward(x))
}

/// Attention and MLP, each with a normalization before it and a residual sum after it.
#[zk_model]
#[derive(Debug, Clone)]
pub struct LlamaDecoderLayer {
    #[arg]
    config: LlamaConfig,
    #[arg]
    layer_idx: usize,
    #[layer(config = config, layer_idx = layer_idx)]
    self_attn: LlamaAttention,
    #[layer(config = config)]
    mlp: LlamaMLP,
    #[layer(normalized_shape = config.hidden_size, eps = config.rms_norm_eps)]
    input_layernorm: RMSNorm,
    #[layer(normalized_shape = config.hidden_size, eps = config.rms_norm_eps)]
    post_attention_layernorm: RMSNorm,
}

#[zk_model]
impl LlamaDecoderLayer {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(
        &self,
        hidden_states: Tensor,
        position_embeddings: Rope,
        past_key_values: &mut KvCache,
    ) -> Tensor {
        let residual = hidden_states;
        let hidden_states = self.input_layernorm(hidden_states);
        let hidden_states = self.self_attn(hidden_states, position_embeddings, past_key_values);
        let hidden_states = residual + hidden_states;

        let residual = hidden_states;
        let hidden_states = self.post_attention_layernorm(hidden_states);
        let hidden_states = self.mlp(hidden_states);
        residual + hidden_states
    }
}

/// The decoder without its head.
#[zk_model]
#[derive(Debug, Clone)]
pub struct LlamaModel {
    #[arg]
    config: LlamaConfig,
    #[layer(num_embeddings = config.vocab_size, embedding_dim = config.hidden_size)]
    embed_tokens: Embedding,
    #[layer(repeat = config.num_hidden_layers, config = config, layer_idx = index)]
    layers: Vec<LlamaDecoderLayer>,
    #[layer(normalized_shape = config.hidden_size, eps = config.rms_norm_eps)]
    norm: RMSNorm,
    #[layer(config = config)]
    rotary_emb: LlamaRotaryEmbedding,
}

#[zk_model]
impl LlamaModel {
    /// `[N, T]` to `[N, T, hidden_size]`.
    pub fn forward(&self, input_ids: Tokens, past_key_values: &mut KvCache) -> Tensor {
        let mut hidden_states = self.embed_tokens(input_ids);
        let position_embeddings = self.rotary_emb(hidden_states, past_key_values);
        for decoder_layer in &self.layers {
            hidden_states = decoder_layer.forward(hidden_states, position_embeddings, past_key_values);
        }
        self.norm(hidden_states)
    }
}

/// A language model: the scores of the next token, after each token.
///
/// ```
/// use zkml_core::nn::Forward;
/// use zkml_models::llama::{LlamaConfig, LlamaForCausalLM};
///
/// let config = LlamaConfig { num_hidden_layers: 2, ..LlamaConfig::new(1000, 48, 128) };
/// let graph = LlamaForCausalLM::new(config).trace_with_input(&[1, 7]).unwrap();
/// assert_eq!(graph[graph.outputs[0]].fact, [1, 7, 1000]);
/// ```
#[zk_model]
#[derive(Debug, Clone)]
pub struct LlamaForCausalLM {
    #[arg]
    config: LlamaConfig,
    #[layer(config = config)]
    model: LlamaModel,
    #[layer(in_features = config.hidden_size, out_features = config.vocab_size, bias = false)]
    #[param(tied = "model.embed_tokens.weight", when = config.tie_word_embeddings)]
    lm_head: Linear,
}

#[zk_model]
impl LlamaForCausalLM {
    /// `[N, T]` to `[N, T, vocab_size]`.
    pub fn forward(&self, input_ids: Tokens) -> Tensor {
        self.forward_with_past(input_ids, &mut KvCache::new())
    }

    /// The same for tokens that come after those of a cache, which is lengthened by theirs.
    pub fn forward_with_past(&self, input_ids: Tokens, past_key_values: &mut KvCache) -> Tensor {
        let hidden_states = self.model(input_ids, past_key_values);
        self.lm_head(hidden_states)
    }
}

impl PretrainedModel for LlamaForCausalLM {
    type Config = LlamaConfig;
    type Tokenizer = Tokenizer;

    fn configured(text: &str) -> Result<LlamaConfig, ConfigError> {
        LlamaConfig::from_json(text)
    }

    fn with_config(config: &LlamaConfig) -> LlamaForCausalLM {
        LlamaForCausalLM::new(*config)
    }

    fn vocabulary(config: &LlamaConfig) -> usize {
        config.vocab_size
    }

    fn tied(config: &LlamaConfig) -> Option<[&'static str; 2]> {
        let tied = ["lm_head.weight", "model.embed_tokens.weight"];
        config.tie_word_embeddings.then_some(tied)
    }

    /// Files of 2023 hold the frequencies of the rotary embedding, which follow from the configuration.
    fn ignores(key: &str) -> bool {
        key.ends_with("rotary_emb.inv_freq")
    }
}

impl CausalModel for LlamaForCausalLM {
    fn trace_texts(&self, batch: usize, tokens: usize) -> Result<Graph<Symbolic>, TraceError> {
        self.config.check_window(tokens)?;
        self.trace_with_input(&[batch, tokens])
    }

    fn trace_step(&self, batch: usize, tokens: usize, past: usize) -> Result<Graph<Symbolic>, TraceError> {
        let config = &self.config;
        config.check_window(past.saturating_add(tokens))?;
        let cache = CacheShape {
            layers: config.num_hidden_layers,
            heads: config.num_key_value_heads,
            head_dim: config.head_dim,
        };
        trace_after(cache, [batch, tokens, past], |ids, past_key_values| {
            self.forward_with_past(ids, past_key_values)
        })
    }
}
