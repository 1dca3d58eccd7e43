//! Models from a directory.

use std::path::Path;

use zkml_core::files::{self, Foreign};
use zkml_core::graph::Graph;
use zkml_core::nn::{TraceError, Weights};
use zkml_core::ops::{Float, Symbolic};

use super::{ConfigError, PretrainedError, Settings, Tokenizer, tokenizer};
use crate::bert::BertModel;
use crate::gpt2::GPT2LMHeadModel;
use crate::llama::LlamaForCausalLM;
use crate::vit::ViTForImageClassification;

/// A model whose configuration and weights stand in a directory of Hugging Face's form.
pub trait PretrainedModel: Sized {
    /// What its `config.json` says.
    type Config;

    /// What its tokenizer says; `()` for a model without one.
    type Tokenizer: FromDirectory;

    /// What all keys of its state dict begin with, and those of some files leave out: Hugging Face's
    /// `base_model_prefix` with a dot.
    const PREFIX: &'static str = "";

    /// The configuration in the text of a `config.json`.
    ///
    /// # Errors
    /// A setting that is missing or has no meaning; one that asks for something this model does not have.
    fn configured(text: &str) -> Result<Self::Config, ConfigError>;

    /// The model without weights.
    fn with_config(config: &Self::Config) -> Self;

    /// Number of tokens.
    fn vocabulary(_config: &Self::Config) -> usize {
        usize::MAX
    }

    /// The keys of a head and of the table that it uses, where it is tied to it. Some files have both.
    fn tied(_config: &Self::Config) -> Option<[&'static str; 2]> {
        None
    }

    /// Does the model leave a tensor of that name in a file unused, without being another one?
    fn ignores(_key: &str) -> bool {
        false
    }

    /// The model in a directory of Hugging Face's form: `config.json`, `model.safetensors` or
    /// `model.safetensors.index.json` with its shards (F64, F32, F16 or BF16) and, if it reads text, `tokenizer.json`.
    ///
    /// # Errors
    /// A file that is missing or cannot be read; a setting or a tensor that this model does not have, by name.
    fn from_pretrained(directory: impl AsRef<Path>) -> Result<Pretrained<Self>, PretrainedError> {
        Pretrained::open(directory.as_ref())
    }
}

/// A model that writes text: it is traced on any number of tokens, which come after those of a cache.
pub trait CausalModel: PretrainedModel<Tokenizer = Tokenizer> {
    /// The graph on texts of so many tokens, `[batch, tokens]` to `[batch, tokens, vocab_size]`.
    ///
    /// # Errors
    /// As [`Forward::trace`](zkml_core::nn::Forward::trace); more tokens than the model was made for.
    fn trace_texts(&self, batch: usize, tokens: usize) -> Result<Graph<Symbolic>, TraceError>;

    /// The graph on `tokens` tokens after `past` tokens of a cache, for `batch` texts.
    ///
    /// Inputs: `input_ids` `[batch, tokens]`, then for each layer `past.0.key` and `past.0.value` `[batch, key heads,
    /// past, channels of a head]`; no cache where `past` is 0. Outputs: the scores, then key and value of all tokens for
    /// each layer. Rotary keys are turned by their positions already.
    ///
    /// # Errors
    /// As [`Self::trace_texts`].
    fn trace_step(&self, batch: usize, tokens: usize, past: usize) -> Result<Graph<Symbolic>, TraceError>;
}

/// What is read from a directory beside configuration and weights.
pub trait FromDirectory: Sized {
    /// # Errors
    /// A file that is missing or cannot be read, or that does not fit a model of so many tokens.
    fn from_directory(directory: &Path, vocabulary: usize) -> Result<Self, PretrainedError>;
}

impl FromDirectory for () {
    fn from_directory(_directory: &Path, _vocabulary: usize) -> Result<(), PretrainedError> {
        Ok(())
    }
}

impl FromDirectory for Tokenizer {
    fn from_directory(directory: &Path, vocabulary: usize) -> Result<Tokenizer, PretrainedError> {
        let file = directory.join("tokenizer.json");
        let tokenizer = Tokenizer::from_json(&file, &read_json(&file, tokenizer::MAXIMUM_BYTES)?)?;
        // The other way round, a vocabulary is padded to a round number.
        if tokenizer.vocabulary() > vocabulary {
            return Err(PretrainedError::Vocabulary {
                file,
                expected: vocabulary,
                found: tokenizer.vocabulary(),
            });
        }
        Ok(tokenizer)
    }
}

/// A model with its weights and, if it reads text, its tokenizer.
#[derive(Debug)]
pub struct Pretrained<M: PretrainedModel> {
    config: M::Config,
    tokenizer: M::Tokenizer,
    /// Tokens after which a text ends.
    ends: Vec<u32>,
    weights: Weights,
}

/// A Llama, or a model of another family that is built like it.
pub type PretrainedLlama = Pretrained<LlamaForCausalLM>;
/// A GPT-2.
pub type PretrainedGpt2 = Pretrained<GPT2LMHeadModel>;
/// A BERT.
pub type PretrainedBert = Pretrained<BertModel>;
/// A vision transformer.
pub type PretrainedViT = Pretrained<ViTForImageClassification>;

