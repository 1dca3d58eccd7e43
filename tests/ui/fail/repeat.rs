use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_features = 8, out_features = 8)]
    layers: Vec<Linear>,
    #[layer(repeat = 3, in_features = 8, out_features = 8)]
    head: Linear,
    #[layer(in_features = 8, out_features = 8)]
    extra: Option<Linear>,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.head(x)
    }
}

fn main() {
    let _ = Net::new().trace();
}
