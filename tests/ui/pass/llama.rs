//! What language models need: tokens, further arguments of nested models, a cache, tied parameters.
#![deny(warnings)]

use zkml::nn::{KvCache, Rope, ScaledDotProductAttentionOptions};
use zkml::nn::{apply_rotary_pos_emb, scaled_dot_product_attention_with};
use zkml::prelude::*;

/// Another result than a tensor.
#[zk_model]
struct Angles {
    #[arg]
    theta: f64,
}

#[zk_model]
impl Angles {
    fn forward(&self, x: Tensor, cache: &KvCache) -> Rope {
        let _ = x;
        Rope {
            rope_theta: self.theta,
            ..Rope::new()
        }
        .at(cache.seq_length())
    }
}

#[zk_model]
struct Attention {
    #[arg]
    layer: usize,
    #[layer(in_features = 12, out_features = 12, bias = false)]
    q: Linear,
    #[layer(in_features = 12, out_features = 4, bias = false)]
    k: Linear,
    #[layer(in_features = 12, out_features = 4, bias = false)]
    v: Linear,
}

#[zk_model]
impl Attention {
    fn forward(&self, x: Tensor, rope: Rope, cache: &mut KvCache) -> (Tensor, Tensor) {
        let t = x.size(1);
        let q = self.q(x).view([1, t, 3, 4]).transpose(1, 2);
        let k = self.k(x).view([1, t, 1, 4]).transpose(1, 2);
        let v = self.v(x).view([1, t, 1, 4]).transpose(1, 2);
        let (q, k) = apply_rotary_pos_emb(q, k, rope);
        let (k, v) = cache.update(k, v, self.layer);
        let mut options = ScaledDotProductAttentionOptions::new();
        options.is_causal = true;
        let y = scaled_dot_product_attention_with(q, k, v, options);
        (y.transpose(1, 2).reshape([1, t, 12]), k)
    }
}

#[zk_model(input = [1, 5])]
struct Model {
    #[layer(num_embeddings = 11, embedding_dim = 12)]
    embed: Embedding,
    #[layer(theta = 500.0)]
    angles: Angles,
    #[layer(repeat = 2, layer = index)]
    layers: Vec<Attention>,
    #[layer(normalized_shape = 12, eps = 1e-5)]
    norm: RMSNorm,
    #[layer(in_features = 12, out_features = 11, bias = false)]
    #[param(tied = "embed.weight")]
    head: Linear,
    #[layer(in_features = 12, out_features = 11)]
    #[param(tied = "embed.weight", when = 1 + 1 == 3)]
    other: Linear,
}

#[zk_model]
impl Model {
    fn forward(&self, ids: Tokens) -> (Tensor, Tensor) {
        let mut x = self.embed(ids);
        let mut cache = KvCache::new();
        let rope = self.angles(x, &cache);
        for layer in &self.layers {
            x = x + layer.forward(x, rope, &mut cache).0;
        }
        let x = self.norm(x);
        let weights = softmax(matmul(x, x.transpose(1, 2)) * 0.5, -1);
        (self.head(weights.matmul(x)), narrow(self.other(x), 1, 4, 1))
    }
}

#[test]
fn traces() {
    let graph = Model::new().trace().unwrap();
    let shapes: Vec<&[usize]> = graph
        .outputs
        .iter()
        .map(|id| graph[*id].fact.as_slice())
        .collect();
    assert_eq!(shapes, [&[1, 5, 11][..], &[1, 1, 11]]);
    let paths: Vec<&str> = graph
        .parameters
        .iter()
        .map(|parameter| parameter.path.as_str())
        .collect();
    let tied =
        |path: &&&str| path.starts_with("head") || path.starts_with("embed") || path.starts_with("other");
    let heads: Vec<&&str> = paths.iter().filter(tied).collect();
    assert_eq!(heads, [&"embed.weight", &"other.weight", &"other.bias"]);
    assert!(paths.contains(&"layers.1.k.weight"));
    let error = Model::new().trace_with_input(&[1, 2, 3, 4, 5, 6]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("embed: expected ids of at most 5 dimensions"),
        "{error}"
    );
}
