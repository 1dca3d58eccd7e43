//! Validation of graphs, and every shape rule on graphs.

use ndarray::ArrayD;

use crate::graph::{
    GraphBuilder, GraphError, NodeId, OperandError, Parameter, ParameterId, ShapeError, Window2d,
};
use crate::ops::{self, Float, FloatOp};

fn window(kernel: usize) -> Window2d {
    Window2d {
        kernel: [kernel; 2],
        stride: [1; 2],
        padding: [0; 2],
        dilation: [1; 2],
    }
}

fn parameter(path: &str, shape: &[usize]) -> Parameter {
    Parameter {
        path: path.into(),
        values: ArrayD::zeros(shape),
    }
}

fn conv(groups: usize, weight: &[usize], kernel: usize) -> Result<Vec<usize>, GraphError> {
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("x", &[1, 4, 5, 3])?;
    let weight = builder.parameter(parameter("conv.weight", weight));
    let op = FloatOp::Conv2d(ops::Conv2d {
        weight,
        bias: None,
        window: window(kernel),
        groups,
    });
    let y = builder.add("conv", op, &[x])?;
    let graph = builder.finish(vec![y])?;
    graph.validate()?;
    Ok(graph[y].fact.clone())
}

#[test]
fn convolution_shapes_and_their_errors() {
    assert_eq!(conv(1, &[7, 4, 3, 3], 3).unwrap(), [1, 7, 3, 1]);
    assert_eq!(conv(2, &[6, 2, 1, 1], 1).unwrap(), [1, 6, 5, 3]);
    let reason = |result: Result<Vec<usize>, GraphError>| match result.unwrap_err() {
        GraphError::Shape { node, reason } => {
            assert_eq!(node, "conv");
            *reason
        }
        other => panic!("{other}"),
    };
    assert!(matches!(
        reason(conv(1, &[7, 3, 3, 3], 3)),
        OperandError::Shape(ShapeError::Channels { expected: 3, found, .. }) if found.size(1) == 4
    ));
    assert!(matches!(
        reason(conv(3, &[6, 2, 1, 1], 1)),
        OperandError::Shape(ShapeError::Channels { expected: 6, .. })
    ));
    assert_eq!(
        reason(conv(2, &[5, 2, 1, 1], 1)),
        OperandError::Shape(ShapeError::Groups {
            operation: "Conv2d",
            groups: 2,
            in_channels: 4,
            out_channels: 5
        })
    );
    assert!(matches!(
        reason(conv(1, &[7, 4, 4, 4], 4)),
        OperandError::Shape(ShapeError::Window { padded: [5, 3], .. })
    ));
    assert!(matches!(
        reason(conv(1, &[7, 4, 3, 2], 3)),
        OperandError::Parameter { .. }
    ));
}

#[test]
fn damaged_graphs_are_refused_by_name() {
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("x", &[1, 6]).unwrap();
    let weight = builder.parameter(parameter("fc.weight", &[2, 6]));
    let y = builder
        .add("fc", FloatOp::Linear(ops::Linear { weight, bias: None }), &[x])
        .unwrap();
    let z = builder.add("relu", FloatOp::Relu(ops::Relu), &[y]).unwrap();
    let graph = builder.finish(vec![z]).unwrap();
    graph.validate().unwrap();

    let mut damaged = graph.clone();
    damaged.nodes[1].fact = vec![1, 3];
    assert_eq!(
        damaged.validate().unwrap_err(),
        GraphError::WrongFact {
            node: "fc".into(),
            expected: vec![1, 2],
            found: vec![1, 3]
        }
    );
    let mut damaged = graph.clone();
    damaged.nodes[1].inputs = vec![NodeId(2)];
    assert_eq!(
        damaged.validate().unwrap_err(),
        GraphError::Order {
            node: "fc".into(),
            operand: 2
        }
    );
    let mut damaged = graph.clone();
    damaged.nodes[2].name = "fc".into();
    assert_eq!(
        damaged.validate().unwrap_err(),
        GraphError::DuplicateName { node: "fc".into() }
    );
    let mut damaged = graph.clone();
    damaged.nodes[1].op = FloatOp::Linear(ops::Linear {
        weight: ParameterId(4),
        bias: None,
    });
    assert_eq!(
        damaged.validate().unwrap_err(),
        GraphError::Shape {
            node: "fc".into(),
            reason: Box::new(OperandError::UnknownParameter { index: 4 })
        }
    );
    let mut damaged = graph.clone();
    damaged.outputs.clear();
    assert_eq!(damaged.validate().unwrap_err(), GraphError::NoOutputs);
    let mut damaged = graph.clone();
    damaged.outputs = vec![NodeId(9)];
    assert!(matches!(
        damaged.validate().unwrap_err(),
        GraphError::UnknownOutput { index: 9, .. }
    ));
    let mut damaged = graph;
    damaged.nodes[0].fact = vec![0, 6];
    assert!(matches!(
        damaged.validate().unwrap_err(),
        GraphError::Shape { reason, .. } if matches!(*reason, OperandError::Size { .. })
    ));
}

