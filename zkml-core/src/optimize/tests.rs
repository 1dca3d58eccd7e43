use crate::ops;
use ndarray::ArrayD;
use proptest::prelude::*;

use super::model::batch_norm_conversion::BatchNormConversion;
use super::model::contraction_order::ContractionOrder;
use super::model::max_pool_order::MaxPoolOrder;
use super::*;
use crate::execute::float::execute_float;
use crate::graph::{Graph, GraphBuilder, NodeId, Parameter, Window2d};
use crate::ops::{Float, FloatOp};
use crate::quant::tests::random;

fn close(before: &Graph<Float>, after: &Graph<Float>, seed: u64) -> Result<(), TestCaseError> {
    for input in random::inputs(seed, &before[before.input].fact, 3) {
        let (a, b) = (
            execute_float(before, &input).unwrap(),
            execute_float(after, &input).unwrap(),
        );
        let (a, b) = (&a[before.outputs[0].0], &b[after.outputs[0].0]);
        let size = a.iter().fold(1f32, |size, value| size.max(value.abs()));
        for (a, b) in a.iter().zip(b) {
            prop_assert!((a - b).abs() <= 1e-4 * size, "{a} {b}\n{before}\n{after}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_choice_of_passes_keeps_the_meaning(seed in any::<u64>(), switches in any::<[bool; 13]>()) {
        let before = random::network(seed, true);
        let passes = all().filter(|pass| pass.level() == Level::Model);
        let some = passes.zip(switches).fold(Switches::default(), |some, (pass, runs)| some.with(pass, runs));
        for options in [some, Switches::default()] {
            let (after, reports) = optimize(before.clone(), &options).unwrap();
            let ran = reports.iter().filter(|report| report.enabled).count();
            prop_assert_eq!(ran, if options == some { switches.iter().filter(|s| **s).count() } else { 13 });
            close(&before, &after, seed)?;
            let norms = after.nodes.iter().filter(|node| matches!(node.op, FloatOp::BatchNorm(_))).count();
            if options.runs(&BatchNormConversion) {
                prop_assert_eq!(norms, 0);
            }
        }
    }
}

struct Fixture {
    builder: GraphBuilder<Float>,
}

impl Fixture {
    fn new(shape: &[usize]) -> (Self, NodeId) {
        let mut builder = GraphBuilder::new();
        let x = builder.input("x", shape).unwrap();
        (Self { builder }, x)
    }

    fn add(&mut self, name: &str, op: FloatOp, inputs: &[NodeId]) -> NodeId {
        self.builder.add(name, op, inputs).unwrap()
    }

    fn parameter(&mut self, path: &str, shape: &[usize], values: &[f32]) -> crate::graph::ParameterId {
        let values = ArrayD::from_shape_vec(shape, values.to_vec()).unwrap();
        self.builder.parameter(Parameter {
            path: path.into(),
            values,
        })
    }

    fn batch_norm(&mut self, x: NodeId, variance: f32) -> NodeId {
        let running_mean = self.parameter("bn.running_mean", &[1], &[3.0]);
        let running_var = self.parameter("bn.running_var", &[1], &[variance]);
        let op = FloatOp::BatchNorm(ops::BatchNorm {
            weight: None,
            bias: None,
            running_mean,
            running_var,
            epsilon: 0.0,
        });
        self.add("bn", op, &[x])
    }

    fn pool(&mut self, x: NodeId) -> NodeId {
        let window = window(2);
        self.add("pool", FloatOp::MaxPool2d(ops::MaxPool2d { window }), &[x])
    }

    fn conv(&mut self, x: NodeId) -> NodeId {
        let weight = self.parameter("conv.weight", &[1, 1, 1, 1], &[2.0]);
        self.add(
            "conv",
            FloatOp::Conv2d(ops::Conv2d {
                weight,
                bias: None,
                window: window(1),
                groups: 1,
            }),
            &[x],
        )
    }

    fn names(self, outputs: Vec<NodeId>) -> (Graph<Float>, Vec<String>, Vec<PassReport>) {
        let graph = self.builder.finish(outputs).unwrap();
        let (graph, reports) = optimize(graph, &Switches::default()).unwrap();
        let names = graph.nodes.iter().map(|node| node.name.clone()).collect();
        (graph, names, reports)
    }
}

fn window(kernel: usize) -> Window2d {
    Window2d {
        kernel: [kernel; 2],
        stride: [kernel; 2],
        padding: [0; 2],
        dilation: [1; 2],
    }
}

#[test]
fn batch_norm_disappears_into_a_convolution_that_only_it_uses() {
    let (mut fixture, x) = Fixture::new(&[1, 1, 2, 2]);
    let conv = fixture.conv(x);
    let bn = fixture.batch_norm(conv, 4.0);
    let (graph, names, reports) = fixture.names(vec![bn]);
    assert_eq!(names, ["x", "conv"]);
    // (2 x - 3) / 2
    let paths: Vec<_> = graph
        .parameters
        .iter()
        .map(|p| (p.path.as_str(), p.values.sum()))
        .collect();
    assert_eq!(paths, [("conv.weight", 1.0), ("conv.bias", -1.5)]);
    let folding = reports.iter().find(|report| report.pass == "batch_norm_folding");
    let text = folding.unwrap().to_string();
    assert!(
        text.contains("batch_norm_folding: 1 change") && text.contains("folded `bn` into `conv`"),
        "{text}"
    );
}

#[test]
fn batch_norm_stays_apart_from_a_convolution_that_others_use() {
    let (mut fixture, x) = Fixture::new(&[1, 1, 2, 2]);
    let conv = fixture.conv(x);
    let bn = fixture.batch_norm(conv, 4.0);
    let sum = fixture.add("sum", FloatOp::Add(ops::Add), &[conv, bn]);
    let (graph, names, _) = fixture.names(vec![sum]);
    assert_eq!(names, ["x", "conv", "bn", "sum"]);
    assert!(matches!(
        graph.nodes[2].op,
        FloatOp::Conv2d(ops::Conv2d { groups: 1, .. })
    ));
}

#[test]
fn batch_norm_that_divides_by_zero_is_refused() {
    let (mut fixture, x) = Fixture::new(&[1, 1, 2, 2]);
    let bn = fixture.batch_norm(x, 0.0);
    let graph = fixture.builder.finish(vec![bn]).unwrap();
    let error = optimize(graph, &Switches::default()).unwrap_err();
    assert_eq!(
        error,
        OptimizeError::Variance {
            layer: "bn".into(),
            channel: 0,
            value: 0.0
        }
    );
}

#[test]
fn relu_moves_to_its_layer_and_a_second_one_goes() {
    let (mut fixture, x) = Fixture::new(&[1, 1, 4, 4]);
    let conv = fixture.conv(x);
    let pool = fixture.pool(conv);
    let relu = fixture.add("relu", FloatOp::Relu(ops::Relu), &[pool]);
    let again = fixture.add("again", FloatOp::Relu(ops::Relu), &[relu]);
    let unused = fixture.add("unused", FloatOp::Relu(ops::Relu), &[x]);
    assert_eq!(unused.0, 5);
    let (graph, names, _) = fixture.names(vec![again]);
    assert_eq!(names, ["x", "conv", "relu", "pool"]);
    assert_eq!(graph.nodes[2].fact, [1, 1, 4, 4]);
}

#[test]
fn even_padding_joins_the_convolution_and_uneven_padding_does_not() {
    for (amounts, joined) in [((1, 1), true), ((1, 0), false)] {
        let (mut fixture, x) = Fixture::new(&[1, 1, 4, 4]);
        let amounts = vec![(0, 0), (0, 0), amounts, (0, 0)];
        let pad = fixture.add("pad", FloatOp::Pad(ops::Pad { amounts }), &[x]);
        let conv = fixture.conv(pad);
        let (graph, names, _) = fixture.names(vec![conv]);
        assert_eq!(names.len(), if joined { 2 } else { 3 });
        let FloatOp::Conv2d(ops::Conv2d { window, .. }) = &graph.nodes.last().unwrap().op else {
            panic!()
        };
        assert_eq!(window.padding, [usize::from(joined), 0]);
    }
}

#[test]
fn layers_join_where_the_values_between_them_cost_more_than_the_weights() {
    // 8 channels, then 2, then 12: on a large image one layer of 96 weights, on one pixel two of 40.
    let wide = |size: usize, kernel: usize| {
        let (mut fixture, x) = Fixture::new(&[1, 8, size, size]);
        let number = |i: usize| ((i * 37 % 23) as f32 - 11.0) / 8.0;
        let values: Vec<f32> = (0..16 * kernel * kernel).map(number).collect();
        let first = fixture.parameter("first.weight", &[2, 8, kernel, kernel], &values);
        let first_bias = fixture.parameter("first.bias", &[2], &[0.5, -2.0]);
        let values: Vec<f32> = (5..29).map(number).collect();
        let second = fixture.parameter("second.weight", &[12, 2, 1, 1], &values);
        let padded = Window2d {
            padding: [kernel / 2; 2],
            stride: [1; 2],
            ..window(kernel)
        };
        let op = |weight, bias, window| {
            FloatOp::Conv2d(ops::Conv2d {
                weight,
                bias,
                window,
                groups: 1,
            })
        };
        let first = fixture.add("first", op(first, Some(first_bias), padded), &[x]);
        let second = fixture.add("second", op(second, None, window(1)), &[first]);
        fixture.builder.finish(vec![second]).unwrap()
    };
    for (size, kernel, joined) in [(8, 1, true), (1, 1, false), (6, 3, true), (1, 3, false)] {
        let before = wide(size, kernel);
        let (after, reports) = optimize(before.clone(), &Switches::default()).unwrap();
        let report = reports
            .iter()
            .find(|report| report.pass == ContractionOrder.name())
            .unwrap();
        assert_eq!(
            report.changes.len(),
            usize::from(joined),
            "{size} {kernel} {report}"
        );
        assert_eq!(after.nodes.len(), if joined { 2 } else { 3 });
        close(&before, &after, 7).unwrap();
        let without = Switches::default().with(&ContractionOrder, false);
        assert_eq!(optimize(before, &without).unwrap().0.nodes.len(), 3);
    }
}

#[test]
fn layers_that_others_use_or_with_a_relu_between_stay_apart() {
    for used in [true, false] {
        let (mut fixture, x) = Fixture::new(&[1, 1, 4, 4]);
        let first = fixture.conv(x);
        let between = match used {
            true => first,
            false => fixture.add("relu", FloatOp::Relu(ops::Relu), &[first]),
        };
        let weight = fixture.parameter("second.weight", &[1, 1, 1, 1], &[3.0]);
        let op = FloatOp::Conv2d(ops::Conv2d {
            weight,
            bias: None,
            window: window(1),
            groups: 1,
        });
        let second = fixture.add("second", op, &[between]);
        let sum = fixture.add("sum", FloatOp::Add(ops::Add), &[second, between]);
        let (_, names, _) = fixture.names(vec![sum]);
        let expected: &[&str] = match used {
            true => &["x", "conv", "second", "sum"],
            false => &["x", "conv", "relu", "second", "sum"],
        };
        assert_eq!(names, expected);
    }
}

#[test]
fn a_mean_is_taken_before_a_pointwise_layer() {
    let (mut fixture, x) = Fixture::new(&[1, 2, 4, 4]);
    let weight = fixture.parameter("conv.weight", &[3, 2, 1, 1], &[1.0, 2.0, 3.0, -4.0, 5.0, -6.0]);
    let bias = fixture.parameter("conv.bias", &[3], &[1.0, -1.0, 0.5]);
    let op = FloatOp::Conv2d(ops::Conv2d {
        weight,
        bias: Some(bias),
        window: window(1),
        groups: 1,
    });
    let conv = fixture.add("conv", op, &[x]);
    let mean = fixture.add(
        "mean",
        FloatOp::AvgPool2d(ops::AvgPool2d { window: window(2) }),
        &[conv],
    );
    let before = fixture.builder.finish(vec![mean]).unwrap();
    let (after, _) = optimize(before.clone(), &Switches::default()).unwrap();
    let names: Vec<&str> = after.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["x", "mean", "conv"]);
    assert_eq!(after.nodes[1].fact, [1, 2, 2, 2]);
    close(&before, &after, 3).unwrap();
}

#[test]
fn without_its_pass_a_max_pool_stays_where_the_model_has_it() {
    let build = || {
        let (mut fixture, x) = Fixture::new(&[1, 1, 4, 4]);
        let conv = fixture.conv(x);
        let pool = fixture.pool(conv);
        let relu = fixture.add("relu", FloatOp::Relu(ops::Relu), &[pool]);
        fixture.builder.finish(vec![relu]).unwrap()
    };
    for on in [true, false] {
        let options = Switches::default().with(&MaxPoolOrder, on);
        let (graph, _) = optimize(build(), &options).unwrap();
        let names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
        let expected = match on {
            true => ["x", "conv", "relu", "pool"],
            false => ["x", "conv", "pool", "relu"],
        };
        assert_eq!(names, expected);
        for input in random::inputs(4, &[1, 1, 4, 4], 5) {
            let before = build();
            let value = |graph: &Graph<Float>| execute_float(graph, &input).unwrap().pop().unwrap();
            assert_eq!(value(&graph), value(&before), "the same to the last bit");
        }
    }
}

/// The names of a graph's nodes.
fn names(graph: &Graph<Float>) -> Vec<&str> {
    graph.nodes.iter().map(|node| node.name.as_str()).collect()
}

#[test]
fn an_argmax_compares_what_goes_into_a_softmax() {
    let build = |op: FloatOp, axis: usize| {
        let (mut f, x) = Fixture::new(&[2, 3]);
        let y = f.add("ordered", op, &[x]);
        let y = f.add("class", FloatOp::Argmax(ops::Argmax { axis }), &[y]);
        f.builder.finish(vec![y]).unwrap()
    };
    for axis in [0, 1] {
        let same = build(ops::LogSoftmax { axis }.into(), axis);
        let (after, _) = optimize(same, &Switches::default()).unwrap();
        assert_eq!(names(&after), ["x", "class"]);
        // Along another axis the order is another one.
        let other = build(ops::Softmax { axis }.into(), 1 - axis);
        let (after, _) = optimize(other, &Switches::default()).unwrap();
        assert_eq!(names(&after), ["x", "ordered", "class"]);
    }
}

#[test]
fn a_classifier_that_ends_in_log_softmax_shows_its_logits() {
    let (mut f, x) = Fixture::new(&[2, 3]);
    let logits = f.add("logits", FloatOp::Neg(ops::Neg), &[x]);
    let y = f.add("log_softmax", ops::LogSoftmax { axis: 1 }.into(), &[logits]);
    let before = f.builder.finish(vec![y]).unwrap();
    // Also where it was optimized before it became a classifier.
    let graph = before.with_argmax().unwrap();
    graph.validate().unwrap();
    assert_eq!(names(&graph), ["x", "logits", "argmax"]);
    assert_eq!(graph[graph.outputs[0]].name, "logits");
    // What uses the log_softmax otherwise still has it.
    let (mut f, x) = Fixture::new(&[2, 3]);
    let y = f.add("log_softmax", ops::LogSoftmax { axis: 1 }.into(), &[x]);
    let negative = f.add("negative", FloatOp::Neg(ops::Neg), &[y]);
    let graph = f
        .builder
        .finish(vec![y, negative])
        .unwrap()
        .with_argmax()
        .unwrap();
    graph.validate().unwrap();
    assert_eq!(names(&graph), ["x", "log_softmax", "negative", "argmax"]);
    assert_eq!(graph.outputs[0], graph.input);
}

#[test]
fn a_batch_normalization_folds_through_reshapes_into_a_convolution_in_one_dimension() {
    use crate::nn::{
        BatchNorm1d, BatchNorm1dOptions, Conv1d, Conv1dOptions, Forward, MaxPool1d, MaxPool1dOptions, Module,
        ParameterPath, ReLU, ReLUOptions, Sequential, SequentialOptions, layer,
    };
    let layers = [
        layer::<Conv1d>(Conv1dOptions::new(2, 3, 3)),
        layer::<BatchNorm1d>(BatchNorm1dOptions::new(3)),
        layer::<ReLU>(ReLUOptions::new()),
        layer::<MaxPool1d>(MaxPool1dOptions::new(2)),
        layer::<Conv1d>(Conv1dOptions::new(3, 1, 2)),
    ];
    let model = Sequential::build(ParameterPath::root(), SequentialOptions::new(layers));
    let before = model.trace_with_input(&[2, 2, 9]).unwrap().untrained(3);
    let (after, _) = optimize(before.clone(), &Switches::default()).unwrap();
    // Reshapes are views, which cost nothing. The ReLU moved before one of them, after they were joined elsewhere.
    assert_eq!(
        names(&after),
        [
            "input",
            "0.image",
            "0",
            "2",
            "0.reshape",
            "3.image",
            "3",
            "4",
            "4.reshape"
        ],
        "{after}"
    );
    close(&before, &after, 5).unwrap();
}
