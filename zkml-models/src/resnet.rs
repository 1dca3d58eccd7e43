//! Residual networks: ResNet-18 and 34 for ImageNet and for CIFAR, and the ResNet-20, 32, 44 and 56 made for CIFAR.
//!
//! The PyTorch they mirror, whose state-dict keys they have:
//!
//! | network | original | names of its own |
//! |---|---|---|
//! | [`ResNet`] with [`Stem::ImageNet`] | `torchvision.models.resnet` | `downsample.0`, `downsample.1`, `fc` |
//! | [`ResNet`] with [`Stem::Cifar`] | <https://github.com/kuangliu/pytorch-cifar> | `shortcut.0`, `shortcut.1`, `linear` |
//! | [`CifarResNet`] | <https://github.com/akamaster/pytorch_resnet_cifar10> | `shortcut.0`, `shortcut.1`, `linear` |
//!
//! ```python
//! class BasicBlock(nn.Module):
//!     def forward(self, x):
//!         out = F.relu(self.bn1(self.conv1(x)))
//!         out = self.bn2(self.conv2(out))
//!         out += self.shortcut(x)
//!         out = F.relu(out)
//!         return out
//! ```
//!
//! Where a block changes the number of channels or the size, its shortcut changes them, too. In option B of the paper
//! it is a 1x1 convolution with a normalization. In option A it has no parameters: it takes every second row and
//! column, and zeros for the new channels.
//!
//! K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2016.

use crate::prelude::*;

/// How a shortcut changes the number of channels and the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortcut {
    /// Every `stride`-th row and column, zeros for new channels: no parameters.
    A,
    /// A 1x1 convolution with a `BatchNorm2d`, named `shortcut`.
    B,
    /// The same, named `downsample` as in torchvision.
    Downsample,
}

/// Two 3x3 convolutions, and the shortcut around them.
#[zk_model]
#[derive(Debug, Clone)]
pub struct BasicBlock {
    #[arg]
    in_planes: usize,
    #[arg]
    planes: usize,
    #[arg]
    stride: usize,
    #[arg]
    option: Shortcut,
    #[layer(in_channels = in_planes, out_channels = planes, kernel_size = 3, stride = stride, padding = 1, bias = false)]
    conv1: Conv2d,
    #[layer(num_features = planes)]
    bn1: BatchNorm2d,
    #[layer(in_channels = planes, out_channels = planes, kernel_size = 3, padding = 1, bias = false)]
    conv2: Conv2d,
    #[layer(num_features = planes)]
    bn2: BatchNorm2d,
    #[layer(
        when = changes(in_planes, planes, stride) && option == Shortcut::Downsample,
        layers = projection(in_planes, planes, stride)
    )]
    downsample: Option<Sequential>,
    #[layer(
        when = changes(in_planes, planes, stride) && option == Shortcut::B,
        layers = projection(in_planes, planes, stride)
    )]
    shortcut: Option<Sequential>,
}

#[zk_model]
impl BasicBlock {
    /// `[N, in_planes, H, W]` to `[N, planes, H / stride, W / stride]`, rounded up.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let out = relu(self.bn1(self.conv1(x)));
        let out = self.bn2(self.conv2(out));
        relu(out + self.around(x))
    }

    /// The shortcut.
    fn around(&self, x: Tensor) -> Tensor {
        if let Some(projection) = self.downsample.as_ref().or(self.shortcut.as_ref()) {
            return projection.forward(x);
        }
        if !changes(self.in_planes, self.planes, self.stride) {
            return x;
        }
        // F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, planes // 4, planes // 4))
        let new = self.planes.saturating_sub(self.in_planes);
        pad(subsample2d(x, self.stride), [0, 0, 0, 0, new / 2, new - new / 2])
    }
}

fn changes(in_planes: usize, planes: usize, stride: usize) -> bool {
    stride != 1 || in_planes != planes
}

