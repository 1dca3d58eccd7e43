//! Functions on sequences: attention and what it is made of, as `torch` and Hugging Face have them.

use super::Tensor;
use super::functional::cat;
use super::moves::refuse;
use super::trace::{Origin, record};
use crate::graph::{Shape, ShapeError};
use crate::ops::{self, Rope, ScaledDotProductAttentionOptions};

/// `e^(x_i) / sum_j e^(x_j)` along `dim` (negative: from the end).
pub fn softmax(x: Tensor, dim: isize) -> Tensor {
    softmax_at(Origin::Function("softmax"), x, dim)
}

pub(super) fn softmax_at(origin: Origin<'_>, x: Tensor, dim: isize) -> Tensor {
    let shape = ops::normalized(x.shape, dim);
    record(origin, &[x], shape, |_| ops::Softmax {
        axis: from_start(x.shape, dim),
    })
}

/// `x_i - log(sum_j e^(x_j))` along `dim` (negative: from the end). It has no integer form. An argmax of it compares
/// `x` instead, and a model that returns it can return `x`: `Graph::with_argmax` does so.
pub fn log_softmax(x: Tensor, dim: isize) -> Tensor {
    log_softmax_at(Origin::Function("log_softmax"), x, dim)
}

pub(super) fn log_softmax_at(origin: Origin<'_>, x: Tensor, dim: isize) -> Tensor {
    let shape = ops::normalized(x.shape, dim);
    record(origin, &[x], shape, |_| ops::LogSoftmax {
        axis: from_start(x.shape, dim),
    })
}

/// `x / |x|` along `dim` (negative: from the end), with the Euclidean norm: `torch.nn.functional.normalize`. Rows shorter
/// than about 1e-12 stay as short.
pub fn normalize(x: Tensor, dim: isize) -> Tensor {
    let origin = Origin::Function("normalize");
    let (axis, last) = (from_start(x.shape, dim), x.shape.rank().saturating_sub(1));
    if let Err(error) = ops::normalized(x.shape, dim) {
        return refuse(origin, x, error);
    }
    if axis != last {
        let turned = transpose(x, dim, -1);
        return transpose(normalize(turned, -1), dim, -1);
    }
    let channels = x.size(last);
    let norm = ops::RmsNorm {
        weight: None,
        normalized_shape: channels,
        epsilon: SHORTEST * SHORTEST / channels as f64,
    };
    let part = Origin::Part(&origin, "rms_norm");
    let normalized = record(part, &[x], Ok(x.shape), |_| norm);
    let factor = (1.0 / (channels as f64).sqrt()) as f32;
    record(origin, &[normalized], Ok(x.shape), |_| ops::Scale { factor })
}

/// The norm from which on [`normalize`] divides by it.
const SHORTEST: f64 = 1e-12;

/// `[..., I, J]` times `[..., J, K]` is `[..., I, K]`. The axes before the last two are broadcast.
pub fn matmul(left: Tensor, right: Tensor) -> Tensor {
    match ops::matrix_operands(left.shape, right.shape) {
        Ok(shapes) => {
            let operands = [expanded(left, shapes[0]), expanded(right, shapes[1])];
            let product = ops::matrix_product(left.shape, right.shape);
            record(Origin::Function("matmul"), &operands, product, |_| ops::Matmul)
        }
        Err(error) => record(Origin::Function("matmul"), &[left, right], Err(error), |_| {
            ops::Matmul
        }),
    }
}

/// `x` repeated along axes that it lacks, or along which its size is 1: `torch.Tensor.expand`.
pub fn expand<const RANK: usize>(x: Tensor, sizes: [usize; RANK]) -> Tensor {
    let declared = Shape::new(&sizes).ok_or(ShapeError::Declared { operation: "expand" });
    match declared.and_then(|shape| ops::expanded(x.shape, shape)) {
        Ok(shape) => expanded(x, shape),
        Err(error) => refuse(Origin::Function("expand"), x, error),
    }
}

fn expanded(x: Tensor, shape: Shape) -> Tensor {
    if x.shape.same(&shape) {
        return x;
    }
    record(Origin::Function("expand"), &[x], Ok(shape), |_| ops::Expand)
}

