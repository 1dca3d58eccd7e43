//! Networks that were quantized into wrong ones without a word, each for its kind: outputs, channels and columns of
//! very different size, sparse inputs, outliers.

use crate::execute::Executor;
use crate::execute::float::execute_float;
use crate::graph::{Graph, GraphBuilder, NodeId, Parameter, ParameterId, Window2d};
use crate::ops::{self, Float, FloatOp, IntOp};
use crate::optimize::{Switches, optimize};
use crate::quant::{
    Calibration, CalibrationMethod, QuantizeError, QuantizeOptions, Quantized, Warning, quantize,
};
use ndarray::ArrayD;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A network as it is built, and the random numbers of its weights and inputs.
struct Network {
    builder: GraphBuilder<Float>,
    rng: StdRng,
}

impl Network {
    fn new(seed: u64) -> Self {
        Self {
            builder: GraphBuilder::new(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    fn weights(&mut self, path: &str, shape: &[usize], values: Vec<f32>) -> ParameterId {
        let values = ArrayD::from_shape_vec(shape, values).unwrap();
        let path = path.to_owned();
        self.builder.parameter(Parameter { path, values })
    }

    /// A linear layer; `size` gives the size of a weight by row and column.
    fn linear(
        &mut self,
        name: &str,
        x: NodeId,
        outputs: usize,
        size: &dyn Fn(usize, usize) -> f32,
    ) -> NodeId {
        let inputs = *self.builder.shape(x).unwrap().last().unwrap();
        let cells = (0..outputs * inputs).map(|cell| (cell / inputs, cell % inputs));
        let values = cells.map(|(o, i)| size(o, i) * normal(&mut self.rng) / (inputs as f32).sqrt());
        let values = values.collect();
        let weight = self.weights(&format!("{name}.weight"), &[outputs, inputs], values);
        self.builder
            .add(name, ops::Linear { weight, bias: None }, &[x])
            .unwrap()
    }

    fn conv(
        &mut self,
        name: &str,
        x: NodeId,
        outputs: usize,
        kernel: usize,
        size: &dyn Fn(usize) -> f32,
    ) -> NodeId {
        let inputs = self.builder.shape(x).unwrap()[1];
        let terms = inputs * kernel * kernel;
        let cells = 0..outputs * terms;
        let values = cells.map(|cell| size(cell / terms) * normal(&mut self.rng) / (terms as f32).sqrt());
        let values = values.collect();
        let weight = self.weights(
            &format!("{name}.weight"),
            &[outputs, inputs, kernel, kernel],
            values,
        );
        let op = ops::Conv2d {
            weight,
            bias: None,
            window: window(kernel, 1, kernel / 2),
            groups: 1,
        };
        self.builder.add(name, op, &[x]).unwrap()
    }

    fn add(&mut self, name: &str, op: impl Into<FloatOp>, operands: &[NodeId]) -> NodeId {
        self.builder.add(name, op, operands).unwrap()
    }

    /// A parameter with a value for each column, as a row.
    fn fixed(&mut self, name: &str, values: &[f32]) -> NodeId {
        let parameter = self.weights(name, &[values.len()], values.to_vec());
        let vector = self.add(&format!("{name}.values"), ops::Parameter { parameter }, &[]);
        let row = [1, values.len()];
        self.builder.declare(name, ops::Expand, &[vector], &row).unwrap()
    }
}

fn window(kernel: usize, stride: usize, padding: usize) -> Window2d {
    Window2d {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
    }
}

/// A number of the standard normal distribution, nearly.
fn normal(rng: &mut StdRng) -> f32 {
    (0..12).map(|_| rng.gen_range(-0.5f32..0.5)).sum()
}

fn normals(seed: u64, shape: &[usize], count: usize) -> Vec<ArrayD<f32>> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count)
        .map(|_| ArrayD::from_shape_simple_fn(shape, || normal(&mut rng)))
        .collect()
}

fn quantized_as(graph: &Graph<Float>, samples: &[ArrayD<f32>], method: CalibrationMethod) -> Quantized {
    let calibration = Calibration::collect(graph, samples.iter().cloned(), method).unwrap();
    quantize(graph, &calibration, &QuantizeOptions::default()).unwrap()
}

/// As users get it: optimized, and calibrated by measurement.
fn compiled(graph: Graph<Float>, samples: &[ArrayD<f32>]) -> (Graph<Float>, Quantized) {
    let (graph, _) = optimize(graph, &Switches::default()).unwrap();
    let network = quantized_as(&graph, samples, CalibrationMethod::default());
    (graph, network)
}

/// What both networks answer on samples, output 0.
fn answers(
    graph: &Graph<Float>,
    network: &Quantized,
    samples: &[ArrayD<f32>],
) -> Vec<(ArrayD<f32>, ArrayD<f32>)> {
    let executor = Executor::new(&network.graph).unwrap();
    samples
        .iter()
        .map(|sample| {
            let exact = execute_float(graph, sample).unwrap()[graph.outputs[0].0].clone();
            let execution = executor
                .run(&network.quantize_input(sample).unwrap().integers)
                .unwrap();
            let integers = execution.outputs(&network.graph).next().unwrap();
            (exact, network.dequantize_output(0, integers).unwrap())
        })
        .collect()
}

/// For each channel of output 0 (axis 1) the root of the mean square of the error, relative to that of the value.
fn errors(graph: &Graph<Float>, network: &Quantized, samples: &[ArrayD<f32>]) -> Vec<f64> {
    let answers = answers(graph, network, samples);
    let channels = answers[0].0.shape()[1];
    let inner: usize = answers[0].0.shape().iter().skip(2).product();
    let (mut wrong, mut size) = (vec![0f64; channels], vec![0f64; channels]);
    for (exact, found) in &answers {
        for (cell, (a, b)) in exact.iter().zip(found).enumerate() {
            let channel = cell / inner % channels;
            wrong[channel] += f64::from(a - b).powi(2);
            size[channel] += f64::from(*a).powi(2);
        }
    }
    wrong
        .iter()
        .zip(size)
        .map(|(wrong, size)| (wrong / size).sqrt())
        .collect()
}

fn at_most(limit: f64, graph: &Graph<Float>, network: &Quantized, samples: &[ArrayD<f32>]) {
    let errors = errors(graph, network, samples);
    println!("{errors:.5?} by {:?}", network.record.calibration);
    assert!(
        errors.iter().all(|error| *error <= limit),
        "{errors:.5?}\n{graph}\n{}\n{:?}",
        network.graph,
        network.record
    );
}

/// Two outputs, one 100,000 times as large as the other, with a bias that 32 bits of a scale for both cannot hold.
#[test]
fn outputs_of_very_different_size_keep_scales_of_their_own() {
    for argmax in [false, true] {
        let mut n = Network::new(1);
        let x = n.builder.input("x", &[1, 4]).unwrap();
        let weight = n.weights("weight", &[2, 4], vec![5e4, -2e4, 3e4, 1e4, 1.2, -0.8, 0.5, 0.3]);
        let bias = Some(n.weights("bias", &[2], vec![350_000.0, -0.2]));
        let y = n.add("linear", ops::Linear { weight, bias }, &[x]);
        let graph = n.builder.finish(vec![y]).unwrap();
        let graph = if argmax {
            graph.with_argmax().unwrap()
        } else {
            graph
        };
        let samples = normals(2, &[1, 4], 64);
        let (graph, network) = compiled(graph, &samples);
        at_most(0.01, &graph, &network, &samples);
        assert_eq!(network.output_scales[0].scales.len(), 2);
        assert_eq!(network.output_scales[0].axes, [1]);
        // The class is that of the real numbers.
        if argmax {
            let executor = Executor::new(&network.graph).unwrap();
            for sample in &samples {
                let execution = executor
                    .run(&network.quantize_input(sample).unwrap().integers)
                    .unwrap();
                let outputs: Vec<_> = execution.outputs(&network.graph).collect();
                let logits = network.dequantize_output(0, outputs[0]).unwrap();
                assert_eq!(outputs[1][[0]], i64::from(logits[[0, 1]] > logits[[0, 0]]));
            }
        }
    }
}

/// Rows that an argmax compares and whose sizes cross over.
#[test]
fn rows_of_different_size_are_compared_in_a_common_unit() {
    let mut n = Network::new(3);
    let x = n.builder.input("x", &[1, 20]).unwrap();
    let sizes = [1.0, 0.02, 0.3, 0.004, 0.1];
    let y = n.linear("linear", x, 5, &|o, _| sizes[o]);
    let graph = n.builder.finish(vec![y]).unwrap().with_argmax().unwrap();
    let samples = normals(4, &[1, 20], 256);
    let (graph, network) = compiled(graph, &samples);
    at_most(0.02, &graph, &network, &samples);
    let executor = Executor::new(&network.graph).unwrap();
    let mut agree = 0;
    for sample in &samples {
        let exact = &execute_float(&graph, sample).unwrap()[graph.outputs[1].0];
        let execution = executor
            .run(&network.quantize_input(sample).unwrap().integers)
            .unwrap();
        let class = execution.outputs(&network.graph).nth(1).unwrap();
        agree += usize::from(exact[[0]] == class[[0]] as f32);
    }
    assert!(agree >= 253, "{agree}");
}

/// Four boxes of size 100 and three scores of size 1, as channels, as the last axis, and as two heads joined.
#[test]
fn scores_beside_boxes_are_not_lost() {
    let mut rng = StdRng::seed_from_u64(6);
    let mut sample = || ArrayD::from_shape_simple_fn(vec![1, 6, 5, 5], || rng.gen_range(-1.0f32..1.0));
    let samples: Vec<ArrayD<f32>> = (0..64).map(|_| sample()).collect();
    let sized = |o: usize| if o < 4 { 100.0 } else { 1.0 };
    for how in ["channels", "last axis", "two heads"] {
        let mut n = Network::new(5);
        let x = n.builder.input("x", &[1, 6, 5, 5]).unwrap();
        let y = match how {
            "two heads" => {
                let boxes = n.conv("boxes", x, 4, 1, &|_| 100.0);
                let scores = n.conv("scores", x, 3, 1, &|_| 1.0);
                n.add("cat", ops::Concat { axis: 1 }, &[boxes, scores])
            }
            _ => n.conv("head", x, 7, 1, &sized),
        };
        let y = match how {
            "last axis" => {
                let y = n.add(
                    "permute",
                    ops::Permute {
                        order: vec![0, 2, 3, 1],
                    },
                    &[y],
                );
                let y = n.builder.reshape("rows", y, &[25, 7]).unwrap();
                n.add("neg", ops::Neg, &[y])
            }
            _ => y,
        };
        let graph = n.builder.finish(vec![y]).unwrap();
        let (graph, network) = compiled(graph, &samples);
        at_most(0.01, &graph, &network, &samples);
    }
}

/// Images of raw bytes through conv, ReLU and a batch normalization that nothing can be folded into. 6 of 16 channels
/// are nearly dead: the normalization divides their rare small values by 0.003.
#[test]
fn nearly_dead_channels_do_not_take_the_steps_of_the_others() {
    const CLASSES: usize = 6;
    let image = |class: usize, rng: &mut StdRng| {
        let shift = rng.gen_range(0..3usize);
        ArrayD::from_shape_fn(vec![1, 1, 12, 12], |at| {
            let (y, x) = (at[2] + shift, at[3]);
            let on = match class {
                0 => y % 4 < 2,
                1 => x % 4 < 2,
                2 => (x + y) % 4 < 2,
                3 => (x + 12 - y % 12) % 5 < 2,
                4 => x % 6 < 3 && y % 6 < 3,
                _ => x % 2 == 0,
            };
            let noise: f32 = 40.0 * normal(rng);
            (if on { 150.0 + noise } else { 90.0 + noise })
                .clamp(0.0, 255.0)
                .round()
        })
    };
    let mut rng = StdRng::seed_from_u64(8);
    let mut images = |count: usize| -> Vec<(ArrayD<f32>, usize)> {
        (0..count)
            .map(|i| (image(i % CLASSES, &mut rng), i % CLASSES))
            .collect()
    };
    let (train, test) = (images(300), images(600));

    // The features: sixteen filters, of which the last six fire only on the brightest spots.
    let build = |statistics: Option<(&[f32], &[f32])>, classifier: Option<(&[f32], &[f32])>| {
        let mut n = Network::new(9);
        let x = n.builder.input("x", &[1, 1, 12, 12]).unwrap();
        let mut filters = Vec::new();
        for _ in 0..16 {
            let filter: Vec<f32> = (0..9).map(|_| normal(&mut n.rng) / 3.0).collect();
            let mean = filter.iter().sum::<f32>() / 9.0;
            filters.extend(filter.iter().map(|w| w - mean));
        }
        let weight = n.weights("conv.weight", &[16, 1, 3, 3], filters);
        let biases = (0..16)
            .map(|o| if o < 10 { 5.0 } else { -60.0 - 15.0 * o as f32 })
            .collect();
        let bias = Some(n.weights("conv.bias", &[16], biases));
        let conv = ops::Conv2d {
            weight,
            bias,
            window: window(3, 1, 0),
            groups: 1,
        };
        let conv = n.add("conv", conv, &[x]);
        let mut y = n.add("relu", ops::Relu, &[conv]);
        if let Some((mean, variance)) = statistics {
            let running_mean = n.weights("bn.running_mean", &[16], mean.to_vec());
            let running_var = n.weights("bn.running_var", &[16], variance.to_vec());
            let bn = ops::BatchNorm {
                weight: None,
                bias: None,
                running_mean,
                running_var,
                epsilon: 1e-5,
            };
            y = n.add("bn", bn, &[y]);
            let mixed = n.conv("mix", y, 24, 3, &|_| 1.0);
            let mixed = n.add("mix.relu", ops::Relu, &[mixed]);
            let pool = ops::AvgPool2d {
                window: window(10, 10, 0),
            };
            let pooled = n.add("pool", pool, &[mixed]);
            y = n.builder.reshape("flatten", pooled, &[1, 24]).unwrap();
        }
        if let Some((weights, biases)) = classifier {
            let weight = n.weights("fc.weight", &[CLASSES, 24], weights.to_vec());
            let bias = Some(n.weights("fc.bias", &[CLASSES], biases.to_vec()));
            y = n.add("fc", ops::Linear { weight, bias }, &[y]);
        }
        n.builder.finish(vec![y]).unwrap()
    };
    let features = build(None, None);
    let (mut sums, mut squares, mut count) = (vec![0f64; 16], vec![0f64; 16], 0f64);
    for (image, _) in &train {
        let values = execute_float(&features, image).unwrap();
        for (cell, value) in values[features.outputs[0].0].iter().enumerate() {
            sums[cell / 100] += f64::from(*value);
            squares[cell / 100] += f64::from(*value).powi(2);
        }
        count += 100.0;
    }
    let mean: Vec<f32> = sums.iter().map(|sum| (sum / count) as f32).collect();
    let variance = squares
        .iter()
        .zip(&sums)
        .map(|(square, sum)| square / count - (sum / count).powi(2));
    // A running mean of many batches: what fired rarely has faded.
    let variance: Vec<f32> = variance
        .enumerate()
        .map(|(c, v)| if c < 10 { v as f32 } else { 1e-11 })
        .collect();
    let mean: Vec<f32> = mean
        .iter()
        .enumerate()
        .map(|(c, m)| if c < 10 { *m } else { 1e-7 })
        .collect();

    // Nearest mean of the pooled features, each divided by its deviation within classes.
    let trunk = build(Some((&mean, &variance)), None);
    let pooled: Vec<(Vec<f32>, usize)> = train
        .iter()
        .map(|(image, class)| {
            let values = execute_float(&trunk, image).unwrap();
            (values[trunk.outputs[0].0].iter().copied().collect(), *class)
        })
        .collect();
    let mut centers = vec![vec![0f64; 24]; CLASSES];
    for (features, class) in &pooled {
        let each = centers[*class].iter_mut().zip(features);
        each.for_each(|(center, f)| *center += f64::from(*f) * CLASSES as f64 / 300.0);
    }
    let mut within = vec![1e-6f64; 24];
    for (features, class) in &pooled {
        for ((within, center), f) in within.iter_mut().zip(&centers[*class]).zip(features) {
            *within += (f64::from(*f) - center).powi(2) / 300.0;
        }
    }
    let weights: Vec<f32> = centers
        .iter()
        .flat_map(|center| center.iter().zip(&within).map(|(c, within)| (c / within) as f32))
        .collect();
    let biases: Vec<f32> = centers
        .iter()
        .map(|center| {
            center
                .iter()
                .zip(&within)
                .map(|(c, within)| -0.5 * c * c / within)
                .sum::<f64>() as f32
        })
        .collect();
    let graph = build(Some((&mean, &variance)), Some((&weights, &biases)));
    let samples: Vec<ArrayD<f32>> = train.iter().map(|(image, _)| image.clone()).collect();
    let (graph, network) = compiled(graph, &samples);
    assert!(graph.nodes.iter().any(|node| node.name == "bn"), "{graph}");
    let unseen: Vec<ArrayD<f32>> = test.iter().map(|(image, _)| image.clone()).collect();
    let class = |values: &ArrayD<f32>| {
        let values: Vec<f32> = values.iter().copied().collect();
        (0..CLASSES)
            .max_by(|a, b| values[*a].total_cmp(&values[*b]))
            .unwrap()
    };
    let (mut float, mut integer) = (0, 0);
    for ((exact, found), (_, label)) in answers(&graph, &network, &unseen).iter().zip(&test) {
        float += usize::from(class(exact) == *label);
        integer += usize::from(class(found) == *label);
    }
    println!("float {float}, integer {integer} of 600, {:?}", network.record);
    assert!(float > 400, "{float}");
    assert!(
        float.abs_diff(integer) <= 6,
        "float {float}, integer {integer}, {:?}",
        network.record
    );
}

/// Raw columns from 0.05 to 3143, a year among them, normalized by the network itself.
#[test]
fn a_normalization_of_raw_columns_is_part_of_the_input() {
    let (means, deviations) = (
        [0.05, 3143.0, 1990.0, 12.0, 0.4, 650.0, -7.0, 0.002],
        [0.02, 900.0, 6.0, 30.0, 0.1, 80.0, 3.0, 0.0004],
    );
    let rows = |seed| -> Vec<ArrayD<f32>> {
        let rows = normals(seed, &[1, 8], 250);
        rows.into_iter()
            .map(|row| {
                let cells = row.iter().enumerate();
                let cells = cells.map(|(c, z)| means[c] + deviations[c] * z).collect();
                ArrayD::from_shape_vec(vec![1, 8], cells).unwrap()
            })
            .collect()
    };
    let (train, test) = (rows(10), rows(11));
    for how in ["batch norm", "parameters"] {
        let mut n = Network::new(12);
        let x = n.builder.input("x", &[1, 8]).unwrap();
        let y = if how == "batch norm" {
            let running_mean = n.weights("bn.running_mean", &[8], means.to_vec());
            let running_var = n.weights("bn.running_var", &[8], deviations.iter().map(|d| d * d).collect());
            let bn = ops::BatchNorm {
                weight: None,
                bias: None,
                running_mean,
                running_var,
                epsilon: 1e-9,
            };
            n.add("bn", bn, &[x])
        } else {
            // (x - mean) * gain, halved and doubled.
            let mean = n.fixed("mean", &means);
            let mean = n.add("neg", ops::Neg, &[mean]);
            let gain = n.fixed("gain", &deviations.map(|deviation| 1.0 / deviation));
            let y = n.add("centred", ops::Add, &[x, mean]);
            let y = n.add("half", ops::Scale { factor: 0.5 }, &[y]);
            let y = n.add("scaled", ops::Mul, &[gain, y]);
            n.add("double", ops::Scale { factor: 2.0 }, &[y])
        };
        let y = n.linear("fc1", y, 16, &|_, _| 1.0);
        let y = n.add("relu", ops::Relu, &[y]);
        let y = n.linear("fc2", y, 1, &|_, _| 1.0);
        let graph = n.builder.finish(vec![y]).unwrap();
        let (graph, network) = compiled(graph, &train);
        assert_eq!(network.input_scales[0].offsets.len(), 8);
        at_most(0.03, &graph, &network, &test);
        let answers = answers(&graph, &network, &test);
        let same = answers
            .iter()
            .filter(|(a, b)| (a[[0, 0]] > 0.0) == (b[[0, 0]] > 0.0))
            .count();
        assert!(same >= 247, "{how}: {same} of 250");
        // Nothing is computed for it.
        let mut before = network.graph.nodes.iter().take_while(|node| node.name != "fc1");
        let nothing = before.all(|node| matches!(node.op, IntOp::Input(_) | IntOp::Reshape(_)));
        assert!(nothing, "{how}: {}", network.graph);
    }
}

/// What is no map with positive gains of an input that nothing else uses stays as it is.
#[test]
fn other_arithmetic_on_an_input_is_no_normalization() {
    let samples = normals(31, &[1, 8], 64);
    for how in ["negative", "used twice", "by row", "a number alone"] {
        let mut n = Network::new(30);
        let (rows, shape) = if how == "by row" {
            (2, vec![2, 8])
        } else {
            (1, vec![1, 8])
        };
        let x = n.builder.input("x", &shape).unwrap();
        let values: Vec<f32> = (0..8 * rows).map(|i| i as f32 / 8.0 + 0.5).collect();
        let values = if how == "negative" {
            values.iter().map(|v| -v).collect()
        } else {
            values
        };
        let y = if how == "a number alone" {
            n.add("scaled", ops::Scale { factor: 0.25 }, &[x])
        } else {
            let gain = n.weights("gain", &shape, values);
            let gain = n.add("gain", ops::Parameter { parameter: gain }, &[]);
            n.add("scaled", ops::Mul, &[x, gain])
        };
        let mut y = n.linear("fc", y, 8, &|_, _| 1.0);
        if how == "used twice" {
            y = n.add("add", ops::Add, &[y, x]);
        }
        let graph = n.builder.finish(vec![y]).unwrap();
        let (_, reports) = optimize(graph.clone(), &Switches::default()).unwrap();
        let report = reports
            .iter()
            .find(|report| report.pass == "input_normalization")
            .unwrap();
        assert!(report.changes.is_empty(), "{how}: {:?}", report.changes);
        if rows == 1 {
            let (graph, network) = compiled(graph, &samples);
            at_most(0.03, &graph, &network, &samples);
            assert!(network.input_scales[0].offsets.is_empty(), "{how}");
        }
    }
}

/// Channels of size 1 and 10^-6, joined, rectified, and of one layer between two.
#[test]
fn narrow_channels_beside_wide_ones_keep_their_steps() {
    let samples = normals(14, &[1, 10], 64);
    for how in ["relu", "relu6", "one layer"] {
        let mut n = Network::new(13);
        let x = n.builder.input("x", &[1, 10]).unwrap();
        let narrow = 1e-6;
        let y = if how == "one layer" {
            let y = n.linear("both", x, 16, &|o, _| if o < 8 { 1.0 } else { narrow });
            n.add("relu", ops::Relu, &[y])
        } else {
            let wide = n.linear("wide", x, 8, &|_, _| 3.0);
            let narrow = n.linear("narrow", x, 8, &|_, _| narrow);
            let y = n.add("cat", ops::Concat { axis: 1 }, &[wide, narrow]);
            match how {
                "relu" => n.add("relu", ops::Relu, &[y]),
                _ => n.add("relu", ops::Relu6, &[y]),
            }
        };
        // The first outputs are of the wide part, the others of the narrow part alone.
        let of = |o: usize, i: usize| match (o < 3, i < 8) {
            (true, true) => 1.0,
            (false, false) => 1e3,
            _ => 0.0,
        };
        let y = n.linear("last", y, 6, &of);
        let graph = n.builder.finish(vec![y]).unwrap();
        let (graph, network) = compiled(graph, &samples);
        at_most(0.04, &graph, &network, &samples);
        let lost = |warning: &Warning| matches!(warning, Warning::NarrowChannels { .. });
        assert!(
            !network.record.warnings.iter().any(lost),
            "{:?}",
            network.record.warnings
        );

        // Without the pass they are lost, and that is said.
        let calibration = Calibration::collect(&graph, samples.clone(), CalibrationMethod::MinMax).unwrap();
        let options = QuantizeOptions::default().without("equalization").unwrap();
        let network = quantize(&graph, &calibration, &options).unwrap();
        assert!(errors(&graph, &network, &samples)[5] > 0.5);
        assert!(
            network.record.warnings.iter().any(lost),
            "{:?}",
            network.record.warnings
        );
    }
}

fn one_layer(seed: u64, inputs: usize) -> Graph<Float> {
    let mut n = Network::new(seed);
    let x = n.builder.input("x", &[1, inputs]).unwrap();
    let y = n.linear("fc1", x, 16, &|_, _| 1.0);
    let y = n.add("relu", ops::Relu, &[y]);
    let y = n.linear("fc2", y, 4, &|_, _| 1.0);
    n.builder.finish(vec![y]).unwrap()
}

/// A one-hot row of 2000, and an image of which one pixel in a thousand is lit.
#[test]
fn zeros_do_not_decide_what_is_an_outlier() {
    let graph = one_layer(15, 2000);
    let lit = |many: usize| -> Vec<ArrayD<f32>> {
        let mut rng = StdRng::seed_from_u64(16);
        let mut sample = || {
            let mut sample = ArrayD::zeros(vec![1, 2000]);
            for _ in 0..many {
                sample[[0, rng.gen_range(0..2000)]] = if many == 1 { 1.0 } else { rng.gen_range(0.2..1.0) };
            }
            sample
        };
        (0..64).map(|_| sample()).collect()
    };
    for samples in [lit(1), lit(3)] {
        for method in [
            CalibrationMethod::Percentile(99.9),
            CalibrationMethod::Mse,
            CalibrationMethod::Measured,
        ] {
            let network = quantized_as(&graph, &samples, method);
            at_most(0.03, &graph, &network, &samples);
        }
    }
}

/// One value of 100,000 among those of a normal distribution.
#[test]
fn one_outlier_does_not_take_all_steps() {
    let graph = one_layer(17, 40);
    let mut samples = normals(18, &[1, 40], 64);
    samples[20][[0, 7]] = 1e5;
    let others: Vec<ArrayD<f32>> = samples
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != 20)
        .map(|(_, s)| s.clone())
        .collect();
    let network = quantized_as(&graph, &samples, CalibrationMethod::Measured);
    assert!(network.record.calibration != Some(CalibrationMethod::MinMax));
    at_most(0.03, &graph, &network, &others);
    // Asked for, the largest value has its way; that the others are lost is said.
    let network = quantized_as(&graph, &samples, CalibrationMethod::MinMax);
    assert!(errors(&graph, &network, &others)[0] > 0.5);
    assert!(network.record.error.unwrap() > 0.5);
}

