//! The networks of zkml-models: names and shapes as in PyTorch, values as PyTorch computes them, and a narrow network
//! of each family from weights to a verified proof. `scripts/reference_models.py` makes the fixtures.

#![cfg(feature = "prover")]
// Helpers outside of `#[test]` functions unwrap, too: a failure there fails the test.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};
use safetensors::SafeTensors;
use zkml::execute::float::execute_float_outputs;
use zkml::graph::Graph;
use zkml::keys::CompiledModel;
use zkml::models::mobilenet_v1::{MobileNetV1, MobileNetV1Config};
use zkml::models::mobilenet_v2::{InvertedResidualSetting, MobileNetV2, MobileNetV2Config};
use zkml::models::resnet::{CifarResNet, CifarResNetConfig, ResNet, ResNetConfig, Shortcut, Stem};
use zkml::models::vgg::{M, VGG16, Vgg, VggConfig};
use zkml::nn::Weights;
use zkml::ops::{Float, Symbolic};
use zkml::optimize::{Switches, optimize};
use zkml::prelude::*;
use zkml::prove::prove;
use zkml::quant::AccuracyReport;
use zkml::quant::{Calibration, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};
use zkml::verify::verify;

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(path)
}

/// Exactly the tensors of the state dict, in any order; counters that evaluation does not use are left out.
fn has_the_names_of(name: &str, graph: &Graph<Symbolic>) {
    let text = fs::read_to_string(fixture(&format!("state_dicts/{name}.txt"))).unwrap();
    let counts = |line: &&str| !line.contains("num_batches_tracked");
    let mut expected: Vec<String> = text.lines().filter(counts).map(str::to_owned).collect();
    let ours = graph.parameters.iter();
    let mut found: Vec<String> = ours
        .map(|parameter| format!("{} {:?}", parameter.path, parameter.shape))
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(expected, found, "{name}");
}

#[test]
fn state_dicts_are_those_of_torchvision() {
    let imagenet = [1, 3, 224, 224];
    for (name, config) in [
        ("vgg16", VggConfig::imagenet(VGG16)),
        ("vgg16_bn", VggConfig::imagenet(VGG16).bn()),
    ] {
        has_the_names_of(name, &Vgg::new(config).trace_with_input(&imagenet).unwrap());
    }
    for (name, config) in [
        ("resnet18", ResNetConfig::RESNET18),
        ("resnet34", ResNetConfig::RESNET34),
    ] {
        has_the_names_of(name, &ResNet::new(config).trace_with_input(&imagenet).unwrap());
    }
    let network = MobileNetV2::new(MobileNetV2Config::MOBILENET_V2);
    has_the_names_of("mobilenet_v2", &network.trace_with_input(&imagenet).unwrap());
}

/// A tensor of the fixture as `f32`.
fn reference(tensors: &SafeTensors<'_>, name: &str) -> ArrayD<f32> {
    let tensor = tensors.tensor(name).unwrap();
    let words = tensor.data().as_chunks::<4>().0.iter();
    let values = words.map(|&word| f32::from_le_bytes(word)).collect();
    ArrayD::from_shape_vec(tensor.shape(), values).unwrap()
}

/// The narrow network `name`: the float execution against PyTorch, the integers against the floats, then a proof with
/// private weights and input, accepted, and refused when a bit of it or of the outputs is altered.
fn float_integer_and_proof(name: &str, network: &impl Forward) {
    let path = fixture(&format!("models/{name}.safetensors"));
    let bytes = fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let (images, expected) = (
        reference(&tensors, "reference.input"),
        reference(&tensors, "reference.output"),
    );
    let inputs: Vec<ArrayD<f32>> = images
        .axis_iter(Axis(0))
        .map(|image| image.insert_axis(Axis(0)).as_standard_layout().into_owned())
        .collect();

    let graph = network.trace_with_input(inputs[0].shape()).unwrap();
    let (graph, report) = graph.load(&Weights::open(&path).unwrap()).unwrap();
    assert_eq!(report.unused, ["reference.input", "reference.output"], "{name}");
    let largest = expected
        .iter()
        .fold(0f32, |largest, value| largest.max(value.abs()));
    let close = |graph: &Graph<Float>, stage: &str| {
        let outputs = execute_float_outputs(graph, &inputs).unwrap();
        for (found, expected) in outputs.iter().zip(expected.axis_iter(Axis(0))) {
            for (found, expected) in found[0].iter().zip(expected) {
                let error = (found - expected).abs();
                assert!(error <= 2e-5 * largest, "{name}, {stage}: {found} for {expected}");
            }
        }
    };
    close(&graph, "as loaded");
    let (graph, _) = optimize(graph, &Switches::default()).unwrap();
    close(&graph, "optimized");

    let calibration =
        Calibration::collect(&graph, inputs.iter().cloned(), CalibrationMethod::MinMax).unwrap();
    let quantized = quantize(&graph, &calibration, &QuantizeOptions::default()).unwrap();
    let report = AccuracyReport::measure(&graph, &quantized, &inputs, None).unwrap();
    assert!(report.outputs[0].total().cosine() > 0.995, "{name}: {report}");
    assert_eq!(report.out_of_domain, 0, "{name}");

    let input = quantized.quantize_input(&inputs[0]).unwrap().integers;
    let options = SetupOptions {
        proofs_per_key: 1,
        ..SetupOptions::default()
    };
    let key = setup(CompiledModel::new(name, quantized), &options).unwrap();
    let proof = prove(&key, &input, b"nonce").unwrap();
    verify(key.verifying(), &proof, b"nonce").unwrap();
    let mut altered = proof.clone();
    let middle = altered.messages.len() / 2;
    altered.messages[middle] ^= 1;
    assert!(verify(key.verifying(), &altered, b"nonce").is_err(), "{name}");
    let mut other = proof;
    other.public.outputs.as_mut().unwrap()[0][0] += 1;
    assert!(verify(key.verifying(), &other, b"nonce").is_err(), "{name}");
}

