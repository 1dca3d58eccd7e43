use zkml::prelude::*;

#[zk_model(input = [1, 3])]
struct OneDeclared {
    relu: ReLU,
}

#[zk_model]
impl OneDeclared {
    fn forward(&self, a: Tensor, b: Tensor) -> Tensor {
        self.relu(a + b)
    }
}

fn main() {
    let _ = OneDeclared::new().trace();
}
