//! Every operation by itself: integer against float within the quantization error, on odd shapes.

use crate::ops;
use crate::quant::tests::eight_bits;
use ndarray::ArrayD;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::random::{inputs, tensor};
use crate::execute::float::execute_float;
use crate::execute::{ExecutionError, execute, execute_reference};
use crate::graph::{Graph, GraphBuilder, NodeId, Parameter, Window2d};
use crate::ops::QuantizeError;
use crate::ops::{Float, FloatOp, IntOp};
use crate::quant::{Calibration, CalibrationMethod, QuantizeOptions, Quantized, quantize};

pub(super) type Build<'a> = dyn Fn(&mut GraphBuilder<Float>, NodeId) -> NodeId + 'a;

/// Quantizes the network of one operation on inputs in `[-1, 1]` and checks every output of every calibration sample.
/// `gain` bounds how much larger than an input error the output error may be, rounding of weights included.
pub(super) fn check(shape: &[usize], gain: f64, build: &Build<'_>) -> Quantized {
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("input", shape).unwrap();
    let y = build(&mut builder, x);
    let graph = builder.finish(vec![y]).unwrap();
    check_graph(&graph, gain)
}

pub(super) fn check_graph(graph: &Graph<Float>, gain: f64) -> Quantized {
    let samples = inputs(5, &graph[graph.input].fact, 8);
    let calibration = Calibration::collect(graph, samples.clone(), CalibrationMethod::MinMax).unwrap();
    let quantized = quantize(graph, &calibration, &eight_bits()).unwrap();
    // Half a step at the input, amplified; at most one step of the output for rounding and multiplier.
    let rescaled = quantized
        .graph
        .nodes
        .iter()
        .any(|node| matches!(node.op, IntOp::Rescale(_)));
    let tolerance = gain * quantized.input_scales[0].first() / 2.0
        + if rescaled {
            1.01 * quantized.output_scales[0].first()
        } else {
            quantized.output_scales[0].first()
        };
    for sample in &samples {
        let input = quantized.quantize_input(sample).unwrap().integers;
        let execution = execute(&quantized.graph, &input).unwrap();
        assert_eq!(execution, execute_reference(&quantized.graph, &input).unwrap());
        let real = quantized
            .dequantize_output(0, execution.outputs(&quantized.graph).next().unwrap())
            .unwrap();
        let exact = &execute_float(graph, sample).unwrap()[graph.outputs[0].0];
        assert_eq!(real.shape(), exact.shape());
        for (a, b) in exact.iter().zip(&real) {
            let error = f64::from((a - b).abs());
            assert!(
                error <= tolerance + 1e-6,
                "{a} {b} tolerance {tolerance}\n{graph}\n{}",
                quantized.graph
            );
        }
    }
    quantized
}

fn window(kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2], dilation: [usize; 2]) -> Window2d {
    Window2d {
        kernel,
        stride,
        padding,
        dilation,
    }
}

/// A parameter with values in `[-1, 1]`.
pub(super) fn parameter(
    builder: &mut GraphBuilder<Float>,
    path: &str,
    shape: &[usize],
) -> crate::graph::ParameterId {
    let values = tensor(
        &mut StdRng::seed_from_u64(shape.iter().sum::<usize>() as u64),
        shape,
        1.0,
    );
    builder.parameter(Parameter {
        path: path.into(),
        values,
    })
}

/// Behind every layer: nothing, a ReLU, or a padding by nothing, which wants an 8-bit edge.
fn tails() -> Vec<Box<Build<'static>>> {
    vec![
        Box::new(|_, x| x),
        Box::new(|builder, x| builder.add("relu", FloatOp::Relu(ops::Relu), &[x]).unwrap()),
        Box::new(|builder, x| {
            let rank = builder.shape(x).unwrap().len();
            builder
                .add(
                    "pad",
                    FloatOp::Pad(ops::Pad {
                        amounts: vec![(0, 0); rank],
                    }),
                    &[x],
                )
                .unwrap()
        }),
    ]
}

