//! BERT and MiniLM: encoders of text, and the embedding of a sentence.
//!
//! The PyTorch it mirrors, `transformers.models.bert.modeling_bert`, whose state-dict keys it has:
//!
//! ```python
//! class BertEmbeddings(nn.Module):
//!     def forward(self, input_ids):
//!         inputs_embeds = self.word_embeddings(input_ids)
//!         token_type_embeddings = self.token_type_embeddings(token_type_ids)      # zeros
//!         embeddings = inputs_embeds + token_type_embeddings
//!         position_embeddings = self.position_embeddings(position_ids)            # arange(seq_length)
//!         embeddings = embeddings + position_embeddings
//!         return self.LayerNorm(embeddings)
//!
//! class BertSelfAttention(nn.Module):
//!     def forward(self, hidden_states, attention_mask):
//!         input_shape = hidden_states.shape[:-1]
//!         hidden_shape = (*input_shape, -1, self.attention_head_size)
//!         query_layer = self.query(hidden_states).view(*hidden_shape).transpose(1, 2)
//!         key_layer = self.key(hidden_states).view(*hidden_shape).transpose(1, 2)
//!         value_layer = self.value(hidden_states).view(*hidden_shape).transpose(1, 2)
//!         attn_output = F.scaled_dot_product_attention(
//!             query_layer, key_layer, value_layer, attn_mask=attention_mask, scale=self.scaling)
//!         return attn_output.transpose(1, 2).reshape(*input_shape, -1)
//!
//! class BertSelfOutput(nn.Module):                                                # and BertOutput
//!     def forward(self, hidden_states, input_tensor):
//!         hidden_states = self.dense(hidden_states)
//!         return self.LayerNorm(hidden_states + input_tensor)
//!
//! class BertAttention(nn.Module):
//!     def forward(self, hidden_states, attention_mask):
//!         attention_output = self.self(hidden_states, attention_mask)
//!         return self.output(attention_output, hidden_states)
//!
//! class BertIntermediate(nn.Module):
//!     def forward(self, hidden_states):
//!         hidden_states = self.dense(hidden_states)
//!         return self.intermediate_act_fn(hidden_states)
//!
//! class BertLayer(nn.Module):
//!     def forward(self, hidden_states, attention_mask):
//!         attention_output = self.attention(hidden_states, attention_mask)
//!         intermediate_output = self.intermediate(attention_output)
//!         return self.output(intermediate_output, attention_output)
//!
//! class BertPooler(nn.Module):
//!     def forward(self, hidden_states):
//!         first_token_tensor = hidden_states[:, 0]
//!         pooled_output = self.dense(first_token_tensor)
//!         return self.activation(pooled_output)
//!
//! class BertModel(nn.Module):
//!     def forward(self, input_ids):
//!         embedding_output = self.embeddings(input_ids)
//!         sequence_output = self.encoder(embedding_output, attention_mask)
//!         pooled_output = self.pooler(sequence_output)
//!         return sequence_output, pooled_output
//! ```
//!
//! A text is attended to as a whole: there is no padding, and no mask. All of it has token type 0. Positions and types
//! are rows of their tables that the network names itself.
//!
//! The embedding of a sentence is that of `sentence_transformers`: modules `Transformer`, `Pooling` by means and
//! `Normalize`.
//!
//! J. Devlin et al., "BERT: Pre-training of deep bidirectional transformers for language understanding", 2019; W. Wang
//! et al., "MiniLM", 2020; N. Reimers and I. Gurevych, "Sentence-BERT", 2019.

mod config;

pub use config::BertConfig;

use zkml_core::graph::Graph;
use zkml_core::nn::{
    Embedding, Forward, GELU, InputKind, LayerNorm, Tanh, Tokens, TraceError, TraceInput, mean, normalize,
    scaled_dot_product_attention, trace_inputs,
};
use zkml_core::ops::{Float, Symbolic};

use crate::hugging_face::{ConfigError, PretrainedBert, PretrainedError, PretrainedModel, Tokenizer};
use crate::prelude::*;

/// Tokens with their type and their position.
#[zk_model]
#[derive(Debug, Clone)]
pub struct BertEmbeddings {
    #[arg]
    config: BertConfig,
    #[layer(num_embeddings = config.vocab_size, embedding_dim = config.hidden_size)]
    word_embeddings: Embedding,
    #[layer(num_embeddings = config.max_position_embeddings, embedding_dim = config.hidden_size)]
    position_embeddings: Embedding,
    #[layer(num_embeddings = config.type_vocab_size, embedding_dim = config.hidden_size)]
    token_type_embeddings: Embedding,
    #[layer(normalized_shape = config.hidden_size, eps = config.layer_norm_eps)]
    #[param(rename = "LayerNorm")]
    layer_norm: LayerNorm,
}