/// Networks that compiled and proved without a word.
#[test]
fn what_is_doubtful_is_said_with_the_layer() {
    let samples = normals(20, &[1, 10], 32);
    let warnings = |change: &dyn Fn(&mut Graph<Float>), samples: &[ArrayD<f32>]| {
        let mut graph = one_layer(19, 10);
        change(&mut graph);
        let network = quantized_as(&graph, samples, CalibrationMethod::Measured);
        network.record.warnings
    };
    assert_eq!(warnings(&|_| {}, &samples), []);
    let zero = warnings(&|graph| graph.parameters[1].values.fill(0.0), &samples);
    let expected = Warning::ZeroWeights { layer: "fc2".into() };
    assert!(zero.contains(&expected), "{zero:?}");
    let huge = warnings(&|graph| graph.parameters[0].values[[2, 3]] = 1e30, &samples);
    let found = huge.iter().any(|warning| {
        matches!(
            warning,
            Warning::LostWeights { .. } | Warning::NarrowChannels { .. }
        ) && warning.layer().is_some()
    });
    assert!(found, "{huge:?}");
    let zeros = warnings(&|_| {}, &vec![ArrayD::zeros(vec![1, 10]); 32]);
    assert!(
        zeros.contains(&Warning::OnlyZeros { layer: "x".into() }),
        "{zeros:?}"
    );
    let one = warnings(&|_| {}, &samples[..1]);
    assert!(one.contains(&Warning::FewSamples { samples: 1 }), "{one:?}");
    for warning in [zero, huge, zeros, one].concat() {
        println!("{warning}");
    }
}

