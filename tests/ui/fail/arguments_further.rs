use zkml::nn::{KvCache, Rope};
use zkml::prelude::*;

#[zk_model]
struct StateFirst {
    relu: ReLU,
}

#[zk_model]
impl StateFirst {
    fn forward(&self, rope: Rope, x: Tensor, position: usize, ids: &Tokens) -> Tensor {
        self.relu(x)
    }
}

#[zk_model(input = [1, 3])]
struct Declared {
    relu: ReLU,
}

#[zk_model]
impl Declared {
    fn forward(&self, x: Tensor, rope: Rope, cache: &mut KvCache) -> Tensor {
        let _ = (rope, cache);
        self.relu(x)
    }
}

#[zk_model]
struct Options {
    #[layer(num_embeddings = 0, embedding_dim = 4)]
    none: Embedding,
    #[layer(normalized_shape = 4, epsilon = 1e-5)]
    norm: RMSNorm,
}

fn main() {}
