use zkml::prelude::*;

struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5)]
    conv1: Conv2d,
    #[layer(in_features = 3456, out_features = 10)]
    fc: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = relu(self.conv1(x));
        self.fc(flatten(x, 1))
    }
}

fn main() {}
