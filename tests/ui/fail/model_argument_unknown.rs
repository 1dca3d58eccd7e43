use zkml::prelude::*;

#[zk_model(inputs = [1, 1, 28, 28], name = "net")]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5)]
    conv1: Conv2d,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.conv1(x)
    }
}

fn main() {
    let _ = Net::new().trace();
}
