//! Shape rules against counting by hand, and the compiler's copy of them against tracing.

use proptest::prelude::*;

use super::{Inferred, Shape, ShapeError, infer};
use crate::graph::Text;
use crate::graph::Window2d;
use crate::nn::{Conv2d, Conv2dOptions, Forward, LinearOptions, Module, ParameterPath, Tensor};
use crate::ops;

fn shape(sizes: &[usize]) -> Shape {
    Shape::new(sizes).unwrap()
}

fn known(sizes: &[usize]) -> Inferred {
    Inferred::Known(shape(sizes))
}

/// Places a window fits, counted one by one.
fn count(input: usize, kernel: usize, stride: usize, padding: usize, dilation: usize) -> usize {
    let mut places = 0;
    let mut start = 0;
    while start + dilation * (kernel - 1) < input + 2 * padding {
        places += 1;
        start += stride;
    }
    places
}

proptest! {
    #[test]
    fn window_output_counts_windows(
        input in prop::array::uniform2(1usize..40),
        kernel in prop::array::uniform2(1usize..8),
        stride in prop::array::uniform2(1usize..5),
        padding in prop::array::uniform2(0usize..5),
        dilation in prop::array::uniform2(1usize..4),
    ) {
        let window = Window2d { kernel, stride, padding, dilation };
        let counted = [0, 1].map(|a| count(input[a], kernel[a], stride[a], padding[a], dilation[a]));
        let expected = counted.iter().all(|places| *places > 0).then_some(counted);
        prop_assert_eq!(window.output(input), expected);
        prop_assert_eq!(window.output(input), expected);
    }

    #[test]
    fn compiler_and_tracing_agree(
        input in prop::array::uniform4(1usize..9),
        channels in 1usize..9,
        kernel_size in prop::array::uniform2(1usize..5),
        stride in 1usize..3,
        padding in 0usize..3,
        groups in 1usize..4,
    ) {
        let stride = [stride; 2];
        let padding = [padding; 2];
        let options =
            Conv2dOptions { stride, padding, groups, ..Conv2dOptions::new(channels, 2 * channels, kernel_size) };
        let traced = Conv2d::build(ParameterPath::root().join("conv"), options).trace_with_input(&input);
        match (options.infer(known(&input)), traced) {
            (Inferred::Known(shape), Ok(graph)) => {
                prop_assert_eq!(shape.sizes(), graph[graph.outputs[0]].fact.as_slice());
                let elements: usize = graph.parameters[0].shape.iter().product();
                prop_assert_eq!(elements, 2 * channels * (channels / groups) * kernel_size[0] * kernel_size[1]);
            }
            (Inferred::Failed(_), Err(_)) => {}
            // Options that make no sense are reported apart from shapes while compiling.
            (Inferred::Unknown, Err(_)) => prop_assert!(options.check().is_err()),
            (inferred, traced) => prop_assert!(false, "{:?} but {:?}", inferred, traced),
        }
    }
}

/// The shape that tracing a layer gives is the one that the compiler computes, and where one fails so does the other.
macro_rules! agrees {
    ($layer:ident, $options:expr, $input:expr) => {{
        let (options, input): (_, &[usize]) = ($options, $input);
        let traced =
            crate::nn::$layer::build(ParameterPath::root().join("layer"), options).trace_with_input(input);
        match (options.infer(known(input)), traced) {
            (Inferred::Known(shape), Ok(graph)) => {
                assert_eq!(
                    shape.sizes(),
                    graph[graph.outputs[0]].fact.as_slice(),
                    "{options:?} on {input:?}"
                );
                graph.validate().unwrap();
            }
            (Inferred::Failed(_), Err(_)) => {}
            (Inferred::Unknown, Err(_)) => assert!(options.check().is_err()),
            (inferred, traced) => panic!("{options:?} on {input:?}: {inferred:?} but {traced:?}"),
        }
    }};
}

