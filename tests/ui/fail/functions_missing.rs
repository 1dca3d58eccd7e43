use zkml::prelude::*;

#[zk_model(input = [1, 4])]
struct Net {
    #[layer(in_features = 4, out_features = 4)]
    fc: Linear,
}

/// A function of the user's, of the name of one that zkml has not.
fn mish(x: Tensor) -> Tensor {
    x * tanh(softplus(x))
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let a = exp(mish(self.fc(x)));
        a.layer_norm(4) + torch::sqrt(a)
    }
}

fn main() {}
