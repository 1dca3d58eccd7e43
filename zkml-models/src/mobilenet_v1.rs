//! MobileNet (V1): depthwise separable convolutions.
//!
//! The PyTorch it mirrors, with its state-dict keys: <https://github.com/kuangliu/pytorch-cifar>
//! (`models/mobilenet.py`). [`MobileNetV1Config::imagenet`] has the strides of the paper, for 224 x 224 images.
//!
//! ```python
//! class Block(nn.Module):
//!     '''Depthwise conv + Pointwise conv'''
//!     def forward(self, x):
//!         out = F.relu(self.bn1(self.conv1(x)))
//!         out = F.relu(self.bn2(self.conv2(out)))
//!         return out
//!
//! class MobileNet(nn.Module):
//!     # (128,2) means conv planes=128, conv stride=2, by default conv stride=1
//!     cfg = [64, (128,2), 128, (256,2), 256, (512,2), 512, 512, 512, 512, 512, (1024,2), 1024]
//!
//!     def forward(self, x):
//!         out = F.relu(self.bn1(self.conv1(x)))
//!         out = self.layers(out)
//!         out = F.avg_pool2d(out, 2)
//!         out = out.view(out.size(0), -1)
//!         out = self.linear(out)
//!         return out
//! ```
//!
//! A. Howard and others, "MobileNets: efficient convolutional neural networks for mobile vision applications", 2017.

use crate::prelude::*;

/// Widths and strides of the 13 blocks.
pub const MOBILENET_V1: &[(usize, usize)] = &[
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];

/// Sizes of a [`MobileNetV1`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MobileNetV1Config {
    /// Width and stride of each block: [`MOBILENET_V1`] or another list.
    pub cfg: &'static [(usize, usize)],
    /// Channels of the first convolution; 32.
    pub width: usize,
    /// Stride of the first convolution: 1 for CIFAR, 2 for ImageNet.
    pub stride: usize,
    /// Number of classes.
    pub num_classes: usize,
}

impl MobileNetV1Config {
    /// The network for 32 x 32 images of 10 classes.
    pub const fn cifar10() -> MobileNetV1Config {
        MobileNetV1Config {
            cfg: MOBILENET_V1,
            width: 32,
            stride: 1,
            num_classes: 10,
        }
    }

    /// The network for 224 x 224 images of 1,000 classes.
    pub const fn imagenet() -> MobileNetV1Config {
        MobileNetV1Config {
            stride: 2,
            num_classes: 1000,
            ..MobileNetV1Config::cifar10()
        }
    }

    /// Shape of `images` images: `[images, 3, 32, 32]`, or `[images, 3, 224, 224]` where the first stride is 2.
    pub const fn input_shape(&self, images: usize) -> [usize; 4] {
        let size = if self.stride == 1 { 32 } else { 224 };
        [images, 3, size, size]
    }

    /// Input channels of block `index`.
    fn in_planes(&self, index: usize) -> usize {
        let before = index.checked_sub(1).and_then(|before| self.cfg.get(before));
        before.map_or(self.width, |&(planes, _)| planes)
    }

    /// Output channels of the last block.
    fn features(&self) -> usize {
        self.in_planes(self.cfg.len())
    }
}

/// A 3x3 convolution of each channel, then a 1x1 convolution of all.
#[zk_model]
#[derive(Debug, Clone)]
pub struct DepthwiseBlock {
    #[arg]
    in_planes: usize,
    #[arg]
    out_planes: usize,
    #[arg]
    stride: usize,
    #[layer(
        in_channels = in_planes,
        out_channels = in_planes,
        kernel_size = 3,
        stride = stride,
        padding = 1,
        groups = in_planes,
        bias = false
    )]
    conv1: Conv2d,
    #[layer(num_features = in_planes)]
    bn1: BatchNorm2d,
    #[layer(in_channels = in_planes, out_channels = out_planes, kernel_size = 1, bias = false)]
    conv2: Conv2d,
    #[layer(num_features = out_planes)]
    bn2: BatchNorm2d,
}

#[zk_model]
impl DepthwiseBlock {
    /// `[N, in_planes, H, W]` to `[N, out_planes, H / stride, W / stride]`, rounded up.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let x = relu(self.bn1(self.conv1(x)));
        relu(self.bn2(self.conv2(x)))
    }
}

/// MobileNet. The input is [`MobileNetV1Config::input_shape`].
#[zk_model]
#[derive(Debug, Clone)]
pub struct MobileNetV1 {
    #[arg]
    config: MobileNetV1Config,
    #[layer(
        in_channels = 3,
        out_channels = config.width,
        kernel_size = 3,
        stride = config.stride,
        padding = 1,
        bias = false
    )]
    conv1: Conv2d,
    #[layer(num_features = config.width)]
    bn1: BatchNorm2d,
    #[layer(
        repeat = config.cfg.len(),
        in_planes = config.in_planes(index),
        out_planes = config.cfg[index].0,
        stride = config.cfg[index].1
    )]
    layers: Vec<DepthwiseBlock>,
    #[layer(in_features = config.features(), out_features = config.num_classes)]
    linear: Linear,
}

#[zk_model]
impl MobileNetV1 {
    /// Scores of the classes, `[N, num_classes]`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let x = relu(self.bn1(self.conv1(x)));
        let x = self.layers.iter().fold(x, |x, block| block.forward(x));
        self.linear(flatten(adaptive_avg_pool2d(x, 1), 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{shape_of, traced, trained_parameters};

    #[test]
    fn sizes_are_those_of_the_original() {
        let config = MobileNetV1Config::cifar10();
        let graph = traced(&MobileNetV1::new(config), &config.input_shape(1));
        assert_eq!(trained_parameters(&graph), 3_217_226);
        assert_eq!(shape_of(&graph, "layers.12.relu_1"), [1, 1024, 2, 2]);
        let config = MobileNetV1Config::imagenet();
        let graph = traced(&MobileNetV1::new(config), &config.input_shape(1));
        // The paper: 4.2 million.
        assert_eq!(trained_parameters(&graph), 4_231_976);
        assert_eq!(shape_of(&graph, "layers.12.relu_1"), [1, 1024, 7, 7]);
    }
}
