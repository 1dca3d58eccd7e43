//! GPT-2, and DistilGPT2, which is built like it.
//!
//! The PyTorch it mirrors, `transformers.models.gpt2.modeling_gpt2`, whose state-dict keys it has:
//!
//! ```python
//! class GPT2Attention(nn.Module):
//!     def forward(self, hidden_states, past_key_values, attention_mask):
//!         query_states, key_states, value_states = self.c_attn(hidden_states).split(self.split_size, dim=2)
//!         shape_q = (*query_states.shape[:-1], -1, self.head_dim)
//!         query_states = query_states.view(shape_q).transpose(1, 2)
//!         key_states = key_states.view(shape_q).transpose(1, 2)
//!         value_states = value_states.view(shape_q).transpose(1, 2)
//!         key_states, value_states = past_key_values.update(key_states, value_states, self.layer_idx)
//!
//!         attn_output = F.scaled_dot_product_attention(
//!             query_states, key_states, value_states, attn_mask=attention_mask, scale=self.scaling)
//!         attn_output = attn_output.transpose(1, 2).reshape(*attn_output.shape[:-2], -1)
//!         return self.c_proj(attn_output)
//!
//! class GPT2MLP(nn.Module):
//!     def forward(self, hidden_states):
//!         hidden_states = self.c_fc(hidden_states)
//!         hidden_states = self.act(hidden_states)
//!         return self.c_proj(hidden_states)
//!
//! class GPT2Block(nn.Module):
//!     def forward(self, hidden_states, past_key_values, attention_mask):
//!         residual = hidden_states
//!         hidden_states = self.ln_1(hidden_states)
//!         attn_output = self.attn(hidden_states, past_key_values, attention_mask)
//!         hidden_states = attn_output + residual
//!
//!         residual = hidden_states
//!         hidden_states = self.ln_2(hidden_states)
//!         feed_forward_hidden_states = self.mlp(hidden_states)
//!         return residual + feed_forward_hidden_states
//!
//! class GPT2Model(nn.Module):
//!     def forward(self, input_ids, past_key_values):
//!         inputs_embeds = self.wte(input_ids)
//!         past_seen_tokens = past_key_values.get_seq_length()
//!         position_ids = torch.arange(inputs_embeds.shape[1]) + past_seen_tokens
//!         position_ids = position_ids.unsqueeze(0)
//!         position_embeds = self.wpe(position_ids)
//!         hidden_states = inputs_embeds + position_embeds
//!         for block in self.h:
//!             hidden_states = block(hidden_states, past_key_values, causal_mask)
//!         return self.ln_f(hidden_states)
//!
//! class GPT2LMHeadModel(nn.Module):
//!     _tied_weights_keys = {"lm_head.weight": "transformer.wte.weight"}
//!
//!     def forward(self, input_ids, past_key_values):
//!         return self.lm_head(self.transformer(input_ids, past_key_values))
//! ```
//!
//! What differs: positions are rows of `wpe` that the network names itself. The mask is causal and needs no tensor.
//!
//! A. Radford et al., "Language models are unsupervised multitask learners", 2019.

mod config;

pub use config::GPT2Config;

use zkml_core::graph::Graph;
use zkml_core::nn::{
    Conv1D, Embedding, Forward, GELU, KvCache, LayerNorm, ScaledDotProductAttentionOptions, Tokens,
    TraceError, scaled_dot_product_attention_with,
};
use zkml_core::ops::Symbolic;

use crate::hugging_face::{CacheShape, CausalModel, ConfigError, PretrainedModel, Tokenizer, trace_after};
use crate::prelude::*;

/// Causal attention; queries, keys and values come from one layer.
#[zk_model]
#[derive(Debug, Clone)]
pub struct GPT2Attention {
    #[arg]
    config: GPT2Config,
    #[arg]
    layer_idx: usize,
    #[layer(nf = 3 * config.n_embd, nx = config.n_embd)]
    c_attn: Conv1D,
    #[layer(nf = config.n_embd, nx = config.n_embd)]
    c_proj: Conv1D,
}

