use zkml::prelude::*;

const STRIDE: usize = 0;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5, stride = STRIDE)]
    stride: Conv2d,
    #[layer(in_channels = 6, out_channels = 12, kernel_size = 3, groups = 4)]
    groups: Conv2d,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.groups(relu(self.stride(x)))
    }
}

fn main() {
    let _ = Net::new().trace();
}
