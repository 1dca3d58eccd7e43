//! MobileNetV2: inverted residuals with ReLU6.
//!
//! The PyTorch it mirrors, `torchvision.models.mobilenetv2`:
//!
//! ```python
//! class InvertedResidual(nn.Module):
//!     def __init__(self, inp, oup, stride, expand_ratio):
//!         hidden_dim = int(round(inp * expand_ratio))
//!         self.use_res_connect = self.stride == 1 and inp == oup
//!         layers = []
//!         if expand_ratio != 1:
//!             # pw
//!             layers.append(Conv2dNormActivation(inp, hidden_dim, kernel_size=1, activation_layer=nn.ReLU6))
//!         layers.extend([
//!             # dw
//!             Conv2dNormActivation(hidden_dim, hidden_dim, stride=stride, groups=hidden_dim,
//!                                  activation_layer=nn.ReLU6),
//!             # pw-linear
//!             nn.Conv2d(hidden_dim, oup, 1, 1, 0, bias=False),
//!             nn.BatchNorm2d(oup),
//!         ])
//!         self.conv = nn.Sequential(*layers)
//!
//!     def forward(self, x):
//!         return x + self.conv(x) if self.use_res_connect else self.conv(x)
//! ```
//!
//! The state-dict keys are torchvision's: `features.1.conv.0.0.weight`, `features.18.1.running_var`,
//! `classifier.1.bias`.
//!
//! M. Sandler and others, "MobileNetV2: inverted residuals and linear bottlenecks", 2018.

use crate::prelude::*;

/// A row of the network's table: `repeat` blocks of `channels`, the first with that stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvertedResidualSetting {
    /// Ratio of the channels inside a block to its input channels; `t` in the paper.
    pub expand_ratio: usize,
    /// Output channels of each block; `c` in the paper.
    pub channels: usize,
    /// Number of blocks; `n` in the paper.
    pub repeat: usize,
    /// Stride of the first block; `s` in the paper.
    pub stride: usize,
}

const fn row(expand_ratio: usize, channels: usize, repeat: usize, stride: usize) -> InvertedResidualSetting {
    InvertedResidualSetting {
        expand_ratio,
        channels,
        repeat,
        stride,
    }
}

/// Table 2 of the paper: t, c, n, s.
pub const MOBILENET_V2: &[InvertedResidualSetting] = &[
    row(1, 16, 1, 1),
    row(6, 24, 2, 2),
    row(6, 32, 3, 2),
    row(6, 64, 4, 2),
    row(6, 96, 3, 1),
    row(6, 160, 3, 2),
    row(6, 320, 1, 1),
];

/// Sizes of a [`MobileNetV2`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MobileNetV2Config {
    /// Rows of blocks: [`MOBILENET_V2`] or another list.
    pub setting: &'static [InvertedResidualSetting],
    /// Channels of the first convolution; 32.
    pub input_channel: usize,
    /// Stride of the first convolution; 2.
    pub stride: usize,
    /// Channels of the last convolution; 1,280.
    pub last_channel: usize,
    /// Number of classes; 1,000.
    pub num_classes: usize,
}

impl MobileNetV2Config {
    /// `torchvision.models.mobilenet_v2`, for 224 x 224 images.
    pub const MOBILENET_V2: MobileNetV2Config = MobileNetV2Config {
        setting: MOBILENET_V2,
        input_channel: 32,
        stride: 2,
        last_channel: 1280,
        num_classes: 1000,
    };

    /// The same network for 32 x 32 images of 10 classes: the first convolution has stride 1.
    pub const fn cifar10(self) -> MobileNetV2Config {
        MobileNetV2Config {
            stride: 1,
            num_classes: 10,
            ..self
        }
    }

    /// Shape of `images` images: `[images, 3, 224, 224]`, or `[images, 3, 32, 32]` where the first stride is 1.
    pub const fn input_shape(&self, images: usize) -> [usize; 4] {
        let size = if self.stride == 1 { 32 } else { 224 };
        [images, 3, size, size]
    }
}

/// A 1x1 convolution that widens, a depthwise 3x3 convolution, and a 1x1 convolution that narrows.
#[zk_model]
#[derive(Debug, Clone)]
pub struct InvertedResidual {
    #[arg]
    inp: usize,
    #[arg]
    oup: usize,
    #[arg]
    stride: usize,
    #[arg]
    expand_ratio: usize,
    #[layer(layers = inverted_residual(inp, oup, stride, expand_ratio))]
    conv: Sequential,
}

