#![deny(unused_must_use)]

use zkml::prelude::*;

#[zk_model(input = [1, 3])]
struct Net {
    relu: ReLU,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.relu(x);
        relu(x);
        x.softmax(-1);
        self.helper(x);
        x
    }

    fn helper(&self, x: Tensor) -> [Tensor; 2] {
        [x, x]
    }
}

fn main() {
    let _ = Net::new().trace();
}
