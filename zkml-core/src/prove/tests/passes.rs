//! Passes of the operation and circuit level, switched off in every way: the network still proves and verifies.

use super::handed;
use crate::execute::execute;
use crate::execute::float::execute_float;
use crate::graph::{Graph, GraphBuilder, Parameter, Window2d};
use crate::keys::CompiledModel;
use crate::ops;
use crate::ops::{Float, FloatOp};
use crate::optimize::model::max_pool_order::MaxPoolOrder;
use crate::optimize::{Level, Pass, Switches, all, optimize, sizes};
use crate::privacy::Privacy;
use crate::prove::prove;
use crate::quant::tests::random::{inputs, tensor};
use crate::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};
use crate::setup::explain;
use crate::setup::{SetupOptions, code_cost, setup};
use crate::verify::verify;
use ndarray::ArrayD;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn window(kernel: usize, stride: usize, padding: usize) -> Window2d {
    Window2d {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
    }
}

/// One of everything that a pass looks at: convolutions, ReLU, max-pool, average pool, concatenation, sum, linear
/// layer, argmax.
fn network() -> (Graph<Float>, Vec<ArrayD<f32>>) {
    let mut rng = StdRng::seed_from_u64(5);
    let mut builder = GraphBuilder::<Float>::new();
    let mut parameter = |builder: &mut GraphBuilder<Float>, path: &str, shape: &[usize]| {
        let values = tensor(&mut rng, shape, 0.5);
        builder.parameter(Parameter {
            path: path.into(),
            values,
        })
    };
    let x = builder.input("x", &[1, 2, 12, 12]).unwrap();
    let (a, b) = (
        parameter(&mut builder, "a", &[3, 2, 3, 3]),
        parameter(&mut builder, "b", &[3]),
    );
    let conv = |weight, bias| {
        FloatOp::Conv2d(ops::Conv2d {
            weight,
            bias,
            window: window(3, 1, 1),
            groups: 1,
        })
    };
    let left = builder.add("left", conv(a, Some(b)), &[x]).unwrap();
    let left = builder
        .add("left_relu", FloatOp::Relu(ops::Relu), &[left])
        .unwrap();
    let c = parameter(&mut builder, "c", &[3, 2, 3, 3]);
    let right = builder.add("right", conv(c, None), &[x]).unwrap();
    let both = builder
        .add("both", FloatOp::Concat(ops::Concat { axis: 1 }), &[left, right])
        .unwrap();
    let pooled = builder
        .add(
            "pool",
            FloatOp::MaxPool2d(ops::MaxPool2d {
                window: window(2, 2, 0),
            }),
            &[both],
        )
        .unwrap();
    let d = parameter(&mut builder, "d", &[6, 6, 3, 3]);
    let middle = builder.add("middle", conv(d, None), &[pooled]).unwrap();
    let sum = builder
        .add("sum", FloatOp::Add(ops::Add), &[middle, pooled])
        .unwrap();
    let sum = builder.add("sum_relu", FloatOp::Relu(ops::Relu), &[sum]).unwrap();
    let mean = builder
        .add("mean", FloatOp::GlobalAvgPool2d(ops::GlobalAvgPool2d), &[sum])
        .unwrap();
    let flat = builder.reshape("flat", mean, &[1, 6]).unwrap();
    let e = parameter(&mut builder, "e", &[4, 6]);
    let scores = builder
        .add(
            "scores",
            FloatOp::Linear(ops::Linear {
                weight: e,
                bias: None,
            }),
            &[flat],
        )
        .unwrap();
    let graph = builder.finish(vec![scores]).unwrap().with_argmax().unwrap();
    let samples = inputs(6, &graph[graph.input].fact, 8);
    (graph, samples)
}

fn names() -> Vec<&'static str> {
    let passes = all().filter(|pass| pass.level() != Level::Model);
    passes.map(Pass::name).collect()
}

