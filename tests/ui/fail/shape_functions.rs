use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5)]
    conv1: Conv2d,
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 3)]
    conv2: Conv2d,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let y = self.conv1(x);
        let z = self.conv2(x);
        let _ = adaptive_avg_pool2d(y, (8, 7));
        let _ = cat([y, z], 1);
        let _ = pad(relu6(y), [1, 1, 2]);
        let _ = max_pool2d(y, (2, 25));
        let _ = y.reshape([1, 100]);
        relu(y + z)
    }
}

fn main() {
    let _ = Net::new().trace();
}