fn projection(in_planes: usize, planes: usize, stride: usize) -> Vec<SequentialLayer> {
    let conv = Conv2dOptions {
        stride: [stride, stride],
        bias: false,
        ..Conv2dOptions::new(in_planes, planes, [1, 1])
    };
    vec![
        layer::<Conv2d>(conv),
        layer::<BatchNorm2d>(BatchNorm2dOptions::new(planes)),
    ]
}

/// Input channels of block `index` in a stage of `planes` channels, after a stage of `before` channels.
fn in_planes(index: usize, before: usize, planes: usize) -> usize {
    if index == 0 { before } else { planes }
}

/// Stride of block `index` of a stage.
fn stride(index: usize, first: usize) -> usize {
    if index == 0 { first } else { 1 }
}

/// The layers before the first block, and the project whose parameter names the network has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stem {
    /// torchvision: 7x7 convolution of stride 2 and 3x3 max-pool of stride 2, for 224 x 224 images.
    ImageNet,
    /// kuangliu/pytorch-cifar: 3x3 convolution, for 32 x 32 images.
    Cifar,
}

/// Sizes of a [`ResNet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResNetConfig {
    /// Blocks of each stage: `[2, 2, 2, 2]` for ResNet-18, `[3, 4, 6, 3]` for ResNet-34.
    pub layers: [usize; 4],
    /// Channels of the first stage, doubled by each further one; 64.
    pub width: usize,
    /// What comes before the first block.
    pub stem: Stem,
    /// Number of classes.
    pub num_classes: usize,
}

impl ResNetConfig {
    /// `torchvision.models.resnet18`.
    pub const RESNET18: ResNetConfig = ResNetConfig {
        layers: [2, 2, 2, 2],
        width: 64,
        stem: Stem::ImageNet,
        num_classes: 1000,
    };

    /// `torchvision.models.resnet34`.
    pub const RESNET34: ResNetConfig = ResNetConfig {
        layers: [3, 4, 6, 3],
        ..ResNetConfig::RESNET18
    };

    /// The same network as kuangliu/pytorch-cifar has it.
    pub const fn cifar10(self) -> ResNetConfig {
        ResNetConfig {
            stem: Stem::Cifar,
            num_classes: 10,
            ..self
        }
    }

    /// Shape of `images` images: `[images, 3, 224, 224]` or `[images, 3, 32, 32]`.
    pub const fn input_shape(&self, images: usize) -> [usize; 4] {
        match self.stem {
            Stem::ImageNet => [images, 3, 224, 224],
            Stem::Cifar => [images, 3, 32, 32],
        }
    }

    fn is_imagenet(&self) -> bool {
        self.stem == Stem::ImageNet
    }

    fn shortcut(&self) -> Shortcut {
        match self.stem {
            Stem::ImageNet => Shortcut::Downsample,
            Stem::Cifar => Shortcut::B,
        }
    }
}

/// ResNet-18 or 34, of any width. The input is [`ResNetConfig::input_shape`].
#[zk_model]
#[derive(Debug, Clone)]
pub struct ResNet {
    #[arg]
    config: ResNetConfig,
    #[layer(
        in_channels = 3,
        out_channels = config.width,
        kernel_size = if config.is_imagenet() { 7 } else { 3 },
        stride = if config.is_imagenet() { 2 } else { 1 },
        padding = if config.is_imagenet() { 3 } else { 1 },
        bias = false
    )]
    conv1: Conv2d,
    #[layer(num_features = config.width)]
    bn1: BatchNorm2d,
    #[layer(when = config.is_imagenet(), kernel_size = 3, stride = 2, padding = 1)]
    maxpool: Option<MaxPool2d>,
    #[layer(repeat = config.layers[0], in_planes = config.width, planes = config.width, stride = 1, option = config.shortcut())]
    layer1: Vec<BasicBlock>,
    #[layer(
        repeat = config.layers[1],
        in_planes = in_planes(index, config.width, config.width * 2),
        planes = config.width * 2,
        stride = stride(index, 2),
        option = config.shortcut()
    )]
    layer2: Vec<BasicBlock>,
    #[layer(
        repeat = config.layers[2],
        in_planes = in_planes(index, config.width * 2, config.width * 4),
        planes = config.width * 4,
        stride = stride(index, 2),
        option = config.shortcut()
    )]
    layer3: Vec<BasicBlock>,
    #[layer(
        repeat = config.layers[3],
        in_planes = in_planes(index, config.width * 4, config.width * 8),
        planes = config.width * 8,
        stride = stride(index, 2),
        option = config.shortcut()
    )]
    layer4: Vec<BasicBlock>,
    #[layer(when = config.is_imagenet(), in_features = config.width * 8, out_features = config.num_classes)]
    fc: Option<Linear>,
    #[layer(when = !config.is_imagenet(), in_features = config.width * 8, out_features = config.num_classes)]
    linear: Option<Linear>,
}

