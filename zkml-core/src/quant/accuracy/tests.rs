//! Reports that could be fooled, and are not.

use crate::quant::tests::eight_bits;
use ndarray::ArrayD;

use super::*;
use crate::graph::{GraphBuilder, Parameter};
use crate::ops::{self, FloatOp};
use crate::quant::{Calibration, CalibrationMethod, quantize};

fn array(shape: &[usize], value: impl Fn(usize) -> f32) -> ArrayD<f32> {
    let values = (0..shape.iter().product()).map(value).collect();
    ArrayD::from_shape_vec(shape, values).unwrap()
}

/// A linear layer of two inputs with these weights, `[outputs, 2]`.
fn linear(weights: &[f32]) -> Graph<Float> {
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("x", &[1, 2]).unwrap();
    let weight = builder.parameter(Parameter {
        path: "weight".into(),
        values: array(&[weights.len() / 2, 2], |i| weights[i]),
    });
    let op = FloatOp::Linear(ops::Linear { weight, bias: None });
    let y = builder.add("fc", op, &[x]).unwrap();
    builder.finish(vec![y]).unwrap()
}

fn samples(count: usize) -> Vec<ArrayD<f32>> {
    let value = |i: usize| ((i * 7919 % 101) as f32 - 50.0) / 50.0;
    (0..count)
        .map(|sample| array(&[1, 2], |i| value(2 * sample + i)))
        .collect()
}

fn quantized(float: &Graph<Float>, samples: &[ArrayD<f32>]) -> Quantized {
    let calibration =
        Calibration::collect(float, samples.iter().cloned(), CalibrationMethod::MinMax).unwrap();
    quantize(float, &calibration, &eight_bits()).unwrap()
}

/// The integers of a layer's weights, all 0 from this row on.
fn silence(network: &mut Quantized, row: usize) {
    for parameter in &mut network.graph.parameters {
        let mut values = parameter.values.to_vec();
        let shape = parameter.values.shape().to_vec();
        let from = row * values.len() / shape[0];
        values[from..].fill(0);
        parameter.values = ArrayD::from_shape_vec(shape, values).unwrap().into();
    }
}

/// An integer network whose answer is always 0: the classes of the float network agree with it, for they do not change
/// either, and where the mean is large a cosine agrees too. The report warns.
#[test]
fn answers_that_do_not_depend_on_the_input() {
    let float = linear(&[1.0, 0.5, -1.0, 0.25]);
    let samples = samples(16);
    let mut network = quantized(&float, &samples);
    for parameter in &mut network.graph.parameters {
        parameter.values = ArrayD::zeros(parameter.values.shape()).into();
    }
    let report = AccuracyReport::measure(&float, &network, &samples, None).unwrap();
    assert_eq!(report.classes, None);
    assert_eq!(report.outputs[0].total().relative_rms(), 1.0);
    let warnings = report.warnings().join("\n");
    assert!(
        warnings.contains("of output 0 is off by 100.00 % of its size"),
        "{warnings}"
    );
    assert!(warnings.contains("the worst layer is `fc`"), "{warnings}");
}

/// Errors of a small channel beside a large one count.
#[test]
fn each_channel_counts_by_itself() {
    let float = linear(&[1000.0, -500.0, 0.001, 0.002]);
    let samples = samples(16);
    let mut network = quantized(&float, &samples);
    silence(&mut network, 1);
    let report = AccuracyReport::measure(&float, &network, &samples, None).unwrap();
    let output = &report.outputs[0];
    assert!(
        output.total().cosine() > 0.9999 && output.total().relative_rms() < 0.02,
        "{report}"
    );
    assert_eq!(output.channels[1].relative_rms(), 1.0, "{report}");
    assert!(
        report.warnings()[0].starts_with("channel 1 of output 0 is off by 100.00 %"),
        "{report}"
    );
}