#[test]
fn every_other_rule_refuses_what_does_not_fit() {
    let attempt = |op: FloatOp, shape: &[usize]| {
        let mut builder = GraphBuilder::<Float>::new();
        let x = builder.input("x", shape).unwrap();
        let id = builder.add("node", op, &[x]).map_err(|error| match error {
            GraphError::Shape { reason, .. } => *reason,
            other => panic!("{other}"),
        })?;
        Ok(builder.finish(vec![id]).unwrap()[id].fact.clone())
    };
    let padded = |padding| Window2d {
        padding: [padding; 2],
        ..window(2)
    };
    assert_eq!(
        attempt(
            FloatOp::MaxPool2d(ops::MaxPool2d { window: padded(1) }),
            &[1, 2, 3, 3]
        ),
        Ok(vec![1, 2, 4, 4])
    );
    assert!(matches!(
        attempt(
            FloatOp::MaxPool2d(ops::MaxPool2d { window: padded(2) }),
            &[1, 2, 3, 3]
        ),
        Err(OperandError::Shape(ShapeError::EmptyWindow { .. }))
    ));
    assert_eq!(
        attempt(
            FloatOp::AvgPool2d(ops::AvgPool2d { window: padded(2) }),
            &[1, 2, 3, 3]
        ),
        Ok(vec![1, 2, 6, 6])
    );
    assert_eq!(
        attempt(FloatOp::GlobalAvgPool2d(ops::GlobalAvgPool2d), &[1, 2, 3, 3]),
        Ok(vec![1, 2, 1, 1])
    );
    assert!(matches!(
        attempt(FloatOp::GlobalAvgPool2d(ops::GlobalAvgPool2d), &[1, 2]),
        Err(OperandError::Shape(ShapeError::Rank { .. }))
    ));
    assert_eq!(
        attempt(FloatOp::Permute(ops::Permute { order: vec![1, 0] }), &[3, 2]),
        Ok(vec![2, 3])
    );
    assert!(matches!(
        attempt(FloatOp::Permute(ops::Permute { order: vec![1, 1] }), &[3, 2]),
        Err(OperandError::Shape(ShapeError::Permutation { .. }))
    ));
    assert!(matches!(
        attempt(FloatOp::Add(ops::Add), &[3, 2]),
        Err(OperandError::Arity {
            expected: 2,
            found: 1
        })
    ));
    assert!(matches!(
        attempt(FloatOp::Argmax(ops::Argmax { axis: 2 }), &[3, 2]),
        Err(OperandError::Shape(ShapeError::Axis { .. }))
    ));
    assert_eq!(
        attempt(FloatOp::Argmax(ops::Argmax { axis: 1 }), &[3, 2]),
        Ok(vec![3])
    );
    assert!(matches!(
        attempt(
            FloatOp::Pad(ops::Pad {
                amounts: vec![(0, 1)]
            }),
            &[3, 2]
        ),
        Err(OperandError::Entries {
            expected: 2,
            found: 1
        })
    ));
    assert_eq!(
        attempt(
            FloatOp::Pad(ops::Pad {
                amounts: vec![(0, 1), (2, 0)]
            }),
            &[3, 2]
        ),
        Ok(vec![4, 4])
    );
    assert_eq!(
        attempt(FloatOp::Concat(ops::Concat { axis: 0 }), &[3, 2]),
        Ok(vec![3, 2])
    );
}
