//! Scales of weights chosen for exact multipliers: the grid, the limbs, and when they are left alone.

use crate::ops;
use crate::quant::tests::eight_bits;
use ndarray::ArrayD;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::random::{inputs, tensor};
use crate::graph::{Graph, GraphBuilder, Node, NodeId, Parameter, ParameterId, Window2d};
use crate::ops::range::WEIGHT_LIMIT;
use crate::ops::{Float, FloatOp, Int, IntOp};
use crate::optimize::operation::exact_multipliers::{self, ExactMultipliers};
use crate::optimize::operation::per_channel_scales::PerChannelScales;
use crate::optimize::{Pass as _, Switches};
use crate::quant::{AccuracyReport, Calibration, CalibrationMethod, QuantizeOptions, Quantized, quantize};

/// Builds networks of 3 x 3 convolutions that keep the size of the plane.
struct Convolutions {
    builder: GraphBuilder<Float>,
    rng: StdRng,
}

impl Convolutions {
    fn new(shape: &[usize]) -> (Self, NodeId) {
        let mut builder = GraphBuilder::new();
        let x = builder.input("x", shape).unwrap();
        let rng = StdRng::seed_from_u64(3);
        (Self { builder, rng }, x)
    }

    fn weight(&mut self, name: &str, inputs: usize, outputs: usize) -> ParameterId {
        let size = 1.7 / (9.0 * inputs as f32).sqrt();
        let mut values = tensor(&mut self.rng, &[outputs, inputs, 3, 3], size);
        // Channels of different sizes.
        for (o, mut channel) in values.outer_iter_mut().enumerate() {
            channel.mapv_inplace(|value| value * (0.2 + o as f32 / outputs as f32));
        }
        let path = format!("{name}.weight");
        self.builder.parameter(Parameter { path, values })
    }

    fn layer(&mut self, name: &str, x: NodeId, weight: ParameterId, outputs: usize, bias: f32) -> NodeId {
        let values = tensor(&mut self.rng, &[outputs], 0.1).mapv(|value| value + bias);
        let bias = Some(self.builder.parameter(Parameter {
            path: format!("{name}.bias"),
            values,
        }));
        let window = Window2d {
            kernel: [3; 2],
            stride: [1; 2],
            padding: [1; 2],
            dilation: [1; 2],
        };
        let op = FloatOp::Conv2d(ops::Conv2d {
            weight,
            bias,
            window,
            groups: 1,
        });
        self.builder.add(name, op, &[x]).unwrap()
    }

    fn convolution(&mut self, name: &str, x: NodeId, inputs: usize, outputs: usize) -> NodeId {
        let weight = self.weight(name, inputs, outputs);
        self.layer(name, x, weight, outputs, 0.0)
    }

    fn relu(&mut self, name: &str, x: NodeId) -> NodeId {
        self.builder.add(name, FloatOp::Relu(ops::Relu), &[x]).unwrap()
    }

    /// Ends in a ReLU, so that no layer is an output.
    fn finish(mut self, x: NodeId) -> Graph<Float> {
        let x = self.relu("last", x);
        self.builder.finish(vec![x]).unwrap()
    }
}

/// Three layers like those in the middle of a VGG.
fn plain() -> Graph<Float> {
    let (mut network, x) = Convolutions::new(&[1, 3, 16, 16]);
    let x = network.convolution("first", x, 3, 32);
    let x = network.relu("first_relu", x);
    let x = network.convolution("second", x, 32, 48);
    let x = network.relu("second_relu", x);
    let x = network.convolution("third", x, 48, 32);
    network.finish(x)
}

/// `x + conv(relu(conv(x)))` behind a layer.
fn residual() -> Graph<Float> {
    let (mut network, x) = Convolutions::new(&[1, 3, 16, 16]);
    let x = network.convolution("stem", x, 3, 16);
    let x = network.relu("stem_relu", x);
    let y = network.convolution("inner", x, 16, 16);
    let y = network.relu("inner_relu", y);
    let y = network.convolution("outer", y, 16, 16);
    let sum = network
        .builder
        .add("sum", FloatOp::Add(ops::Add), &[x, y])
        .unwrap();
    network.finish(sum)
}

