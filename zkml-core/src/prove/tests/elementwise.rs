//! Every function of the list in `ops/elementwise_list.rs`: its values, its integers and its proof.

use ndarray::ArrayD;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use super::conformance::{
    altered_cells_are_found, columns_follow_definitions, proof_verifies, with_trace_on,
};
use crate::argument::check;
use crate::execute::float::execute_float;
use crate::execute::{execute, execute_reference};
use crate::graph::{Graph, GraphBuilder, Parameter, Window2d};
use crate::keys::CompiledModel;
use crate::ops::{self, Elementwise, Float, FloatOp, Properties, Room};
use crate::quant::tests::random::{inputs, tensor};
use crate::quant::{Calibration, CalibrationMethod, QuantizeOptions, Quantized, quantize};

/// What ONNX Runtime computes; made by `scripts/reference_elementwise.py`.
const REFERENCE: &str = include_str!("elementwise.json");

/// `f` after a convolution of odd size, then a linear layer: accumulators below, padding that is not 0 beside it.
fn network(function: FloatOp) -> Graph<Float> {
    let mut random = StdRng::seed_from_u64(3);
    let mut builder = GraphBuilder::<Float>::new();
    let mut parameter = |builder: &mut GraphBuilder<Float>, path: &str, shape: &[usize]| {
        let values = tensor(&mut random, shape, 1.0);
        builder.parameter(Parameter {
            path: path.into(),
            values,
        })
    };
    let x = builder.input("input", &[1, 2, 5, 3]).expect("input");
    let weight = parameter(&mut builder, "conv.weight", &[3, 2, 3, 3]);
    let window = Window2d::new([3, 3], [1, 1], [1, 1], [1, 1]);
    let conv = ops::Conv2d {
        weight,
        bias: None,
        window,
        groups: 1,
    };
    let x = builder.add("conv", conv, &[x]).expect("conv");
    let x = builder.add("function", function, &[x]).expect("function");
    let x = builder.reshape("flatten", x, &[1, 45]).expect("flatten");
    let weight = parameter(&mut builder, "fc.weight", &[4, 45]);
    let x = builder
        .add("fc", ops::Linear { weight, bias: None }, &[x])
        .expect("fc");
    builder.finish(vec![x]).expect("a graph")
}

fn quantized(graph: &Graph<Float>, samples: &[ArrayD<f32>], options: &QuantizeOptions) -> Quantized {
    let calibration = Calibration::collect(graph, samples.iter().cloned(), CalibrationMethod::MinMax);
    quantize(graph, &calibration.expect("a calibration"), options).expect("a network")
}

/// Largest error of the function's value in its own steps, on the samples it was calibrated with.
fn error_in_steps(graph: &Graph<Float>, network: &Quantized, samples: &[ArrayD<f32>]) -> f64 {
    let node = graph.find("function").expect("a node");
    let (own, scales) = network.correspondence[node.0].clone().expect("an edge");
    let scale = scales.only().expect("one scale");
    let mut largest = 0f64;
    for sample in samples {
        let input = network.quantize_input(sample).expect("an input").integers;
        let execution = execute(&network.graph, &input).expect("an execution");
        assert_eq!(
            execution,
            execute_reference(&network.graph, &input).expect("an execution")
        );
        let exact = &execute_float(graph, sample).expect("values")[node.0];
        for (a, b) in exact.iter().zip(&execution.values[own.0]) {
            largest = largest.max((f64::from(*a) / scale - *b as f64).abs());
        }
    }
    largest
}

fn integers_follow_the_function(function: FloatOp, steepest: f64) {
    let graph = network(function);
    let samples = inputs(7, &[1, 2, 5, 3], 16);
    let fused = quantized(&graph, &samples, &QuantizeOptions::default());
    // The accumulator's error (inputs and weights of 8 bits), amplified; half a step for rounding, an eighth for the
    // argument.
    let bound = 4.0 * (1.0 + steepest);
    let error = error_in_steps(&graph, &fused, &samples);
    assert!(
        error <= bound,
        "{error} steps, expected at most {bound}\n{}",
        fused.graph
    );
    // Without the pass the function stands on an 8-bit value.
    let options = QuantizeOptions::default()
        .without("activation_fusion")
        .expect("a pass");
    let apart = quantized(&graph, &samples, &options);
    let error = error_in_steps(&graph, &apart, &samples);
    assert!(error <= 4.0 * bound, "{error} steps\n{}", apart.graph);
}

fn is_proved(function: FloatOp) {
    let graph = network(function);
    let samples = inputs(7, &[1, 2, 5, 3], 16);
    let network = quantized(&graph, &samples, &QuantizeOptions::default());
    let input = network.quantize_input(&samples[0]).expect("an input").integers;
    with_trace_on(
        CompiledModel::new("function", network),
        input,
        |key, circuit, trace, input| {
            check(circuit, &trace.values).expect("the trace satisfies the circuit");
            columns_follow_definitions(circuit, trace);
            altered_cells_are_found(circuit, trace);
            proof_verifies(key, trace, input);
        },
    );
}

