use zkml::prelude::*;

#[derive(Clone, Copy)]
struct Config;

mod other {
    /// Another library's layer, of the name of one of zkml.
    pub struct Linear;
}

#[zk_model(input = [1, 3])]
struct Net {
    relu: ReLU,
    config: Config,
    #[layer(in_features = 3, out_features = 3)]
    fc: other::Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.relu(x)
    }
}

fn main() {
    let _ = Net::new().trace();
}
