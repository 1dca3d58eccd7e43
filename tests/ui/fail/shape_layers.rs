use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5)]
    conv1: Conv2d,
    #[layer(in_channels = 8, out_channels = 16, kernel_size = 5)]
    channels: Conv2d,
    #[layer(in_channels = 6, out_channels = 6, kernel_size = 5)]
    rank: Conv2d,
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 33, padding = 2)]
    kernel: Conv2d,
    #[layer(in_features = 400, out_features = 10)]
    fc: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let y = relu(self.conv1(x));
        let _ = max_pool2d(relu(self.channels(y)), 2);
        let flat = flatten(y, 1);
        let _ = self.rank(flat);
        let z = relu(self.kernel(x));
        let _ = max_pool2d(z, 40);
        let y = max_pool2d(y, 2);
        self.fc(flatten(y, 1))
    }
}

fn main() {
    let _ = Net::new().trace();
}