#[zk_model]
impl ResNet {
    /// Scores of the classes, `[N, num_classes]`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let mut x = relu(self.bn1(self.conv1(x)));
        x = optional(&self.maxpool, x);
        for layers in [&self.layer1, &self.layer2, &self.layer3, &self.layer4] {
            for block in layers {
                x = block.forward(x);
            }
        }
        let x = flatten(adaptive_avg_pool2d(x, 1), 1);
        optional(&self.linear, optional(&self.fc, x))
    }
}

/// Sizes of a [`CifarResNet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CifarResNetConfig {
    /// Blocks in each of the three stages: n for a depth of 6 n + 2, so 3 for ResNet-20.
    pub blocks: usize,
    /// Channels of the first stage, doubled by each further one; 16.
    pub width: usize,
    /// Shortcuts where the size changes; option A in the original.
    pub option: Shortcut,
    /// Number of classes; 10.
    pub num_classes: usize,
}

impl CifarResNetConfig {
    /// `resnet20`: 0.27 million parameters.
    pub const RESNET20: CifarResNetConfig = CifarResNetConfig::of_depth(20);
    /// `resnet32`: 0.46 million parameters.
    pub const RESNET32: CifarResNetConfig = CifarResNetConfig::of_depth(32);
    /// `resnet44`: 0.66 million parameters.
    pub const RESNET44: CifarResNetConfig = CifarResNetConfig::of_depth(44);
    /// `resnet56`: 0.85 million parameters.
    pub const RESNET56: CifarResNetConfig = CifarResNetConfig::of_depth(56);

    /// The network of that depth. Depths are 6 n + 2; another number is rounded down to one, 21 to 20.
    pub const fn of_depth(depth: usize) -> CifarResNetConfig {
        CifarResNetConfig {
            blocks: depth.saturating_sub(2) / 6,
            width: 16,
            option: Shortcut::A,
            num_classes: 10,
        }
    }

    /// With other shortcuts.
    pub const fn with_option(self, option: Shortcut) -> CifarResNetConfig {
        CifarResNetConfig { option, ..self }
    }

    /// Shape of `images` images: `[images, 3, 32, 32]`.
    pub const fn input_shape(&self, images: usize) -> [usize; 4] {
        [images, 3, 32, 32]
    }
}

/// ResNet-20, 32, 44 or 56: three stages of 16, 32 and 64 channels. The input is `[N, 3, 32, 32]`.
#[zk_model]
#[derive(Debug, Clone)]
pub struct CifarResNet {
    #[arg]
    config: CifarResNetConfig,
    #[layer(in_channels = 3, out_channels = config.width, kernel_size = 3, padding = 1, bias = false)]
    conv1: Conv2d,
    #[layer(num_features = config.width)]
    bn1: BatchNorm2d,
    #[layer(repeat = config.blocks, in_planes = config.width, planes = config.width, stride = 1, option = config.option)]
    layer1: Vec<BasicBlock>,
    #[layer(
        repeat = config.blocks,
        in_planes = in_planes(index, config.width, config.width * 2),
        planes = config.width * 2,
        stride = stride(index, 2),
        option = config.option
    )]
    layer2: Vec<BasicBlock>,
    #[layer(
        repeat = config.blocks,
        in_planes = in_planes(index, config.width * 2, config.width * 4),
        planes = config.width * 4,
        stride = stride(index, 2),
        option = config.option
    )]
    layer3: Vec<BasicBlock>,
    #[layer(in_features = config.width * 4, out_features = config.num_classes)]
    linear: Linear,
}

