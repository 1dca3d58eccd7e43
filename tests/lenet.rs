//! LeNet-5 with its trained weights: the float network against PyTorch, the integers against the float network, and
//! proofs of real digits.

#![cfg(feature = "prover")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and some say how far they went"
)]

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use zkml::execute::execute_reference;
use zkml::execute::float::execute_float;
use zkml::graph::Graph;
use zkml::keys::CompiledModel;
use zkml::models::LeNet;
use zkml::nn::Weights;
use zkml::ops::Float;
use zkml::prelude::*;
use zkml::prove::prove;
use zkml::quant::{AccuracyReport, Calibration, QuantizeOptions, Quantized, quantize};
use zkml::setup::{SetupOptions, setup};
use zkml::verify::verify;

#[path = "lenet/tamper.rs"]
mod tamper;

use zkml::data::idx;

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn float_network() -> Graph<Float> {
    let weights = Weights::open(in_repository("examples/assets/lenet5-mnist.safetensors")).unwrap();
    LeNet::new().trace().unwrap().load(&weights).unwrap().0
}

/// All test digits, padded to 32 by 32 and divided by 255, with their labels.
fn digits() -> (Vec<ArrayD<f32>>, Vec<usize>) {
    let assets = in_repository("examples/assets");
    let images = idx::read_images(assets.join("mnist-t10k-first1000-images-idx3-ubyte.gz")).unwrap();
    let labels = idx::read_labels(assets.join("mnist-t10k-first1000-labels-idx1-ubyte")).unwrap();
    let padded = |index: usize| {
        let pixels = images.get(index).unwrap();
        ArrayD::from_shape_fn(vec![1, 1, 32, 32], |at| {
            let inside = |i: usize| (2..30).contains(&i).then(|| i - 2);
            inside(at[2])
                .zip(inside(at[3]))
                .map_or(0.0, |(y, x)| f32::from(pixels[28 * y + x]) / 255.0)
        })
    };
    (
        (0..images.len()).map(padded).collect(),
        labels.iter().map(|&label| label.into()).collect(),
    )
}

fn integer_network(graph: &Graph<Float>, samples: &[ArrayD<f32>]) -> Quantized {
    let calibration = Calibration::collect(
        graph,
        samples.iter().take(64).cloned(),
        CalibrationMethod::default(),
    )
    .unwrap();
    quantize(graph, &calibration, &QuantizeOptions::default()).unwrap()
}

fn as_f32(view: &TensorView<'_>) -> ArrayD<f32> {
    let values = view
        .data()
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    ArrayD::from_shape_vec(view.shape().to_vec(), values).unwrap()
}

#[test]
fn every_layer_agrees_with_pytorch() {
    let bytes = std::fs::read(in_repository("tests/fixtures/lenet_reference.safetensors")).unwrap();
    let reference = SafeTensors::deserialize(&bytes).unwrap();
    let image = reference.tensor("image").unwrap();
    let graph = float_network();
    let layers = [
        ("conv1", "conv1"),
        ("pool1", "max_pool2d"),
        ("conv2", "conv2"),
        ("pool2", "max_pool2d_1"),
        ("fc1", "relu_2"),
        ("fc2", "relu_3"),
        ("logits", "fc3"),
    ];
    for (digit, pixels) in image.data().chunks_exact(32 * 32).enumerate() {
        let input = ArrayD::from_shape_fn(vec![1, 1, 32, 32], |at| {
            f32::from(pixels[32 * at[2] + at[3]]) / 255.0
        });
        let values = execute_float(&graph, &input).unwrap();
        for (tensor, node) in layers {
            let expected = as_f32(&reference.tensor(tensor).unwrap());
            // The fixture keeps the first layer of a few digits only.
            if digit >= expected.shape()[0] {
                continue;
            }
            let expected = expected.index_axis(Axis(0), digit);
            let found = values[graph.find(node).unwrap().0]
                .index_axis(Axis(0), 0)
                .to_owned();
            assert_eq!(found.shape(), expected.shape(), "{node}");
            let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
            for (found, expected) in found.iter().zip(expected.iter()) {
                assert!(
                    (found - expected).abs() <= 1e-5 * largest.max(1.0),
                    "digit {digit}, {node}: {found} and {expected}"
                );
            }
        }
    }
}

#[test]
fn integers_lose_at_most_a_fifth_of_a_point() {
    let (samples, labels) = digits();
    let graph = float_network();
    let report = AccuracyReport::measure(
        &graph,
        &integer_network(&graph, &samples),
        &samples,
        Some(&labels),
    )
    .unwrap();
    let classes = report.classes.unwrap();
    let (float, integer) = (classes.float_correct.unwrap(), classes.integer_correct.unwrap());
    assert_eq!(classes.rows, 1000);
    assert!(float >= 985, "float: {float} of 1000");
    assert!(integer + 2 >= float, "integer: {integer}, float: {float} of 1000");
}

#[test]
fn digits_are_classified_proved_and_verified() {
    let (samples, labels) = digits();
    let graph = float_network().with_argmax().unwrap();
    let network = integer_network(&graph, &samples);
    let key = setup(CompiledModel::new("lenet", network), &SetupOptions::default()).unwrap();
    let network = &key.model().network;
    for (sample, &label) in samples.iter().zip(&labels).take(4) {
        let input = network.quantize_input(sample).unwrap().integers;
        let proof = prove(&key, &input, b"test").unwrap();
        verify(key.verifying(), &proof, b"test").unwrap();
        let execution = execute_reference(&network.graph, &input).unwrap();
        let expected: Vec<Vec<i64>> = execution
            .outputs(&network.graph)
            .map(|output| output.iter().copied().collect())
            .collect();
        assert_eq!(expected[1], [label as i64]);
        assert_eq!(proof.public.outputs, Some(expected));
        assert!(proof.messages.len() <= 300_000, "{} bytes", proof.messages.len());
    }
}