#[zk_model]
impl GPT2Attention {
    /// `[N, T, n_embd]` to the same.
    pub fn forward(&self, hidden_states: Tensor, past_key_values: &mut KvCache) -> Tensor {
        let [n, t] = [hidden_states.size(0), hidden_states.size(1)];
        let embed_dim = self.config.n_embd;
        let shape_q = [n, t, self.config.n_head, self.config.head_dim()];

        let [query_states, key_states, value_states] = self.c_attn(hidden_states).split([embed_dim; 3], 2);
        let query_states = query_states.view(shape_q).transpose(1, 2);
        let key_states = key_states.view(shape_q).transpose(1, 2);
        let value_states = value_states.view(shape_q).transpose(1, 2);
        let (key_states, value_states) = past_key_values.update(key_states, value_states, self.layer_idx);

        let causal = ScaledDotProductAttentionOptions {
            is_causal: true,
            scale: Some(self.config.scaling(self.layer_idx)),
        };
        let attn_output = scaled_dot_product_attention_with(query_states, key_states, value_states, causal);
        let attn_output = attn_output.transpose(1, 2).reshape([n, t, embed_dim]);
        self.c_proj(attn_output)
    }
}

/// `c_proj(act(c_fc(x)))`.
#[zk_model]
#[derive(Debug, Clone)]
pub struct GPT2MLP {
    #[arg]
    config: GPT2Config,
    #[layer(nf = config.n_inner, nx = config.n_embd)]
    c_fc: Conv1D,
    #[layer(nf = config.n_embd, nx = config.n_inner)]
    c_proj: Conv1D,
    #[layer(approximate = config.activation_function)]
    act: GELU,
}

#[zk_model]
impl GPT2MLP {
    /// `[N, T, n_embd]` to the same.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let hidden_states = self.c_fc(hidden_states);
        let hidden_states = self.act(hidden_states);
        self.c_proj(hidden_states)
    }
}

/// Attention and MLP, each with a normalization before it and a residual sum after it.
#[zk_model]
#[derive(Debug, Clone)]
pub struct GPT2Block {
    #[arg]
    config: GPT2Config,
    #[arg]
    layer_idx: usize,
    #[layer(normalized_shape = config.n_embd, eps = config.layer_norm_epsilon)]
    ln_1: LayerNorm,
    #[layer(config = config, layer_idx = layer_idx)]
    attn: GPT2Attention,
    #[layer(normalized_shape = config.n_embd, eps = config.layer_norm_epsilon)]
    ln_2: LayerNorm,
    #[layer(config = config)]
    mlp: GPT2MLP,
}

#[zk_model]
impl GPT2Block {
    /// `[N, T, n_embd]` to the same.
    pub fn forward(&self, hidden_states: Tensor, past_key_values: &mut KvCache) -> Tensor {
        let residual = hidden_states;
        let hidden_states = self.ln_1(hidden_states);
        let attn_output = self.attn(hidden_states, past_key_values);
        let hidden_states = attn_output + residual;

        let residual = hidden_states;
        let hidden_states = self.ln_2(hidden_states);
        let feed_forward_hidden_states = self.mlp(hidden_states);
        residual + feed_forward_hidden_states
    }
}

/// The decoder without its head.
#[zk_model]
#[derive(Debug, Clone)]
pub struct GPT2Model {
    #[arg]
    config: GPT2Config,
    #[layer(num_embeddings = config.vocab_size, embedding_dim = config.n_embd)]
    wte: Embedding,
    #[layer(num_embeddings = config.n_positions, embedding_dim = config.n_embd)]
    wpe: Embedding,
    #[layer(repeat = config.n_layer, config = config, layer_idx = index)]
    h: Vec<GPT2Block>,
    #[layer(normalized_shape = config.n_embd, eps = config.layer_norm_epsilon)]
    ln_f: LayerNorm,
}

