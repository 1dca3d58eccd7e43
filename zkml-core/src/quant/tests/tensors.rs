//! Products of computed matrices, ranges of indices and softmaxes: integers against floats, and against what PyTorch
//! computes (`scripts/reference_llama.py` writes the values).

use crate::quant::tests::eight_bits;
use ndarray::{ArrayD, Axis, Slice};

use super::operations::check;
use super::random::inputs;
use crate::execute::float::execute_float_on;
use crate::execute::{Executor, execute_reference_on};
use crate::graph::{Graph, GraphBuilder, NodeId, Parameter};
use crate::keys::CompiledModel;
use crate::nn::Weights;
use crate::ops::{self, Float, FloatOp, IntOp, QuantizeError};
use crate::prove::prove_on;
use crate::quant::{Calibration, CalibrationMethod, QuantizeOptions, Quantized, quantize};
use crate::setup::{SetupOptions, setup};
use crate::verify::verify;

fn tensor(name: &str) -> ArrayD<f32> {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/llama/operations.safetensors"
    );
    let reference = Weights::open(file).unwrap();
    let shape = reference.shape(name).unwrap();
    ArrayD::from_shape_vec(shape, reference.values(name).unwrap().unwrap()).unwrap()
}

fn quantized(
    graph: &Graph<Float>,
    samples: &[Vec<ArrayD<f32>>],
    options: &QuantizeOptions,
) -> Result<Quantized, QuantizeError> {
    let calibration = Calibration::collect_on(graph, samples.to_vec(), CalibrationMethod::MinMax).unwrap();
    quantize(graph, &calibration, options)
}

/// The real numbers that the integer network gives as its first output.
fn output(network: &Quantized, sample: &[ArrayD<f32>]) -> ArrayD<f32> {
    let integers = network.quantize_inputs(sample).unwrap().integers;
    let execution = Executor::new(&network.graph).unwrap().run_on(&integers).unwrap();
    assert_eq!(
        execution,
        execute_reference_on(&network.graph, &integers).unwrap()
    );
    let output = execution.outputs(&network.graph).next().unwrap();
    network.dequantize_output(0, output).unwrap()
}

#[track_caller]
fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>, tolerance: f32) {
    assert_eq!(found.shape(), expected.shape());
    for ((index, found), expected) in found.indexed_iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error <= tolerance, "{index:?}: {found} for {expected}");
    }
}

/// A network of several inputs of these shapes.
fn network(
    shapes: &[&[usize]],
    build: impl FnOnce(&mut GraphBuilder<Float>, &[NodeId]) -> NodeId,
) -> Graph<Float> {
    let mut builder = GraphBuilder::<Float>::new();
    let inputs: Vec<NodeId> = shapes
        .iter()
        .enumerate()
        .map(|(number, shape)| builder.input(&format!("input{number}"), shape).unwrap())
        .collect();
    let y = build(&mut builder, &inputs);
    builder.finish(vec![y]).unwrap()
}

fn transposed(builder: &mut GraphBuilder<Float>, x: NodeId) -> NodeId {
    let rank = builder.shape(x).unwrap().len();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    builder.add("transpose", ops::Permute { order }, &[x]).unwrap()
}

#[test]
fn products_of_computed_matrices() {
    // The product itself; and rescaled, behind a ReLU. Each of five terms is off by half a step of either operand.
    for shape in [&[3, 5][..], &[2, 3, 5], &[1, 1]] {
        let gain = 2.1 * shape[shape.len() - 1] as f64;
        let quantized = check(shape, gain, &|builder, x| {
            let other = transposed(builder, x);
            builder.add("matmul", ops::Matmul, &[x, other]).unwrap()
        });
        assert!(
            quantized
                .graph
                .nodes
                .iter()
                .any(|node| matches!(node.op, IntOp::Matmul(_)))
        );
        check(shape, gain, &|builder, x| {
            let other = transposed(builder, x);
            let product = builder.add("matmul", ops::Matmul, &[x, other]).unwrap();
            builder.add("relu", ops::Relu, &[product]).unwrap()
        });
    }
}

