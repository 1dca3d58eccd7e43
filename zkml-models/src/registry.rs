//! The networks that the command line knows by name: name, input shape, and how an image becomes the input.

use zkml_core::graph::Graph;
use zkml_core::nn::{Forward, TraceError};
use zkml_core::ops::Symbolic;
use zkml_core::quant::Preprocessing;

use crate::mobilenet_v1::{MobileNetV1, MobileNetV1Config};
use crate::mobilenet_v2::{MobileNetV2, MobileNetV2Config};
use crate::resnet::{CifarResNet, CifarResNetConfig, ResNet, ResNetConfig, Shortcut};
use crate::vgg::{VGG11, VGG13, VGG16, VGG19, Vgg, VggConfig};
use crate::{LeNet, Mlp};

/// A network with a name.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Channels, height and width of one input.
    pub input: [usize; 3],
    normalization: &'static Normalization,
    trace: fn(&[usize]) -> Result<Graph<Symbolic>, TraceError>,
}

/// How the images of a data set are usually prepared; see [`Preprocessing`].
#[derive(Debug)]
struct Normalization {
    pad: usize,
    mean: &'static [f32],
    deviation: &'static [f32],
}

/// Bytes divided by 255.
const PLAIN: Normalization = Normalization {
    pad: 0,
    mean: &[0.0],
    deviation: &[1.0],
};
/// The same, with the two zero pixels around a digit that LeNet-5 expects.
const PADDED: Normalization = Normalization {
    pad: 2,
    mean: &[0.0],
    deviation: &[1.0],
};

/// The statistics of CIFAR-10's training images.
const CIFAR: Normalization = Normalization {
    pad: 0,
    mean: &[0.4914, 0.4822, 0.4465],
    deviation: &[0.2470, 0.2435, 0.2616],
};
/// What kuangliu/pytorch-cifar uses.
const KUANGLIU: Normalization = Normalization {
    pad: 0,
    mean: &[0.4914, 0.4822, 0.4465],
    deviation: &[0.2023, 0.1994, 0.2010],
};
/// The statistics that torchvision's ImageNet models were trained with.
const IMAGENET: Normalization = Normalization {
    pad: 0,
    mean: &[0.485, 0.456, 0.406],
    deviation: &[0.229, 0.224, 0.225],
};