#[zk_model]
impl BertEmbeddings {
    /// `[N, T]` to `[N, T, hidden_size]`.
    pub fn forward(&self, input_ids: Tokens) -> Tensor {
        let inputs_embeds = self.word_embeddings(input_ids);
        let token_type_embeddings = self.token_type_embeddings.rows(0, 1);
        let embeddings = inputs_embeds + token_type_embeddings;
        let position_embeddings = self.position_embeddings.rows(0, input_ids.size(1)).unsqueeze(0);
        let embeddings = embeddings + position_embeddings;
        self.layer_norm(embeddings)
    }
}

/// Attention of every token to every token.
#[zk_model]
#[derive(Debug, Clone)]
pub struct BertSelfAttention {
    #[arg]
    config: BertConfig,
    #[layer(in_features = config.hidden_size, out_features = config.hidden_size)]
    query: Linear,
    #[layer(in_features = config.hidden_size, out_features = config.hidden_size)]
    key: Linear,
    #[layer(in_features = config.hidden_size, out_features = config.hidden_size)]
    value: Linear,
}

#[zk_model]
impl BertSelfAttention {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let [n, t, hidden_size] = [0, 1, 2].map(|axis| hidden_states.size(axis));
        let heads = self.config.num_attention_heads;
        let hidden_shape = [n, t, heads, hidden_size / heads];
        let query_layer = self.query(hidden_states).view(hidden_shape).transpose(1, 2);
        let key_layer = self.key(hidden_states).view(hidden_shape).transpose(1, 2);
        let value_layer = self.value(hidden_states).view(hidden_shape).transpose(1, 2);
        let attn_output = scaled_dot_product_attention(query_layer, key_layer, value_layer);
        attn_output.transpose(1, 2).reshape([n, t, hidden_size])
    }
}

/// A layer, the residual sum with what came before, and a normalization: Hugging Face's `BertSelfOutput` and
/// `BertOutput`.
#[zk_model]
#[derive(Debug, Clone)]
pub struct BertOutput {
    #[arg]
    config: BertConfig,
    #[arg]
    in_features: usize,
    #[layer(in_features = in_features, out_features = config.hidden_size)]
    dense: Linear,
    #[layer(normalized_shape = config.hidden_size, eps = config.layer_norm_eps)]
    #[param(rename = "LayerNorm")]
    layer_norm: LayerNorm,
}

#[zk_model]
impl BertOutput {
    /// `[N, T, in_features]` and `[N, T, hidden_size]` to the latter.
    pub fn forward(&self, hidden_states: Tensor, input_tensor: Tensor) -> Tensor {
        let hidden_states = self.dense(hidden_states);
        self.layer_norm(hidden_states + input_tensor)
    }
}

/// Attention with its output.
#[zk_model]
#[derive(Debug, Clone)]
pub struct BertAttention {
    #[arg]
    config: BertConfig,
    #[layer(config = config)]
    #[param(rename = "self")]
    self_: BertSelfAttention,
    #[layer(config = config, in_features = config.hidden_size)]
    output: BertOutput,
}

#[zk_model]
impl BertAttention {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let attention_output = self.self_(hidden_states);
        self.output(attention_output, hidden_states)
    }
}

/// The first half of the MLP.
#[zk_model]
#[derive(Debug, Clone)]
pub struct BertIntermediate {
    #[arg]
    config: BertConfig,
    #[layer(in_features = config.hidden_size, out_features = config.intermediate_size)]
    dense: Linear,
    #[layer(approximate = config.hidden_act)]
    intermediate_act_fn: GELU,
}

#[zk_model]
impl BertIntermediate {
    /// `[N, T, hidden_size]` to `[N, T, intermediate_size]`.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let hidden_states = self.dense(hidden_states);
        self.intermediate_act_fn(hidden_states)
    }
}

/// Attention and MLP, each with a residual sum and a normalization after it.
#[zk_model]
#[derive(Debug, Clone)]
pub struct BertLayer {
    #[arg]
    config: BertConfig,
    #[layer(config = config)]
    attention: BertAttention,
    #[layer(config = config)]
    intermediate: BertIntermediate,
    #[layer(config = config, in_features = config.intermediate_size)]
    output: BertOutput,
}

#[zk_model]
impl BertLayer {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let attention_output = self.attention(hidden_states);
        let intermediate_output = self.intermediate(attention_output);
        self.output(intermediate_output, attention_output)
    }
}

/// The layers, one after the other.
#[zk_model]
#[derive(Debug, Clone)]
pub struct BertEncoder {
    #[arg]
    config: BertConfig,
    #[layer(repeat = config.num_hidden_layers, config = config)]
    layer: Vec<BertLayer>,
}

