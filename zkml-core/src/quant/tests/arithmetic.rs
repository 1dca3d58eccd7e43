//! Arithmetic, integers against floats: products, broadcasting, constants, parameters, numbers; several inputs.

use crate::quant::tests::eight_bits;
use ndarray::ArrayD;

use super::operations::{check, parameter};
use super::random::inputs;
use crate::execute::float::execute_float_on;
use crate::execute::{Executor, execute_reference_on};
use crate::graph::{ChannelScales, GraphBuilder, NodeId};
use crate::ops::{self, Float, IntOp};
use crate::quant::{Calibration, CalibrationError, CalibrationMethod, quantize};

fn expand(builder: &mut GraphBuilder<Float>, name: &str, x: NodeId, shape: &[usize]) -> NodeId {
    builder.declare(name, ops::Expand, &[x], shape).unwrap()
}

fn number(builder: &mut GraphBuilder<Float>, value: f32, shape: &[usize]) -> NodeId {
    let constant = ops::Constant { values: vec![value] };
    let constant = builder.declare("constant", constant, &[], &[]).unwrap();
    expand(builder, "expand", constant, shape)
}

#[test]
fn squares() {
    check(&[2, 3, 5], 2.0, &|builder, x| {
        builder.add("mul", ops::Mul, &[x, x]).unwrap()
    });
    // Rescaled, and used further.
    check(&[2, 3, 5], 3.0, &|builder, x| {
        let square = builder.add("mul", ops::Mul, &[x, x]).unwrap();
        let flat = builder.reshape("flat", square, &[2, 15]).unwrap();
        let sum = builder.add("add", ops::Add, &[flat, flat]).unwrap();
        builder.add("relu", ops::Relu, &[sum]).unwrap()
    });
}

#[test]
fn parameters_scale_and_shift_channels() {
    let quantized = check(&[1, 3, 4, 4], 4.0, &|builder, x| {
        let gain = parameter(builder, "gain", &[3, 1, 1]);
        let gain = builder
            .add("gain", ops::Parameter { parameter: gain }, &[])
            .unwrap();
        let gain = expand(builder, "gain.expand", gain, &[1, 3, 4, 4]);
        let scaled = builder.add("mul", ops::Mul, &[x, gain]).unwrap();
        let shift = parameter(builder, "shift", &[1, 1, 1, 4]);
        let shift = builder
            .add("shift", ops::Parameter { parameter: shift }, &[])
            .unwrap();
        let shift = expand(builder, "shift.expand", shift, &[1, 3, 4, 4]);
        builder.add("add", ops::Add, &[scaled, shift]).unwrap()
    });
    let paths: Vec<&str> = quantized
        .graph
        .parameters
        .iter()
        .map(|p| p.path.as_str())
        .collect();
    assert_eq!(paths, ["gain", "shift"]);
    // The largest weight is the largest int8.
    for parameter in &quantized.graph.parameters {
        let values = parameter.values.to_vec();
        assert_eq!(values.iter().map(|value| value.abs()).max(), Some(127));
    }
}

#[test]
fn a_parameter_by_itself_may_be_rectified() {
    // What would be a layer's weight is no accumulator here: its scale stays.
    check(&[3, 4], 2.0, &|builder, x| {
        let table = parameter(builder, "table", &[3, 4]);
        let table = builder
            .add("table", ops::Parameter { parameter: table }, &[])
            .unwrap();
        let positive = builder.add("relu", ops::Relu, &[table]).unwrap();
        builder.add("mul", ops::Mul, &[x, positive]).unwrap()
    });
}

#[test]
fn numbers_change_scales_and_add_no_node() {
    for factor in [2.0f32, 0.3, 1e-3] {
        let quantized = check(&[1, 7], f64::from(factor), &|builder, x| {
            builder.add("mul", ops::Scale { factor }, &[x]).unwrap()
        });
        assert_eq!(quantized.graph.nodes.len(), 1);
        let expected = quantized.input_scales[0].first() * f64::from(factor);
        assert_eq!(quantized.output_scales, [ChannelScales::one(expected)]);
    }
    // The accumulator of a layer stays one under a number and a minus.
    let quantized = check(&[1, 3, 4, 4], 30.0, &|builder, x| {
        let sum = builder.add("add", ops::Add, &[x, x]).unwrap();
        let scaled = builder.add("mul", ops::Scale { factor: 0.5 }, &[sum]).unwrap();
        builder.add("neg", ops::Neg, &[scaled]).unwrap()
    });
    assert!(
        !quantized
            .graph
            .nodes
            .iter()
            .any(|node| matches!(node.op, IntOp::Rescale(_)))
    );
    // A number between a layer and its activation.
    check(&[1, 3, 4, 4], 4.0, &|builder, x| {
        let sum = builder.add("add", ops::Add, &[x, x]).unwrap();
        let scaled = builder.add("mul", ops::Scale { factor: 0.5 }, &[sum]).unwrap();
        let negative = builder.add("neg", ops::Neg, &[scaled]).unwrap();
        builder.add("relu", ops::Relu, &[negative]).unwrap()
    });
    // Concatenated with what has another scale.
    check(&[1, 6], 3.0, &|builder, x| {
        let scaled = builder.add("mul", ops::Scale { factor: 3.0 }, &[x]).unwrap();
        builder.add("cat", ops::Concat { axis: 1 }, &[x, scaled]).unwrap()
    });
}

