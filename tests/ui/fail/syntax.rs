use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5)]
    conv1: Conv2d,
    #[layer(in_features = 3456, out_features = 10)]
    fc: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = relu(self.conv1(x))
        let x = flatten(x, 1);
        self.head(x)
    }

    fn head(&self, x: Tensor) -> Tensor {
        self.fc(x)
    }
}

fn main() {
    let _ = Net::new().trace();
}