/// Proves one input without the passes in `off`; returns the committed cells, and the price of the code in bytes.
fn end_to_end(off: &[&str], privacy: Privacy) -> (u64, f64) {
    let (graph, samples) = network();
    let calibration = Calibration::collect(&graph, samples.clone(), CalibrationMethod::MinMax).unwrap();
    let options = off.iter().fold(QuantizeOptions::default(), |options, pass| {
        options.without(pass).unwrap()
    });
    let network = quantize(&graph, &calibration, &options).unwrap();
    let model = CompiledModel::new("passes", network).with_privacy(privacy);
    let network = model.network.clone();
    let lowered = model.lower().unwrap();
    let cells = sizes(&lowered.circuit)[0].1;
    let setup_options = SetupOptions::default();
    let (code, cost) = code_cost(&model, &lowered, &setup_options).unwrap();
    let key = setup(model, &setup_options).unwrap();
    assert_eq!(key.verifying.weights.code, code);
    let input = network.quantize_input(&samples[0]).unwrap().integers;
    let proof = prove(&key, &input, b"").unwrap();
    verify(&key.verifying, &proof, b"").unwrap_or_else(|error| panic!("without {off:?}: {error}"));
    handed::answer(&key.verifying, &proof, b"");

    let float = &execute_float(&graph, &samples[0]).unwrap()[graph.outputs[0].0];
    let scale = network.output_scales[0].only().unwrap();
    let largest = float.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    for (real, integer) in float.iter().zip(&proof.public.outputs.unwrap()[0]) {
        let error = (f64::from(*real) - *integer as f64 * scale).abs();
        assert!(
            error <= 0.1 * f64::from(largest),
            "without {off:?}: {real} became {}",
            *integer as f64 * scale
        );
    }
    (cells, cost.price(&setup_options))
}

#[test]
fn without_any_one_pass_the_network_is_larger_and_proves() {
    let (cells, price) = end_to_end(&[], Privacy::default());
    for name in names() {
        let (cells_without, price_without) = end_to_end(&[name], Privacy::default());
        match name {
            // What it saves is precision.
            "per_channel_scales" => {}
            // There is nothing for them to do here.
            "equalization" | "input_scales" | "weight_blocks" | "trace_blocks" => {
                assert_eq!(cells_without, cells)
            }
            // What it saves is values and challenges.
            "layer_stacking" => assert_eq!(cells_without, cells),
            "trace_packing" | "code_choice" => {
                assert!(
                    price_without > price,
                    "{name}: {price_without} without, {price} with it"
                );
                assert_eq!(cells_without, cells);
            }
            _ => assert!(
                cells_without > cells,
                "{name}: {cells_without} cells without, {cells} with it"
            ),
        }
    }
}

#[test]
fn any_choice_of_passes_proves() {
    let names = names();
    // All pairs, by a fixed walk over the subsets, and none of them at all.
    for subset in [
        0b111_1111_1111_1111u32,
        0b010_1010_1010_1010,
        0b101_0101_0101_0101,
        0b011_0000_1100_1100,
        0b110_0110_0110_0110,
        0b101_1011_0011_0011,
        0b000_1100_1111_0000,
        0b100_1111_0000_1111,
        0b111_0111_0000_0000,
        0b001_0000_1111_1111,
    ] {
        let off: Vec<&str> = names
            .iter()
            .enumerate()
            .filter(|(index, _)| subset >> index & 1 == 1)
            .map(|(_, name)| *name)
            .collect();
        end_to_end(
            &off,
            if subset & 1 == 1 {
                Privacy::PUBLIC
            } else {
                Privacy::default()
            },
        );
    }
}

