use zkml::prelude::*;

/// A model of the user's, of a name that is close to one of zkml's.
#[zk_model]
struct Linears {
    #[layer(in_features = 4, out_features = 4)]
    fc: Linear,
}

#[zk_model]
impl Linears {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc(x)
    }
}

#[zk_model(input = [1, 4])]
struct Net {
    own: Linears,
    #[layer(in_features = 4, out_features = 4)]
    fc1: Lineer,
    #[layer(normalized_shape = 4)]
    norm: GroupNorm,
    #[layer(repeat = 2, num_features = 4)]
    norms: Vec<Batchnorm1d>,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = self.norm(self.fc1(self.own(x)));
        self.norms.iter().fold(x, |x, norm| norm.forward(x))
    }
}

fn main() {
    let _ = Net::new().trace();
}