/// Classes are counted where the network has them: with names, with labels or with an argmax.
#[test]
fn only_classifiers_have_classes() {
    let samples = samples(8);
    let float = linear(&[1.0, 0.5, -1.0, 0.25, 0.3, -0.7]);
    let mut network = quantized(&float, &samples);
    let measure = |network: &Quantized, labels| AccuracyReport::measure(&float, network, &samples, labels);
    assert_eq!(measure(&network, None).unwrap().classes, None);
    assert!(measure(&network, Some(&[0; 8])).unwrap().classes.is_some());
    network.record.classes = ["a", "b", "c"].map(String::from).to_vec();
    assert_eq!(measure(&network, None).unwrap().classes.unwrap().rows, 8);
    let classifier = float.clone().with_argmax().unwrap();
    let report =
        AccuracyReport::measure(&classifier, &quantized(&classifier, &samples), &samples, None).unwrap();
    assert_eq!(report.classes.unwrap().rows, 8);
    assert_eq!(report.outputs.len(), 1, "an index is no quantity");
}

/// One logit: its sign is the class. A network that always says no agrees with itself, and the report says so.
#[test]
fn the_sign_of_one_logit_is_its_class() {
    let float = linear(&[1.0, 0.5]);
    let samples = samples(16);
    let network = quantized(&float, &samples);
    let labels: Vec<usize> = samples
        .iter()
        .map(|x| usize::from(x[[0, 0]] + 0.5 * x[[0, 1]] > 0.0))
        .collect();
    let report = AccuracyReport::measure(&float, &network, &samples, Some(&labels)).unwrap();
    let classes = report.classes.unwrap();
    assert_eq!((classes.float_correct, classes.constant), (Some(16), false));
    assert!(classes.integer_correct.unwrap() >= 15);
    let positive: Vec<_> = samples.iter().map(|x| x.mapv(f32::abs)).collect();
    let report =
        AccuracyReport::measure(&float, &quantized(&float, &positive), &positive, Some(&[1; 16])).unwrap();
    assert!(report.classes.as_ref().unwrap().constant);
    assert!(
        report
            .warnings()
            .iter()
            .any(|warning| warning.contains("the same class")),
        "{report}"
    );
}

/// A picture has a class in each place, along axis 1.
#[test]
fn pictures_are_classified_along_their_channels() {
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("x", &[1, 2, 3, 3]).unwrap();
    let float = builder.finish(vec![x]).unwrap().with_argmax().unwrap();
    assert_eq!(float[float.outputs[1]].fact, [1, 3, 3]);
    let sample = array(&[1, 2, 3, 3], |i| if i < 9 { 0.5 } else { i as f32 / 17.0 - 0.3 });
    let network = quantized(&float, core::slice::from_ref(&sample));
    let report = AccuracyReport::measure(&float, &network, &[sample], None).unwrap();
    let classes = report.classes.as_ref().unwrap();
    assert_eq!((classes.rows, classes.agreement, classes.constant), (9, 9, false));
    assert_eq!(
        (report.outputs[0].axis, report.outputs[0].channels.len()),
        (Some(1), 2)
    );
}

/// Samples unlike those of the calibration are counted.
#[test]
fn clipped_samples_are_counted() {
    let float = linear(&[1.0, 0.5]);
    let samples = samples(16);
    let network = quantized(&float, &samples);
    let far: Vec<_> = samples.iter().map(|x| x * 255.0).collect();
    let report = AccuracyReport::measure(&float, &network, &far, None).unwrap();
    assert!(
        report.clipping.clipped > 16 && report.clipping.values == 32,
        "{report}"
    );
    assert!(
        report
            .warnings()
            .iter()
            .any(|warning| warning.contains("are clipped")),
        "{report}"
    );
    assert!(
        !AccuracyReport::measure(&float, &network, &samples, None)
            .unwrap()
            .clipping
            .is_suspicious()
    );
}