#[test]
fn ranges_of_indices_are_exact() {
    for (axis, start, length) in [(1, 1, 2), (2, 0, 5), (2, 4, 1), (3, 1, 1)] {
        let quantized = check(&[1, 3, 5, 2], 1.0, &move |builder, x| {
            let op = ops::Narrow { axis, start, length };
            builder.add("narrow", op, &[x]).unwrap()
        });
        assert_eq!(quantized.graph.nodes.len(), 2);
        assert_eq!(
            quantized.output_scales[0].first(),
            quantized.input_scales[0].first()
        );
    }
}

/// Softmax of a layer's accumulators, of an activation, and of scores that need a larger step.
#[test]
fn softmaxes_follow_the_float_network() {
    let options = QuantizeOptions::language_model();
    for size in [1.0f32, 30.0, 2000.0] {
        let softmax = ops::Softmax { axis: 2 };
        let plain = network(&[&[2, 3, 5]], |builder, x| {
            builder.add("softmax", softmax, &x[..1]).unwrap()
        });
        let product = network(&[&[2, 5, 5]], |builder, x| {
            let other = transposed(builder, x[0]);
            let half = ops::Scale { factor: 1.0 / size };
            let product = builder.add("matmul", ops::Matmul, &[x[0], other]).unwrap();
            let scaled = builder.add("scale", half, &[product]).unwrap();
            builder.add("softmax", softmax, &[scaled]).unwrap()
        });
        for graph in [plain, product] {
            let shape = graph[graph.input].fact.clone();
            let samples = inputs(3, &shape, 6).into_iter().map(|x| vec![x * size]);
            let samples: Vec<Vec<ArrayD<f32>>> = samples.collect();
            let network = quantized(&graph, &samples, &options).unwrap();
            let softmax = network
                .graph
                .nodes
                .iter()
                .find(|node| node.name == "softmax")
                .unwrap();
            assert!(matches!(softmax.op, IntOp::IntegerSoftmax(_)));
            assert_eq!(network.output_scales[0].first(), f64::from(1u32 << 14).recip());
            let scores = network.graph.find("softmax.scores").unwrap();
            let step = network.graph[scores].fact.scale;
            assert_eq!(step == 1.0 / 64.0, size < 2000.0, "{step}");
            for sample in &samples {
                let exact = execute_float_on(&graph, sample).unwrap().pop().unwrap();
                // A score is off by half a step, and by half a step of the operand: at most a step of scores.
                assert_close(&output(&network, sample), &exact, 0.55 * step as f32 + 0.001);
            }
        }
    }
}

/// An attention that is written out: what it is for PyTorch, and what its own operation makes of it.
#[test]
fn an_attention_of_single_operations() {
    let shape = [2, 5, 4];
    let graph = network(&[&shape, &shape, &shape], |builder, x| {
        let keys = transposed(builder, x[1]);
        let product = builder.add("matmul", ops::Matmul, &[x[0], keys]).unwrap();
        let scores = builder
            .add("scale", ops::Scale { factor: 0.5 }, &[product])
            .unwrap();
        let weights = builder
            .add("softmax", ops::Softmax { axis: 2 }, &[scores])
            .unwrap();
        let mixed = builder.add("mix", ops::Matmul, &[weights, x[2]]).unwrap();
        let op = ops::Narrow {
            axis: 1,
            start: 1,
            length: 3,
        };
        builder.add("last", op, &[mixed]).unwrap()
    });
    let samples: Vec<Vec<ArrayD<f32>>> = (0..4)
        .map(|seed| {
            [1, 2, 3]
                .map(|k| inputs(10 * seed + k, &shape, 1).remove(0) * 3.0)
                .to_vec()
        })
        .collect();
    let network = quantized(&graph, &samples, &QuantizeOptions::language_model()).unwrap();
    for sample in &samples {
        let exact = execute_float_on(&graph, sample).unwrap().pop().unwrap();
        assert_close(&output(&network, sample), &exact, 0.05);
    }
    // The widths that quantization chooses are those that can be proved.
    let inputs = network.quantize_inputs(&samples[0]).unwrap().integers;
    let model = CompiledModel::new("attention", network);
    let key = setup(model, &SetupOptions::default()).unwrap();
    let proof = prove_on(&key, &inputs, b"context").unwrap();
    verify(&key.verifying, &proof, b"context").unwrap();
}