fn values_are_those_of_onnx_runtime(name: &str, function: impl Fn(f64) -> f64) {
    let reference: Value = serde_json::from_str(REFERENCE).expect("JSON");
    let list = |key: &str| -> Vec<f64> {
        let values = reference[key]
            .as_array()
            .unwrap_or_else(|| panic!("no values of `{key}`"));
        values
            .iter()
            .map(|value| value.as_f64().expect("a number"))
            .collect()
    };
    let (x, y) = (list("x"), list(name));
    assert_eq!(x.len(), y.len());
    for (x, y) in x.into_iter().zip(y) {
        let found = function(x);
        // ONNX Runtime computes in f32.
        assert!(
            (found - y).abs() <= 1e-6 + 2e-6 * y.abs(),
            "{name}({x}): {found}, expected {y}"
        );
    }
}

macro_rules! elementwise {
    ($($room:ident, $function:ident($($argument:ident),*), $layer:ident, $options:ident { $($field:ident: $kind:ident),* };)*) => {$(
        mod $room {
            use super::*;

            #[test]
            fn has_the_values_of_onnx_runtime() {
                let op = Elementwise::$layer(ops::$layer::new());
                values_are_those_of_onnx_runtime(stringify!($room), |x| op.curved().value(x));
            }

            #[test]
            fn integers_follow_floats() {
                let op = ops::$layer::new();
                let steepest = Elementwise::$layer(op).curved().steepest();
                integers_follow_the_function(op.into(), steepest);
            }

            #[test]
            fn proof_conforms() {
                is_proved(ops::$layer::new().into());
            }
        }
    )*};
}

include!("../../ops/elementwise_list.rs");

#[test]
fn gelu_by_tanh_has_the_values_of_onnx_runtime_and_is_proved() {
    let op = ops::GELU { approximate: "tanh" };
    values_are_those_of_onnx_runtime("gelu_tanh", |x| Elementwise::GELU(op).curved().value(x));
    integers_follow_the_function(op.into(), 1.13);
    is_proved(op.into());
}

/// Slopes below 0 turn the function around: nothing relies on its being monotone.
#[test]
fn functions_that_are_not_monotone_have_sound_ranges() {
    for slope in [-3.0, 0.0, 1.5] {
        let op = ops::LeakyReLU {
            negative_slope: slope,
        };
        assert_eq!(Elementwise::LeakyReLU(op).has(Properties::MONOTONE), slope >= 0.0);
        integers_follow_the_function(op.into(), 3.0);
    }
}

/// One slope for all channels, and one each; also on an 8-bit value, where the operand is the input.
#[test]
fn prelu_with_committed_slopes_is_exact_enough_and_proved() {
    for slopes in [vec![0.25f32], vec![0.25, -1.5, 0.01]] {
        let mut builder = GraphBuilder::<Float>::new();
        let x = builder.input("input", &[1, 3, 5, 3]).expect("input");
        let values = ArrayD::from_shape_vec(vec![slopes.len()], slopes.clone()).expect("slopes");
        let weight = builder.parameter(Parameter {
            path: "prelu.weight".into(),
            values,
        });
        let x = builder
            .add("function", ops::Prelu { weight }, &[x])
            .expect("prelu");
        let x = builder.reshape("flatten", x, &[1, 45]).expect("flatten");
        let values = tensor(&mut StdRng::seed_from_u64(5), &[4, 45], 1.0);
        let weight = builder.parameter(Parameter {
            path: "fc.weight".into(),
            values,
        });
        let x = builder
            .add("fc", ops::Linear { weight, bias: None }, &[x])
            .expect("fc");
        let graph = builder.finish(vec![x]).expect("a graph");
        let samples = inputs(7, &[1, 3, 5, 3], 16);
        let value = &execute_float(&graph, &samples[0]).expect("values")[1];
        for ((at, y), x) in value.indexed_iter().zip(&samples[0]) {
            let slope = slopes[at[1] % slopes.len()];
            assert_eq!(*y, if *x < 0.0 { slope * x } else { *x });
        }
        let network = quantized(&graph, &samples, &QuantizeOptions::default());
        let error = error_in_steps(&graph, &network, &samples);
        assert!(error <= 3.0, "{error} steps\n{}", network.graph);
        let input = network.quantize_input(&samples[0]).expect("an input").integers;
        let model = CompiledModel::new("prelu", network);
        with_trace_on(model, input, |key, circuit, trace, input| {
            check(circuit, &trace.values).expect("the trace satisfies the circuit");
            columns_follow_definitions(circuit, trace);
            altered_cells_are_found(circuit, trace);
            proof_verifies(key, trace, input);
        });
    }
}
