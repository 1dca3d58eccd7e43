//! Tracing a model that goes on after the tokens of a cache.

use zkml_core::graph::Graph;
use zkml_core::nn::{InputKind, KvCache, Tensor, Tokens, TraceError, TraceInput, trace_inputs};
use zkml_core::ops::Symbolic;

/// Sizes of the keys and values that a model keeps for each token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CacheShape {
    /// Layers that attend.
    pub(crate) layers: usize,
    /// Heads of keys.
    pub(crate) heads: usize,
    /// Channels of a head.
    pub(crate) head_dim: usize,
}

/// The graph of `forward` on `[batch, tokens, past]`: `tokens` tokens after `past` tokens of a cache, for `batch` texts.
/// Inputs and outputs are those of [`CausalModel::trace_step`](super::CausalModel::trace_step).
///
/// # Errors
/// As [`trace_inputs`].
pub(crate) fn trace_after(
    cache: CacheShape,
    [batch, tokens, past]: [usize; 3],
    forward: impl FnOnce(Tokens, &mut KvCache) -> Tensor,
) -> Result<Graph<Symbolic>, TraceError> {
    let mut inputs = vec![TraceInput {
        name: "input_ids".to_owned(),
        kind: InputKind::Tokens,
        shape: vec![batch, tokens],
    }];
    let layers = if past == 0 { 0 } else { cache.layers };
    for layer in 0..layers {
        inputs.extend(["key", "value"].map(|what| TraceInput {
            name: format!("past.{layer}.{what}"),
            kind: InputKind::Tensor,
            shape: vec![batch, cache.heads, past, cache.head_dim],
        }));
    }
    trace_inputs(&inputs, |tensors| {
        let Some((&ids, cached)) = tensors.split_first() else {
            return Vec::new();
        };
        let (pairs, _) = cached.as_chunks::<2>();
        let mut past_key_values = KvCache::of(pairs.iter().map(|&[key, value]| (key, value)));
        let logits = forward(Tokens::of(ids), &mut past_key_values);
        core::iter::once(logits)
            .chain(past_key_values.tensors())
            .collect()
    })
}