/// A gain that no layer takes, one channel of it 0 and some below, becomes the scales of channels, which move with the
/// values.
#[test]
fn a_gain_is_part_of_the_scales() {
    let options = QuantizeOptions::language_model();
    let normalized = |gain: [f32; 4], moved: bool| {
        let graph = network(&[&[2, 3, 4]], |builder, x| {
            let weight = builder.parameter(Parameter {
                path: "norm.weight".into(),
                values: ArrayD::from_shape_vec(vec![4], gain.to_vec()).unwrap(),
            });
            let norm = ops::RmsNorm {
                weight: Some(weight),
                normalized_shape: 4,
                epsilon: 1e-5,
            };
            let norm = builder.add("norm", norm, &x[..1]).unwrap();
            let moved = if moved { transposed(builder, norm) } else { norm };
            let half = ops::Scale { factor: 0.5 };
            builder.add("half", half, &[moved]).unwrap()
        });
        let samples: Vec<Vec<ArrayD<f32>>> = inputs(3, &[2, 3, 4], 6).into_iter().map(|x| vec![x]).collect();
        let network = quantized(&graph, &samples, &options);
        (graph, samples, network)
    };
    let gains = [[2.0, 0.0, 0.01, 1.0], [2.0, 0.0, -0.01, -1.0]];
    for (gain, moved) in gains.into_iter().flat_map(|gain| [(gain, false), (gain, true)]) {
        let (graph, samples, network) = normalized(gain, moved);
        let network = network.unwrap();
        for sample in &samples {
            let exact = execute_float_on(&graph, sample).unwrap().pop().unwrap();
            assert_close(&output(&network, sample), &exact, 1e-3);
        }
        let inputs = network.quantize_inputs(&samples[0]).unwrap().integers;
        let key = setup(CompiledModel::new("norm", network), &SetupOptions::default()).unwrap();
        let proof = prove_on(&key, &inputs, b"context").unwrap();
        verify(&key.verifying, &proof, b"context").unwrap();
    }
    match normalized([0.0; 4], false).2 {
        Err(QuantizeError::Gain { layer, found }) => assert_eq!((layer.as_str(), found), ("norm", 0.0)),
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn what_pytorch_computes() {
    let options = QuantizeOptions::language_model();
    let result = |op: FloatOp, operands: &[ArrayD<f32>]| {
        let shapes: Vec<&[usize]> = operands.iter().map(ArrayD::shape).collect();
        let graph = network(&shapes, |builder, x| builder.add("y", op, x).unwrap());
        let samples = [operands.to_vec()];
        let network = quantized(&graph, &samples, &options).unwrap();
        (output(&network, operands), network)
    };
    // Scores up to 1000 in steps of 1/16, which come from an input in steps of 1/16: they are off by one step.
    let x = [tensor("softmax.x")];
    let (found, _) = result(ops::Softmax { axis: 2 }.into(), &x);
    assert_close(&found, &tensor("softmax.2"), 0.04);
    // Without the rows that hold 1000 and -1000, steps are 1/64.
    let rows = |x: &ArrayD<f32>| {
        let x = x.clone().into_shape_with_order(vec![6, 5]).unwrap();
        x.slice_axis(Axis(0), Slice::from(1..5)).to_owned()
    };
    let (found, _) = result(ops::Softmax { axis: 1 }.into(), &[rows(&x[0])]);
    assert_close(&found, &rows(&tensor("softmax.2")), 0.005);
    // Narrow and transpose only move values: half a step of the input.
    let op = ops::Narrow {
        axis: 2,
        start: 1,
        length: 3,
    };
    let (found, network) = result(op.into(), &x);
    assert_close(
        &found,
        &tensor("narrow.2.1.3"),
        network.input_scales[0].first() as f32 * 0.51,
    );
    let (found, network) = result(ops::Permute { order: vec![0, 2, 1] }.into(), &x);
    assert_close(
        &found,
        &tensor("transpose.1.2"),
        network.input_scales[0].first() as f32 * 0.51,
    );
}

/// `[2, 1, 3, 5]` times `[4, 5, 2]`: both batches are repeated.
#[test]
fn a_product_that_pytorch_broadcasts() {
    let operands = [tensor("matmul.left"), tensor("matmul.right")];
    let shapes: Vec<&[usize]> = operands.iter().map(ArrayD::shape).collect();
    let graph = network(&shapes, |builder, x| {
        let left = builder
            .declare("left", ops::Expand, &[x[0]], &[2, 4, 3, 5])
            .unwrap();
        let right = builder
            .declare("right", ops::Expand, &[x[1]], &[2, 4, 5, 2])
            .unwrap();
        builder.add("y", ops::Matmul, &[left, right]).unwrap()
    });
    for (options, tolerance) in [(QuantizeOptions::language_model(), 0.002), (eight_bits(), 0.2)] {
        let network = quantized(&graph, &[operands.to_vec()], &options).unwrap();
        assert_close(&output(&network, &operands), &tensor("matmul.product"), tolerance);
    }
}

#[test]
fn what_a_softmax_needs_is_said() {
    let graph = |axis| {
        network(&[&[2, 3, 5]], |builder, x| {
            builder.add("softmax", ops::Softmax { axis }, x).unwrap()
        })
    };
    let samples: Vec<Vec<ArrayD<f32>>> = inputs(3, &[2, 3, 5], 2).into_iter().map(|x| vec![x]).collect();
    let refused = |axis, options: &QuantizeOptions| quantized(&graph(axis), &samples, options).unwrap_err();
    assert_eq!(
        refused(2, &eight_bits()),
        QuantizeError::Narrow {
            layer: "softmax".into(),
            what: "a softmax",
            found: 8
        }
    );
    for axis in [0, 1] {
        assert_eq!(
            refused(axis, &QuantizeOptions::language_model()),
            QuantizeError::Unsupported {
                layer: "softmax".into(),
                what: "a softmax along an axis that is not the last"
            }
        );
    }
}

/// A value that calibration saw of the other sign alone comes out as it is: wide activations are not clamped.
#[test]
fn functions_of_wide_activations_clamp_nothing() {
    for function in [FloatOp::from(ops::SiLU {}), FloatOp::Relu(ops::Relu)] {
        let graph = network(&[&[1, 2]], |builder, inputs| {
            let values = ArrayD::from_shape_vec(vec![2, 2], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
            let path = "weight".to_owned();
            let weight = builder.parameter(crate::graph::Parameter { path, values });
            let layer = builder
                .add("layer", ops::Linear { weight, bias: None }, inputs)
                .unwrap();
            builder.add("function", function.clone(), &[layer]).unwrap()
        });
        let sample = |a: f32, b: f32| vec![ArrayD::from_shape_vec(vec![1, 2], vec![a, b]).unwrap()];
        let options = QuantizeOptions::language_model();
        let network = quantized(&graph, &[sample(-16.0, 3.0)], &options).unwrap();
        let found = output(&network, &sample(10.0, -10.0));
        let expected = execute_float_on(&graph, &sample(10.0, -10.0)).unwrap();
        // Weights of 8 bits are right to 1/2 of 1/127.
        assert_close(&found, expected.last().unwrap(), 0.1);
    }
}
