//! Integer execution against its oracle, against the static ranges and against the float network.

use crate::ops;
use crate::quant::tests::eight_bits;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::random;
use crate::circuit::{Function, FunctionTable};
use crate::execute::float::execute_float;
use crate::execute::{ExecutionError, execute, execute_reference};
use crate::graph::{Graph, IntFact, IntParameter, Node, NodeId, ParameterRole};
use crate::ops::range;
use crate::ops::range::RangeError;
use crate::ops::{Int, IntOp};
use crate::optimize::Switches;
use crate::optimize::operation::per_channel_scales::PerChannelScales;
use crate::quant::{Calibration, CalibrationMethod, QuantizeOptions, Quantized, quantize};

fn quantized(seed: u64, options: &QuantizeOptions) -> (crate::graph::Graph<crate::ops::Float>, Quantized) {
    let float = random::network(seed, false);
    let samples = random::inputs(seed ^ 1, &float[float.input].fact, 12);
    let calibration = Calibration::collect(&float, samples, CalibrationMethod::MinMax).unwrap();
    let quantized =
        quantize(&float, &calibration, options).unwrap_or_else(|error| panic!("{error}\n{float}"));
    (float, quantized)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn fast_execution_equals_the_reference_and_stays_in_range(seed in any::<u64>(), per_tensor in any::<bool>()) {
        let switches = Switches::default().with(&PerChannelScales, !per_tensor);
        let (_, quantized) = quantized(seed, &QuantizeOptions { switches, ..Default::default() });
        let graph = &quantized.graph;
        crate::ops::check(graph).unwrap();
        for input in random::inputs(seed ^ 2, &graph[graph.input].fact.shape, 3) {
            let input = quantized.quantize_input(&input).unwrap().integers;
            let (fast, slow) = (execute(graph, &input), execute_reference(graph, &input));
            prop_assert_eq!(&fast, &slow);
            // Inputs other than the calibrated ones may leave a domain; then both say so.
            let Ok(execution) = fast else { continue };
            for (node, value) in graph.nodes.iter().zip(&execution.values) {
                let (low, high) = node.fact.range;
                prop_assert!(value.iter().all(|v| (low..=high).contains(v)), "{} {:?}", node.name, node.fact.range);
                if let IntOp::Rescale(ops::Rescale { shift, .. }) = &node.op {
                    prop_assert_eq!(shift % quantized.limb_bits, 0);
                }
            }
        }
    }
}

/// Energy of the error of output 0 relative to the output's, over the calibration samples (nothing saturates).
fn relative_noise(seed: u64) -> f64 {
    let (float, quantized) = quantized(seed, &eight_bits());
    let (mut signal, mut noise) = (0f64, 0f64);
    for input in random::inputs(seed ^ 1, &float[float.input].fact, 12) {
        let exact = execute_float(&float, &input).unwrap();
        let execution = execute(
            &quantized.graph,
            &quantized.quantize_input(&input).unwrap().integers,
        )
        .unwrap();
        let logits = execution.value(quantized.graph.outputs[0]).unwrap();
        let real = quantized.dequantize_output(0, logits).unwrap();
        for (a, b) in exact[float.outputs[0].0].iter().zip(&real) {
            signal += f64::from(*a).powi(2);
            noise += f64::from(a - b).powi(2);
        }
    }
    if noise == 0.0 { 0.0 } else { noise / signal }
}