/// A row that nothing is left of is an error.
#[test]
fn a_layer_of_which_nothing_is_left_is_refused() {
    let mut graph = one_layer(21, 10);
    // A bias so large that every weight vanishes beside it.
    let bias = ParameterId(graph.parameters.len());
    graph.parameters.push(Parameter {
        path: "fc2.bias".into(),
        values: ArrayD::from_elem(vec![4], 1e30),
    });
    for node in &mut graph.nodes {
        if let (FloatOp::Linear(linear), "fc2") = (&mut node.op, node.name.as_str()) {
            linear.bias = Some(bias);
        }
    }
    let calibration =
        Calibration::collect(&graph, normals(22, &[1, 10], 8), CalibrationMethod::MinMax).unwrap();
    let error = quantize(&graph, &calibration, &QuantizeOptions::default()).unwrap_err();
    assert!(
        matches!(&error, QuantizeError::Lost { layer, .. } if layer == "fc2"),
        "{error}"
    );
}

/// Where 8 bits are not enough, and only there, activations get more, and only those that need them.
#[test]
fn bits_are_chosen_by_an_error_budget() {
    let graph = one_layer(23, 40);
    let samples = normals(24, &[1, 40], 32);
    let calibration = Calibration::collect(&graph, samples.clone(), CalibrationMethod::Measured).unwrap();
    let within = |budget| {
        let options = QuantizeOptions {
            error_budget: Some(budget),
            ..QuantizeOptions::default()
        };
        quantize(&graph, &calibration, &options).unwrap().record
    };
    let usual = within(0.5);
    assert!(usual.wider.is_empty(), "{:?}", usual.wider);
    let error = usual.error.unwrap();
    for (part, most) in [(0.7, 1.0), (1e-4, 0.75)] {
        let more = within(error * part);
        println!("{error} {:?} {:?}", more.error, more.wider);
        assert_eq!(more.activation_bits, 8);
        assert!(!more.wider.is_empty());
        assert!(more.wider.iter().all(|(_, bits)| [10, 12, 14].contains(bits)));
        assert!(more.error.unwrap() < error * most, "{error} {more:?}");
    }
}
