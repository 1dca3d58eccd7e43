use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 8, kernel_size = 3, padding = 1)]
    conv1: Conv2d,
    #[layer(in_channels = 8, out_channels = 8, kernel_size = 3)]
    conv2: Conv2d,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = relu(self.conv1(x));
        let y = self.conv2(x);
        relu(x + y)
    }
}

fn main() {
    let _ = Net::new().trace();
}
