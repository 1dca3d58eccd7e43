//! VGG-11, 13, 16 and 19, with and without batch normalization, for ImageNet and for CIFAR.
//!
//! The PyTorch it mirrors, `torchvision.models.vgg`:
//!
//! ```python
//! class VGG(nn.Module):
//!     def __init__(self, features, num_classes=1000, dropout=0.5):
//!         super().__init__()
//!         self.features = features
//!         self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
//!         self.classifier = nn.Sequential(
//!             nn.Linear(512 * 7 * 7, 4096),
//!             nn.ReLU(True),
//!             nn.Dropout(p=dropout),
//!             nn.Linear(4096, 4096),
//!             nn.ReLU(True),
//!             nn.Dropout(p=dropout),
//!             nn.Linear(4096, num_classes),
//!         )
//!
//!     def forward(self, x):
//!         x = self.features(x)
//!         x = self.avgpool(x)
//!         x = torch.flatten(x, 1)
//!         x = self.classifier(x)
//!         return x
//! ```
//!
//! With [`VggHead::Cifar`] it is the network of <https://github.com/chengyangfu/pytorch-vgg-cifar10>: 32 x 32 images,
//! which the five max-pools bring to one pixel, and a classifier `Dropout, Linear(512, 512), ReLU, Dropout,
//! Linear(512, 512), ReLU, Linear(512, 10)`. The state-dict keys are those of the two originals; the numbers of the
//! classifier's layers differ (`classifier.0, 3, 6` for ImageNet, `classifier.1, 4, 6` for CIFAR).
//!
//! K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015.

use crate::prelude::*;

/// In a list of widths: a max-pool in place of a convolution.
pub const M: usize = 0;

/// Widths of the convolutions of VGG-11 (configuration A of the paper), with a max-pool at every [`M`].
pub const VGG11: &[usize] = &[64, M, 128, M, 256, 256, M, 512, 512, M, 512, 512, M];
/// Widths of VGG-13 (configuration B).
pub const VGG13: &[usize] = &[64, 64, M, 128, 128, M, 256, 256, M, 512, 512, M, 512, 512, M];
/// Widths of VGG-16 (configuration D).
pub const VGG16: &[usize] = &[
    64, 64, M, 128, 128, M, 256, 256, 256, M, 512, 512, 512, M, 512, 512, 512, M,
];
/// Widths of VGG-19 (configuration E).
pub const VGG19: &[usize] = &[
    64, 64, M, 128, 128, M, 256, 256, 256, 256, M, 512, 512, 512, 512, M, 512, 512, 512, 512, M,
];

/// The classifier, and the size of the images that it is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VggHead {
    /// torchvision's: 7 x 7 pixels at the end of `features`, from images of 224 x 224.
    ImageNet,
    /// For CIFAR: one pixel at the end of `features`, from images of 32 x 32.
    Cifar,
}

/// Sizes of a [`Vgg`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VggConfig {
    /// Widths of the convolutions, [`M`] for a max-pool: [`VGG16`] or any other list.
    pub cfg: &'static [usize],
    /// Whether each convolution is followed by a `BatchNorm2d`.
    pub batch_norm: bool,
    /// Classifier.
    pub head: VggHead,
    /// Width of the two hidden layers of the classifier: 4,096 for ImageNet, 512 for CIFAR.
    pub hidden: usize,
    /// Number of classes: 1,000 or 10.
    pub num_classes: usize,
}

impl VggConfig {
    /// torchvision's network for 224 x 224 images of 1,000 classes, without batch normalization.
    pub const fn imagenet(cfg: &'static [usize]) -> VggConfig {
        VggConfig {
            cfg,
            batch_norm: false,
            head: VggHead::ImageNet,
            hidden: 4096,
            num_classes: 1000,
        }
    }

    /// The network for 32 x 32 images of 10 classes, without batch normalization.
    pub const fn cifar10(cfg: &'static [usize]) -> VggConfig {
        VggConfig {
            cfg,
            batch_norm: false,
            head: VggHead::Cifar,
            hidden: 512,
            num_classes: 10,
        }
    }

    /// With a `BatchNorm2d` after each convolution (`vgg16_bn`).
    pub const fn bn(self) -> VggConfig {
        VggConfig {
            batch_norm: true,
            ..self
        }
    }

    /// Shape of `images` images: `[images, 3, 224, 224]` or `[images, 3, 32, 32]`.
    pub const fn input_shape(&self, images: usize) -> [usize; 4] {
        let size = match self.head {
            VggHead::ImageNet => 224,
            VggHead::Cifar => 32,
        };
        [images, 3, size, size]
    }

    /// Height and width of the classifier's input.
    const fn pooled(&self) -> usize {
        match self.head {
            VggHead::ImageNet => 7,
            VggHead::Cifar => 1,
        }
    }
}

/// A VGG network. The input is [`VggConfig::input_shape`].
///
/// ```
/// use zkml_core::nn::Forward;
/// use zkml_models::vgg::{VGG16, Vgg, VggConfig};
///
/// let config = VggConfig::cifar10(VGG16).bn();
/// let graph = Vgg::new(config).trace_with_input(&config.input_shape(1)).unwrap();
/// assert_eq!(graph[graph.outputs[0]].fact, [1, 10]);
/// ```
#[zk_model]
#[derive(Debug, Clone)]
pub struct Vgg {
    #[arg]
    config: VggConfig,
    #[layer(layers = make_layers(config.cfg, config.batch_norm))]
    features: Sequential,
    #[layer(output_size = config.pooled())]
    avgpool: AdaptiveAvgPool2d,
    #[layer(layers = make_classifier(&config))]
    classifier: Sequential,
}

