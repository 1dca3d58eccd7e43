//! Tracing: names, poisoned tensors, errors with their place.

use super::{
    Conv2d, Conv2dOptions, Forward, Linear, LinearOptions, Module, ParameterPath, Tensor, TraceError, cat,
    flatten, max_pool2d, relu,
};
use crate::ops;

/// A model made of a closure.
struct Run<F>(F);

impl<F: Fn(Tensor) -> Tensor> Module for Run<F> {
    type Options = ();
    fn build(_: ParameterPath, (): ()) -> Self {
        unreachable!("made directly")
    }
}

impl<F: Fn(Tensor) -> Tensor> Forward for Run<F> {
    fn run(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        inputs.iter().map(|&x| (self.0)(x)).collect()
    }
}

fn conv(path: &str, options: Conv2dOptions) -> Conv2d {
    Conv2d::build(ParameterPath::root().join(path), options)
}

#[test]
fn functions_are_named_under_their_module() {
    let graph = Run(|x| {
        let y = relu(x);
        let outer = ParameterPath::root().join("layers").join(3);
        let y = {
            let _outer = outer.enter();
            let y = relu(relu(y));
            let inner = outer.join("mlp");
            let _inner = inner.enter();
            relu(y)
        };
        relu(y) + x
    })
    .trace_with_input(&[2, 3])
    .unwrap();
    let names: Vec<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "input",
            "relu",
            "layers.3.relu",
            "layers.3.relu_1",
            "layers.3.mlp.relu",
            "relu_1",
            "add"
        ]
    );
}

#[test]
fn the_first_error_wins_and_names_its_layer() {
    let conv = conv("features.0", Conv2dOptions::new(3, 8, [3, 3]));
    let fc = Linear::build(
        ParameterPath::root().join("classifier"),
        LinearOptions::new(10, 2),
    );
    let error = Run(|x| fc.forward(flatten(max_pool2d(conv.forward(x), 99), 7)))
        .trace_with_input(&[1, 4, 9, 9])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "features.0: expected 3 input channels, found 4 in [1, 4, 9, 9]"
    );
    assert!(matches!(error, TraceError::Shape { path, .. } if path == "features.0"));
}

#[test]
fn options_are_checked_when_tracing() {
    let conv = conv(
        "conv",
        Conv2dOptions {
            stride: [0, 1],
            ..Conv2dOptions::new(3, 8, [3, 3])
        },
    );
    let error = Run(|x| conv.forward(x))
        .trace_with_input(&[1, 3, 9, 9])
        .unwrap_err();
    assert_eq!(error.to_string(), "conv: expected stride of at least 1, found 0");
}

#[test]
fn one_key_has_one_shape() {
    let first = Linear::build(ParameterPath::root().join("fc"), LinearOptions::new(4, 6));
    let second = Linear::build(ParameterPath::root().join("fc"), LinearOptions::new(6, 4));
    let error = Run(|x| second.forward(first.forward(x)))
        .trace_with_input(&[1, 4])
        .unwrap_err();
    assert!(matches!(error, TraceError::ParameterConflict { path, .. } if path == "fc.weight"));
}

#[test]
fn tensors_do_not_cross_traces() {
    let kept = core::cell::Cell::new(None);
    Run(|x| {
        kept.set(Some(x));
        x
    })
    .trace_with_input(&[1, 4])
    .unwrap();
    let old = kept.get().unwrap();
    let error = Run(|x| x + old).trace_with_input(&[1, 4]).unwrap_err();
    assert!(matches!(error, TraceError::ForeignTensor { path } if path == "add"));
    assert!(matches!(
        Run(|_| old).trace_with_input(&[1, 4]),
        Err(TraceError::ForeignTensor { .. })
    ));
    // Outside of a trace nothing happens, and a trace inside another leaves it alone.
    let _ = relu(old);
    let graph = Run(|x| {
        Run(relu).trace_with_input(&[9]).unwrap();
        relu(x)
    })
    .trace_with_input(&[1, 4])
    .unwrap();
    assert_eq!(graph.nodes.len(), 2);
}

#[test]
fn a_trace_survives_a_panic_in_another() {
    let panicked = std::panic::catch_unwind(|| Run(|_| panic!("in forward")).trace_with_input(&[1]).is_ok());
    assert!(panicked.is_err());
    assert!(Run(relu).trace_with_input(&[1]).is_ok());
}

#[test]
fn inputs_are_checked() {
    for shape in [&[][..], &[0], &[1, 0, 3], &[1; 9], &[1 << 40, 1 << 40]] {
        assert!(
            matches!(Run(relu).trace_with_input(shape), Err(TraceError::Input { .. })),
            "{shape:?}"
        );
    }
    assert!(matches!(Run(relu).trace(), Err(TraceError::NoInputShape { .. })));
    assert!(Run(|_| cat([], 0)).trace_with_input(&[1]).is_err());
}

#[test]
fn axes_count_from_the_end() {
    let graph = Run(|x| cat([x, x, x], -1).argmax(-1))
        .trace_with_input(&[2, 5])
        .unwrap();
    assert_eq!(graph.nodes[1].fact, [2, 15]);
    assert_eq!(
        graph.nodes[1].op,
        crate::ops::FloatOp::Concat(ops::Concat { axis: 1 })
    );
    assert_eq!(
        graph.nodes[2].op,
        crate::ops::FloatOp::Argmax(ops::Argmax { axis: 1 })
    );
    assert_eq!(graph.nodes[2].fact, [2]);
}

/// The linear layer `head`, whose weight is the parameter at `key`.
fn tied(key: &str, (inputs, outputs): (usize, usize)) -> Linear {
    let root = ParameterPath::root();
    let options = LinearOptions {
        bias: false,
        ..LinearOptions::new(inputs, outputs)
    };
    Linear::build(root.join("head").tied(&root.join(key)), options)
}

#[test]
fn a_tied_layer_has_the_parameter_of_another() {
    let first = Linear::build(ParameterPath::root().join("fc"), LinearOptions::new(3, 3));
    let head = tied("fc.weight", (3, 3));
    // The order does not matter.
    for model in [
        Run(Box::new(|x| head.forward(first.forward(x))) as Box<dyn Fn(Tensor) -> Tensor>),
        Run(Box::new(|x| first.forward(head.forward(x)))),
    ] {
        let graph = model.trace_with_input(&[1, 3]).unwrap();
        assert_eq!(graph.parameters.len(), 2);
        assert!(graph.find("head").is_some() && graph.find("fc").is_some());
        let uses = |node: &crate::graph::Node<ops::Symbolic>| {
            let parameters = crate::graph::Operation::parameters(&node.op);
            parameters.iter().any(|id| graph[*id].path == "fc.weight")
        };
        assert_eq!(graph.nodes.iter().filter(|node| uses(node)).count(), 2);
    }
}

#[test]
fn a_tie_leads_to_a_parameter_of_its_shape() {
    let first = Linear::build(ParameterPath::root().join("fc"), LinearOptions::new(3, 3));
    let error = |head: &Linear| {
        let model = Run(|x| head.forward(first.forward(x)));
        model.trace_with_input(&[1, 3]).unwrap_err().to_string()
    };
    assert_eq!(
        error(&tied("f.weight", (3, 3))),
        "head: tied to `f.weight`, expected a parameter that another layer of the model uses, found none"
    );
    assert_eq!(
        error(&tied("fc.weight", (3, 5))),
        "fc.weight: expected one shape for this parameter, found [3, 3] and [5, 3]"
    );
}
