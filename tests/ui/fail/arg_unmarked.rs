use zkml::prelude::*;

#[derive(Clone, Copy)]
struct Config {
    width: usize,
}

#[zk_model]
struct Net {
    config: Config,
    #[layer(in_features = 3, out_features = config.width)]
    fc: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc(x)
    }
}

fn main() {
    let _ = Net::new(Config { width: 3 }).trace_with_input(&[1, 3]);
}
