use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5)]
    conv1: Conv2d,
    #[layer(in_channels = 6, out_channels = 12, kernel_size = 3, groups = 4)]
    conv2: Conv2d,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.conv2(self.conv1(x))
    }
}

fn main() {
    let _ = Net::new().trace();
}