#[zk_model]
impl BertEncoder {
    /// `[N, T, hidden_size]` to the same.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let mut hidden_states = hidden_states;
        for layer_module in &self.layer {
            hidden_states = layer_module.forward(hidden_states);
        }
        hidden_states
    }
}

/// What classifiers take: the first token, through a layer of its own.
#[zk_model]
#[derive(Debug, Clone)]
pub struct BertPooler {
    #[arg]
    config: BertConfig,
    #[layer(in_features = config.hidden_size, out_features = config.hidden_size)]
    dense: Linear,
    activation: Tanh,
}

#[zk_model]
impl BertPooler {
    /// `[N, T, hidden_size]` to `[N, hidden_size]`.
    pub fn forward(&self, hidden_states: Tensor) -> Tensor {
        let first_token_tensor = hidden_states.select(1, 0);
        let pooled_output = self.dense(first_token_tensor);
        self.activation(pooled_output)
    }
}

/// An encoder of text.
///
/// ```
/// use zkml_core::nn::Forward;
/// use zkml_models::bert::{BertConfig, BertModel};
///
/// let config = BertConfig { num_hidden_layers: 2, ..BertConfig::new(1000, 48, 96) };
/// let graph = BertModel::new(config).trace_with_input(&[1, 7]).unwrap();
/// assert_eq!(graph[graph.outputs[0]].fact, [1, 7, 48]);
/// assert_eq!(graph[graph.outputs[1]].fact, [1, 48]);
/// ```
#[zk_model]
#[derive(Debug, Clone)]
pub struct BertModel {
    #[arg]
    config: BertConfig,
    #[layer(config = config)]
    embeddings: BertEmbeddings,
    #[layer(config = config)]
    encoder: BertEncoder,
    #[layer(config = config)]
    pooler: BertPooler,
}

#[zk_model]
impl BertModel {
    /// `[N, T]` to the last hidden state `[N, T, hidden_size]` and the pooled output `[N, hidden_size]`.
    pub fn forward(&self, input_ids: Tokens) -> (Tensor, Tensor) {
        let sequence_output = self.sequence_output(input_ids);
        let pooled_output = self.pooler(sequence_output);
        (sequence_output, pooled_output)
    }

    /// `[N, T]` to the last hidden state `[N, T, hidden_size]`.
    pub fn sequence_output(&self, input_ids: Tokens) -> Tensor {
        let embedding_output = self.embeddings(input_ids);
        self.encoder(embedding_output)
    }

    /// The embedding of a sentence, a vector of length 1: `[N, T]` to `[N, hidden_size]`.
    pub fn sentence_embedding(&self, input_ids: Tokens) -> Tensor {
        let token_embeddings = self.sequence_output(input_ids);
        normalize(mean(token_embeddings, 1), 1)
    }

    /// The graph from the ids of sentences of so many tokens to their embeddings.
    ///
    /// # Errors
    /// As [`Forward::trace`]; more tokens than there are positions.
    pub fn trace_sentences(&self, batch: usize, tokens: usize) -> Result<Graph<Symbolic>, TraceError> {
        let input = TraceInput {
            name: "input_ids".to_owned(),
            kind: InputKind::Tokens,
            shape: vec![batch, tokens],
        };
        trace_inputs(&[input], |tensors| {
            let ids = tensors.iter().map(|&ids| Tokens::of(ids));
            ids.map(|ids| self.sentence_embedding(ids)).collect()
        })
    }
}

impl PretrainedModel for BertModel {
    type Config = BertConfig;
    type Tokenizer = Tokenizer;

    const PREFIX: &'static str = "bert.";

    fn configured(text: &str) -> Result<BertConfig, ConfigError> {
        BertConfig::from_json(text)
    }

    fn with_config(config: &BertConfig) -> BertModel {
        BertModel::new(*config)
    }

    fn vocabulary(config: &BertConfig) -> usize {
        config.vocab_size
    }

    /// The numbers of the positions; the heads of pretraining, and a pooler, where they are not asked for.
    fn ignores(key: &str) -> bool {
        key.ends_with("embeddings.position_ids") || key.starts_with("cls.") || key.contains("pooler.")
    }
}

impl PretrainedBert {
    /// The network from a text of `tokens` tokens to all that [`BertModel::forward`] returns.
    ///
    /// # Errors
    /// As [`load`](crate::hugging_face::Pretrained::load); more tokens than there are positions.
    pub fn graph(&self, tokens: usize) -> Result<Graph<Float>, PretrainedError> {
        self.load(self.model().trace_with_input(&[1, tokens])?)
    }

    /// The network from a sentence of `tokens` tokens to its embedding, `[1, hidden_size]`.
    ///
    /// # Errors
    /// As [`Self::graph`].
    pub fn sentence_graph(&self, tokens: usize) -> Result<Graph<Float>, PretrainedError> {
        self.load(self.model().trace_sentences(1, tokens)?)
    }
}
