use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1)]
    conv1: Conv2d,
    fc1: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.fc1(self.conv1(x))
    }
}

fn main() {
    let _ = Net::new().trace();
}
