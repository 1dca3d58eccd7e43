use zkml::prelude::*;

/// Ids are no numbers to compute with.
#[zk_model(input = [1, 5])]
struct Computes {
    #[layer(num_embeddings = 11, embedding_dim = 4)]
    embed: Embedding,
}

#[zk_model]
impl Computes {
    fn forward(&self, ids: Tokens) -> Tensor {
        let _ = relu(ids);
        self.embed(ids)
    }
}

/// Numbers are no ids.
#[zk_model]
struct Looks {
    #[layer(num_embeddings = 11, embedding_dim = 4)]
    embed: Embedding,
}

#[zk_model]
impl Looks {
    fn forward(&self, x: Tensor) -> Tensor {
        self.embed(x)
    }
}

fn main() {
    let _ = (Computes::new().trace(), Looks::new().trace());
}
