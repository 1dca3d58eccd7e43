use zkml::prelude::*;

/// A layer of zkml has this name.
#[zk_model]
struct Linear {
    relu: ReLU,
}

#[zk_model]
impl Linear {
    fn forward(&self, x: Tensor) -> Tensor {
        self.relu(x)
    }
}

/// The method has the name of the layer.
#[zk_model(input = [1, 3])]
struct Net {
    relu: ReLU,
    tanh: Tanh,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.tanh(self.relu(x))
    }

    fn tanh(&self, x: Tensor) -> Tensor {
        x
    }
}

fn main() {
    let _ = Net::new().trace();
}