fn quantized(graph: &Graph<Float>, options: &QuantizeOptions) -> Quantized {
    let samples = inputs(9, &graph[graph.input].fact, 8);
    let calibration = Calibration::collect(graph, samples, CalibrationMethod::MinMax).unwrap();
    quantize(graph, &calibration, options).unwrap()
}

fn without() -> QuantizeOptions {
    eight_bits().without(ExactMultipliers.name()).unwrap()
}

/// A rescale and the node it rescales, its multipliers and shift.
type Rescaled<'a> = (&'a Node<Int>, &'a Node<Int>, &'a [i64], u32);

fn rescales(network: &Quantized) -> impl Iterator<Item = Rescaled<'_>> {
    let graph = &network.graph;
    graph.nodes.iter().filter_map(|node| match &node.op {
        IntOp::Rescale(ops::Rescale {
            multipliers, shift, ..
        }) => Some((node, &graph[node.inputs[0]], multipliers.as_slice(), *shift)),
        _ => None,
    })
}

/// The largest distance of a weight from its integer, in steps, if the multiplier is taken for exact; checks that
/// integers stay in range.
fn largest_error(float: &Graph<Float>, network: &Quantized) -> f64 {
    let graph = &network.graph;
    let mut largest = 0.0f64;
    for (rescale, layer, multipliers, shift) in rescales(network) {
        let IntOp::Conv2d(ops::Conv2d { weight, .. }) = layer.op else {
            continue;
        };
        let integers = &graph[weight];
        let real = float.parameters.iter().find(|p| p.path == integers.path).unwrap();
        let input_scale = graph[layer.inputs[0]].fact.scale;
        let integers = integers.values.to_array();
        for (o, (integers, real)) in integers.outer_iter().zip(real.values.outer_iter()).enumerate() {
            let multiplier = multipliers[o % multipliers.len()] as f64;
            let scale = multiplier * 2f64.powi(-(shift as i32)) * rescale.fact.scale / input_scale;
            for (integer, real) in integers.iter().zip(&real) {
                assert!(i64::from(integer.abs()) <= WEIGHT_LIMIT, "{}", layer.name);
                largest = largest.max((f64::from(*real) / scale - f64::from(*integer)).abs());
            }
        }
    }
    largest
}

#[test]
fn multipliers_are_exact_and_weights_never_clip() {
    for float in [plain(), residual()] {
        for per_channel in [true, false] {
            let options = QuantizeOptions {
                switches: Switches::default().with(&PerChannelScales, per_channel),
                ..eight_bits()
            };
            let error = largest_error(&float, &quantized(&float, &options));
            assert!(error <= 0.5 + 1e-9, "{error}");
        }
        // Without the pass the multiplier is near the ratio of scales, and the error shows it.
        let error = largest_error(&float, &quantized(&float, &without()));
        assert!(error > 0.5 + 1e-4, "{error}");
    }
}

#[test]
fn remainders_have_one_limb_where_they_had_two() {
    for float in [plain(), residual()] {
        let limbs = |network: &Quantized| -> Vec<u32> {
            rescales(network)
                .map(|(_, _, _, shift)| shift / network.limb_bits)
                .collect()
        };
        let (with, without) = (quantized(&float, &eight_bits()), quantized(&float, &without()));
        assert!(limbs(&with).iter().all(|limbs| *limbs == 1), "{}", with.graph);
        assert!(
            limbs(&without).iter().all(|limbs| *limbs == 2),
            "{}",
            without.graph
        );
        // The pass says so of each layer and sum.
        assert_eq!(
            exact_multipliers::changes(&with.graph).len(),
            rescales(&with).count()
        );
        assert_eq!(exact_multipliers::changes(&without.graph), [""; 0]);
    }
}

#[test]
fn accuracy_stays() {
    for float in [plain(), residual()] {
        let samples = inputs(9, &float[float.input].fact, 8);
        let cosine = |options| {
            let network = quantized(&float, &options);
            let report = AccuracyReport::measure(&float, &network, &samples, None).unwrap();
            assert_eq!(report.out_of_domain, 0);
            assert!(
                report.worst_layer().unwrap().distance.cosine() > 0.9995,
                "{report}"
            );
            report.outputs[0].total().cosine()
        };
        let (with, without) = (cosine(eight_bits()), cosine(without()));
        // The squared error is twice what is missing to 1.
        assert!(1.0 - with <= 1.3 * (1.0 - without), "{with} {without}");
    }
}

