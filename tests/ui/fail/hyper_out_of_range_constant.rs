use zkml::prelude::*;

const STRIDE: usize = 0;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5, stride = STRIDE)]
    conv1: Conv2d,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        relu(self.conv1(x))
    }
}

fn main() {
    let _ = Net::new().trace();
}
