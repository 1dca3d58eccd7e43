//! Layers of language models: `torch.nn.Embedding`, `LayerNorm` and `RMSNorm`.

use super::declare;
use crate::graph::{Shape, ShapeError};
use crate::nn::trace::{Origin, record};
use crate::nn::{Called, Forward, InputKind, Module, ParameterPath, Tensor, Tokens};
use crate::ops::{self, EmbeddingOptions, LayerNormOptions, RMSNormOptions};

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

    /// The rows `start` to `start + length` (not included), `[length, embedding_dim]`: what `forward` gives for ids
    /// that the model itself counts, such as positions.
    pub fn rows(&self, start: usize, length: usize) -> Tensor {
        let table = [self.options.num_embeddings, self.options.embedding_dim];
        let declared = Shape::new(&table).ok_or(ShapeError::Declared {
            operation: "Embedding",
        });
        let shape = declared.and_then(|shape| ops::chosen(shape, start, length));
        record(Origin::Layer(&self.path), &[], shape, |recording| {
            let weight = recording.parameter(&self.path, "weight", &table);
            ops::FixedRows {
                weight,
                start,
                length,
            }
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

declare!(
    /// `(x - mean(x)) / sqrt(var(x) + eps)` along the last axis, times the parameter `weight` and plus `bias`, both
    /// `[normalized_shape]`.
    ///
    /// Three operations: rows without their mean ([`ops::Center`]), divided by the root of the mean of their squares
    /// ([`ops::RmsNorm`]), and an affine map of each channel ([`ops::ChannelAffine`]), which linear layers behind take.
    LayerNorm,
    LayerNormOptions,
    /// The result has the shape of `x`.
    |self, x| {
        let (options, origin) = (&self.options, Origin::Layer(&self.path));
        let channels = options.normalized_shape;
        let center = Origin::Part(&origin, "center");
        let centered = record(center, &[x], options.shape(x.shape), |_| ops::Center);
        let norm = ops::RmsNorm {
            weight: None,
            normalized_shape: channels,
            epsilon: options.eps,
        };
        if !options.elementwise_affine {
            return record(origin, &[centered], Ok(x.shape), |_| norm);
        }
        let part = Origin::Part(&origin, "rms_norm");
        let normalized = record(part, &[centered], Ok(x.shape), |_| norm);
        record(origin, &[normalized], Ok(x.shape), |recording| {
            let (weight, bias) = recording.affine(&self.path, &[channels], options.bias);
            ops::ChannelAffine { weight, bias }
        })
    }
);
