use zkml::prelude::*;

#[zk_model(input = [1, 4])]
struct Net {
    #[layer(layers = 3)]
    features: Sequential,
    classifier: Sequential,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.classifier(self.features(x))
    }
}

fn main() {
    let _ = Net::new().trace();
}