#[test]
fn convolutions() {
    let cases = [
        (
            [1, 1, 1, 1],
            [1, 1, 1, 1],
            1,
            window([1, 1], [1, 1], [0, 0], [1, 1]),
        ),
        (
            [1, 3, 7, 5],
            [5, 3, 3, 2],
            1,
            window([3, 2], [2, 1], [1, 0], [1, 2]),
        ),
        (
            [2, 4, 6, 3],
            [6, 2, 2, 3],
            2,
            window([2, 3], [1, 3], [0, 2], [2, 1]),
        ),
        (
            [1, 5, 9, 1],
            [5, 1, 3, 1],
            5,
            window([3, 1], [3, 1], [2, 0], [1, 1]),
        ),
    ];
    for (shape, weight_shape, groups, window) in cases {
        for (tail, bias) in tails().into_iter().zip([true, true, false]) {
            let terms = weight_shape[1..].iter().product::<usize>() as f64;
            // Weights up to 1, their error up to half a step of 1/127 on inputs up to 1 (127 input steps).
            check(&shape, terms * 2.1, &|builder, x| {
                let weight = parameter(builder, "w", &weight_shape);
                let bias = bias.then(|| parameter(builder, "b", &weight_shape[..1]));
                let conv = FloatOp::Conv2d(ops::Conv2d {
                    weight,
                    bias,
                    window,
                    groups,
                });
                let y = builder.add("conv", conv, &[x]).unwrap();
                tail(builder, y)
            });
        }
    }
}

#[test]
fn linear_layers() {
    for (shape, outputs) in [(vec![1, 1], 1), (vec![3, 17], 5), (vec![2, 3, 4], 9)] {
        for (tail, bias) in tails().into_iter().zip([true, false, true]) {
            let inputs = *shape.last().unwrap();
            check(&shape, inputs as f64 * 2.1, &|builder, x| {
                let weight = parameter(builder, "w", &[outputs, inputs]);
                let bias = bias.then(|| parameter(builder, "b", &[outputs]));
                let y = builder
                    .add("fc", FloatOp::Linear(ops::Linear { weight, bias }), &[x])
                    .unwrap();
                tail(builder, y)
            });
        }
    }
}

#[test]
fn pools() {
    for (shape, window) in [
        ([1, 1, 1, 1], window([1, 1], [1, 1], [0, 0], [1, 1])),
        ([1, 3, 7, 5], window([3, 2], [2, 2], [1, 1], [1, 1])),
        ([2, 1, 6, 9], window([2, 3], [1, 2], [0, 1], [2, 2])),
    ] {
        for tail in tails() {
            check(&shape, 1.0, &|builder, x| {
                let y = builder
                    .add("max", FloatOp::MaxPool2d(ops::MaxPool2d { window }), &[x])
                    .unwrap();
                tail(builder, y)
            });
            check(&shape, 1.0, &|builder, x| {
                let y = builder
                    .add("mean", FloatOp::AvgPool2d(ops::AvgPool2d { window }), &[x])
                    .unwrap();
                tail(builder, y)
            });
            check(&shape, 1.0, &|builder, x| {
                let y = builder
                    .add("global", FloatOp::GlobalAvgPool2d(ops::GlobalAvgPool2d), &[x])
                    .unwrap();
                tail(builder, y)
            });
        }
    }
}

#[test]
fn movements_are_exact() {
    let moved = |op: FloatOp| {
        let quantized = check(&[1, 3, 5, 2], 1.0, &move |builder, x| {
            builder.add("move", op.clone(), &[x]).unwrap()
        });
        assert_eq!(quantized.graph.nodes.len(), 2);
        assert_eq!(
            quantized.output_scales[0].first(),
            quantized.input_scales[0].first()
        );
    };
    moved(FloatOp::Permute(ops::Permute {
        order: vec![2, 0, 3, 1],
    }));
    moved(FloatOp::Pad(ops::Pad {
        amounts: vec![(0, 1), (2, 0), (0, 0), (1, 3)],
    }));
    moved(FloatOp::Concat(ops::Concat { axis: 3 }));
    check(&[1, 3, 5, 2], 1.0, &|builder, x| {
        builder.reshape("flat", x, &[5, 6]).unwrap()
    });
}

#[test]
fn relu_on_an_8_bit_edge_is_exact() {
    let quantized = check(&[3, 7], 1.0, &|builder, x| {
        builder.add("relu", FloatOp::Relu(ops::Relu), &[x]).unwrap()
    });
    let IntOp::Rescale(ops::Rescale {
        multipliers, shift, ..
    }) = &quantized.graph.nodes[1].op
    else {
        panic!("no rescale")
    };
    assert_eq!(multipliers, &[1 << shift]);
    let input = ArrayD::from_shape_fn(vec![3, 7], |at| at[0] as i64 * 7 + at[1] as i64 - 10);
    let execution = execute(&quantized.graph, &input).unwrap();
    assert_eq!(execution.values[1], input.mapv(|value| value.max(0)));
    assert_eq!(execution.before_table[1], Some(input));
}