/// The trained VGG-16 on real images: logits as PyTorch computes them, classes the same in integers.
#[test]
fn trained_vgg16_on_cifar() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets");
    let bytes = fs::read(fixture("vgg16_cifar10_logits.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let expected = reference(&tensors, "reference.output");
    let entry = zkml::models::registry::find("vgg16_bn-cifar10").unwrap();
    let preprocessing = entry.preprocessing();
    let records = fs::read(assets.join("cifar10-test-first1000.bin")).unwrap();
    let images: Vec<ArrayD<f32>> = records
        .as_chunks::<3073>()
        .0
        .iter()
        .take(expected.shape()[0])
        .map(|record| {
            ArrayD::from_shape_fn(vec![1, 3, 32, 32], |at| {
                preprocessing.apply(at[1], record[1 + (at[1] * 32 + at[2]) * 32 + at[3]])
            })
        })
        .collect();
    let weights = Weights::open(assets.join("vgg16_bn-cifar10.safetensors")).unwrap();
    let (graph, _) = entry.trace(1).unwrap().load(&weights).unwrap();
    let (graph, _) = optimize(graph, &Switches::default()).unwrap();
    let outputs = execute_float_outputs(&graph, &images).unwrap();
    for (found, expected) in outputs.iter().zip(expected.axis_iter(Axis(0))) {
        for (found, expected) in found[0].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
        }
    }
    let calibration =
        Calibration::collect(&graph, images.iter().cloned(), CalibrationMethod::MinMax).unwrap();
    let quantized = quantize(&graph, &calibration, &QuantizeOptions::default()).unwrap();
    let largest = |scores: &ArrayD<f32>| {
        let better = |best: (usize, f32), (class, &score): (usize, &f32)| match score > best.1 {
            true => (class, score),
            false => best,
        };
        scores.iter().enumerate().fold((0, f32::NEG_INFINITY), better).0
    };
    let float: Vec<usize> = outputs.iter().map(|outputs| largest(&outputs[0])).collect();
    let report = AccuracyReport::measure(&graph, &quantized, &images, Some(&float)).unwrap();
    let classes = report.classes.as_ref().unwrap();
    assert_eq!(classes.integer_correct, Some(images.len()), "{report}");
    assert!(report.outputs[0].total().cosine() > 0.999, "{report}");
}

#[test]
fn vgg_with_normalization_for_cifar() {
    let config = VggConfig {
        hidden: 12,
        ..VggConfig::cifar10(&[4, M, 6, 6, M, 8, M, 8, M]).bn()
    };
    float_integer_and_proof("vgg_bn_cifar", &Vgg::new(config));
}

#[test]
fn vgg_for_imagenet() {
    let config = VggConfig {
        hidden: 8,
        num_classes: 5,
        ..VggConfig::imagenet(&[4, M])
    };
    float_integer_and_proof("vgg_imagenet", &Vgg::new(config));
}

#[test]
fn resnet_for_imagenet() {
    let config = ResNetConfig {
        layers: [1; 4],
        width: 4,
        stem: Stem::ImageNet,
        num_classes: 5,
    };
    float_integer_and_proof("resnet", &ResNet::new(config));
}

#[test]
fn resnet_for_cifar() {
    let config = ResNetConfig {
        layers: [2, 1, 1, 1],
        width: 4,
        stem: Stem::Cifar,
        num_classes: 5,
    };
    float_integer_and_proof("resnet_cifar", &ResNet::new(config));
}

const RESIDUAL: CifarResNetConfig = CifarResNetConfig {
    blocks: 1,
    width: 4,
    option: Shortcut::A,
    num_classes: 5,
};

#[test]
fn resnet_with_option_a() {
    float_integer_and_proof("resnet_a", &CifarResNet::new(RESIDUAL));
}

#[test]
fn resnet_with_option_b() {
    let config = RESIDUAL.with_option(Shortcut::B);
    float_integer_and_proof("resnet_b", &CifarResNet::new(config));
}

#[test]
fn mobilenet_v1() {
    let config = MobileNetV1Config {
        cfg: &[(8, 1), (12, 2), (12, 1)],
        width: 4,
        stride: 1,
        num_classes: 5,
    };
    float_integer_and_proof("mobilenet_v1", &MobileNetV1::new(config));
}

#[test]
fn mobilenet_v2() {
    const SETTING: &[InvertedResidualSetting] = &[
        InvertedResidualSetting {
            expand_ratio: 1,
            channels: 4,
            repeat: 1,
            stride: 1,
        },
        InvertedResidualSetting {
            expand_ratio: 3,
            channels: 6,
            repeat: 2,
            stride: 2,
        },
    ];
    let config = MobileNetV2Config {
        setting: SETTING,
        input_channel: 4,
        stride: 2,
        last_channel: 16,
        num_classes: 5,
    };
    float_integer_and_proof("mobilenet_v2", &MobileNetV2::new(config));
}
