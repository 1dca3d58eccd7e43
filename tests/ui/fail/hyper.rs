use zkml::prelude::*;

#[zk_model(input = [1, 1, 28, 28])]
struct Net {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5, in_channels = 1)]
    duplicate: Conv2d,
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5, bias)]
    name_only: Conv2d,
    #[layer(in_channel = 1, out_channels = 6, kernel_size = 5, colour = 3)]
    unknown: Conv2d,
    #[layer(in_channels = 1)]
    missing: Conv2d,
    all_missing: Linear,
    #[layer(in_channels = 1, out_channels = 6, kernel_size = "5", stride = 1.5, bias = True)]
    mistyped: Conv2d,
    #[layer(in_channels = 6, out_channels = -6, kernel_size = (3, 3, 3), padding = (1, true))]
    mistyped_pairs: Conv2d,
    #[layer(in_channels = 0, out_channels = 6, kernel_size = 5, stride = 0)]
    out_of_range: Conv2d,
    #[layer(num_features = 6, eps = -1e-5)]
    negative: BatchNorm2d,
    #[layer(layers = 3)]
    not_layers: Sequential,
    no_layers: Sequential,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.no_layers(self.not_layers(self.missing(x)))
    }
}

fn main() {
    let _ = Net::new().trace();
}