#[zk_model]
impl InvertedResidual {
    /// `[N, inp, H, W]` to `[N, oup, H / stride, W / stride]`, rounded up.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let use_res_connect = self.stride == 1 && self.inp == self.oup;
        if use_res_connect {
            x + self.conv(x)
        } else {
            self.conv(x)
        }
    }
}

/// MobileNetV2. The input is [`MobileNetV2Config::input_shape`].
#[zk_model]
#[derive(Debug, Clone)]
pub struct MobileNetV2 {
    #[arg]
    config: MobileNetV2Config,
    #[layer(layers = make_features(&config))]
    features: Sequential,
    #[layer(layers = [
        layer::<Dropout>(DropoutOptions { p: 0.2 }),
        layer::<Linear>(LinearOptions::new(config.last_channel, config.num_classes)),
    ])]
    classifier: Sequential,
}

#[zk_model]
impl MobileNetV2 {
    /// Scores of the classes, `[N, num_classes]`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let x = self.features(x);
        let x = adaptive_avg_pool2d(x, (1, 1));
        let x = flatten(x, 1);
        self.classifier(x)
    }
}

fn make_features(config: &MobileNetV2Config) -> Vec<SequentialLayer> {
    let mut input_channel = config.input_channel;
    let mut features = vec![conv_norm_relu6(3, input_channel, 3, config.stride, 1)];
    for row in config.setting {
        for i in 0..row.repeat {
            features.push(layer::<InvertedResidual>(InvertedResidualOptions {
                inp: input_channel,
                oup: row.channels,
                stride: if i == 0 { row.stride } else { 1 },
                expand_ratio: row.expand_ratio,
            }));
            input_channel = row.channels;
        }
    }
    features.push(conv_norm_relu6(input_channel, config.last_channel, 1, 1, 1));
    features
}

fn inverted_residual(inp: usize, oup: usize, stride: usize, expand_ratio: usize) -> Vec<SequentialLayer> {
    let hidden_dim = inp * expand_ratio;
    let mut layers = Vec::new();
    if expand_ratio != 1 {
        layers.push(conv_norm_relu6(inp, hidden_dim, 1, 1, 1));
    }
    let narrow = Conv2dOptions {
        bias: false,
        ..Conv2dOptions::new(hidden_dim, oup, [1, 1])
    };
    layers.extend([
        conv_norm_relu6(hidden_dim, hidden_dim, 3, stride, hidden_dim),
        layer::<Conv2d>(narrow),
        layer::<BatchNorm2d>(BatchNorm2dOptions::new(oup)),
    ]);
    layers
}

/// torchvision's `Conv2dNormActivation` with a `BatchNorm2d` and a `ReLU6`.
fn conv_norm_relu6(
    in_planes: usize,
    out_planes: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
) -> SequentialLayer {
    let conv = Conv2dOptions {
        stride: [stride, stride],
        padding: [(kernel - 1) / 2, (kernel - 1) / 2],
        groups,
        bias: false,
        ..Conv2dOptions::new(in_planes, out_planes, [kernel, kernel])
    };
    sequential([
        layer::<Conv2d>(conv),
        layer::<BatchNorm2d>(BatchNorm2dOptions::new(out_planes)),
        layer::<ReLU6>(ReLU6Options::new()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{shape_of, traced, trained_parameters};

    #[test]
    fn sizes_are_those_of_the_original() {
        let config = MobileNetV2Config::MOBILENET_V2;
        let graph = traced(&MobileNetV2::new(config), &config.input_shape(1));
        // As torchvision documents it.
        assert_eq!(trained_parameters(&graph), 3_504_872);
        assert_eq!(shape_of(&graph, "features.0.2"), [1, 32, 112, 112]);
        assert_eq!(shape_of(&graph, "features.1.conv.0.0"), [1, 32, 112, 112]);
        assert_eq!(shape_of(&graph, "features.3.add"), [1, 24, 56, 56]);
        assert_eq!(shape_of(&graph, "features.18.2"), [1, 1280, 7, 7]);
        assert_eq!(shape_of(&graph, "classifier.1"), [1, 1000]);
    }
}
