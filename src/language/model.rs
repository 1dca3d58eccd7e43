//! A pretrained language model in floating point, and quantized.

use core::fmt;
use std::path::Path;

use ndarray::ArrayD;
use tracing::info_span;
use zkml_core::graph::Graph;
use zkml_core::keys::CompiledModel;
use zkml_core::ops::Float;
use zkml_core::optimize::{PassReport, Switches, optimize};
use zkml_core::quant::{Calibration, CalibrationMethod, LanguageReport, QuantizeOptions, quantize};
use zkml_models::hugging_face::{PretrainedError, PretrainedLlama, PretrainedModel, Sampling, Tokenizer};
use zkml_models::llama::{LlamaConfig, LlamaForCausalLM};

use super::limits;
use crate::Error;

/// A language model with its tokenizer, in floating point.
pub struct LanguageModel {
    name: String,
    pretrained: PretrainedLlama,
}

impl LanguageModel {
    /// The model in a directory of Hugging Face's form, named after it: `config.json`, `tokenizer.json` and the weights
    /// in one `.safetensors` file or several.
    ///
    /// # Errors
    /// [`Error::Pretrained`] naming the file and what it asks for; [`Error::TooLarge`].
    pub fn from_pretrained(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = directory.as_ref();
        let full = directory.canonicalize();
        let full = full.as_deref().unwrap_or(directory);
        let name = full
            .file_name()
            .map_or("llama".into(), |name| name.to_string_lossy());
        let name = name.into_owned();
        let pretrained = LlamaForCausalLM::from_pretrained(directory);
        let pretrained = pretrained.map_err(|error| refused(&name, error))?;
        limits::check_weights(&name, pretrained.config())?;
        Ok(Self { name, pretrained })
    }

    /// Its sizes.
    pub fn config(&self) -> &LlamaConfig {
        self.pretrained.config()
    }

    /// Its tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        self.pretrained.tokenizer()
    }

    /// The ids of a text.
    ///
    /// # Errors
    /// [`Error::Pretrained`] for a text that cannot be encoded.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        let ids = self.tokenizer().encode(text);
        ids.map_err(|error| refused(&self.name, error.into()))
    }

    /// Texts of the model's own, to quantize it with; see [`Sampling`].
    ///
    /// # Errors
    /// [`Error::Pretrained`] for a model that overflows.
    pub fn sample(&self, sampling: Sampling, progress: impl Fn()) -> Result<Vec<Vec<u32>>, Error> {
        let _span = info_span!("sample").entered();
        let texts = self.pretrained.sample(sampling, progress);
        texts.map_err(|error| refused(&self.name, error))
    }

    /// The exact integer model: weights of 8 bits, activations of 16. How large its values get is measured on `texts`,
    /// which all have the same number of tokens. They should not be texts that its perplexity is measured on.
    ///
    /// # Errors
    /// [`Error::Calibration`] for no text, or one of another length; [`Error::Quantize`].
    pub fn quantize(self, texts: &[Vec<u32>]) -> Result<QuantizedLanguageModel, Error> {
        let tokens = texts.first().map_or(1, Vec::len).max(1);
        let (graph, _) = self.graph(tokens)?;
        let samples = texts.iter().map(|ids| input(ids));
        let calibration = info_span!("calibrate")
            .in_scope(|| Calibration::collect(&graph, samples, CalibrationMethod::MinMax));
        let calibration = calibration.map_err(|error| Error::Calibration {
            model: self.name.clone(),
            error: Box::new(error),
        })?;
        let model = QuantizedLanguageModel {
            model: self,
            calibration,
            options: QuantizeOptions::language_model(),
        };
        // Fails now or never: what follows differs in the number of tokens alone.
        model.compile(tokens)?;
        Ok(model)
    }

    /// Does a text end after this token?
    pub(super) fn ends(&self, token: u32) -> bool {
        self.pretrained.end_tokens().contains(&token)
    }

    /// The network on so many tokens, optimized: ids in, greedy tokens out.
    fn graph(&self, tokens: usize) -> Result<(Graph<Float>, Vec<PassReport>), Error> {
        let graph = self.pretrained.graph(tokens);
        let graph = graph.map_err(|error| refused(&self.name, error))?;
        let graph = graph.with_tokens().map_err(|error| Error::Classifier {
            model: self.name.clone(),
            error: Box::new(error),
        })?;
        optimize(graph, &Switches::default()).map_err(|error| Error::Optimize {
            model: self.name.clone(),
            error: Box::new(error),
        })
    }
}