/// Most bytes of a `config.json`; they have about a thousand.
const CONFIG_BYTES: u64 = 1 << 24;

impl<M: PretrainedModel> Pretrained<M> {
    fn open(directory: &Path) -> Result<Self, PretrainedError> {
        let file = directory.join("config.json");
        let text = read_json(&file, CONFIG_BYTES)?;
        let refused = |error| PretrainedError::Config {
            file: file.clone(),
            error,
        };
        let config = M::configured(&text).map_err(refused)?;
        let ends = end_tokens(&text).map_err(refused)?;
        let tokenizer = M::Tokenizer::from_directory(directory, M::vocabulary(&config))?;
        let model = Self {
            config,
            tokenizer,
            ends,
            weights: Weights::open(directory)?,
        };
        model.check_tie()?;
        Ok(model)
    }

    /// Some files have the head although it is tied. Then both are the same.
    fn check_tie(&self) -> Result<(), PretrainedError> {
        let Some([head, embedding]) = M::tied(&self.config) else {
            return Ok(());
        };
        match self.weights.values(head)? {
            Some(values) if Some(&values) != self.weights.values(self.key(embedding))?.as_ref() => {
                Err(PretrainedError::Untied { head, embedding })
            }
            _ => Ok(()),
        }
    }

    /// The key of a tensor in the file, which may leave the prefix out.
    fn key<'k>(&self, key: &'k str) -> &'k str {
        match key.strip_prefix(M::PREFIX) {
            Some(short) if self.weights.shape(key).is_none() => short,
            _ => key,
        }
    }

    /// The configuration.
    pub fn config(&self) -> &M::Config {
        &self.config
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &M::Tokenizer {
        &self.tokenizer
    }

    /// Tokens after which a text ends: `eos_token_id` of `config.json`.
    pub fn end_tokens(&self) -> &[u32] {
        &self.ends
    }

    /// The model without weights.
    pub fn model(&self) -> M {
        M::with_config(&self.config)
    }

    /// A graph that [`Self::model`] was traced to, with the weights.
    ///
    /// # Errors
    /// Weights that are missing, have another shape or are not finite; tensors that the model does not ask for.
    pub fn load(&self, mut graph: Graph<Symbolic>) -> Result<Graph<Float>, PretrainedError> {
        for parameter in &mut graph.parameters {
            parameter.path = self.key(&parameter.path).to_owned();
        }
        let (graph, mut report) = graph.load(&self.weights)?;
        report.unused.retain(|key| !M::ignores(key));
        if let Some([head, _]) = M::tied(&self.config) {
            report.unused.retain(|key| key != head);
        }
        if report.unused.is_empty() && report.outside_index.is_empty() {
            Ok(graph)
        } else {
            Err(PretrainedError::Unused(Box::new(report)))
        }
    }
}

impl<M: CausalModel> Pretrained<M> {
    /// The network on a text of `tokens` tokens: input `[1, tokens]`, output `[1, tokens, vocab_size]`.
    ///
    /// # Errors
    /// No token, or more than the model was made for; as [`Self::load`].
    pub fn graph(&self, tokens: usize) -> Result<Graph<Float>, PretrainedError> {
        self.load(self.model().trace_texts(1, tokens)?)
    }

    /// The network on `tokens` tokens after `past` tokens of a cache; see [`CausalModel::trace_step`].
    ///
    /// # Errors
    /// As [`Self::graph`].
    pub fn step_graph(&self, tokens: usize, past: usize) -> Result<Graph<Float>, PretrainedError> {
        self.step_graph_on(1, tokens, past)
    }

    /// As [`Self::step_graph`], for `batch` texts at once.
    pub(super) fn step_graph_on(
        &self,
        batch: usize,
        tokens: usize,
        past: usize,
    ) -> Result<Graph<Float>, PretrainedError> {
        self.load(self.model().trace_step(batch, tokens, past)?)
    }
}

/// The text of a JSON file of at most `limit` bytes.
fn read_json(file: &Path, limit: u64) -> Result<String, PretrainedError> {
    let failed = |source| PretrainedError::Io {
        file: file.to_owned(),
        source,
    };
    let text = files::read_to_string(file, limit).map_err(failed)?;
    match Foreign::of(text.as_bytes()) {
        None => Ok(text),
        Some(found) => {
            let remedy = match found {
                Foreign::LfsPointer => "; `git lfs install` and `git lfs pull` fetch it",
                _ => "",
            };
            let found = std::io::Error::new(std::io::ErrorKind::InvalidData, format!("{found}{remedy}"));
            Err(failed(found))
        }
    }
}

/// `eos_token_id`, a number, a list of numbers, or absent.
fn end_tokens(config: &str) -> Result<Vec<u32>, ConfigError> {
    const KEY: &str = "eos_token_id";
    let settings = Settings::parse(config)?;
    let Some(value) = settings.get(KEY) else {
        return Ok(Vec::new());
    };
    let numbers = value
        .as_array()
        .map_or(core::slice::from_ref(value), Vec::as_slice);
    let id = |number: &serde_json::Value| number.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids: Option<Vec<u32>> = numbers.iter().map(id).collect();
    ids.ok_or_else(|| ConfigError::new(KEY, "a token id or a list of them", value))
}