/// Axes `dim0` and `dim1` (negative: from the end) of `x` change places.
pub fn transpose(x: Tensor, dim0: isize, dim1: isize) -> Tensor {
    let shape = ops::transposed(x.shape, dim0, dim1);
    record(Origin::Function("transpose"), &[x], shape, |_| {
        let mut order: Vec<usize> = (0..x.shape.rank()).collect();
        order.swap(from_start(x.shape, dim0), from_start(x.shape, dim1));
        ops::Permute { order }
    })
}

/// `length` indices from `start` on along `dim` (negative: from the end).
pub fn narrow(x: Tensor, dim: isize, start: usize, length: usize) -> Tensor {
    let shape = ops::narrowed(x.shape, dim, start, length);
    record(Origin::Function("narrow"), &[x], shape, |_| {
        let axis = from_start(x.shape, dim);
        ops::Narrow { axis, start, length }
    })
}

/// The axis, counted from the first; called for axes that exist.
fn from_start(x: Shape, dim: isize) -> usize {
    let axis = if dim < 0 { dim + x.rank() as isize } else { dim };
    usize::try_from(axis).unwrap_or(0)
}

/// Attention of every query to every key, `softmax(query key^T / sqrt(hd)) value`: query `[B, H, T, hd]`, key
/// `[B, G, S, hd]`, value `[B, G, S, E]`, result `[B, H, T, E]`. `G` divides `H`; query head `h` reads head
/// `floor(h G / H)`, as with PyTorch's `enable_gqa = True`.
pub fn scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor {
    scaled_dot_product_attention_with(query, key, value, ScaledDotProductAttentionOptions::new())
}

/// [`scaled_dot_product_attention`] with a causal mask or another scale.
pub fn scaled_dot_product_attention_with(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: ScaledDotProductAttentionOptions,
) -> Tensor {
    let shape = options.shape(query.shape, key.shape, value.shape);
    record(
        Origin::Function("scaled_dot_product_attention"),
        &[query, key, value],
        shape,
        |_| ops::Attention { options },
    )
}

/// Query `[B, H, T, hd]` and key `[B, G, T, hd]`, each head turned by the position of its token; see [`Rope`].
pub fn apply_rotary_pos_emb(query: Tensor, key: Tensor, rope: Rope) -> (Tensor, Tensor) {
    (rotated(query, rope), rotated(key, rope))
}

/// `[B, H, T, hd]`, each head turned by the position of its token; see [`Rope`].
pub fn rotated(x: Tensor, rope: Rope) -> Tensor {
    record(Origin::Function("rope"), &[x], rope.shape(x.shape), |_| rope)
}

/// Keys and values of the tokens before those of the input, for each layer that attends: Hugging Face's
/// `past_key_values`. Attention layers read and lengthen it as `forward` runs.
#[derive(Debug, Clone, Default)]
pub struct KvCache {
    /// Key and value `[B, G, S, hd]` of each layer.
    layers: Vec<Option<(Tensor, Tensor)>>,
}

impl KvCache {
    /// No tokens yet.
    pub fn new() -> KvCache {
        KvCache::default()
    }

    /// The key and value of each layer, in order.
    pub fn of(layers: impl IntoIterator<Item = (Tensor, Tensor)>) -> KvCache {
        KvCache {
            layers: layers.into_iter().map(Some).collect(),
        }
    }

    /// The number of tokens it holds.
    pub fn seq_length(&self) -> usize {
        let first = self.layers.first().copied().flatten();
        first.map_or(0, |(key, _)| key.size(2))
    }

    /// Appends the key and value `[B, G, T, hd]` of new tokens in layer `layer_idx`; returns those of all tokens.
    pub fn update(&mut self, key: Tensor, value: Tensor, layer_idx: usize) -> (Tensor, Tensor) {
        while self.layers.len() <= layer_idx {
            self.layers.push(None);
        }
        let all = match self.layers.get(layer_idx).copied().flatten() {
            Some((past_key, past_value)) => (cat([past_key, key], 2), cat([past_value, value], 2)),
            None => (key, value),
        };
        if let Some(layer) = self.layers.get_mut(layer_idx) {
            *layer = Some(all);
        }
        all
    }

    /// Key and value of each layer, one after the other.
    pub fn tensors(&self) -> Vec<Tensor> {
        let layers = self.layers.iter().flatten();
        layers.flat_map(|&(key, value)| [key, value]).collect()
    }
}
