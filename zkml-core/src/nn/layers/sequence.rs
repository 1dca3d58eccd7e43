//! Layers of language models: `torch.nn.Embedding` and `RMSNorm`.

use super::declare;
use crate::nn::trace::{Origin, record};
use crate::nn::{Called, Forward, InputKind, Module, ParameterPath, Tensor, Tokens};
use crate::ops::{self, EmbeddingOptions, RMSNormOptions};

/// A row of a table for each token. Parameter: `weight` `[num_embeddings, embedding_dim]`.
#[derive(Debug, Clone)]
pub struct Embedding {
    path: ParameterPath,
    options: EmbeddingOptions,
}

impl Module for Embedding {
    type Options = EmbeddingOptions;

    fn build(path: ParameterPath, options: EmbeddingOptions) -> Embedding {
        Embedding { path, options }
    }
}

impl Embedding {
    /// `[N, T] -> [N, T, embedding_dim]`.
    pub fn forward(&self, ids: Tokens) -> Tensor {
        let (ids, options) = (ids.tensor(), &self.options);
        let shape = options.shape(ids.shape);
        record(Origin::Layer(&self.path), &[ids], shape, |recording| {
            let table = [options.num_embeddings, options.embedding_dim];
            let weight = recording.parameter(&self.path, "weight", &table);
            ops::Embedding { weight }
        })
    }
}

impl Called for Embedding {
    const USED_FIELDS: &'static [&'static str] = &["*"];
}

impl Forward for Embedding {
    const INPUT_KINDS: &'static [InputKind] = &[InputKind::Tokens];

    fn run(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        inputs.iter().map(|&ids| self.forward(Tokens::of(ids))).collect()
    }
}

declare!(
    /// `x / sqrt(mean(x^2) + eps)` along the last axis, times the parameter `weight` `[normalized_shape]`.
    RMSNorm,
    RMSNormOptions,
    /// The result has the shape of `x`.
    records |options, path, recording| {
        let mut weight = || recording.parameter(path, "weight", &[options.normalized_shape]);
        ops::RmsNorm {
            weight: options.elementwise_affine.then(&mut weight),
            normalized_shape: options.normalized_shape,
            epsilon: options.eps,
        }
    }
);
