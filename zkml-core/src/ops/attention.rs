//! `torch.nn.functional.scaled_dot_product_attention`, with groups of query heads that share a key.
//!
//! ```text
//! s[b,h,i,j] = scale sum_c q[b,h,i,c] k[b,g,j,c]            g = floor(h G / H)
//! p[b,h,i,:] = softmax over the j that i may see            j <= i + S - T, if causal
//! y[b,h,i,c] = sum_j p[b,h,i,j] v[b,g,j,c]
//! ```

mod integer;

pub use integer::IntegerAttention;

#[cfg(feature = "prover")]
use ndarray::ArrayD;

#[cfg(feature = "prover")]
use super::softmax::normalize;
use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::graph::{OperandError, Shape, ShapeError, Site, attempt, sized, unlike};

const NAME: &str = "scaled_dot_product_attention";

/// Hyper-parameters of an attention. Heads are always grouped, as with PyTorch's `enable_gqa = True`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScaledDotProductAttentionOptions {
    /// Whether a query sees only the keys up to its own position; no. The last query stands at the last key: query `i`
    /// of `T` sees key `j` of `S` where `j <= i + S - T`, so that keys of a cache come first.
    ///
    /// For `T = S` this is PyTorch's `is_causal`. For others PyTorch aligns the first query with the first key; the
    /// mask here is its `torch.nn.attention.bias.causal_lower_right`.
    pub is_causal: bool,
    /// Factor of the scores; `1 / sqrt(hd)`.
    pub scale: Option<f64>,
}

impl ScaledDotProductAttentionOptions {
    /// With PyTorch's defaults.
    pub const fn new() -> ScaledDotProductAttentionOptions {
        ScaledDotProductAttentionOptions {
            is_causal: false,
            scale: None,
        }
    }

    /// Query `[B, H, T, hd]`, key `[B, G, S, hd]` and value `[B, G, S, E]` give `[B, H, T, E]`; `G` divides `H`.
    ///
    /// # Errors
    /// A scale that is no number; operands that do not fit.
    pub const fn shape(&self, query: Shape, key: Shape, value: Shape) -> Result<Shape, ShapeError> {
        if let Some(scale) = self.scale
            && !scale.is_finite()
        {
            return Err(ShapeError::Number { operation: NAME });
        }
        let shape = attempt!(attended(query, key, value));
        if self.is_causal && key.size(2) < query.size(2) {
            return Err(unlike(
                NAME,
                "at least as many keys as the queries of",
                query,
                key,
            ));
        }
        Ok(shape)
    }

    /// Factor of the scores of heads with `head_dim` channels.
    pub fn factor(&self, head_dim: usize) -> f64 {
        self.scale.unwrap_or_else(|| 1.0 / (head_dim as f64).sqrt())
    }
}

impl Default for ScaledDotProductAttentionOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The shape of the result, whatever the options.
///
/// # Errors
/// Operands that do not fit.
pub const fn attended(query: Shape, key: Shape, value: Shape) -> Result<Shape, ShapeError> {
    attempt!(has_heads(query));
    attempt!(has_heads(key));
    attempt!(has_heads(value));
    if key.size(0) != query.size(0) || key.size(3) != query.size(3) {
        return Err(unlike(
            NAME,
            "a key with batch and head size of the query",
            query,
            key,
        ));
    }
    if !query.size(1).is_multiple_of(key.size(1)) {
        return Err(ShapeError::Heads {
            operation: NAME,
            query,
            key,
        });
    }
    if value.size(0) != key.size(0) || value.size(1) != key.size(1) || value.size(2) != key.size(2) {
        return Err(unlike(
            NAME,
            "a value with batch, heads and length of the key",
            key,
            value,
        ));
    }
    sized(
        NAME,
        query,
        &[query.size(0), query.size(1), query.size(2), value.size(3)],
    )
}

