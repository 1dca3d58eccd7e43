use zkml::prelude::*;

#[zk_model(input = [2, 1, 6, 6])]
struct Net {
    #[layer(in_channels = 1, out_channels = 4, kernel_size = 3)]
    conv: Conv2d,
    #[layer(in_features = 63, out_features = 3)]
    fc: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let x = dbg!(self.conv(x));
        self.fc(x.view([x.size(0), -1]))
    }
}

fn main() {
    let _ = Net::new().trace();
}
