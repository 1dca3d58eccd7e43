//! Random small networks, for property tests.

use crate::ops;
use ndarray::ArrayD;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::graph::{Graph, GraphBuilder, NodeId, Parameter, ParameterId, Window2d};
use crate::ops::{Float, FloatOp};

/// A tensor of values uniform in `[-1, 1] * size`.
pub(crate) fn tensor(rng: &mut StdRng, shape: &[usize], size: f32) -> ArrayD<f32> {
    ArrayD::from_shape_fn(shape, |_| (rng.gen_range(-1.0f32..1.0)) * size)
}

/// Inputs for a network.
pub(crate) fn inputs(seed: u64, shape: &[usize], count: usize) -> Vec<ArrayD<f32>> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count).map(|_| tensor(&mut rng, shape, 1.0)).collect()
}

struct Generator {
    rng: StdRng,
    builder: GraphBuilder<Float>,
    nodes: usize,
}

impl Generator {
    fn name(&mut self, kind: &str) -> String {
        self.nodes += 1;
        format!("{kind}{}", self.nodes)
    }

    fn shape(&self, id: NodeId) -> Vec<usize> {
        self.builder.shape(id).unwrap().to_vec()
    }

    fn add(&mut self, kind: &str, op: FloatOp, inputs: &[NodeId]) -> NodeId {
        let name = self.name(kind);
        self.builder.add(&name, op, inputs).unwrap()
    }

    fn parameter(&mut self, name: &str, shape: &[usize], size: f32) -> ParameterId {
        let values = tensor(&mut self.rng, shape, size);
        self.builder.parameter(Parameter {
            path: name.into(),
            values,
        })
    }

    fn conv(&mut self, x: NodeId, outputs: usize, window: Window2d, groups: usize) -> NodeId {
        let channels = self.shape(x)[1];
        let name = self.name("conv");
        let inputs = channels / groups;
        let size = 1.5 / ((inputs * window.kernel[0] * window.kernel[1]) as f32).sqrt();
        let shape = [outputs, inputs, window.kernel[0], window.kernel[1]];
        let weight = self.parameter(&format!("{name}.weight"), &shape, size);
        let bias = self
            .rng
            .gen_bool(0.7)
            .then(|| self.parameter(&format!("{name}.bias"), &[outputs], 0.2));
        let op = FloatOp::Conv2d(ops::Conv2d {
            weight,
            bias,
            window,
            groups,
        });
        self.builder.add(&name, op, &[x]).unwrap()
    }

    fn linear(&mut self, x: NodeId, outputs: usize) -> NodeId {
        let inputs = *self.shape(x).last().unwrap();
        let name = self.name("fc");
        let size = 1.5 / (inputs as f32).sqrt();
        let weight = self.parameter(&format!("{name}.weight"), &[outputs, inputs], size);
        let bias = self
            .rng
            .gen_bool(0.7)
            .then(|| self.parameter(&format!("{name}.bias"), &[outputs], 0.2));
        self.builder
            .add(&name, FloatOp::Linear(ops::Linear { weight, bias }), &[x])
            .unwrap()
    }

    /// A window that fits: strides above the kernel, and every padding that PyTorch allows. A maximum needs a cell of
    /// the input in each window.
    fn window(&mut self, size: [usize; 2], pooling: bool) -> Window2d {
        let rng = &mut self.rng;
        loop {
            let kernel = [rng.gen_range(1..5), rng.gen_range(1..5)];
            let padding = match pooling {
                true => [rng.gen_range(0..=kernel[0] / 2), rng.gen_range(0..=kernel[1] / 2)],
                false => [rng.gen_range(0..4), rng.gen_range(0..4)],
            };
            let dilation = if pooling {
                [1, 1]
            } else {
                [rng.gen_range(1..3), rng.gen_range(1..3)]
            };
            let largest = if rng.gen_bool(0.3) { 6 } else { 3 };
            let window = Window2d {
                kernel,
                stride: [rng.gen_range(1..largest), rng.gen_range(1..largest)],
                padding,
                dilation,
            };
            if window.output(size).is_some() && (!pooling || window.touches_everywhere(size)) {
                return window;
            }
        }
    }

    fn batch_norm(&mut self, x: NodeId) -> NodeId {
        let channels = [self.shape(x)[1]];
        let name = self.name("bn");
        let affine = self.rng.gen_bool(0.5);
        let weight = affine.then(|| self.parameter(&format!("{name}.weight"), &channels, 1.0));
        let bias = affine.then(|| self.parameter(&format!("{name}.bias"), &channels, 0.3));
        let running_mean = self.parameter(&format!("{name}.running_mean"), &channels, 0.2);
        let values = tensor(&mut self.rng, &channels, 0.5).mapv(|value| value + 0.8);
        let running_var = self.builder.parameter(Parameter {
            path: format!("{name}.running_var"),
            values,
        });
        let op = FloatOp::BatchNorm(ops::BatchNorm {
            weight,
            bias,
            running_mean,
            running_var,
            epsilon: 1e-5,
        });
        self.builder.add(&name, op, &[x]).unwrap()
    }
}

