use zkml::nn::*;
use zkml::prelude::*;

#[zk_model]
struct Pair {
    relu: ReLU,
}

#[zk_model]
impl Pair {
    fn forward(&self, a: Tensor, b: Tensor) -> Tensor {
        self.relu(a + b)
    }
}

fn main() {
    let _ = sequential([layer::<Pair>(PairOptions {})]);
}