/// Parts of 1: a class that no sample has is nearly 0 in both networks, and nobody is warned of it. It counts as soon
/// as one of the networks gives it more than 1/256 of the largest part.
#[test]
fn parts_that_are_nearly_nothing_are_not_judged() {
    let report = |rare: f32, parts: bool| {
        let mut builder = GraphBuilder::<Float>::new();
        let x = builder.input("x", &[1, 2]).unwrap();
        let weight = builder.parameter(Parameter {
            path: "weight".into(),
            values: array(&[2, 2], |i| [2.0, 1.0, 0.5, 0.25][i]),
        });
        let bias = builder.parameter(Parameter {
            path: "bias".into(),
            values: array(&[2], |i| [0.0, rare][i]),
        });
        let bias = Some(bias);
        let fc = builder
            .add("fc", FloatOp::Linear(ops::Linear { weight, bias }), &[x])
            .unwrap();
        let y = match parts {
            true => builder.add("sigmoid", ops::Sigmoid {}, &[fc]).unwrap(),
            false => builder.add("softplus", ops::Softplus::default(), &[fc]).unwrap(),
        };
        let y = builder.reshape("column", y, &[1, 1, 2]).unwrap();
        let float = builder.finish(vec![y]).unwrap();
        let samples = samples(32);
        AccuracyReport::measure(&float, &quantized(&float, &samples), &samples, None).unwrap()
    };
    let warned = |report: &AccuracyReport| {
        let warnings = report.warnings();
        warnings
            .iter()
            .any(|warning| warning.contains("channel 1 of output 0 is off by"))
    };
    let rare = report(-9.0, true);
    assert_eq!(rare.outputs[0].negligible, [1], "{rare}");
    assert!(rare.outputs[0].channels[1].relative_rms() > 0.5, "{rare}");
    assert!(
        !warned(&rare) && rare.outputs[0].worst_channel().unwrap().0 == 0,
        "{rare}"
    );
    assert!(
        rare.to_string()
            .contains("not judged: 1 of 2 channels, nearly 0 in both networks"),
        "{rare}"
    );
    // Twice as large as what is negligible, and too small for the steps: that is worth a word.
    let seen = report(-4.9, true);
    assert!(seen.outputs[0].negligible.is_empty() && warned(&seen), "{seen}");
    // Quantities have units of their own: a small one may be what counts.
    let quantity = report(-9.0, false);
    assert!(
        quantity.outputs[0].negligible.is_empty() && warned(&quantity),
        "{quantity}"
    );
}

/// What is left of terms that cancel is rounding. A channel that is small because its weights are is a quantity: a
/// network that always answers 0 instead is wrong, however large the other channel is.
#[test]
fn rounding_is_not_judged_and_small_outputs_are() {
    let equal: Vec<_> = samples(16)
        .iter()
        .map(|x| array(&[1, 2], |_| x[[0, 0]]))
        .collect();
    // 1 + 2^-23 is the next number of 24 bits.
    let float = linear(&[1.0, -0.5, 1.0 + f32::EPSILON, -1.0]);
    let mut network = quantized(&float, &equal);
    silence(&mut network, 1);
    let report = AccuracyReport::measure(&float, &network, &equal, None).unwrap();
    assert!(report.outputs[0].channels[1].relative_rms() > 0.99, "{report}");
    assert_eq!(report.outputs[0].negligible, [1], "{report}");
    assert!(
        report
            .warnings()
            .iter()
            .all(|warning| !warning.contains("channel 1")),
        "{report}"
    );

    for size in [1.0, 1e-3, 1e-8] {
        let float = linear(&[5e4, -2e4, 1.2 * size, -0.8 * size]);
        let samples = samples(16);
        let mut network = quantized(&float, &samples);
        silence(&mut network, 1);
        let report = AccuracyReport::measure(&float, &network, &samples, None).unwrap();
        assert!(report.outputs[0].negligible.is_empty(), "{report}");
        assert!(
            report.warnings()[0].starts_with("channel 1 of output 0 is off by 100.00 % of its size"),
            "{report}"
        );
    }
}