/// A network of every operation in random order and of odd shapes; `batch_norm` allows batch normalizations.
pub(crate) fn network(seed: u64, batch_norm: bool) -> Graph<Float> {
    let mut generator = Generator {
        rng: StdRng::seed_from_u64(seed),
        builder: GraphBuilder::new(),
        nodes: 0,
    };
    let g = &mut generator;
    // Sizes of 1 to 3 come up often: they are where padding and kernels meet.
    let mut size = || match g.rng.gen_bool(0.4) {
        true => g.rng.gen_range(1..4),
        false => g.rng.gen_range(1..10),
    };
    let (height, width) = (size(), size());
    let channels = g.rng.gen_range(1..5);
    let batch = g.rng.gen_range(1..3);
    let mut x = g
        .builder
        .input("input", &[batch, channels, height, width])
        .unwrap();
    for _ in 0..g.rng.gen_range(1..7) {
        let shape = g.shape(x);
        let (channels, size) = (shape[1], [shape[2], shape[3]]);
        x = match g.rng.gen_range(0..13) {
            0 | 1 => {
                let window = g.window(size, false);
                let groups = if g.rng.gen_bool(0.3) { channels } else { 1 };
                let outputs = groups * g.rng.gen_range(1..4);
                g.conv(x, outputs, window, groups)
            }
            2 => g.add("relu", FloatOp::Relu(ops::Relu), &[x]),
            3 => g.add("relu6", FloatOp::Relu6(ops::Relu6), &[x]),
            4 => {
                let window = g.window(size, true);
                g.add("max", FloatOp::MaxPool2d(ops::MaxPool2d { window }), &[x])
            }
            5 => {
                let window = g.window(size, true);
                g.add("mean", FloatOp::AvgPool2d(ops::AvgPool2d { window }), &[x])
            }
            6 => {
                let window = Window2d {
                    kernel: [3, 3],
                    stride: [1, 1],
                    padding: [1, 1],
                    dilation: [1, 1],
                };
                let y = g.conv(x, channels, window, 1);
                let y = g.add("add", FloatOp::Add(ops::Add), &[y, x]);
                if g.rng.gen_bool(0.5) {
                    g.add("relu", FloatOp::Relu(ops::Relu), &[y])
                } else {
                    y
                }
            }
            7 => {
                let window = Window2d {
                    kernel: [1, 1],
                    stride: [1, 1],
                    padding: [0, 0],
                    dilation: [1, 1],
                };
                let outputs = g.rng.gen_range(1..4);
                let y = g.conv(x, outputs, window, 1);
                g.add("concat", FloatOp::Concat(ops::Concat { axis: 1 }), &[x, y, x])
            }
            8 => {
                let amounts = vec![
                    (0, 0),
                    (0, g.rng.gen_range(0..2)),
                    (g.rng.gen_range(0..2), 0),
                    (1, g.rng.gen_range(0..2)),
                ];
                g.add("pad", FloatOp::Pad(ops::Pad { amounts }), &[x])
            }
            9 => g.add(
                "permute",
                FloatOp::Permute(ops::Permute {
                    order: vec![0, 1, 3, 2],
                }),
                &[x],
            ),
            10 => {
                let (least, largest) = (g.rng.gen_range(-1.0..0.3), g.rng.gen_range(0.3..2.0));
                g.add("clamp", FloatOp::Clamp(ops::Clamp { least, largest }), &[x])
            }
            11 => {
                let axis = g.rng.gen_range(1..4);
                let start = g.rng.gen_range(0..shape[axis]);
                let length = g.rng.gen_range(1..=shape[axis] - start);
                g.add(
                    "narrow",
                    FloatOp::Narrow(ops::Narrow { axis, start, length }),
                    &[x],
                )
            }
            _ if batch_norm => g.batch_norm(x),
            _ => g.add("relu", FloatOp::Relu(ops::Relu), &[x]),
        };
    }
    if g.rng.gen_bool(0.4) {
        x = g.add("global", FloatOp::GlobalAvgPool2d(ops::GlobalAvgPool2d), &[x]);
    }
    let shape = g.shape(x);
    let name = g.name("flatten");
    x = g
        .builder
        .reshape(&name, x, &[shape[0], shape[1..].iter().product()])
        .unwrap();
    if g.rng.gen_bool(0.5) {
        let outputs = g.rng.gen_range(1..20);
        x = g.linear(x, outputs);
        if batch_norm && g.rng.gen_bool(0.5) {
            x = g.batch_norm(x);
        }
        x = g.add("relu", FloatOp::Relu(ops::Relu), &[x]);
    }
    let outputs = g.rng.gen_range(1..12);
    x = g.linear(x, outputs);
    generator.builder.finish(vec![x]).unwrap().with_argmax().unwrap()
}