const fn has_heads(x: Shape) -> Result<(), ShapeError> {
    if x.rank() == 4 {
        return Ok(());
    }
    Err(ShapeError::Rank {
        operation: NAME,
        expected: "4 dimensions [batch, heads, tokens, channels]",
        found: x,
    })
}

/// Operands: query `[B, H, T, hd]`, key `[B, G, S, hd]`, value `[B, G, S, E]`. Query head `h` reads head
/// `floor(h G / H)` of key and value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// Mask and scale.
    pub options: ScaledDotProductAttentionOptions,
}

impl Room for Attention {
    fn label(&self) -> Option<&'static str> {
        Some("ScaledDotProductAttention")
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        match *site.operands {
            [query, key, value] => Ok(self.options.shape(query, key, value)?),
            _ => Err(site.arity(3)),
        }
    }

    fn properties(&self) -> Properties {
        Properties::OWN_SCALE
    }
}

/// One head: its keys and values, and how it weighs them.
#[cfg(feature = "prover")]
struct Head<'a> {
    keys: &'a [f32],
    values: &'a [f32],
    head_dim: usize,
    width: usize,
    factor: f64,
}

#[cfg(feature = "prover")]
impl Head<'_> {
    /// The mean of the values of the first `seen` keys, weighed by the softmax of their scores.
    fn attend(&self, query: &[f32], seen: usize, y: &mut Vec<f32>) {
        let dot = |key: &[f32]| -> f64 {
            let products = query.iter().zip(key).map(|(&q, &k)| f64::from(q) * f64::from(k));
            products.sum()
        };
        let keys = self.keys.chunks_exact(self.head_dim).take(seen);
        let mut weights: Vec<f64> = keys.map(|key| self.factor * dot(key)).collect();
        normalize(&mut weights);
        let mut mean = vec![0.0; self.width];
        for (value, weight) in self.values.chunks_exact(self.width).zip(&weights) {
            mean.iter_mut()
                .zip(value)
                .for_each(|(mean, &value)| *mean += weight * f64::from(value));
        }
        y.extend(mean.into_iter().map(|mean| mean as f32));
    }
}

impl FloatRoom for Attention {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let (query, key, value) = (site.operand(0)?, site.operand(1)?, site.operand(2)?);
        let &[_, heads, tokens, head_dim] = query.shape() else {
            return None;
        };
        let (&[_, groups, length, _], width) = (key.shape(), *value.shape().last()?) else {
            return None;
        };
        let (query, key, value) = (query.as_slice()?, key.as_slice()?, value.as_slice()?);
        let mut y = Vec::with_capacity(site.shape().iter().product());
        for (row, query) in query.chunks_exact(head_dim).enumerate() {
            let (head, token) = (row / tokens, row % tokens);
            let group = head / heads * groups + head % heads * groups / heads;
            let attended = Head {
                keys: key.get(group * length * head_dim..(group + 1) * length * head_dim)?,
                values: value.get(group * length * width..(group + 1) * length * width)?,
                head_dim,
                width,
                factor: self.options.factor(head_dim),
            };
            let seen = if self.options.is_causal {
                (token + 1 + length).checked_sub(tokens)?
            } else {
                length
            };
            attended.attend(query, seen, &mut y);
        }
        ArrayD::from_shape_vec(site.shape(), y).ok()
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let bits = quantizing.wide("an attention")?;
        let [q, k, v] = [
            quantizing.activation(0)?,
            quantizing.activation(1)?,
            quantizing.activation(2)?,
        ];
        let head_dim = quantizing.operand_shape(0).last().copied().unwrap_or(1);
        let factor = q.scale * k.scale * self.options.factor(head_dim);
        let op = IntegerAttention::for_scores(factor, self.options.is_causal, bits);
        let op = op.map_err(|error| QuantizeError::Table {
            layer: quantizing.node().name.clone(),
            error,
        })?;
        quantizing.activate(op.into(), vec![q.node, k.node, v.node], v.scale)
    }
}
