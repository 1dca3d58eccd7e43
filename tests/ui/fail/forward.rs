use zkml::prelude::*;

#[zk_model]
struct Missing {
    relu: ReLU,
}

#[zk_model]
impl Missing {
    fn foward(&self, x: Tensor) -> Tensor {
        self.relu(x)
    }
}

#[zk_model]
struct Twice {
    relu: ReLU,
}

#[zk_model]
impl Twice {
    fn forward(&self, x: Tensor) -> Tensor {
        self.relu(x)
    }

    fn forward(&self, x: Tensor) -> Tensor {
        relu(self.relu(x))
    }
}

#[zk_model]
struct WithoutResult {
    relu: ReLU,
}

#[zk_model]
impl WithoutResult {
    fn forward(&self, x: Tensor) {
        self.relu(x);
    }
}

#[zk_model]
struct WrongTypes {
    relu: ReLU,
}

#[zk_model]
impl WrongTypes {
    fn forward(&mut self, x: &Tensor, training: bool) -> Option<Tensor> {
        relu(self.relu(*x))
    }
}

fn main() {
    let _ = (Missing::new().trace(), Twice::new().trace());
    let _ = (WithoutResult::new().trace(), WrongTypes::new().trace());
}