#[test]
fn every_pass_says_what_it_did() {
    let (graph, samples) = network();
    let calibration = Calibration::collect(&graph, samples, CalibrationMethod::MinMax).unwrap();
    let options = QuantizeOptions::default();
    let network = quantize(&graph, &calibration, &options).unwrap();
    let reports = explain(&graph, &calibration, &options, (&network, &Privacy::default())).unwrap();
    let reported: Vec<&str> = reports.iter().map(|report| report.pass.as_ref()).collect();
    assert_eq!(reported, names());
    for report in &reports {
        assert!(report.enabled, "{report}");
        // These have nothing to do here; `quant/tests/truth.rs`, `weight_blocks.rs` and `trace_blocks.rs` have networks
        // for them.
        if ["equalization", "input_scales", "weight_blocks", "trace_blocks"].contains(&report.pass.as_ref()) {
            continue;
        }
        assert!(!report.changes.is_empty(), "{report}");
        let what = match report.pass.as_ref() {
            "trace_packing" => "encoded cells",
            "layer_stacking" => "depths",
            // It may buy less work with more bytes, or the other way round.
            "code_choice" => "bytes of columns and combination",
            _ => "committed cells",
        };
        let measure = report.effect.iter().find(|measure| measure.what == what);
        let saves = measure.is_some_and(|measure| measure.after < measure.before);
        assert!(saves || report.pass == "per_channel_scales", "{report}");
    }
    let without = options.without("table_sharing").unwrap();
    let network = quantize(&graph, &calibration, &without).unwrap();
    let reports = explain(&graph, &calibration, &without, (&network, &Privacy::default())).unwrap();
    let off: Vec<&str> = reports
        .iter()
        .filter(|report| !report.enabled)
        .map(|report| report.pass.as_ref())
        .collect();
    assert_eq!(off, ["table_sharing"]);
    assert!(options.without("nothing").is_err());
}

#[test]
fn a_max_pool_before_its_relu_is_swapped_and_the_integers_stay_the_same() {
    let mut rng = StdRng::seed_from_u64(9);
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("x", &[1, 2, 8, 8]).unwrap();
    let values = tensor(&mut rng, &[3, 2, 3, 3], 0.3);
    let weight = builder.parameter(Parameter {
        path: "weight".into(),
        values,
    });
    // Some of all values are negative, the largest are not: both orders have the same scale.
    let values = ArrayD::from_shape_vec(vec![3], vec![2.0, 0.0, -0.5]).unwrap();
    let bias = builder.parameter(Parameter {
        path: "bias".into(),
        values,
    });
    let conv = FloatOp::Conv2d(ops::Conv2d {
        weight,
        bias: Some(bias),
        window: window(3, 1, 1),
        groups: 1,
    });
    let conv = builder.add("conv", conv, &[x]).unwrap();
    let pool = FloatOp::MaxPool2d(ops::MaxPool2d {
        window: window(2, 2, 0),
    });
    let pool = builder.add("pool", pool, &[conv]).unwrap();
    let relu = builder.add("relu", FloatOp::Relu(ops::Relu), &[pool]).unwrap();
    let graph = builder.finish(vec![relu]).unwrap();
    let samples = inputs(8, &[1, 2, 8, 8], 16);
    let [with, without] = [true, false].map(|max_pool_order| {
        let passes = Switches::default().with(&MaxPoolOrder, max_pool_order);
        let (graph, _) = optimize(graph.clone(), &passes).unwrap();
        let calibration = Calibration::collect(&graph, samples.clone(), CalibrationMethod::MinMax).unwrap();
        quantize(&graph, &calibration, &QuantizeOptions::default()).unwrap()
    });
    for sample in &samples {
        let [a, b] = [&with, &without].map(|network| {
            let input = network.quantize_input(sample).unwrap().integers;
            let execution = execute(&network.graph, &input).unwrap();
            let output = execution.outputs(&network.graph).next().unwrap().clone();
            (output, network.output_scales[0].clone())
        });
        assert_eq!(a, b);
    }
    let sizes = [with, without].map(|network| {
        let model = CompiledModel::new("pool", network);
        sizes(&model.lower().unwrap().circuit)
    });
    let [[cells, rows, ..], [cells_without, rows_without, ..]] = sizes;
    assert!(cells.1 < cells_without.1 && rows.1 < rows_without.1, "{sizes:?}");
}
