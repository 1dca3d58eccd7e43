use zkml::prelude::*;

#[zk_model]
struct Net {
    #[layer(in_features = 8, out_features = 8)]
    fc: Linear,
}

#[zk_model]
impl Clone for Net {
    fn clone(&self) -> Net {
        Net::new()
    }
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc(x)
    }
}

fn main() {}