#[test]
fn numbers_are_added() {
    for value in [1.5f32, -0.25, 20.0] {
        check(&[2, 5], 1.0 + f64::from(value.abs()) / 4.0, &|builder, x| {
            let constant = number(builder, value, &[2, 5]);
            builder.add("add", ops::Add, &[x, constant]).unwrap()
        });
    }
    // Zeros are constants like others.
    check(&[2, 5], 1.0, &|builder, x| {
        let constant = number(builder, 0.0, &[2, 5]);
        builder.add("mul", ops::Mul, &[x, constant]).unwrap()
    });
}

#[test]
fn constants_do_not_saturate() {
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("x", &[1, 64]).unwrap();
    let mut values = vec![0.01f32; 64];
    values[5] = 8.0;
    let constant = builder
        .declare("c", ops::Constant { values }, &[], &[1, 64])
        .unwrap();
    let y = builder.add("add", ops::Add, &[x, constant]).unwrap();
    let graph = builder.finish(vec![y]).unwrap();
    let samples = inputs(3, &[1, 64], 4);
    let calibration = Calibration::collect(&graph, samples, CalibrationMethod::Percentile(90.0)).unwrap();
    let quantized = quantize(&graph, &calibration, &eight_bits()).unwrap();
    let constant = quantized.graph.find("c").unwrap();
    let node = &quantized.graph[constant];
    let IntOp::IntegerConstant(integers) = &node.op else {
        panic!("{:?}", node.op);
    };
    assert_eq!((integers.values[5], node.fact.range.1), (127, 127));
    assert!((node.fact.scale * 127.0 - 8.0).abs() < 1e-9);
}

#[test]
fn two_inputs_have_a_scale_each() {
    let mut builder = GraphBuilder::<Float>::new();
    let a = builder.input("a", &[2, 3]).unwrap();
    let b = builder.input("b", &[3]).unwrap();
    let wide = expand(&mut builder, "expand", b, &[2, 3]);
    let sum = builder.add("add", ops::Add, &[a, wide]).unwrap();
    let product = builder.add("mul", ops::Mul, &[a, wide]).unwrap();
    let graph = builder.finish(vec![sum, product]).unwrap();
    let pairs = inputs(7, &[2, 3], 6).into_iter().zip(inputs(8, &[3], 6));
    let samples: Vec<Vec<ArrayD<f32>>> = pairs.map(|(a, b)| vec![a, b * 10.0]).collect();
    let method = CalibrationMethod::MinMax;
    let calibration = Calibration::collect_on(&graph, samples.clone(), method).unwrap();
    let quantized = quantize(&graph, &calibration, &eight_bits()).unwrap();
    let scales: Vec<f64> = quantized
        .graph
        .inputs()
        .map(|id| quantized.graph[id].fact.scale)
        .collect();
    assert!(scales[1] > 5.0 * scales[0] && quantized.input_scales[0].first() == scales[0]);
    let executor = Executor::new(&quantized.graph).unwrap();
    for sample in &samples {
        let integers = quantized.quantize_inputs(sample).unwrap().integers;
        let execution = executor.run_on(&integers).unwrap();
        assert_eq!(
            execution,
            execute_reference_on(&quantized.graph, &integers).unwrap()
        );
        let exact = execute_float_on(&graph, sample).unwrap();
        // Half a step of each input, times how far the other one may be.
        let errors = [scales[0] + scales[1], 10.0 * scales[0] + scales[1]];
        for (number, output) in execution.outputs(&quantized.graph).enumerate() {
            let real = quantized.dequantize_output(number, output).unwrap();
            for (a, b) in exact[graph.outputs[number].0].iter().zip(&real) {
                assert!(f64::from((a - b).abs()) <= errors[number], "{number}: {a} {b}");
            }
        }
    }
    // One input too few, and one of the wrong shape.
    let short = Calibration::collect_on(&graph, vec![samples[0][..1].to_vec()], method);
    assert!(matches!(short, Err(CalibrationError::Sample { sample: 0, .. })));
    let swapped = [samples[0][1].clone(), samples[0][0].clone()];
    let error = quantized.quantize_inputs(&swapped).unwrap_err();
    assert_eq!(error.to_string(), "`a`: input: expected shape [2, 3], found [3]");
}
