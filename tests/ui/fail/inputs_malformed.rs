use zkml::prelude::*;

#[zk_model(inputs = [1, 3])]
struct NoShapes {
    relu: ReLU,
}

#[zk_model]
impl NoShapes {
    fn forward(&self, a: Tensor, b: Tensor) -> Tensor {
        self.relu(a + b)
    }
}

#[zk_model(input = [1, 3], inputs = [[1, 3], [1, 0]])]
struct Both {
    relu: ReLU,
}

#[zk_model]
impl Both {
    fn forward(&self, a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor) -> (Tensor, usize) {
        (self.relu(a), 3)
    }
}

fn main() {
    let _ = (NoShapes::new().trace(), Both::new().trace());
}
