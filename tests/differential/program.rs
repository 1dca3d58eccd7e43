//! A network as data: what the scripts write beside the values that PyTorch or ONNX Runtime computed.
//!
//! Nodes are in order; each has an `op` with PyTorch's name, the numbers of the values it reads (inputs first, then all
//! results), and `options` with PyTorch's names and defaults.

use serde_json::Value;
use zkml::nn::*;

/// A network of the file.
pub(super) struct Program {
    path: ParameterPath,
    case: Value,
}

impl Module for Program {
    type Options = Value;

    fn build(path: ParameterPath, case: Value) -> Program {
        Program { path, case }
    }
}

impl Program {
    /// The results of all nodes on `inputs`; those that are outputs.
    pub(super) fn outputs(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        let mut values = inputs.to_vec();
        for (number, node) in list(&self.case["nodes"]).iter().enumerate() {
            let operands: Vec<Tensor> = list(&node["in"]).iter().map(|at| values[size(at)]).collect();
            let options = Options(&node["options"]);
            let path = self.path.join(format!("n{number}"));
            values.extend(apply(node["op"].as_str().unwrap(), path, &operands, options));
        }
        list(&self.case["outputs"])
            .iter()
            .map(|at| values[size(at)])
            .collect()
    }
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("a list, not {value}"))
}

pub(super) fn size(value: &Value) -> usize {
    value.as_u64().unwrap_or_else(|| panic!("a number, not {value}")) as usize
}

pub(super) fn sizes(value: &Value) -> Vec<usize> {
    list(value).iter().map(size).collect()
}

fn text(value: &str) -> &'static str {
    let known = [
        "zeros",
        "constant",
        "reflect",
        "replicate",
        "circular",
        "nearest",
        "bilinear",
        "none",
        "tanh",
    ];
    known
        .into_iter()
        .find(|known| *known == value)
        .unwrap_or_else(|| panic!("an option, not {value}"))
}

#[derive(Clone, Copy)]
struct Options<'a>(&'a Value);

impl Options<'_> {
    fn number(&self, name: &str, default: f64) -> f64 {
        self.0[name].as_f64().unwrap_or(default)
    }

    fn size(&self, name: &str, default: usize) -> usize {
        self.0[name].as_u64().map_or(default, |value| value as usize)
    }

    fn axis(&self, name: &str) -> isize {
        self.0[name].as_i64().unwrap_or_else(|| panic!("{name}")) as isize
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.0[name].as_bool().unwrap_or(default)
    }

    fn text(&self, name: &str, default: &'static str) -> &'static str {
        self.0[name].as_str().map_or(default, text)
    }

    fn sizes(&self, name: &str) -> Vec<usize> {
        sizes(&self.0[name])
    }

    fn array<const COUNT: usize>(&self, name: &str) -> [usize; COUNT] {
        self.sizes(name)
            .try_into()
            .unwrap_or_else(|found| panic!("{COUNT} numbers, not {found:?}"))
    }

    fn axes(&self, name: &str) -> Vec<isize> {
        list(&self.0[name])
            .iter()
            .map(|axis| axis.as_i64().unwrap() as isize)
            .collect()
    }

    /// A number or a pair.
    fn pair(&self, name: &str, default: [usize; 2]) -> [usize; 2] {
        match &self.0[name] {
            Value::Array(pair) => [size(&pair[0]), size(&pair[1])],
            Value::Number(number) => [number.as_u64().unwrap() as usize; 2],
            _ => default,
        }
    }

    fn same(&self) -> bool {
        self.0["padding"] == "same"
    }
}

/// Calls a function that takes an array with a list of one to four elements.
macro_rules! of_list {
    ($list:expr, |$array:ident| $call:expr) => {
        match $list.as_slice() {
            &[a] => {
                let $array = [a];
                $call
            }
            &[a, b] => {
                let $array = [a, b];
                $call
            }
            &[a, b, c] => {
                let $array = [a, b, c];
                $call
            }
            &[a, b, c, d] => {
                let $array = [a, b, c, d];
                $call
            }
            other => panic!("one to four, not {}", other.len()),
        }
    };
}