/// `min(max(x, 0), 6)` of values beyond 6: as a table of its own, and as that of a layer; each is exact up to rounding.
#[test]
fn relu6_clamps_at_six() {
    let six = |build: &dyn Fn(&mut GraphBuilder<Float>, NodeId) -> NodeId, gain| {
        let quantized = check(&[3, 7], gain, &|builder, x| build(builder, x));
        let nodes = quantized.graph.nodes.iter();
        let table = nodes.rev().find_map(|node| match &node.op {
            IntOp::Rescale(ops::Rescale { table, .. }) => {
                Some((table.function.clone(), table.maximum, node.fact.scale))
            }
            _ => None,
        });
        let (function, maximum, scale) = table.expect("a rescale");
        assert_eq!(function, crate::circuit::Function::Relu);
        assert!(maximum as f64 * scale <= 6.0 + scale / 2.0, "{maximum} {scale}");
        maximum
    };
    let layer = |builder: &mut GraphBuilder<Float>, x: NodeId| {
        let values = ArrayD::from_shape_fn(vec![2, 7], |at| if at[1] < 2 { 4.0 } else { 1.0 - at[0] as f32 });
        let weight = builder.parameter(Parameter {
            path: "w".into(),
            values,
        });
        builder
            .add("fc", FloatOp::Linear(ops::Linear { weight, bias: None }), &[x])
            .unwrap()
    };
    let fused = six(
        &|builder, x| {
            let y = layer(builder, x);
            builder.add("relu6", FloatOp::Relu6(ops::Relu6), &[y]).unwrap()
        },
        13.0,
    );
    // What calibration saw reaches 6, which is the largest integer.
    assert_eq!(fused, 127);
    let apart = six(
        &|builder, x| {
            let y = layer(builder, x);
            let y = builder.reshape("moved", y, &[2, 3]).unwrap();
            builder.add("relu6", FloatOp::Relu6(ops::Relu6), &[y]).unwrap()
        },
        13.0,
    );
    assert!(apart < 127, "{apart}");
}

/// Clamps behind a layer and on an 8-bit value, between bounds of both signs.
#[test]
fn clamps_are_exact_up_to_rounding() {
    for (least, largest) in [
        (-0.5, 0.25),
        (0.125, 0.75),
        (-0.75, -0.25),
        (f32::NEG_INFINITY, 0.5),
        (-9.0, 9.0),
    ] {
        let clamp = ops::Clamp { least, largest };
        let apart = check(&[3, 7], 1.0, &|builder, x| {
            builder.add("clamp", clamp, &[x]).unwrap()
        });
        assert_eq!(apart.graph.nodes.len(), 2);
        let fused = check(&[3, 7], 7.0 * 2.1, &|builder, x| {
            let weight = parameter(builder, "w", &[2, 7]);
            let y = builder
                .add("fc", FloatOp::Linear(ops::Linear { weight, bias: None }), &[x])
                .unwrap();
            builder.add("clamp", clamp, &[y]).unwrap()
        });
        assert_eq!(fused.graph.nodes.len(), 3, "one rescale\n{}", fused.graph);
    }
}

/// Two branches of very different size.
fn branches(builder: &mut GraphBuilder<Float>, x: NodeId, size: f32) -> [NodeId; 2] {
    let values = ArrayD::from_shape_fn(vec![3, 3, 1, 1], |at| if at[0] == at[1] { size } else { 0.0 });
    let weight = builder.parameter(Parameter {
        path: "w".into(),
        values,
    });
    let op = FloatOp::Conv2d(ops::Conv2d {
        weight,
        bias: None,
        window: window([1; 2], [1; 2], [0; 2], [1; 2]),
        groups: 1,
    });
    [x, builder.add("conv", op, &[x]).unwrap()]
}

#[test]
fn sums_and_concatenations_of_different_scales() {
    for size in [1.0, 0.3, 17.0, 1000.0] {
        for tail in tails() {
            // Input error, amplified by the larger branch; one rescale step of the branch, which its size bounds.
            let gain = 1.0 + 3.2 * f64::from(size);
            let sum = check(&[1, 3, 5, 3], gain, &|builder, x| {
                let operands = branches(builder, x, size);
                let y = builder.add("sum", FloatOp::Add(ops::Add), &operands).unwrap();
                tail(builder, y)
            });
            let find = |node: &crate::graph::Node<crate::ops::Int>| match &node.op {
                IntOp::WeightedSum(ops::WeightedSum { coefficients }) => Some(coefficients.clone()),
                _ => None,
            };
            let coefficients = sum.graph.nodes.iter().find_map(find).unwrap();
            // In units of the sum, the smaller term is as precise as the larger one.
            let largest = coefficients.iter().max().unwrap();
            assert!(coefficients == [1, 1] || *largest >= 1 << 9, "{coefficients:?}");
            check(&[1, 3, 5, 3], gain, &|builder, x| {
                let operands = branches(builder, x, size);
                let y = builder
                    .add("concat", FloatOp::Concat(ops::Concat { axis: 1 }), &operands)
                    .unwrap();
                tail(builder, y)
            });
        }
    }
}

