use zkml::prelude::*;

#[zk_model]
struct Classifier {
    #[layer(in_features = 784, out_features = 10)]
    fc: Linear,
}

#[zk_model]
impl Classifier {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = relu(x);
        self.fc(x)
    }
}

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    classifier: Classifier,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.classifier(flatten(max_pool2d(x, 2), 1))
    }
}

fn main() {
    let _ = Net::new().trace();
}
