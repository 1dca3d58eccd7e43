use zkml::prelude::*;

#[zk_model(inptu = [1, 1, 28, 28], name = "net", input = [1, 0, 28.5, -28])]
struct Net {
    relu: ReLU,
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