/// Ids of one text, as an input of the network.
pub(super) fn input(ids: &[u32]) -> ArrayD<f32> {
    let values = ids.iter().map(|id| *id as f32);
    ndarray::Array2::from_shape_fn((1, ids.len()), {
        let values: Vec<f32> = values.collect();
        move |(_, at)| values[at]
    })
    .into_dyn()
}

fn refused(model: &str, error: PretrainedError) -> Error {
    Error::Pretrained {
        model: model.to_owned(),
        error: Box::new(error),
    }
}

/// A language model whose answers can be proved.
pub struct QuantizedLanguageModel {
    pub(super) model: LanguageModel,
    calibration: Calibration,
    options: QuantizeOptions,
}

impl QuantizedLanguageModel {
    /// Its sizes.
    pub fn config(&self) -> &LlamaConfig {
        self.model.config()
    }

    /// Its tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        self.model.tokenizer()
    }

    /// The ids of a text.
    ///
    /// # Errors
    /// As [`LanguageModel::encode`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.model.encode(text)
    }

    /// The text of ids.
    ///
    /// # Errors
    /// [`Error::Pretrained`] for an id that the tokenizer does not have.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        let text = self.tokenizer().decode(ids);
        text.map_err(|error| refused(&self.model.name, error.into()))
    }

    /// The integer network on so many tokens, from which keys are made. The integers of its weights and its scales are
    /// the same for every number of tokens.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a text that is too long; [`Error::Quantize`].
    pub fn compile(&self, tokens: usize) -> Result<CompiledModel, Error> {
        let name = &self.model.name;
        limits::check_text(name, self.config(), tokens)?;
        let (graph, passes) = self.model.graph(tokens)?;
        let network = info_span!("quantize").in_scope(|| quantize(&graph, &self.calibration, &self.options));
        let mut network = network.map_err(|error| Error::Quantize {
            model: name.clone(),
            error: Box::new(error),
        })?;
        network.record.passes = passes;
        Ok(CompiledModel::new(name.clone(), network))
    }

    /// How close the integer model is to the float model on these texts, which all have the same number of tokens.
    /// Calls `progress` after each, from any thread.
    ///
    /// # Errors
    /// [`Error::Accuracy`] for no text, or one of another length.
    pub fn report(&self, texts: &[Vec<u32>], progress: impl Fn() + Sync) -> Result<LanguageReport, Error> {
        let tokens = texts.first().map_or(1, Vec::len).max(1);
        let ((float, _), compiled) = (self.model.graph(tokens)?, self.compile(tokens)?);
        let texts: Vec<ArrayD<f32>> = texts.iter().map(|ids| input(ids)).collect();
        let _span = info_span!("measure accuracy").entered();
        let report = LanguageReport::measure(&float, &compiled.network, &texts, progress);
        report.map_err(|error| Error::Accuracy {
            model: self.model.name.clone(),
            error: Box::new(error),
        })
    }
}

macro_rules! debug_by_name {
    ($type:ident, $self:ident => $model:expr) => {
        impl fmt::Debug for $type {
            fn fmt(&$self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut debug = f.debug_struct(stringify!($type));
                debug.field("name", &$model.name).finish_non_exhaustive()
            }
        }
    };
}

debug_by_name!(LanguageModel, self => self);
debug_by_name!(QuantizedLanguageModel, self => self.model);