#[test]
fn an_operand_used_only_by_a_concatenation_takes_its_scale() {
    let quantized = check(&[1, 3, 5, 3], 60.0, &|builder, x| {
        let [x, y] = branches(builder, x, 17.0);
        let z = builder.add("relu", FloatOp::Relu(ops::Relu), &[x]).unwrap();
        let y = builder.add("relu2", FloatOp::Relu(ops::Relu), &[y]).unwrap();
        builder
            .add("concat", FloatOp::Concat(ops::Concat { axis: 1 }), &[y, z])
            .unwrap()
    });
    // relu of the 8-bit input, relu2 of the convolution, and one rescale of the former to the scale of the latter.
    let rescales = quantized
        .graph
        .nodes
        .iter()
        .filter(|node| matches!(node.op, IntOp::Rescale(_)))
        .count();
    assert_eq!(rescales, 3);
}

#[test]
fn argmax_compares_accumulators_and_takes_the_first() {
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("input", &[4, 3]).unwrap();
    // Rows 0 and 2 are equal: ties.
    let values =
        ArrayD::from_shape_vec(vec![3, 3], vec![1.0, 0.0, 0.5, 0.0, 1.0, 0.0, 1.0, 0.0, 0.5]).unwrap();
    let weight = builder.parameter(Parameter {
        path: "w".into(),
        values,
    });
    let y = builder
        .add("fc", FloatOp::Linear(ops::Linear { weight, bias: None }), &[x])
        .unwrap();
    let graph = builder.finish(vec![y]).unwrap().with_argmax().unwrap();
    let quantized = check_graph(&graph, 3.0 * 2.1);
    assert_eq!(quantized.graph.nodes.len(), 3);
    assert_eq!(quantized.output_scales.len(), 2);
    let input = ArrayD::from_shape_vec(vec![4, 3], vec![9, 1, 0, 1, 9, 0, -5, -9, -9, 0, 0, 0]).unwrap();
    let execution = execute(&quantized.graph, &input).unwrap();
    assert_eq!(execution.values[2].as_slice().unwrap(), [0, 1, 1, 0]);
    assert_eq!(execution, execute_reference(&quantized.graph, &input).unwrap());
}