#[zk_model]
impl GPT2Model {
    /// `[N, T]` to `[N, T, n_embd]`.
    pub fn forward(&self, input_ids: Tokens, past_key_values: &mut KvCache) -> Tensor {
        let inputs_embeds = self.wte(input_ids);
        let past_seen_tokens = past_key_values.seq_length();
        let position_embeds = self.wpe.rows(past_seen_tokens, input_ids.size(1)).unsqueeze(0);
        let mut hidden_states = inputs_embeds + position_embeds;
        for block in &self.h {
            hidden_states = block.forward(hidden_states, past_key_values);
        }
        self.ln_f(hidden_states)
    }
}

/// A language model: the scores of the next token, after each token.
///
/// ```
/// use zkml_core::nn::Forward;
/// use zkml_models::gpt2::{GPT2Config, GPT2LMHeadModel};
///
/// let config = GPT2Config { n_layer: 2, ..GPT2Config::new(1000, 48) };
/// let graph = GPT2LMHeadModel::new(config).trace_with_input(&[1, 7]).unwrap();
/// assert_eq!(graph[graph.outputs[0]].fact, [1, 7, 1000]);
/// ```
#[zk_model]
#[derive(Debug, Clone)]
pub struct GPT2LMHeadModel {
    #[arg]
    config: GPT2Config,
    #[layer(config = config)]
    transformer: GPT2Model,
    #[layer(in_features = config.n_embd, out_features = config.vocab_size, bias = false)]
    #[param(tied = "transformer.wte.weight", when = config.tie_word_embeddings)]
    lm_head: Linear,
}

#[zk_model]
impl GPT2LMHeadModel {
    /// `[N, T]` to `[N, T, vocab_size]`.
    pub fn forward(&self, input_ids: Tokens) -> Tensor {
        self.forward_with_past(input_ids, &mut KvCache::new())
    }

    /// The same for tokens that come after those of a cache, which is lengthened by theirs.
    pub fn forward_with_past(&self, input_ids: Tokens, past_key_values: &mut KvCache) -> Tensor {
        let hidden_states = self.transformer(input_ids, past_key_values);
        self.lm_head(hidden_states)
    }
}

impl PretrainedModel for GPT2LMHeadModel {
    type Config = GPT2Config;
    type Tokenizer = Tokenizer;

    const PREFIX: &'static str = "transformer.";

    fn configured(text: &str) -> Result<GPT2Config, ConfigError> {
        GPT2Config::from_json(text)
    }

    fn with_config(config: &GPT2Config) -> GPT2LMHeadModel {
        GPT2LMHeadModel::new(*config)
    }

    fn vocabulary(config: &GPT2Config) -> usize {
        config.vocab_size
    }

    fn tied(config: &GPT2Config) -> Option<[&'static str; 2]> {
        let tied = ["lm_head.weight", "transformer.wte.weight"];
        config.tie_word_embeddings.then_some(tied)
    }

    /// Older files hold the causal mask of each layer.
    fn ignores(key: &str) -> bool {
        key.ends_with(".attn.bias") || key.ends_with(".attn.masked_bias")
    }
}

impl CausalModel for GPT2LMHeadModel {
    fn trace_texts(&self, batch: usize, tokens: usize) -> Result<Graph<Symbolic>, TraceError> {
        self.trace_with_input(&[batch, tokens])
    }

    fn trace_step(&self, batch: usize, tokens: usize, past: usize) -> Result<Graph<Symbolic>, TraceError> {
        let cache = CacheShape {
            layers: self.config.n_layer,
            heads: self.config.n_head,
            head_dim: self.config.head_dim(),
        };
        trace_after(cache, [batch, tokens, past], |ids, past_key_values| {
            self.forward_with_past(ids, past_key_values)
        })
    }
}