#[test]
fn a_sum_is_in_units_of_its_rescale() {
    let network = quantized(&residual(), &eight_bits());
    let (rescale, sum, multipliers, shift) = rescales(&network)
        .find(|(_, operand, ..)| matches!(operand.op, IntOp::WeightedSum(_)))
        .unwrap();
    let IntOp::WeightedSum(ops::WeightedSum { coefficients }) = &sum.op else {
        panic!("no sum")
    };
    assert_eq!(multipliers, [1]);
    for (coefficient, operand) in coefficients.iter().zip(&sum.inputs) {
        let exact = network.graph[*operand].fact.scale / rescale.fact.scale * 2f64.powi(shift as i32);
        assert!(
            (exact - *coefficient as f64).abs() <= 0.5,
            "{exact} {coefficient}"
        );
        assert!(*coefficient >= 1 << 8, "{coefficients:?}");
    }
}

#[test]
fn a_layer_far_smaller_than_its_output_takes_two_limbs() {
    // Nothing but the bias matters: the ratio of scales is near 2^-18.
    let (mut network, x) = Convolutions::new(&[1, 3, 16, 16]);
    let x = network.convolution("first", x, 3, 32);
    let x = network.relu("first_relu", x);
    let weight = network.weight("small", 32, 2);
    let x = network.layer("small", x, weight, 2, 150.0);
    let float = network.finish(x);
    let network = quantized(&float, &eight_bits());
    let limbs: Vec<u32> = rescales(&network)
        .map(|(_, _, _, shift)| shift / network.limb_bits)
        .collect();
    assert_eq!(limbs, [1, 2], "{}", network.graph);
    assert!(largest_error(&float, &network) <= 0.5 + 1e-9);
}

#[test]
fn what_is_not_free_is_left_alone() {
    // One weight in two layers; a layer with two users, of which one rescales its accumulator with a ReLU.
    let (mut network, x) = Convolutions::new(&[1, 8, 8, 8]);
    let shared = network.weight("shared", 8, 8);
    let y = network.layer("one", x, shared, 8, 0.0);
    let y = network.relu("one_relu", y);
    let y = network.layer("two", y, shared, 8, 0.0);
    let y = network.relu("two_relu", y);
    let z = network.convolution("twice", y, 8, 8);
    let relu = network.relu("twice_relu", z);
    let sum = network
        .builder
        .add("sum", FloatOp::Add(ops::Add), &[z, relu])
        .unwrap();
    let float = network.finish(sum);
    let network = quantized(&float, &eight_bits());
    let exact = exact_multipliers::changes(&network.graph);
    assert!(exact.iter().all(|change| change.contains("`sum`")), "{exact:?}");
    // The shared weight is there once.
    let weights = network.graph.parameters.iter();
    assert_eq!(weights.filter(|p| p.path.starts_with("shared.weight")).count(), 1);
}

/// A depthwise 1 x 1 convolution multiplies each channel with a number: its multiplier is more precise than 7 bits.
#[test]
fn kernels_of_one_weight_keep_their_scale() {
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("x", &[1, 4, 8, 8]).unwrap();
    let values = ArrayD::from_shape_fn(vec![4, 1, 1, 1], |at| 0.3 + 0.2 * at[0] as f32);
    let weight = builder.parameter(Parameter {
        path: "w".into(),
        values,
    });
    let window = Window2d {
        kernel: [1; 2],
        stride: [1; 2],
        padding: [0; 2],
        dilation: [1; 2],
    };
    let op = FloatOp::Conv2d(ops::Conv2d {
        weight,
        bias: None,
        window,
        groups: 4,
    });
    let y = builder.add("scale", op, &[x]).unwrap();
    let y = builder.add("relu", FloatOp::Relu(ops::Relu), &[y]).unwrap();
    // It would be part of the input.
    let options = eight_bits().without("input_scales").unwrap();
    let network = quantized(&builder.finish(vec![y]).unwrap(), &options);
    let IntOp::Conv2d(ops::Conv2d { weight, .. }) = network.graph.nodes[1].op else {
        panic!("no convolution")
    };
    assert!(network.graph[weight].values.to_vec().iter().all(|w| *w == 127));
    let (.., multipliers, _) = rescales(&network).next().unwrap();
    assert!(multipliers.iter().all(|m| *m >= 1 << 6), "{multipliers:?}");
}
