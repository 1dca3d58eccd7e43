//! A network with two inputs, two outputs and parameters of its own, from the struct to a verified answer: floats
//! against a calculation by hand, integers against floats, and a proof that shows one input and one output.

#![cfg(feature = "prover")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use std::path::PathBuf;

use ndarray::ArrayD;
use safetensors::tensor::{Dtype, TensorView};
use zkml::execute::Executor;
use zkml::execute::float::execute_float_outputs_on;
use zkml::graph::Graph;
use zkml::keys::CompiledModel;
use zkml::nn::Weights;
use zkml::ops::Float;
use zkml::optimize::{Switches, optimize};
use zkml::prelude::*;
use zkml::prove::prove_on;
use zkml::quant::{AccuracyReport, Calibration, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};
use zkml::verify::verify;

#[zk_model(inputs = [[1, n], [1, 2]])]
struct Pair {
    #[arg]
    n: usize,
    #[layer(in_features = n, out_features = 2)]
    fc: Linear,
    #[param(shape = [2])]
    gain: Parameter,
    #[param(rename = "shift.value", shape = [1, 1])]
    shift: Parameter,
}

#[zk_model]
impl Pair {
    fn forward(&self, a: Tensor, b: Tensor) -> (Tensor, Tensor) {
        let hidden = relu(self.fc(a) * 2.0);
        let sum = hidden * self.gain - b / 2.0 + self.shift;
        (sum, hidden * b + 1.0)
    }
}

const NAMES: [(&str, &[usize], &[f32]); 4] = [
    ("fc.weight", &[2, 3], &[0.5, -0.25, 0.125, 0.75, 0.5, -1.0]),
    ("fc.bias", &[2], &[0.25, -0.5]),
    ("gain", &[2], &[1.5, -0.75]),
    ("shift.value", &[1, 1], &[0.3]),
];

/// The weights in a file of their own.
fn weights() -> PathBuf {
    let path = std::env::temp_dir().join(format!("zkml-several-{}.safetensors", std::process::id()));
    let bytes: Vec<Vec<u8>> = NAMES
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let tensors = NAMES.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap();
        (name.to_string(), view)
    });
    let file = safetensors::serialize(tensors, None).unwrap();
    std::fs::write(&path, file).unwrap();
    path
}

/// What `forward` says, by hand.
fn by_hand(a: &[f32], b: &[f32]) -> [Vec<f32>; 2] {
    let [weight, bias, gain, shift] = NAMES.map(|(_, _, values)| values);
    let hidden: Vec<f32> = (0..2)
        .map(|o| {
            let product: f32 = (0..3).map(|i| weight[3 * o + i] * a[i]).sum();
            ((product + bias[o]) * 2.0).max(0.0)
        })
        .collect();
    [
        (0..2)
            .map(|o| hidden[o] * gain[o] - b[o] / 2.0 + shift[0])
            .collect(),
        (0..2).map(|o| hidden[o] * b[o] + 1.0).collect(),
    ]
}

/// Pairs of inputs with values in `[-1, 1]` and `[-3, 3]`.
fn samples() -> Vec<Vec<ArrayD<f32>>> {
    let value = |index: usize| ((index * 7919 + 13) % 41) as f32 / 20.0 - 1.0;
    let tensor = |start: usize, length: usize, size: f32| {
        let values = (start..start + length).map(|index| size * value(index)).collect();
        ArrayD::from_shape_vec(vec![1, length], values).unwrap()
    };
    (0..12)
        .map(|k| vec![tensor(5 * k, 3, 1.0), tensor(5 * k + 3, 2, 3.0)])
        .collect()
}

fn close(graph: &Graph<Float>, stage: &str) {
    let samples = samples();
    for (outputs, inputs) in execute_float_outputs_on(graph, &samples)
        .unwrap()
        .iter()
        .zip(&samples)
    {
        let expected = by_hand(inputs[0].as_slice().unwrap(), inputs[1].as_slice().unwrap());
        assert_eq!(outputs.len(), 2);
        for (found, expected) in outputs.iter().zip(&expected) {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{stage}: {found} for {expected}");
            }
        }
    }
}

#[test]
fn two_inputs_and_two_outputs_from_struct_to_answer() {
    let path = weights();
    let graph = Pair::new(3).trace().unwrap();
    let (graph, report) = graph.load(&Weights::open(&path).unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(report.applied.len(), 4);
    close(&graph, "as loaded");
    let (graph, _) = optimize(graph, &Switches::default()).unwrap();
    close(&graph, "optimized");

    let samples = samples();
    let method = CalibrationMethod::MinMax;
    let calibration = Calibration::collect_on(&graph, samples.clone(), method).unwrap();
    let network = quantize(&graph, &calibration, &QuantizeOptions::default()).unwrap();
    let executor = Executor::new(&network.graph).unwrap();
    for inputs in &samples {
        let expected = by_hand(inputs[0].as_slice().unwrap(), inputs[1].as_slice().unwrap());
        let execution = executor
            .run_on(&network.quantize_inputs(inputs).unwrap().integers)
            .unwrap();
        for (number, integers) in execution.outputs(&network.graph).enumerate() {
            let found = network.dequantize_output(number, integers).unwrap();
            for (found, expected) in found.iter().zip(&expected[number]) {
                assert!(
                    (found - expected).abs() < 0.15,
                    "output {number}: {found} for {expected}"
                );
            }
        }
    }

    let report = AccuracyReport::measure_on(&graph, &network, &samples, None).unwrap();
    assert!(
        report.outputs[0].total().cosine() > 0.999 && report.out_of_domain == 0,
        "{report}"
    );

    let inputs = network.quantize_inputs(&samples[0]).unwrap().integers;
    let (private, public) = (Visibility::Private, Visibility::Public);
    let model = CompiledModel::new("pair", network);
    let model = model
        .with_visibility(&[private, public], &[public, private])
        .unwrap();
    let key = setup(model, &SetupOptions::default()).unwrap();
    let proof = prove_on(&key, &inputs, b"nonce").unwrap();
    assert_eq!(proof.public.input.as_deref(), inputs[1].as_slice());
    assert_eq!(proof.public.outputs.as_ref().map(Vec::len), Some(1));
    verify(key.verifying(), &proof, b"nonce").unwrap();
    let mut other = proof.clone();
    other.public.outputs.as_mut().unwrap()[0][1] += 1;
    assert!(verify(key.verifying(), &other, b"nonce").is_err());
    let mut other = proof;
    other.public.input.as_mut().unwrap()[0] -= 1;
    assert!(verify(key.verifying(), &other, b"nonce").is_err());
}