#[zk_model]
impl Vgg {
    /// Scores of the classes, `[N, num_classes]`.
    pub fn forward(&self, x: Tensor) -> Tensor {
        let x = self.features(x);
        let x = self.avgpool(x);
        let x = flatten(x, 1);
        self.classifier(x)
    }
}

/// torchvision's function of this name.
fn make_layers(cfg: &[usize], batch_norm: bool) -> Vec<SequentialLayer> {
    let mut layers = Vec::new();
    let mut in_channels = 3;
    for &v in cfg {
        if v == M {
            layers.push(layer::<MaxPool2d>(MaxPool2dOptions::new([2, 2])));
        } else {
            layers.push(layer::<Conv2d>(Conv2dOptions {
                padding: [1, 1],
                ..Conv2dOptions::new(in_channels, v, [3, 3])
            }));
            if batch_norm {
                layers.push(layer::<BatchNorm2d>(BatchNorm2dOptions::new(v)));
            }
            layers.push(layer::<ReLU>(ReLUOptions::new()));
            in_channels = v;
        }
    }
    layers
}

fn make_classifier(config: &VggConfig) -> Vec<SequentialLayer> {
    let last = config.cfg.iter().rev().find(|&&v| v != M);
    let features = last.map_or(3, |&v| v) * config.pooled() * config.pooled();
    let (hidden, num_classes) = (config.hidden, config.num_classes);
    let linear = |inputs, outputs| layer::<Linear>(LinearOptions::new(inputs, outputs));
    let relu = || layer::<ReLU>(ReLUOptions::new());
    let dropout = || layer::<Dropout>(DropoutOptions::new());
    match config.head {
        VggHead::ImageNet => vec![
            linear(features, hidden),
            relu(),
            dropout(),
            linear(hidden, hidden),
            relu(),
            dropout(),
            linear(hidden, num_classes),
        ],
        VggHead::Cifar => vec![
            dropout(),
            linear(features, hidden),
            relu(),
            dropout(),
            linear(hidden, hidden),
            relu(),
            linear(hidden, num_classes),
        ],
    }
}

#[cfg(test)]
mod tests {
    use zkml_core::ops::FloatOp;

    use super::*;
    use crate::testing::{asset, shape_of, traced, trained_parameters};

    fn parameters(config: VggConfig) -> usize {
        trained_parameters(&traced(&Vgg::new(config), &config.input_shape(1)))
    }

    #[test]
    fn loads_weights_trained_in_pytorch() {
        let weights = asset("vgg16_bn-cifar10.safetensors");
        let config = VggConfig::cifar10(VGG16).bn();
        let graph = traced(&Vgg::new(config), &config.input_shape(1));
        let (graph, report) = graph.load(&weights).unwrap();
        // 13 convolutions with weight and bias, as many normalizations with four tensors, 3 linear layers.
        assert_eq!(report.applied.len(), 13 * 6 + 3 * 2);
        assert!(report.unused.is_empty(), "{report}");
        assert_eq!(parameters(config), 15_253_578);
        assert_eq!(graph[graph.outputs[0]].fact, [1, 10]);
    }

    /// The counts torchvision documents for its weights.
    #[test]
    fn torchvisions_numbers_of_parameters() {
        let counts = [
            (VGG11, 132_863_336, 132_868_840),
            (VGG13, 133_047_848, 133_053_736),
            (VGG16, 138_357_544, 138_365_992),
            (VGG19, 143_667_240, 143_678_248),
        ];
        for (cfg, plain, bn) in counts {
            assert_eq!(parameters(VggConfig::imagenet(cfg)), plain);
            assert_eq!(parameters(VggConfig::imagenet(cfg).bn()), bn);
        }
    }

    #[test]
    fn layers_are_where_the_originals_have_them() {
        let config = VggConfig::imagenet(VGG11);
        let graph = traced(&Vgg::new(config), &config.input_shape(2));
        assert_eq!(shape_of(&graph, "features.20"), [2, 512, 7, 7]);
        assert_eq!(shape_of(&graph, "flatten"), [2, 25_088]);
        assert_eq!(shape_of(&graph, "classifier.6"), [2, 1000]);
        // 7 x 7 already: nothing to do.
        assert!(
            graph
                .nodes
                .iter()
                .all(|node| !matches!(node.op, FloatOp::AvgPool2d { .. }))
        );
        // Twice the size: torchvision's average pool brings it to 7 x 7.
        let graph = Vgg::new(config).trace_with_input(&[1, 3, 448, 448]).unwrap();
        assert_eq!(shape_of(&graph, "avgpool"), [1, 512, 7, 7]);
    }

    #[test]
    fn a_wrong_size_is_an_error_at_the_layer() {
        let model = Vgg::new(VggConfig::imagenet(VGG11));
        // As in PyTorch, the average pool brings any image to 7 x 7, if there is a pixel left of it.
        let graph = model.trace_with_input(&[1, 3, 32, 32]).unwrap();
        assert_eq!(graph.outputs.len(), 1);
        let error = model.trace_with_input(&[1, 3, 16, 16]).unwrap_err().to_string();
        assert!(error.starts_with("features.20: "), "{error}");
    }
}
