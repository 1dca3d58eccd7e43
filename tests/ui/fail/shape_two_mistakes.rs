use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5)]
    conv1: Conv2d,
    #[layer(num_features = 8)]
    bn1: BatchNorm2d,
    #[layer(in_features = 3456, out_features = 10)]
    fc: Linear,
    #[layer(in_features = 100, out_features = 10)]
    head: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let y = relu(self.bn1(self.conv1(x)));
        let z = self.fc(flatten(self.conv1(x), 1));
        let w = self.head(z);
        w + flatten(y, 1)
    }
}

fn main() {
    let _ = Net::new().trace();
}