#[test]
fn integers_follow_the_float_network() {
    // Random weights cancel here and there, and then 8 bits are few: so most networks, not all, must be precise.
    let mut ratios: Vec<f64> = (0..300).map(relative_noise).collect();
    ratios.sort_by(f64::total_cmp);
    let (median, most, worst) = (ratios[150], ratios[285], ratios[299]);
    println!("relative noise: median {median:.2e}, 95 % below {most:.2e}, worst {worst:.2e}");
    assert!(median < 3e-4 && most < 3e-3 && worst < 0.3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    /// The ranges hold for every weight and every input, not only for the calibrated ones.
    #[test]
    fn ranges_hold_for_extreme_weights_and_inputs(seed in any::<u64>()) {
        let (_, quantized) = quantized(seed, &eight_bits());
        let mut graph = quantized.graph;
        let mut rng = StdRng::seed_from_u64(seed);
        for parameter in &mut graph.parameters {
            let (low, high) = range::role_range(parameter.role);
            let mut values = parameter.values.to_array();
            values.mapv_inplace(|_| if rng.gen_bool(0.5) { low as i32 } else { high as i32 });
            parameter.values = values.into();
        }
        for node in &mut graph.nodes {
            if let IntOp::Rescale(ops::Rescale { table, .. }) = &mut node.op {
                // So that the extremes get through: the table clamps as before.
                table.domain_bits = 60;
            }
        }
        for _ in 0..3 {
            let positive = rng.gen_bool(0.3);
            let shape = graph[graph.input].fact.shape.clone();
            let input = ndarray::ArrayD::from_shape_fn(shape, |_| if positive || rng.gen_bool(0.5) { 127 } else { -127 });
            let execution = execute(&graph, &input).unwrap();
            prop_assert_eq!(&execution, &execute_reference(&graph, &input).unwrap());
            for (node, value) in graph.nodes.iter().zip(&execution.values) {
                let (low, high) = node.fact.range;
                prop_assert!(value.iter().all(|v| (low..=high).contains(v)), "{} {:?}", node.name, node.fact.range);
            }
        }
    }
}

fn small(op: IntOp, range: (i64, i64)) -> Graph<Int> {
    let fact = |range| IntFact {
        shape: vec![1, 2],
        range,
        scale: 1.0,
    };
    let input = Node {
        name: "x".into(),
        op: IntOp::Input(ops::Input),
        inputs: vec![],
        fact: fact((-1000, 1000)),
    };
    let node = Node {
        name: "layer".into(),
        op,
        inputs: vec![NodeId(0)],
        fact: fact(range),
    };
    Graph {
        nodes: vec![input, node],
        input: NodeId(0),
        outputs: vec![NodeId(1)],
        parameters: vec![],
    }
}

fn rescale(multiplier: i64, shift: u32, domain_bits: u32) -> IntOp {
    let table = FunctionTable {
        function: Function::Identity,
        domain_bits,
        minimum: -127,
        maximum: 127,
    };
    IntOp::Rescale(ops::Rescale {
        multipliers: vec![multiplier],
        axis: 0,
        shift,
        table,
    })
}

#[test]
fn wrapping_is_refused_by_layer_with_its_numbers() {
    let check = |op| crate::ops::check(&small(op, (-127, 127)));
    assert_eq!(check(rescale(1, 1, 16)), Ok(()));
    assert_eq!(
        check(IntOp::WeightedSum(ops::WeightedSum {
            coefficients: vec![1 << 51]
        })),
        Err(RangeError::Accumulator {
            layer: "layer".into(),
            reached: 1000 << 51
        })
    );
    assert_eq!(
        check(rescale(1 << 51, 4, 9)),
        Err(RangeError::BadRescale {
            layer: "layer".into(),
            found: 1 << 51,
            shift: 4,
        })
    );
    assert_eq!(
        check(rescale(1, 45, 16)),
        Err(RangeError::Domain {
            layer: "layer".into(),
            domain_bits: 16,
            shift: 45
        })
    );
    assert!(matches!(
        check(rescale(0, 1, 9)),
        Err(RangeError::BadRescale { found: 0, .. })
    ));
    assert!(matches!(
        check(rescale(1, 0, 9)),
        Err(RangeError::BadRescale { shift: 0, .. })
    ));
    assert_eq!(
        crate::ops::check(&small(IntOp::Reshape(ops::Reshape), (0, 0))),
        Err(RangeError::WrongFact {
            layer: "layer".into(),
            expected: (-1000, 1000),
            found: (0, 0)
        })
    );
    let mut graph = small(rescale(1, 1, 16), (-127, 127));
    let values = ndarray::ArrayD::from_shape_vec(vec![2], vec![127, -128]).unwrap();
    graph.parameters.push(IntParameter {
        path: "w".into(),
        role: ParameterRole::Weight,
        values: values.into(),
    });
    assert!(matches!(
        crate::ops::check(&graph),
        Err(RangeError::Parameter {
            index: 1,
            value: -128,
            ..
        })
    ));
}

#[test]
fn rescale_rounds_half_up() {
    let graph = small(rescale(3, 1, 16), (-127, 127));
    // (3 x + 1) >> 1
    for (x, v) in [
        (0, 0),
        (1, 2),
        (-1, -1),
        (2, 3),
        (3, 5),
        (-3, -4),
        (300, 450),
        (-300, -450),
    ] {
        let input = ndarray::ArrayD::from_elem(vec![1, 2], x);
        let execution = execute(&graph, &input).unwrap();
        assert_eq!(execution.before_table[1].as_ref().unwrap()[[0, 1]], v);
        assert_eq!(execution.values[1][[0, 1]], v.clamp(-127, 127));
        assert_eq!(execution, execute_reference(&graph, &input).unwrap());
    }
}

#[test]
fn wrong_inputs_are_refused_by_place() {
    let (_, quantized) = quantized(7, &eight_bits());
    let graph = &quantized.graph;
    let shape = graph[graph.input].fact.shape.clone();
    let mut input = ndarray::ArrayD::<i64>::zeros(shape.as_slice());
    *input.iter_mut().last().unwrap() = 128;
    let last: Vec<usize> = shape.iter().map(|size| size - 1).collect();
    let expected = ExecutionError::InputRange {
        index: last,
        value: 128,
        range: (-127, 127),
    };
    assert_eq!(execute(graph, &input).unwrap_err(), expected);
    assert_eq!(execute_reference(graph, &input).unwrap_err(), expected);
    let input = ndarray::ArrayD::<i64>::zeros(vec![1]);
    assert!(matches!(
        execute(graph, &input).unwrap_err(),
        ExecutionError::InputShape { .. }
    ));
}