#[test]
fn layers_made_of_several_operations_have_the_shapes_of_their_rules() {
    use crate::nn::*;
    for number in 0..2 * 3 * 4 * 4 * 3 * 2 * 4 {
        let mut rest = number;
        let mut next = |count: usize| {
            let value = rest % count;
            rest /= count;
            value
        };
        let (same, padding, kernel, stride) = (next(2) == 1, next(3), 1 + next(4), 1 + next(4));
        let (dilation, ceil_mode, mode) = (1 + next(3), next(2) == 1, next(4));
        let size = 1 + number % 7;
        let (count_include_pad, padding_mode) = (same, ["zeros", "reflect", "replicate", "circular"][mode]);
        let conv = Conv1dOptions {
            stride,
            padding,
            same,
            dilation,
            padding_mode,
            ..Conv1dOptions::new(2, 3, kernel)
        };
        agrees!(Conv1d, conv, &[2, 2, size]);
        let (stride, padding, dilation) = ([stride, 1], [padding, mode], [dilation, 1]);
        let conv = Conv2dOptions {
            stride,
            padding,
            same,
            dilation,
            padding_mode,
            ..Conv2dOptions::new(2, 3, [kernel, 2])
        };
        agrees!(Conv2d, conv, &[1, 2, size, 3]);
        let output_padding = [mode.min(stride[0]), 0];
        let conv = ConvTranspose2dOptions {
            stride,
            padding,
            dilation,
            output_padding,
            ..ConvTranspose2dOptions::new(2, 3, [kernel, 2])
        };
        agrees!(ConvTranspose2d, conv, &[1, 2, size, 3]);
        let pool = MaxPool2dOptions {
            stride,
            padding,
            dilation,
            ceil_mode,
            ..MaxPool2dOptions::new([kernel, 2])
        };
        agrees!(MaxPool2d, pool, &[1, 2, size, 3]);
        let pool = AvgPool2dOptions {
            stride,
            padding,
            ceil_mode,
            count_include_pad,
            ..AvgPool2dOptions::new([kernel, 2])
        };
        agrees!(AvgPool2d, pool, &[1, 2, size, 3]);
        agrees!(
            AdaptiveAvgPool2d,
            AdaptiveAvgPool2dOptions::new([kernel, stride[0]]),
            &[1, 2, size, 3]
        );
        let align_corners = ceil_mode && same;
        let mode = if same { "nearest" } else { "bilinear" };
        let options = UpsampleOptions {
            mode,
            align_corners,
            ..UpsampleOptions::new([kernel, stride[0]])
        };
        agrees!(Upsample, options, &[1, 2, size, 2]);
        agrees!(
            ReflectionPad1d,
            ReflectionPad1dOptions::new([padding[0], kernel]),
            &[1, 2, size]
        );
        agrees!(
            LSTM,
            LSTMOptions {
                bidirectional: same,
                ..LSTMOptions::new(size, kernel)
            },
            &[2, 1, 3]
        );
    }
}

#[test]
fn shapes_have_limits() {
    assert!(Shape::new(&[1; 6]).is_some());
    assert!(Shape::new(&[1; 7]).is_none());
    assert!(Shape::new(&[3, 0]).is_none());
    assert!(Shape::new(&[1 << 24, 1 << 24]).is_some());
    assert!(Shape::new(&[1 << 24, 1 << 25]).is_none());
    assert!(Shape::new(&[usize::MAX, usize::MAX]).is_none());
    assert_eq!(shape(&[]).elements(), 1);
}