#[test]
fn values_outside_the_domain_are_refused_by_layer() {
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("input", &[1, 401]).unwrap();
    let weight = builder.parameter(Parameter {
        path: "w".into(),
        values: ArrayD::ones(vec![1, 401]),
    });
    let y = builder
        .add("fc", FloatOp::Linear(ops::Linear { weight, bias: None }), &[x])
        .unwrap();
    let y = builder.add("relu", FloatOp::Relu(ops::Relu), &[y]).unwrap();
    let graph = builder.finish(vec![y]).unwrap();
    // Alternating signs: the sum is 1, though 401 is possible.
    let sample = ArrayD::from_shape_fn(vec![1, 401], |at| if at[1] % 2 == 0 { 1.0 } else { -1.0 });
    let calibration = Calibration::collect(&graph, [sample.clone()], CalibrationMethod::MinMax).unwrap();
    let options = eight_bits();
    let quantized = quantize(&graph, &calibration, &options).unwrap();
    execute(
        &quantized.graph,
        &quantized.quantize_input(&sample).unwrap().integers,
    )
    .unwrap();
    let far = quantized
        .quantize_input(&ArrayD::ones(vec![1, 401]))
        .unwrap()
        .integers;
    let error = execute(&quantized.graph, &far).unwrap_err();
    assert_eq!(error, execute_reference(&quantized.graph, &far).unwrap_err());
    let ExecutionError::Domain {
        layer,
        index,
        value,
        domain_bits,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((layer.as_str(), index, domain_bits), ("relu", vec![0, 0], 9));
    // 401 times the calibrated value 127, up to the rounding of the weights, which are all the same.
    let IntOp::Linear(ops::Linear { weight, .. }) = quantized.graph.nodes[1].op else {
        panic!("no layer")
    };
    let step = 401 * 127 / i64::from(quantized.graph[weight].values.to_vec()[0]);
    assert!((value - 401 * 127).abs() <= step / 2 + 20, "{value} {step}");
    // Without the choice of weight scales they are 127, and the multiplier is near.
    let options = options.without("exact_multipliers").unwrap();
    let quantized = quantize(&graph, &calibration, &options).unwrap();
    let far = quantized
        .quantize_input(&ArrayD::ones(vec![1, 401]))
        .unwrap()
        .integers;
    let error = execute(&quantized.graph, &far).unwrap_err();
    assert!(
        matches!(error, ExecutionError::Domain { value, .. } if (value - 401 * 127).abs() < 20),
        "{error}"
    );
}

#[test]
fn what_cannot_be_quantized_is_refused_by_place() {
    let build = |weight: f32, argmax_used: bool| {
        let mut builder = GraphBuilder::<Float>::new();
        let x = builder.input("input", &[1, 2]).unwrap();
        let values = ArrayD::from_shape_vec(vec![1, 2], vec![0.0, weight]).unwrap();
        let weight = builder.parameter(Parameter {
            path: "fc.weight".into(),
            values,
        });
        let mut y = builder
            .add("fc", FloatOp::Linear(ops::Linear { weight, bias: None }), &[x])
            .unwrap();
        if argmax_used {
            y = builder
                .add("class", FloatOp::Argmax(ops::Argmax { axis: 1 }), &[y])
                .unwrap();
            y = builder.add("relu", FloatOp::Relu(ops::Relu), &[y]).unwrap();
        }
        builder.finish(vec![y]).unwrap()
    };
    let options = eight_bits();
    let good = build(1.0, false);
    let calibration =
        Calibration::collect(&good, [ArrayD::ones(vec![1, 2])], CalibrationMethod::MinMax).unwrap();
    quantize(&good, &calibration, &options).unwrap();
    assert!(matches!(
        quantize(&build(f32::NAN, false), &calibration, &options).unwrap_err(),
        QuantizeError::NotFinite { path, index: 1, .. } if path == "fc.weight"
    ));
    let other = build(1.0, true);
    assert_eq!(
        quantize(&other, &calibration, &options).unwrap_err(),
        QuantizeError::OtherGraph
    );
    let of_other =
        Calibration::collect(&other, [ArrayD::ones(vec![1, 2])], CalibrationMethod::MinMax).unwrap();
    assert_eq!(
        quantize(&other, &of_other, &options).unwrap_err(),
        QuantizeError::IndexOperand { layer: "relu".into() }
    );
    let options = QuantizeOptions {
        multiplier_bits: 40,
        ..options
    };
    assert_eq!(
        quantize(&good, &calibration, &options).unwrap_err(),
        QuantizeError::MultiplierBits { found: 40 }
    );
    for bits in [1, 9] {
        let options = QuantizeOptions {
            weight_bits: bits,
            ..eight_bits()
        };
        let error = quantize(&good, &calibration, &options).unwrap_err();
        assert_eq!(error, QuantizeError::WeightBits { found: bits });
    }
    for bits in [1, 3, 17] {
        let options = QuantizeOptions {
            activation_bits: bits,
            ..eight_bits()
        };
        let error = quantize(&good, &calibration, &options).unwrap_err();
        assert_eq!(error, QuantizeError::ActivationBits { found: bits });
    }
}

#[test]
fn inputs_round_half_to_even_and_saturate() {
    let quantized = check(&[1, 5], 1.0, &|builder, x| {
        builder.add("relu", FloatOp::Relu(ops::Relu), &[x]).unwrap()
    });
    let scale = quantized.input_scales[0].first() as f32;
    let real = [0.5 * scale, 1.5 * scale, -2.5 * scale, 1e30, -1e30];
    let real = ArrayD::from_shape_vec(vec![1, 5], real.to_vec()).unwrap();
    let integers = quantized.quantize_input(&real).unwrap().integers;
    assert_eq!(integers.as_slice().unwrap()[3..], [127, -127]);
    assert!(
        integers
            .iter()
            .zip([0.5, 1.5, -2.5])
            .all(|(i, x): (&i64, f64)| (*i as f64 - x).abs() <= 0.5 + 1e-6)
    );
    let mut nan = ArrayD::zeros(vec![1, 5]);
    nan[[0, 3]] = f32::NAN;
    assert!(
        quantized
            .quantize_input(&nan)
            .unwrap_err()
            .to_string()
            .contains("[0, 3]")
    );
    assert!(quantized.quantize_input(&ArrayD::zeros(vec![5])).is_err());
}
