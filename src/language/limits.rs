//! What is too large to be proved today, said before anything large is read.

use zkml_core::keys::CompiledModel;
use zkml_core::ops::IntOp;
use zkml_models::llama::LlamaConfig;

use crate::Error;

/// Most weights: quantization takes 4 bytes for the float of each and 1 for its integer, of 22 GiB. Setup carries more,
/// see [`MAXIMUM_WEIGHT_CELLS`](zkml_core::setup::MAXIMUM_WEIGHT_CELLS).
const MAXIMUM_WEIGHTS: u64 = (22 << 30) / 5;

/// Most cells of scores in all layers. Each is looked up several times.
const MAXIMUM_SCORES: u64 = 1 << 24;

/// Refuses a model whose weights are too many, each axis rounded up to a power of two as it is committed.
pub(super) fn check_weights(name: &str, config: &LlamaConfig) -> Result<(), Error> {
    let cells = |rows: usize, columns: usize| {
        let [rows, columns] = [rows, columns].map(|size| size.next_power_of_two() as u64);
        rows.saturating_mul(columns)
    };
    let (width, inner) = (config.hidden_size, config.intermediate_size);
    let queries = config.num_attention_heads.saturating_mul(config.head_dim);
    let keys = config.num_key_value_heads.saturating_mul(config.head_dim);
    let layer = [
        2 * cells(queries, width),
        2 * cells(keys, width),
        3 * cells(inner, width),
    ];
    let layer: u64 = layer.iter().fold(0, |sum, cells| sum.saturating_add(*cells));
    let layers = layer.saturating_mul(config.num_hidden_layers as u64);
    // A tied head is the embedding's table, which is committed once.
    let tables = if config.tie_word_embeddings { 1 } else { 2 };
    let found = layers.saturating_add(tables * cells(config.vocab_size, width));
    refuse(
        name,
        "cells of weights, sizes rounded up to powers of two",
        found,
        MAXIMUM_WEIGHTS,
    )
}

/// Refuses a text whose attention has too many scores.
pub(super) fn check_text(model: &CompiledModel) -> Result<(), Error> {
    let graph = &model.network.graph;
    let scores = graph.nodes.iter().map(|node| match &node.op {
        IntOp::IntegerAttention(_) => {
            let sizes = |operand: usize| {
                node.inputs
                    .get(operand)
                    .map(|id| graph[*id].fact.shape.as_slice())
            };
            match (sizes(0), sizes(1)) {
                (Some([batch, heads, queries, _]), Some([_, _, keys, _])) => {
                    [batch, heads, queries, keys].iter().fold(1u64, |product, size| {
                        product.saturating_mul(size.next_power_of_two() as u64)
                    })
                }
                _ => 0,
            }
        }
        _ => 0,
    });
    let found = scores.fold(0, u64::saturating_add);
    refuse(
        &model.name,
        "scores of the attention in one proof",
        found,
        MAXIMUM_SCORES,
    )
}

fn refuse(name: &str, quantity: &'static str, found: u64, limit: u64) -> Result<(), Error> {
    if found <= limit {
        return Ok(());
    }
    Err(Error::TooLarge {
        model: name.to_owned(),
        quantity,
        limit,
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_billion_parameters_are_refused_by_number_and_one_is_not() {
        let llama = |layers, vocabulary, width, inner| LlamaConfig {
            num_hidden_layers: layers,
            num_attention_heads: 32,
            num_key_value_heads: 8,
            head_dim: width / 32,
            ..LlamaConfig::new(vocabulary, width, inner)
        };
        let error = check_weights("llama", &llama(32, 128_256, 4096, 14_336)).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(&MAXIMUM_WEIGHTS.to_string()), "{error}");
        assert!(check_weights("llama", &llama(16, 128_256, 2048, 8192)).is_ok());
    }
}
