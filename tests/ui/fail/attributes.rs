use zkml::prelude::*;

#[zk_model]
struct Net {
    #[layer(in_channels = 1, out_channels = 6)]
    #[layer(kernel_size = 5)]
    twice: Conv2d,
    #[layr(in_channels = 1, out_channels = 6, kernel_size = 5)]
    misspelt: Conv2d,
    #[serde(skip)]
    foreign: ReLU,
    planes: usize,
    labels: Vec<String>,
    #[param(rename = "features.0")]
    first: ReLU,
    #[param(rename = "features.0")]
    second: ReLU,
    #[param(rename = "features..0")]
    empty_segment: ReLU,
    #[param(rename = 0)]
    not_a_string: ReLU,
    #[param(name = "conv1")]
    unknown_argument: ReLU,
    #[layer(in_features = 8, out_features = 8)]
    without_repeat: Vec<Linear>,
    #[layer(repeat = 3, in_features = 8, out_features = 8)]
    repeated: Linear,
    #[layer(in_features = 8, out_features = 8)]
    without_when: Option<Linear>,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        self.repeated(x)
    }
}

fn main() {
    let _ = Net::new().trace();
}
