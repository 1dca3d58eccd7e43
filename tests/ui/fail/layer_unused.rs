use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    used: ReLU,
    unused: ReLU,
    #[layer(in_channels = 6, out_channels = 6, kernel_size = 5)]
    unused_conv: Conv2d,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        relu(self.used(x))
    }
}

fn main() {
    let _ = Net::new().trace();
}