#[test]
fn rules_of_views() {
    let x = shape(&[2, 3, 4, 5]);
    let sizes = |result: Result<Shape, ShapeError>| result.map(|shape| shape.sizes().to_vec());
    assert_eq!(sizes(ops::flattened(x, 1)), Ok(vec![2, 60]));
    assert_eq!(sizes(ops::flattened(x, -2)), Ok(vec![2, 3, 20]));
    assert_eq!(sizes(ops::flattened(x, 0)), Ok(vec![120]));
    assert_eq!(
        ops::flattened(x, 4),
        Err(ShapeError::Axis {
            operation: "flatten",
            axis: 4,
            of: x
        })
    );
    assert_eq!(sizes(ops::reshaped(x, &[6, -1])), Ok(vec![6, 20]));
    assert_eq!(
        ops::reshaped(x, &[7, -1]),
        Err(ShapeError::Elements { elements: 7, of: x })
    );
    assert_eq!(ops::reshaped(x, &[-1, -1]), Err(ShapeError::Sizes { of: x }));
    assert_eq!(ops::reshaped(x, &[0, -1]), Err(ShapeError::Sizes { of: x }));
    assert!(ops::reshaped(x, &[isize::MAX, isize::MAX]).is_err());
    assert_eq!(sizes(ops::permuted(x, &[3, 1, 0, 2])), Ok(vec![5, 3, 2, 4]));
    assert_eq!(
        ops::permuted(x, &[3, 1, 1, 2]),
        Err(ShapeError::Permutation { of: x })
    );
    assert_eq!(sizes(ops::padded(x, &[1, 2, 3, 4])), Ok(vec![2, 3, 11, 8]));
    assert_eq!(sizes(ops::padded(x, &[0, 0, 0, 0, 5, 6])), Ok(vec![2, 14, 4, 5]));
    assert_eq!(sizes(ops::padded(x, &[])), Ok(vec![2, 3, 4, 5]));
    assert!(ops::padded(x, &[usize::MAX; 4]).is_err());
    assert!(ops::padded(x, &[1; 3]).is_err());
    assert!(ops::padded(x, &[1; 10]).is_err());
    assert_eq!(sizes(ops::without_axis(x, -1)), Ok(vec![2, 3, 4]));
    assert_eq!(sizes(ops::without_axis(x, 0)), Ok(vec![3, 4, 5]));
    assert_eq!(
        sizes(ops::joined(x, shape(&[2, 7, 4, 5]), 1)),
        Ok(vec![2, 10, 4, 5])
    );
    assert!(ops::joined(x, shape(&[2, 7, 4, 6]), 1).is_err());
}

#[test]
fn a_failure_is_fresh_once() {
    let failed = LinearOptions::new(4, 2)
        .infer(known(&[1, 5]))
        .within("fc", known(&[1, 5]));
    assert!(std::panic::catch_unwind(|| failed.report()).is_err());
    // What follows from it says nothing.
    infer::relu(failed).report();
    infer::flatten(failed, 1).report();
    infer::add(known(&[1]), failed).report();
    infer::cat(&[known(&[1]), failed], 0).report();
    LinearOptions::new(4, 2)
        .infer(failed)
        .within("fc2", failed)
        .report();
    Inferred::Unknown.report();
}

#[test]
fn texts_are_cut_not_overrun() {
    let mut text = Text::new();
    for _ in 0..1000 {
        text = text.number(123).str("äö");
    }
    assert!(text.as_str().starts_with("123äö123"));
    assert_eq!(
        Text::new().signed(-12).str(" ").pair([3, 45]).as_str(),
        "-12 3 x 45"
    );
}

struct Twice {
    layer: Conv2d,
}

impl Module for Twice {
    type Options = Conv2dOptions;

    fn build(path: ParameterPath, options: Conv2dOptions) -> Twice {
        Twice {
            layer: Conv2d::build(path.join("conv"), options),
        }
    }
}

impl Forward for Twice {
    fn run(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        inputs
            .iter()
            .map(|&x| self.layer.forward(self.layer.forward(x)))
            .collect()
    }
}

#[test]
fn a_layer_used_twice_has_one_parameter_and_two_nodes() {
    let graph = Twice::build(ParameterPath::root(), Conv2dOptions::new(3, 3, [2, 2]))
        .trace_with_input(&[1, 3, 5, 5])
        .unwrap();
    let names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["input", "conv", "conv_1"]);
    assert_eq!(graph.parameters.len(), 2);
}
