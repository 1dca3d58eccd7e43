//! A pretrained language model in floating point, and quantized.

use core::fmt;
use std::path::Path;

use ndarray::ArrayD;
use tracing::info_span;
use zkml_core::graph::{Graph, Lengths, Sizing};
use zkml_core::keys::CompiledModel;
use zkml_core::ops::Float;
use zkml_core::optimize::{PassReport, Switches, optimize};
use zkml_core::privacy::Privacy;
use zkml_core::quant::{Calibration, CalibrationMethod, LanguageReport, QuantizeOptions, quantize};
use zkml_core::setup::{SetupOptions, setup};
use zkml_models::hugging_face::{PretrainedError, PretrainedLlama, PretrainedModel, Sampling};
use zkml_models::llama::{LlamaConfig, LlamaForCausalLM};

use super::{Vocabulary, limits};
use crate::{Error, Prover, Verifier};

/// A language model with its tokenizer, in floating point.
pub struct LanguageModel {
    vocabulary: Vocabulary,
    pretrained: PretrainedLlama,
}

impl LanguageModel {
    /// The model in a directory of Hugging Face's form, named after it: `config.json`, `tokenizer.json` and the weights
    /// in one `.safetensors` file or several.
    ///
    /// # Errors
    /// [`Error::Pretrained`] and [`Error::Vocabulary`] naming the file and what it asks for; [`Error::TooLarge`].
    pub fn from_pretrained(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = directory.as_ref();
        let vocabulary = Vocabulary::open(directory)?;
        let pretrained = LlamaForCausalLM::from_pretrained(directory);
        let pretrained = pretrained.map_err(|error| refused(vocabulary.name(), error))?;
        limits::check_weights(vocabulary.name(), pretrained.config())?;
        Ok(Self {
            vocabulary,
            pretrained,
        })
    }

    /// Its sizes.
    pub fn config(&self) -> &LlamaConfig {
        self.pretrained.config()
    }