#[zk_model]
impl CifarResNet {
    /// Scores of the classes, `[N, num_classes]`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let mut x = relu(self.bn1(self.conv1(x)));
        for layers in [&self.layer1, &self.layer2, &self.layer3] {
            for block in layers {
                x = block.forward(x);
            }
        }
        self.linear(flatten(adaptive_avg_pool2d(x, 1), 1))
    }
}

/// Applies the layer; without a layer returns `x`.
fn optional<M: Layer>(layer: &Option<M>, x: Tensor) -> Tensor {
    match layer {
        Some(layer) => layer.forward(x),
        None => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{paths, shape_of, traced, trained_parameters};

    #[test]
    fn numbers_of_parameters() {
        let count =
            |config: ResNetConfig| trained_parameters(&traced(&ResNet::new(config), &config.input_shape(1)));
        // As torchvision documents them, and as kuangliu's networks have them.
        assert_eq!(count(ResNetConfig::RESNET18), 11_689_512);
        assert_eq!(count(ResNetConfig::RESNET34), 21_797_672);
        assert_eq!(count(ResNetConfig::RESNET18.cifar10()), 11_173_962);
        assert_eq!(count(ResNetConfig::RESNET34.cifar10()), 21_282_122);
        // As akamaster documents them: 0.27, 0.46, 0.66 and 0.85 million.
        let count = |config: CifarResNetConfig| {
            trained_parameters(&traced(&CifarResNet::new(config), &config.input_shape(1)))
        };
        assert_eq!(count(CifarResNetConfig::RESNET20), 269_722);
        assert_eq!(count(CifarResNetConfig::RESNET32), 464_154);
        assert_eq!(count(CifarResNetConfig::RESNET44), 658_586);
        assert_eq!(count(CifarResNetConfig::RESNET56), 853_018);
    }

    #[test]
    fn shapes_are_those_of_the_originals() {
        let config = ResNetConfig::RESNET18;
        let graph = traced(&ResNet::new(config), &config.input_shape(2));
        assert_eq!(shape_of(&graph, "maxpool"), [2, 64, 56, 56]);
        assert_eq!(shape_of(&graph, "layer2.0.downsample.1"), [2, 128, 28, 28]);
        assert_eq!(shape_of(&graph, "layer4.1.relu_1"), [2, 512, 7, 7]);
        assert_eq!(shape_of(&graph, "fc"), [2, 1000]);
        let config = config.cifar10();
        let graph = traced(&ResNet::new(config), &config.input_shape(1));
        assert_eq!(shape_of(&graph, "layer4.0.shortcut.0"), [1, 512, 4, 4]);
        assert_eq!(shape_of(&graph, "linear"), [1, 10]);
    }

    #[test]
    fn option_a_has_no_parameters_and_option_b_some() {
        let config = CifarResNetConfig::RESNET20;
        let graph = traced(&CifarResNet::new(config), &config.input_shape(1));
        assert_eq!(shape_of(&graph, "layer2.0.subsample2d"), [1, 16, 16, 16]);
        assert_eq!(shape_of(&graph, "layer2.0.pad"), [1, 32, 16, 16]);
        assert!(
            graph
                .parameters
                .iter()
                .all(|parameter| !parameter.path.contains("shortcut"))
        );
        let config = config.with_option(Shortcut::B);
        let graph = traced(&CifarResNet::new(config), &config.input_shape(1));
        let paths = paths(&graph);
        assert!(paths.contains(&"layer3.0.shortcut.0.weight") && paths.contains(&"layer3.0.shortcut.1.bias"));
        assert!(!paths.contains(&"layer3.1.shortcut.0.weight"));
    }
}
