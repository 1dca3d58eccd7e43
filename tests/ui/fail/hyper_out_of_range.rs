use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 0, out_channels = 6, kernel_size = 5, stride = 0)]
    conv1: Conv2d,
    #[layer(num_features = 6, eps = -1e-5)]
    bn1: BatchNorm2d,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.bn1(self.conv1(x))
    }
}

fn main() {
    let _ = Net::new().trace();
}