    /// Its tokens.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn name(&self) -> &str {
        self.vocabulary.name()
    }

    /// Texts of the model's own, to quantize it with; see [`Sampling`].
    ///
    /// # Errors
    /// [`Error::Pretrained`] for a model that overflows.
    pub fn sample(&self, sampling: Sampling, progress: impl Fn()) -> Result<Vec<Vec<u32>>, Error> {
        let _span = info_span!("sample").entered();
        let texts = self.pretrained.sample(sampling, progress);
        texts.map_err(|error| refused(self.name(), error))
    }

    /// The exact integer model: weights of 8 bits, activations of 16. How large its values get is measured on `texts`,
    /// which all have the same number of tokens. They should not be texts that its perplexity is measured on.
    ///
    /// # Errors
    /// [`Error::Calibration`] for no text, or one of another length; [`Error::Quantize`].
    pub fn quantize(&self, texts: &[Vec<u32>]) -> Result<QuantizedLanguageModel, Error> {
        let calibration = self.calibrate(texts)?;
        let lengths = self.reference()?;
        let (graph, passes) = self.graph(lengths.tokens as usize)?;
        let options = QuantizeOptions::language_model();
        let network = info_span!("quantize").in_scope(|| quantize(&graph, &calibration, &options));
        let mut network = network.map_err(|error| Error::Quantize {
            model: self.name().to_owned(),
            error: Box::new(error),
        })?;
        network.record.passes = passes;
        network.sizing = Sizing::AnyLength(lengths);
        Ok(QuantizedLanguageModel {
            vocabulary: self.vocabulary.clone(),
            compiled: CompiledModel::new(self.name(), network),
        })
    }

    /// The sizes of all values on `texts`. The network's floats are dropped here: there is one copy of them at a time.
    fn calibrate(&self, texts: &[Vec<u32>]) -> Result<Calibration, Error> {
        let tokens = texts.first().map_or(1, Vec::len).max(1);
        let (graph, _) = self.graph(tokens)?;
        let samples = texts.iter().map(|ids| input(ids));
        let calibration = info_span!("calibrate")
            .in_scope(|| Calibration::collect(&graph, samples, CalibrationMethod::MinMax));
        calibration.map_err(|error| Error::Calibration {
            model: self.name().to_owned(),
            error: Box::new(error),
        })
    }

    /// A length of texts that no other size of the network equals.
    fn reference(&self) -> Result<Lengths, Error> {
        // One token adds no size of its own: 1 is that of the batch.
        let (graph, _) = self.graph(1)?;
        let nodes = graph.nodes.iter().flat_map(|node| node.fact.iter().copied());
        let parameters = graph
            .parameters
            .iter()
            .flat_map(|parameter| parameter.values.shape().iter().copied());
        Ok(Lengths::standing_apart_from(nodes.chain(parameters), false))
    }

    /// The network on so many tokens, optimized: ids in, greedy tokens out.
    fn graph(&self, tokens: usize) -> Result<(Graph<Float>, Vec<PassReport>), Error> {
        let graph = self.pretrained.graph(tokens);
        let graph = graph.map_err(|error| refused(self.name(), error))?;
        let graph = graph.with_tokens().map_err(|error| Error::Classifier {
            model: self.name().to_owned(),
            error: Box::new(error),
        })?;
        optimize(graph, &Switches::default()).map_err(|error| Error::Optimize {
            model: self.name().to_owned(),
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
    vocabulary: Vocabulary,
    compiled: CompiledModel,
}

impl QuantizedLanguageModel {
    /// The model of a key, whose tokens are those of `vocabulary`.
    ///
    /// # Errors
    /// [`Error::Text`] for a model that is none of texts, or has another number of tokens.
    pub fn new(vocabulary: Vocabulary, compiled: CompiledModel) -> Result<Self, Error> {
        let graph = &compiled.network.graph;
        let (low, high) = graph[graph.input].fact.range;
        let tokens = usize::try_from(high).map_or(0, |high| high.saturating_add(1));
        if compiled.network.sizing.any_length().is_none() || low != 0 || tokens != vocabulary.size() {
            return Err(Error::Text {
                expected: format!("a model of texts with {} tokens", vocabulary.size()),
                found: format!(
                    "`{}`, whose inputs are integers of {low} to {high}",
                    compiled.name
                ),
            });
        }
        Ok(Self { vocabulary, compiled })
    }

    /// Its tokens.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The integer network, from which a key for texts of any length is made.
    pub fn compiled(&self) -> &CompiledModel {
        &self.compiled
    }

    /// The integer network on so many tokens: the same weights and scales for every number of them.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a text that is too long.
    pub fn at(&self, tokens: usize) -> Result<CompiledModel, Error> {
        let model = self.resized(tokens)?;
        limits::check_text(&model)?;
        Ok(model)
    }

    /// As [`Self::at`], of any length: to be run, and not proved.
    fn resized(&self, tokens: usize) -> Result<CompiledModel, Error> {
        let lengths = Lengths::text(u32::try_from(tokens).unwrap_or(u32::MAX));
        let model = self.compiled.at(lengths);
        model.map_err(|error| Error::Prove { error })
    }

    /// Commits to the weights, once for texts of any length, and makes both keys. See
    /// [`QuantizedModel::setup`](crate::QuantizedModel::setup). Ids and tokens are public in any case.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn setup(&self, privacy: Privacy) -> Result<(Prover, Verifier), Error> {
        self.setup_with(privacy, &SetupOptions::default())
    }

    /// As [`Self::setup`], with a number of proofs, and the length of texts that the key is made for.
    ///
    /// # Errors
    /// As [`Self::setup`].
    pub fn setup_with(&self, privacy: Privacy, options: &SetupOptions) -> Result<(Prover, Verifier), Error> {
        let model = CompiledModel {
            privacy,
            ..self.compiled.clone()
        };
        let key = setup(model, options).map_err(|error| Error::Setup {
            model: self.compiled.name.clone(),
            error: Box::new(error),
        })?;
        let prover = Prover::from_key(key);
        let verifier = prover.verifier()?;
        Ok((prover, verifier))
    }

    /// How close the integer model is to the float model that it was made from, on these texts, which all have the same
    /// number of tokens. Calls `progress` after each, from any thread.
    ///
    /// # Errors
    /// [`Error::Accuracy`] for no text, or one of another length.
    pub fn report(
        &self,
        float: &LanguageModel,
        texts: &[Vec<u32>],
        progress: impl Fn() + Sync,
    ) -> Result<LanguageReport, Error> {
        let tokens = texts.first().map_or(1, Vec::len).max(1);
        let ((float, _), compiled) = (float.graph(tokens)?, self.resized(tokens)?);
        let texts: Vec<ArrayD<f32>> = texts.iter().map(|ids| input(ids)).collect();
        let _span = info_span!("measure accuracy").entered();
        let report = LanguageReport::measure(&float, &compiled.network, &texts, progress);
        report.map_err(|error| Error::Accuracy {
            model: self.compiled.name.clone(),
            error: Box::new(error),
        })
    }
}

macro_rules! debug_by_name {
    ($type:ident, $self:ident => $model:expr) => {
        impl fmt::Debug for $type {
            fn fmt(&$self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut debug = f.debug_struct(stringify!($type));
                debug.field("name", &$model.vocabulary.name()).finish_non_exhaustive()
            }
        }
    };
}

debug_by_name!(LanguageModel, self => self);
debug_by_name!(QuantizedLanguageModel, self => self);
