//! A language model from a directory.

use std::path::{Path, PathBuf};

use zkml_core::execute::ExecutionError;
use zkml_core::files::{self, Foreign};
use zkml_core::graph::Graph;
use zkml_core::nn::{Forward, LoadReport, TraceError, WeightError, Weights};
use zkml_core::ops::{Float, Symbolic};

use super::{ConfigError, Settings, Tokenizer, TokenizerError, tokenizer};
use crate::llama::{LlamaConfig, LlamaForCausalLM};

/// A directory that holds no model we can run.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PretrainedError {
    /// A file cannot be read.
    #[error("{}: expected a file of a Hugging Face directory, found {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A setting asks for what we lack.
    #[error("{}: {error}", file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// The setting.
        error: ConfigError,
    },
    /// The tokenizer cannot be read.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The tokenizer has more tokens than the model.
    #[error("{}: expected token ids below vocab_size = {expected}, found {found} ids", file.display())]
    Vocabulary {
        /// The file.
        file: PathBuf,
        /// Tokens of the model.
        expected: usize,
        /// Tokens of the tokenizer.
        found: usize,
    },
    /// The weights cannot be read, or do not fit.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// The file has tensors that the model does not ask for: it is another model.
    #[error("expected no tensor beyond the model's, found:\n{0}")]
    Unused(Box<LoadReport>),
    /// The head is tied to the embedding, but the file has another one for it.
    #[error(
        "{key}: expected the values of `model.embed_tokens.weight`, for config.json has `tie_word_embeddings`, \
         found others; set `tie_word_embeddings` to false to use them"
    )]
    Untied {
        /// The tensor.
        key: &'static str,
    },
    /// The float model cannot be run on the text.
    #[error("{0}")]
    Run(ExecutionError),
    /// The model cannot be traced on the input.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

zkml_core::debug_as_display!(PretrainedError);

/// A Llama, or a model of another family that is built like it, with its weights and its tokenizer.
#[derive(Debug)]
pub struct PretrainedLlama {
    config: LlamaConfig,
    tokenizer: Tokenizer,
    /// Tokens after which a text ends.
    ends: Vec<u32>,
    weights: Weights,
}

/// Most bytes of a `config.json`; they have about a thousand.
const CONFIG_BYTES: u64 = 1 << 24;

const HEAD: &str = "lm_head.weight";
const EMBEDDING: &str = "model.embed_tokens.weight";

impl LlamaForCausalLM {
    /// The model in a directory of Hugging Face's form: `config.json`, `model.safetensors` or
    /// `model.safetensors.index.json` with its shards (F64, F32, F16 or BF16), `tokenizer.json`.
    ///
    /// # Errors
    /// A file that is missing or cannot be read; a setting or a tensor that this model does not have, by name.
    pub fn from_pretrained(directory: impl AsRef<Path>) -> Result<PretrainedLlama, PretrainedError> {
        PretrainedLlama::open(directory.as_ref())
    }
}

impl PretrainedLlama {
    fn open(directory: &Path) -> Result<PretrainedLlama, PretrainedError> {
        let file = directory.join("config.json");
        let text = read_json(&file, CONFIG_BYTES)?;
        let refused = |error| PretrainedError::Config {
            file: file.clone(),
            error,
        };
        let config = LlamaConfig::from_json(&text).map_err(refused)?;
        let ends = end_tokens(&text).map_err(refused)?;
        let file = directory.join("tokenizer.json");
        let tokenizer = Tokenizer::from_json(&file, &read_json(&file, tokenizer::MAXIMUM_BYTES)?)?;
        // The other way round, a vocabulary is padded to a round number.
        if tokenizer.vocabulary() > config.vocab_size {
            return Err(PretrainedError::Vocabulary {
                file,
                expected: config.vocab_size,
                found: tokenizer.vocabulary(),
            });
        }
        let model = PretrainedLlama {
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
        if !self.config.tie_word_embeddings {
            return Ok(());
        }
        match self.weights.values(HEAD)? {
            Some(head) if Some(&head) != self.weights.values(EMBEDDING)?.as_ref() => {
                Err(PretrainedError::Untied { key: HEAD })
            }
            _ => Ok(()),
        }
    }

    /// The configuration.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Tokens after which a text ends: `eos_token_id` of `config.json`.
    pub fn end_tokens(&self) -> &[u32] {
        &self.ends
    }

    /// The model without weights.
    pub fn model(&self) -> LlamaForCausalLM {
        LlamaForCausalLM::new(self.config)
    }

    /// The network on a text of `tokens` tokens: input `[1, tokens]`, output `[1, tokens, vocab_size]`.
    ///
    /// # Errors
    /// No token, or more than [`LlamaConfig::sliding_window`]; weights that are missing, have another shape or are not
    /// finite; tensors that the model does not ask for.
    pub fn graph(&self, tokens: usize) -> Result<Graph<Float>, PretrainedError> {
        self.config.check_window(tokens)?;
        self.load(self.model().trace_with_input(&[1, tokens])?)
    }

    /// The network on `tokens` tokens after `past` tokens of a cache; see [`LlamaForCausalLM::trace_step`].
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

    fn load(&self, graph: Graph<Symbolic>) -> Result<Graph<Float>, PretrainedError> {
        let (graph, mut report) = graph.load(&self.weights)?;
        // Files of 2023 hold the frequencies of the rotary embedding, which follow from the configuration.
        report.unused.retain(|key| !key.ends_with("rotary_emb.inv_freq"));
        if self.config.tie_word_embeddings {
            report.unused.retain(|key| key != HEAD);
        }
        if report.unused.is_empty() && report.outside_index.is_empty() {
            Ok(graph)
        } else {
            Err(PretrainedError::Unused(Box::new(report)))
        }
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
