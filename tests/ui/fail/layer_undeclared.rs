use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    relu1: ReLU,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.relu2(self.relu1(x))
    }
}

fn main() {
    let _ = Net::new().trace();
}
