//! Integer execution against its oracle, against the static ranges and against the float network.

use proptest::prelude::*;

use super::random;
use crate::graph::IntOp;
use crate::quant::float_execution::execute_float;
use crate::quant::{
    Calibration, CalibrationMethod, QuantizeOptions, Quantized, WeightScales, quantize, range,
};
use crate::witness::{ExecutionError, execute, execute_reference};

fn quantized(seed: u64, options: &QuantizeOptions) -> (crate::graph::Graph<crate::graph::Float>, Quantized) {
    let float = random::network(seed, false);
    let samples = random::inputs(seed ^ 1, &float[float.input].fact, 12);
    let calibration = Calibration::collect(&float, samples, CalibrationMethod::MinMax).unwrap();
    let quantized =
        quantize(&float, &calibration, options).unwrap_or_else(|error| panic!("{error}\n{float}"));
    (float, quantized)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn fast_execution_equals_the_reference_and_stays_in_range(seed in any::<u64>(), per_tensor in any::<bool>()) {
        let weight_scales = if per_tensor { WeightScales::PerTensor } else { WeightScales::PerChannel };
        let (_, quantized) = quantized(seed, &QuantizeOptions { weight_scales, ..Default::default() });
        let graph = &quantized.graph;
        range::check(graph).unwrap();
        for input in random::inputs(seed ^ 2, &graph[graph.input].fact.shape, 3) {
            let input = quantized.quantize_input(&input).unwrap();
            let (fast, slow) = (execute(graph, &input), execute_reference(graph, &input));
            prop_assert_eq!(&fast, &slow);
            // Inputs other than the calibrated ones may leave a domain; then both say so.
            let Ok(execution) = fast else { continue };
            for (node, value) in graph.nodes.iter().zip(&execution.values) {
                let (low, high) = node.fact.range;
                prop_assert!(value.iter().all(|v| (low..=high).contains(v)), "{} {:?}", node.name, node.fact.range);
                if let IntOp::Rescale { shift, .. } = &node.op {
                    prop_assert_eq!(shift % quantized.limb_bits, 0);
                }
            }
        }
    }

    #[test]
    fn integers_follow_the_float_network(seed in any::<u64>()) {
        let (float, quantized) = quantized(seed, &QuantizeOptions::default());
        let (mut signal, mut noise) = (0f64, 0f64);
        // The calibration samples: nothing saturates.
        for input in random::inputs(seed ^ 1, &float[float.input].fact, 12) {
            let exact = execute_float(&float, &input).unwrap();
            let execution = execute(&quantized.graph, &quantized.quantize_input(&input).unwrap()).unwrap();
            let logits = execution.value(quantized.graph.outputs[0]).unwrap();
            let real = quantized.dequantize_output(0, logits).unwrap();
            for (a, b) in exact[float.outputs[0].0].iter().zip(&real) {
                signal += f64::from(*a).powi(2);
                noise += f64::from(a - b).powi(2);
            }
        }
        // Signal to noise of 8-bit activations through up to ten layers.
        prop_assert!(noise <= 0.01 * signal + 1e-6, "noise {noise:.3e} signal {signal:.3e}\n{float}\n{}", quantized.graph);
    }
}

#[test]
fn wrong_inputs_are_refused_by_place() {
    let (_, quantized) = quantized(7, &QuantizeOptions::default());
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
