use zkml::prelude::*;

struct Net {
    relu: ReLU,
    tanh: Tanh,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.tanh(self.relu(x))
    }
}

fn main() {}
