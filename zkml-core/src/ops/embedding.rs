//! `torch.nn.Embedding`: a row of a table for each token id.

mod integer;

pub use integer::IntegerEmbedding;
pub(super) use integer::check_multipliers;

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Dimension};

#[cfg(feature = "prover")]
use super::{ExecutionError, FloatSite, QuantizeError, Quantizing};
use super::{FloatRoom, Properties, Room};
use crate::graph::{
    MAX_RANK, OperandError, ParameterId, Shape, ShapeError, Site, attempt, infer, positive, sized,
};

const NAME: &str = "Embedding";

/// Hyper-parameters of an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddingOptions {
    /// Size of the vocabulary: ids are below it.
    pub num_embeddings: usize,
    /// Size of a row.
    pub embedding_dim: usize,
}

impl EmbeddingOptions {
    /// With PyTorch's defaults.
    pub const fn new(num_embeddings: usize, embedding_dim: usize) -> EmbeddingOptions {
        EmbeddingOptions {
            num_embeddings,
            embedding_dim,
        }
    }

    /// # Errors
    /// A size of 0.
    pub const fn check(&self) -> Result<(), ShapeError> {
        attempt!(positive(NAME, "num_embeddings", self.num_embeddings));
        positive(NAME, "embedding_dim", self.embedding_dim)
    }

    /// `[...] -> [..., embedding_dim]`.
    ///
    /// # Errors
    /// Options that make no sense; ids of six dimensions, or of too many elements.
    pub const fn shape(&self, ids: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        if ids.rank() >= MAX_RANK {
            return Err(ShapeError::Rank {
                operation: NAME,
                expected: "ids of at most 5 dimensions [N, T]",
                found: ids,
            });
        }
        let mut sizes = [1; MAX_RANK];
        let mut axis = 0;
        while axis < ids.rank() {
            sizes[axis] = ids.size(axis);
            axis += 1;
        }
        sizes[axis] = self.embedding_dim;
        sized(NAME, ids, sizes.split_at(axis + 1).0)
    }

    infer!(|self, x| self.shape(x));
}

/// `y[.., :] = weight[id[..], :]`; weight `[V, D]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedding {
    /// The table.
    pub weight: ParameterId,
}

impl Room for Embedding {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        vec![&mut self.weight]
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let [tokens, width] = site.sizes::<2>(self.weight)?;
        Ok(EmbeddingOptions::new(tokens, width).shape(site.one()?)?)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

/// The id that a float stands for, if it is an integer in `[0, vocabulary)`.
#[cfg(feature = "prover")]
fn token(value: f32, vocabulary: usize) -> Option<usize> {
    let id = value as usize;
    (id as f32 == value && id < vocabulary).then_some(id)
}

impl FloatRoom for Embedding {
    fn chosen_rows(&self) -> Option<ParameterId> {
        Some(self.weight)
    }

    #[cfg(feature = "prover")]
    fn accepts(&self, site: &FloatSite<'_>) -> Result<(), ExecutionError> {
        let (Some(ids), Some(weight)) = (site.operand(0), site.parameter(self.weight)) else {
            return Ok(());
        };
        let vocabulary = weight.shape().first().copied().unwrap_or(0);
        match ids
            .indexed_iter()
            .find(|(_, value)| token(**value, vocabulary).is_none())
        {
            None => Ok(()),
            Some((index, &value)) => Err(ExecutionError::TokenId {
                layer: site.node.name.clone(),
                index: index.slice().to_vec(),
                value,
                vocabulary,
            }),
        }
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let weight = site.parameter(self.weight)?;
        let (rows, width) = (weight.shape().first().copied()?, *weight.shape().get(1)?);
        let weight = weight.as_standard_layout();
        let weight = weight.as_slice()?;
        let mut y = Vec::with_capacity(site.shape().iter().product());
        for &id in site.operand(0)? {
            let start = token(id, rows)? * width;
            y.extend_from_slice(weight.get(start..start + width)?);
        }
        ArrayD::from_shape_vec(site.shape(), y).ok()
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.wide("an embedding")?;
        let op = |weight, multipliers| IntegerEmbedding { weight, multipliers }.into();
        quantizing.rows(self.weight, &op)
    }
}
