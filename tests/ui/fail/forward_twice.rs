use zkml::prelude::*;

#[zk_model(input = [1, 3])]
struct Net {
    #[layer(in_features = 3, out_features = 10)]
    fc: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc(x)
    }
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        relu(self.fc(x))
    }
}

fn main() {
    let _ = Net::new().trace();
}