fn apply(op: &str, path: ParameterPath, operands: &[Tensor], o: Options<'_>) -> Vec<Tensor> {
    let x = operands[0];
    let [kernel, one, none] = [o.pair("kernel_size", [1; 2]), [1; 2], [0; 2]];
    let length = o.size("kernel_size", 1);
    let bias = o.flag("bias", true);
    let y = match op {
        "Linear" => {
            let options = LinearOptions::new(o.size("in_features", 0), o.size("out_features", 0));
            Linear::build(path, LinearOptions { bias, ..options }).forward(x)
        }
        "Conv2d" => {
            let options = Conv2dOptions {
                stride: o.pair("stride", one),
                padding: o.pair("padding", none),
                same: o.same(),
                dilation: o.pair("dilation", one),
                groups: o.size("groups", 1),
                bias,
                padding_mode: o.text("padding_mode", "zeros"),
                ..Conv2dOptions::new(o.size("in_channels", 0), o.size("out_channels", 0), kernel)
            };
            Conv2d::build(path, options).forward(x)
        }
        "Conv1d" => {
            let options = Conv1dOptions {
                stride: o.size("stride", 1),
                padding: o.size("padding", 0),
                same: o.same(),
                dilation: o.size("dilation", 1),
                groups: o.size("groups", 1),
                bias,
                padding_mode: o.text("padding_mode", "zeros"),
                ..Conv1dOptions::new(o.size("in_channels", 0), o.size("out_channels", 0), length)
            };
            Conv1d::build(path, options).forward(x)
        }
        "ConvTranspose2d" => {
            let options = ConvTranspose2dOptions {
                stride: o.pair("stride", one),
                padding: o.pair("padding", none),
                output_padding: o.pair("output_padding", none),
                dilation: o.pair("dilation", one),
                groups: o.size("groups", 1),
                bias,
                ..ConvTranspose2dOptions::new(o.size("in_channels", 0), o.size("out_channels", 0), kernel)
            };
            ConvTranspose2d::build(path, options).forward(x)
        }
        "ConvTranspose1d" => {
            let options = ConvTranspose1dOptions {
                stride: o.size("stride", 1),
                padding: o.size("padding", 0),
                output_padding: o.size("output_padding", 0),
                dilation: o.size("dilation", 1),
                groups: o.size("groups", 1),
                bias,
                ..ConvTranspose1dOptions::new(o.size("in_channels", 0), o.size("out_channels", 0), length)
            };
            ConvTranspose1d::build(path, options).forward(x)
        }
        "BatchNorm1d" => {
            let options = BatchNorm1dOptions::new(o.size("num_features", 0));
            let (eps, affine) = (o.number("eps", 1e-5), o.flag("affine", true));
            BatchNorm1d::build(
                path,
                BatchNorm1dOptions {
                    eps,
                    affine,
                    ..options
                },
            )
            .forward(x)
        }
        "BatchNorm2d" => {
            let options = BatchNorm2dOptions::new(o.size("num_features", 0));
            let (eps, affine) = (o.number("eps", 1e-5), o.flag("affine", true));
            BatchNorm2d::build(
                path,
                BatchNorm2dOptions {
                    eps,
                    affine,
                    ..options
                },
            )
            .forward(x)
        }
        "MaxPool2d" => {
            let options = MaxPool2dOptions {
                stride: o.pair("stride", kernel),
                padding: o.pair("padding", none),
                dilation: o.pair("dilation", one),
                ceil_mode: o.flag("ceil_mode", false),
                ..MaxPool2dOptions::new(kernel)
            };
            MaxPool2d::build(path, options).forward(x)
        }
        "AvgPool2d" => {
            let options = AvgPool2dOptions {
                stride: o.pair("stride", kernel),
                padding: o.pair("padding", none),
                ceil_mode: o.flag("ceil_mode", false),
                count_include_pad: o.flag("count_include_pad", true),
                ..AvgPool2dOptions::new(kernel)
            };
            AvgPool2d::build(path, options).forward(x)
        }
        "MaxPool1d" => {
            let options = MaxPool1dOptions {
                stride: o.size("stride", length),
                padding: o.size("padding", 0),
                dilation: o.size("dilation", 1),
                ceil_mode: o.flag("ceil_mode", false),
                ..MaxPool1dOptions::new(length)
            };
            MaxPool1d::build(path, options).forward(x)
        }
        "AvgPool1d" => {
            let options = AvgPool1dOptions {
                stride: o.size("stride", length),
                padding: o.size("padding", 0),
                ceil_mode: o.flag("ceil_mode", false),
                count_include_pad: o.flag("count_include_pad", true),
                ..AvgPool1dOptions::new(length)
            };
            AvgPool1d::build(path, options).forward(x)
        }
        "AdaptiveAvgPool2d" => adaptive_avg_pool2d(x, o.pair("output_size", one)),
        "AdaptiveMaxPool2d" => adaptive_max_pool2d(x, o.pair("output_size", one)),
        "AdaptiveAvgPool1d" => {
            AdaptiveAvgPool1d::build(path, AdaptiveAvgPool1dOptions::new(o.size("output_size", 1))).forward(x)
        }
        "AdaptiveMaxPool1d" => {
            AdaptiveMaxPool1d::build(path, AdaptiveMaxPool1dOptions::new(o.size("output_size", 1))).forward(x)
        }
        "Upsample" => {
            let options = UpsampleOptions {
                mode: o.text("mode", "nearest"),
                ..UpsampleOptions::new(o.pair("scale_factor", one))
            };
            Upsample::build(path, options).forward(x)
        }
        "PixelShuffle" => pixel_shuffle(x, o.size("upscale_factor", 1)),
        "ReflectionPad2d" => {
            ReflectionPad2d::build(path, ReflectionPad2dOptions::new(o.array("padding"))).forward(x)
        }
        "ReplicationPad2d" => {
            ReplicationPad2d::build(path, ReplicationPad2dOptions::new(o.array("padding"))).forward(x)
        }
        "ReflectionPad1d" => {
            ReflectionPad1d::build(path, ReflectionPad1dOptions::new(o.array("padding"))).forward(x)
        }
        "ReplicationPad1d" => {
            ReplicationPad1d::build(path, ReplicationPad1dOptions::new(o.array("padding"))).forward(x)
        }
        "ZeroPad1d" => ZeroPad1d::build(path, ZeroPad1dOptions::new(o.array("padding"))).forward(x),
        "pad" => {
            let mode = o.text("mode", "constant");
            match o.sizes("pad").as_slice() {
                &[a, b] => pad_with(x, [a, b], mode),
                &[a, b, c, d] => pad_with(x, [a, b, c, d], mode),
                &[a, b, c, d, e, f] => pad_with(x, [a, b, c, d, e, f], mode),
                other => panic!("amounts {other:?}"),
            }
        }
        "LSTM" | "GRU" => return recurrent(op, path, operands, o),
        "ReLU" => relu(x),
        "ReLU6" => relu6(x),
        "Hardtanh" => {
            let (min_val, max_val) = (o.number("min_val", -1.0), o.number("max_val", 1.0));
            Hardtanh::build(path, HardtanhOptions { min_val, max_val }).forward(x)
        }
        "clamp" => clamp(
            x,
            o.number("min", f64::NEG_INFINITY),
            o.number("max", f64::INFINITY),
        ),
        "Sigmoid" => sigmoid(x),
        "Tanh" => tanh(x),
        "GELU" => gelu(x),
        "SiLU" => silu(x),
        "LeakyReLU" => leaky_relu(x, o.number("negative_slope", 0.01)),
        "Hardswish" => hardswish(x),
        "LogSoftmax" => log_softmax(x, o.axis("dim")),
        "Softmax" => softmax(x, o.axis("dim")),
        "argmax" => argmax(x, o.axis("dim")),
        "add" => x + operands[1],
        "sub" => x - operands[1],
        "mul" => x * operands[1],
        "neg" => -x,
        "times" => x * o.number("number", 1.0),
        "plus" => x + o.number("number", 0.0),
        "matmul" => matmul(x, operands[1]),
        "mean" | "sum" => {
            let keepdim = o.flag("keepdim", false);
            of_list!(o.axes("dim"), |dim| match (op, keepdim) {
                ("mean", false) => mean(x, dim),
                ("mean", true) => mean_keepdim(x, dim),
                (_, false) => sum(x, dim),
                (_, true) => sum_keepdim(x, dim),
            })
        }
        "slice" => slice_step(
            x,
            o.axis("dim"),
            o.axis("start")..o.axis("end"),
            o.size("step", 1),
        ),
        "select" => select(x, o.axis("dim"), o.axis("index")),
        "narrow" => narrow(x, o.axis("dim"), o.size("start", 0), o.size("length", 1)),
        "chunk" => match o.size("chunks", 2) {
            2 => return chunk::<2>(x, o.axis("dim")).to_vec(),
            3 => return chunk::<3>(x, o.axis("dim")).to_vec(),
            other => panic!("{other} chunks"),
        },
        "split" => {
            let [a, b] = o.array("split_sizes");
            return split(x, [a, b], o.axis("dim")).to_vec();
        }
        "unsqueeze" => unsqueeze(x, o.axis("dim")),
        "squeeze" => squeeze(x, o.axis("dim")),
        "cat" => of_list!(operands.to_vec(), |tensors| cat(tensors, o.axis("dim"))),
        "stack" => of_list!(operands.to_vec(), |tensors| stack(tensors, o.axis("dim"))),
        "flatten" => flatten(x, o.axis("start_dim")),
        "reshape" => match o.sizes("shape").as_slice() {
            &[a, b] => reshape(x, [a, b]),
            &[a, b, c] => reshape(x, [a, b, c]),
            &[a, b, c, d] => reshape(x, [a, b, c, d]),
            other => panic!("sizes {other:?}"),
        },
        "permute" => match o.sizes("dims").as_slice() {
            &[a, b] => permute(x, [a, b]),
            &[a, b, c] => permute(x, [a, b, c]),
            &[a, b, c, d] => permute(x, [a, b, c, d]),
            other => panic!("axes {other:?}"),
        },
        other => panic!("no operation `{other}`"),
    };
    vec![y]
}

/// The output, and the last states. Further operands are the states to begin with.
fn recurrent(op: &str, path: ParameterPath, operands: &[Tensor], o: Options<'_>) -> Vec<Tensor> {
    let (input, hidden) = (o.size("input_size", 0), o.size("hidden_size", 0));
    let num_layers = o.size("num_layers", 1);
    let (bias, batch_first) = (o.flag("bias", true), o.flag("batch_first", false));
    let bidirectional = o.flag("bidirectional", false);
    if op == "GRU" {
        let layer = GRU::build(
            path,
            GRUOptions {
                num_layers,
                bias,
                batch_first,
                bidirectional,
                ..GRUOptions::new(input, hidden)
            },
        );
        let (y, h) = match operands {
            [x, h] => layer.forward_with(*x, *h),
            _ => layer.forward(operands[0]),
        };
        return vec![y, h];
    }
    let layer = LSTM::build(
        path,
        LSTMOptions {
            num_layers,
            bias,
            batch_first,
            bidirectional,
            ..LSTMOptions::new(input, hidden)
        },
    );
    let (y, (h, c)) = match operands {
        [x, h, c] => layer.forward_with(*x, (*h, *c)),
        _ => layer.forward(operands[0]),
    };
    vec![y, h, c]
}
