use zkml::prelude::*;

#[zk_model]
struct Inner {
    relu: ReLU,
}

#[zk_model]
impl Inner {
    fn forward(&self, x: Tensor) -> Tensor {
        self.relu(x)
    }
}

#[zk_model]
struct Net {
    #[layer(num_embeddings = 11, embedding_dim = 12)]
    embed_tokens: Embedding,
    #[layer(in_features = 12, out_features = 11, bias = false)]
    #[param(tied = "embed_token.weight")]
    misspelt: Linear,
    #[layer(in_features = 12, out_features = 11, bias = false)]
    #[param(tied = "itself.weight")]
    itself: Linear,
    #[layer(in_features = 12, out_features = 11, bias = false)]
    #[param(tied = "embed_tokens")]
    no_parameter: Linear,
    #[layer(in_features = 12, out_features = 11, bias = false)]
    #[param(tied = embed_tokens)]
    no_text: Linear,
    #[layer(in_features = 12, out_features = 11, bias = false)]
    #[param(when = true)]
    only_when: Linear,
    #[param(tied = "embed_tokens.weight")]
    inner: Inner,
    #[layer(repeat = 2, in_features = 12, out_features = 11)]
    #[param(tied = "embed_tokens.weight")]
    several: Vec<Linear>,
    #[param(tied = "embed_tokens.weight", shape = [3])]
    gain: Parameter,
    #[arg]
    #[param(tied = "embed_tokens.weight")]
    width: usize,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.misspelt(x)
    }
}

fn main() {}