/// All networks. A line each: name, description, input, preparation, and how it is traced.
#[rustfmt::skip]
pub const MODELS: &[Entry] = &[
    Entry { name: "lenet", about: "LeNet-5 for 28 x 28 digits, padded to 32 x 32", input: [1, 32, 32], normalization: &PADDED, trace: |shape| LeNet::new().trace_with_input(shape) },
    Entry { name: "mlp", about: "Perceptron 784-128-128-10 for 28 x 28 digits", input: [1, 28, 28], normalization: &PLAIN, trace: |shape| Mlp::new(784, 128, 10).trace_with_input(shape) },
    Entry { name: "vgg11-cifar10", about: "VGG-11, CIFAR-10", input: [3, 32, 32], normalization: &CIFAR, trace: |shape| Vgg::new(VggConfig::cifar10(VGG11)).trace_with_input(shape) },
    Entry { name: "vgg11_bn-cifar10", about: "VGG-11 with batch normalization, CIFAR-10", input: [3, 32, 32], normalization: &CIFAR, trace: |shape| Vgg::new(VggConfig::cifar10(VGG11).bn()).trace_with_input(shape) },
    Entry { name: "vgg13-cifar10", about: "VGG-13, CIFAR-10", input: [3, 32, 32], normalization: &CIFAR, trace: |shape| Vgg::new(VggConfig::cifar10(VGG13)).trace_with_input(shape) },
    Entry { name: "vgg13_bn-cifar10", about: "VGG-13 with batch normalization, CIFAR-10", input: [3, 32, 32], normalization: &CIFAR, trace: |shape| Vgg::new(VggConfig::cifar10(VGG13).bn()).trace_with_input(shape) },
    Entry { name: "vgg16-cifar10", about: "VGG-16, CIFAR-10", input: [3, 32, 32], normalization: &CIFAR, trace: |shape| Vgg::new(VggConfig::cifar10(VGG16)).trace_with_input(shape) },
    Entry { name: "vgg16_bn-cifar10", about: "VGG-16 with batch normalization, CIFAR-10", input: [3, 32, 32], normalization: &CIFAR, trace: |shape| Vgg::new(VggConfig::cifar10(VGG16).bn()).trace_with_input(shape) },
    Entry { name: "vgg19-cifar10", about: "VGG-19, CIFAR-10", input: [3, 32, 32], normalization: &CIFAR, trace: |shape| Vgg::new(VggConfig::cifar10(VGG19)).trace_with_input(shape) },
    Entry { name: "vgg19_bn-cifar10", about: "VGG-19 with batch normalization, CIFAR-10", input: [3, 32, 32], normalization: &CIFAR, trace: |shape| Vgg::new(VggConfig::cifar10(VGG19).bn()).trace_with_input(shape) },
    Entry { name: "vgg11", about: "VGG-11, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| Vgg::new(VggConfig::imagenet(VGG11)).trace_with_input(shape) },
    Entry { name: "vgg11_bn", about: "VGG-11 with batch normalization, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| Vgg::new(VggConfig::imagenet(VGG11).bn()).trace_with_input(shape) },
    Entry { name: "vgg13", about: "VGG-13, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| Vgg::new(VggConfig::imagenet(VGG13)).trace_with_input(shape) },
    Entry { name: "vgg13_bn", about: "VGG-13 with batch normalization, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| Vgg::new(VggConfig::imagenet(VGG13).bn()).trace_with_input(shape) },
    Entry { name: "vgg16", about: "VGG-16, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| Vgg::new(VggConfig::imagenet(VGG16)).trace_with_input(shape) },
    Entry { name: "vgg16_bn", about: "VGG-16 with batch normalization, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| Vgg::new(VggConfig::imagenet(VGG16).bn()).trace_with_input(shape) },
    Entry { name: "vgg19", about: "VGG-19, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| Vgg::new(VggConfig::imagenet(VGG19)).trace_with_input(shape) },
    Entry { name: "vgg19_bn", about: "VGG-19 with batch normalization, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| Vgg::new(VggConfig::imagenet(VGG19).bn()).trace_with_input(shape) },
    Entry { name: "resnet18-cifar10", about: "ResNet-18, CIFAR-10", input: [3, 32, 32], normalization: &KUANGLIU, trace: |shape| ResNet::new(ResNetConfig::RESNET18.cifar10()).trace_with_input(shape) },
    Entry { name: "resnet34-cifar10", about: "ResNet-34, CIFAR-10", input: [3, 32, 32], normalization: &KUANGLIU, trace: |shape| ResNet::new(ResNetConfig::RESNET34.cifar10()).trace_with_input(shape) },
    Entry { name: "resnet20-cifar10", about: "ResNet-20 with shortcuts of option A, CIFAR-10", input: [3, 32, 32], normalization: &IMAGENET, trace: |shape| CifarResNet::new(CifarResNetConfig::RESNET20).trace_with_input(shape) },
    Entry { name: "resnet20_b-cifar10", about: "ResNet-20 with shortcuts of option B, CIFAR-10", input: [3, 32, 32], normalization: &IMAGENET, trace: |shape| CifarResNet::new(CifarResNetConfig::RESNET20.with_option(Shortcut::B)).trace_with_input(shape) },
    Entry { name: "resnet32-cifar10", about: "ResNet-32 with shortcuts of option A, CIFAR-10", input: [3, 32, 32], normalization: &IMAGENET, trace: |shape| CifarResNet::new(CifarResNetConfig::RESNET32).trace_with_input(shape) },
    Entry { name: "resnet32_b-cifar10", about: "ResNet-32 with shortcuts of option B, CIFAR-10", input: [3, 32, 32], normalization: &IMAGENET, trace: |shape| CifarResNet::new(CifarResNetConfig::RESNET32.with_option(Shortcut::B)).trace_with_input(shape) },
    Entry { name: "resnet44-cifar10", about: "ResNet-44 with shortcuts of option A, CIFAR-10", input: [3, 32, 32], normalization: &IMAGENET, trace: |shape| CifarResNet::new(CifarResNetConfig::RESNET44).trace_with_input(shape) },
    Entry { name: "resnet44_b-cifar10", about: "ResNet-44 with shortcuts of option B, CIFAR-10", input: [3, 32, 32], normalization: &IMAGENET, trace: |shape| CifarResNet::new(CifarResNetConfig::RESNET44.with_option(Shortcut::B)).trace_with_input(shape) },
    Entry { name: "resnet56-cifar10", about: "ResNet-56 with shortcuts of option A, CIFAR-10", input: [3, 32, 32], normalization: &IMAGENET, trace: |shape| CifarResNet::new(CifarResNetConfig::RESNET56).trace_with_input(shape) },
    Entry { name: "resnet56_b-cifar10", about: "ResNet-56 with shortcuts of option B, CIFAR-10", input: [3, 32, 32], normalization: &IMAGENET, trace: |shape| CifarResNet::new(CifarResNetConfig::RESNET56.with_option(Shortcut::B)).trace_with_input(shape) },
    Entry { name: "mobilenet_v1-cifar10", about: "MobileNet, CIFAR-10", input: [3, 32, 32], normalization: &KUANGLIU, trace: |shape| MobileNetV1::new(MobileNetV1Config::cifar10()).trace_with_input(shape) },
    Entry { name: "mobilenet_v2-cifar10", about: "MobileNetV2, CIFAR-10", input: [3, 32, 32], normalization: &CIFAR, trace: |shape| MobileNetV2::new(MobileNetV2Config::MOBILENET_V2.cifar10()).trace_with_input(shape) },
    Entry { name: "resnet18", about: "ResNet-18, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| ResNet::new(ResNetConfig::RESNET18).trace_with_input(shape) },
    Entry { name: "resnet34", about: "ResNet-34, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| ResNet::new(ResNetConfig::RESNET34).trace_with_input(shape) },
    Entry { name: "mobilenet_v1", about: "MobileNet, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| MobileNetV1::new(MobileNetV1Config::imagenet()).trace_with_input(shape) },
    Entry { name: "mobilenet_v2", about: "MobileNetV2, ImageNet, 224 x 224", input: [3, 224, 224], normalization: &IMAGENET, trace: |shape| MobileNetV2::new(MobileNetV2Config::MOBILENET_V2).trace_with_input(shape) },
];

/// There is no network of that name.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a model, found `{name}`{}", match suggestion {
    Some(suggestion) => format!("; did you mean `{suggestion}`?"),
    None => String::new(),
})]
pub struct UnknownModel {
    /// What was asked for.
    pub name: String,
    /// The name that is most like it, if one is.
    pub suggestion: Option<&'static str>,
}

zkml_core::debug_as_display!(UnknownModel);

/// Least similarity (1 is equal) of a name that is suggested.
const SIMILAR: f64 = 0.6;

/// The network of that name.
///
/// # Errors
/// [`UnknownModel`], with a name that may be meant.
pub fn find(name: &str) -> Result<&'static Entry, UnknownModel> {
    if let Some(entry) = MODELS.iter().find(|entry| entry.name == name) {
        return Ok(entry);
    }
    let likeness = |entry: &Entry| strsim::jaro_winkler(&name.to_lowercase(), entry.name);
    let best = MODELS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    Err(UnknownModel {
        name: name.to_owned(),
        suggestion: best
            .filter(|entry| likeness(entry) >= SIMILAR)
            .map(|entry| entry.name),
    })
}

impl Entry {
    /// The graph of the network on a batch of that many inputs.
    ///
    /// # Errors
    /// As [`Forward::trace_with_input`].
    pub fn trace(&self, batch: usize) -> Result<Graph<Symbolic>, TraceError> {
        let [channels, height, width] = self.input;
        (self.trace)(&[batch, channels, height, width])
    }

    /// The preparation of images that the network was trained with.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing {
            pad: self.normalization.pad,
            mean: self.normalization.mean.to_vec(),
            deviation: self.normalization.deviation.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_traces_for_any_batch() {
        for entry in MODELS {
            for batch in [1, 3] {
                let graph = entry
                    .trace(batch)
                    .unwrap_or_else(|error| panic!("{}: {error}", entry.name));
                assert_eq!(graph[graph.input].fact[0], batch, "{}", entry.name);
                assert_eq!(graph[graph.outputs[0]].fact[0], batch, "{}", entry.name);
            }
            assert!(entry.preprocessing().fits(entry.input[0]), "{}", entry.name);
        }
    }

    #[test]
    fn names_are_unique_and_suggested() {
        for entry in MODELS {
            assert_eq!(find(entry.name).unwrap().about, entry.about);
        }
        assert_eq!(find("lenett").unwrap_err().suggestion, Some("lenet"));
        assert_eq!(find("LeNet").unwrap_err().suggestion, Some("lenet"));
        assert_eq!(
            find("qqq").unwrap_err().to_string(),
            "expected the name of a model, found `qqq`"
        );
    }
}
