//! Validation of whole graphs: operands before users, unique names, consistent shapes.

use std::collections::HashSet;

use super::shape::{self, ParameterShape, ShapeError};
use super::{FloatOp, Graph, Int, Node, NodeId, Stage};

/// What is wrong with a graph, and at which node.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A node does not fit its operands or parameters.
    #[error("`{node}`: {reason}")]
    Shape {
        /// Name of the node.
        node: String,
        /// What does not fit.
        reason: ShapeError,
    },
    /// A node carries another shape than its operation gives.
    #[error("`{node}`: its operation gives shape {expected:?}, but the graph says {found:?}")]
    WrongFact {
        /// Name of the node.
        node: String,
        /// Shape recomputed from the operands.
        expected: Vec<usize>,
        /// Shape written at the node.
        found: Vec<usize>,
    },
    /// An operand is not an earlier node.
    #[error("`{node}`: operand number {operand} is not an earlier node")]
    Order {
        /// Name of the node.
        node: String,
        /// Index of the operand in the graph.
        operand: usize,
    },
    /// Two nodes with one name.
    #[error("two nodes are named `{node}`")]
    DuplicateName {
        /// The name.
        node: String,
    },
    /// The graph's input is not its only input node.
    #[error("expected exactly one input node and the graph's input to be it, found {found} input nodes")]
    Inputs {
        /// How many input nodes there are.
        found: usize,
    },
    /// An output that is no node of the graph.
    #[error("output number {output} is node {index}, but the graph has {nodes} nodes")]
    UnknownOutput {
        /// Which output.
        output: usize,
        /// The index it names.
        index: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// No outputs at all.
    #[error("the graph has no outputs")]
    NoOutputs,
}

crate::debug_as_display!(GraphError);

impl<S> Graph<S>
where
    S: Stage<Op = FloatOp, Fact = Vec<usize>>,
    S::Parameter: ParameterShape,
{
    /// Checks that operands come before their users, that names are unique, that there is exactly one input and at
    /// least one output, and that every shape is the one its operation gives.
    ///
    /// # Errors
    /// The first [`GraphError`], in graph order.
    pub fn validate(&self) -> Result<(), GraphError> {
        let parameters = |id: super::ParameterId| self.parameters.get(id.0).map(|p| (p.path(), p.shape()));
        validate(
            self,
            |node| matches!(node.op, FloatOp::Input),
            |node| &node.fact,
            |node, operands| shape::infer_float(&node.op, operands, &node.fact, &parameters),
        )
    }
}

impl Graph<Int> {
    /// Checks order, names, inputs, outputs and shapes; ranges are checked by [`crate::quant::range`].
    ///
    /// # Errors
    /// The first [`GraphError`], in graph order.
    pub fn validate(&self) -> Result<(), GraphError> {
        let parameters = |id: super::ParameterId| self.parameters.get(id.0).map(|p| (p.path(), p.shape()));
        validate(
            self,
            |node| matches!(node.op, super::IntOp::Input),
            |node| &node.fact.shape,
            |node, operands| shape::infer_int(&node.op, operands, &node.fact.shape, &parameters),
        )
    }
}

impl<S: Stage> Graph<S> {
    /// For every node, the nodes that use it, in graph order, once per use.
    pub fn users(&self) -> Vec<Vec<NodeId>> {
        let mut users = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for operand in &node.inputs {
                if let Some(list) = users.get_mut(operand.0) {
                    list.push(NodeId(index));
                }
            }
        }
        users
    }

    /// The node of that name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId)
    }
}

fn validate<S: Stage>(
    graph: &Graph<S>,
    is_input: impl Fn(&Node<S>) -> bool,
    shape_of: impl Fn(&Node<S>) -> &Vec<usize>,
    infer: impl Fn(&Node<S>, &[&[usize]]) -> Result<Vec<usize>, ShapeError>,
) -> Result<(), GraphError> {
    let mut names = HashSet::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let name = || node.name.clone();
        if !names.insert(node.name.as_str()) {
            return Err(GraphError::DuplicateName { node: name() });
        }
        if let Some(operand) = node.inputs.iter().find(|operand| operand.0 >= index) {
            return Err(GraphError::Order {
                node: name(),
                operand: operand.0,
            });
        }
        let operands: Vec<&[usize]> = node
            .inputs
            .iter()
            .map(|operand| shape_of(&graph[*operand]).as_slice())
            .collect();
        let expected = infer(node, &operands).map_err(|reason| GraphError::Shape { node: name(), reason })?;
        if &expected != shape_of(node) {
            return Err(GraphError::WrongFact {
                node: name(),
                expected,
                found: shape_of(node).clone(),
            });
        }
    }
    let inputs = graph.nodes.iter().filter(|node| is_input(node)).count();
    if inputs != 1 || !graph.nodes.get(graph.input.0).is_some_and(&is_input) {
        return Err(GraphError::Inputs { found: inputs });
    }
    if graph.outputs.is_empty() {
        return Err(GraphError::NoOutputs);
    }
    for (output, id) in graph.outputs.iter().enumerate() {
        if id.0 >= graph.nodes.len() {
            return Err(GraphError::UnknownOutput {
                output,
                index: id.0,
                nodes: graph.nodes.len(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::super::{Float, GraphBuilder, Parameter, ParameterId, Window2d};
    use super::*;

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
        let op = FloatOp::Conv2d {
            weight,
            bias: None,
            window: window(kernel),
            groups,
        };
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
                reason
            }
            other => panic!("{other}"),
        };
        assert_eq!(
            reason(conv(1, &[7, 3, 3, 3], 3)),
            ShapeError::Channels {
                expected: 3,
                found: 4
            }
        );
        assert_eq!(
            reason(conv(3, &[6, 2, 1, 1], 1)),
            ShapeError::Groups {
                groups: 3,
                inputs: 4,
                outputs: 6
            }
        );
        assert!(matches!(
            reason(conv(1, &[7, 4, 4, 4], 4)),
            ShapeError::Window { input: [5, 3], .. }
        ));
        assert!(matches!(
            reason(conv(1, &[7, 4, 3, 2], 3)),
            ShapeError::Parameter { .. }
        ));
    }

    #[test]
    fn damaged_graphs_are_refused_by_name() {
        let mut builder = GraphBuilder::<Float>::new();
        let x = builder.input("x", &[1, 6]).unwrap();
        let weight = builder.parameter(parameter("fc.weight", &[2, 6]));
        let y = builder
            .add("fc", FloatOp::Linear { weight, bias: None }, &[x])
            .unwrap();
        let z = builder.add("relu", FloatOp::Relu, &[y]).unwrap();
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
        damaged.nodes[1].op = FloatOp::Linear {
            weight: ParameterId(4),
            bias: None,
        };
        assert_eq!(
            damaged.validate().unwrap_err(),
            GraphError::Shape {
                node: "fc".into(),
                reason: ShapeError::UnknownParameter { index: 4 }
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
            GraphError::Shape {
                reason: ShapeError::Size { .. },
                ..
            }
        ));
    }

    #[test]
    fn every_other_rule_refuses_what_does_not_fit() {
        let attempt = |op: FloatOp, shape: &[usize]| {
            let mut builder = GraphBuilder::<Float>::new();
            let x = builder.input("x", shape).unwrap();
            let id = builder.add("node", op, &[x]).map_err(|error| match error {
                GraphError::Shape { reason, .. } => reason,
                other => panic!("{other}"),
            })?;
            Ok(builder.finish(vec![id]).unwrap()[id].fact.clone())
        };
        let padded = |padding| Window2d {
            padding: [padding; 2],
            ..window(2)
        };
        assert_eq!(
            attempt(FloatOp::MaxPool2d { window: padded(1) }, &[1, 2, 3, 3]),
            Ok(vec![1, 2, 4, 4])
        );
        assert!(matches!(
            attempt(FloatOp::MaxPool2d { window: padded(2) }, &[1, 2, 3, 3]),
            Err(ShapeError::EmptyWindow { .. })
        ));
        assert_eq!(
            attempt(FloatOp::AvgPool2d { window: padded(2) }, &[1, 2, 3, 3]),
            Ok(vec![1, 2, 6, 6])
        );
        assert_eq!(
            attempt(FloatOp::GlobalAvgPool2d, &[1, 2, 3, 3]),
            Ok(vec![1, 2, 1, 1])
        );
        assert!(matches!(
            attempt(FloatOp::GlobalAvgPool2d, &[1, 2]),
            Err(ShapeError::Rank { .. })
        ));
        assert_eq!(
            attempt(FloatOp::Permute { order: vec![1, 0] }, &[3, 2]),
            Ok(vec![2, 3])
        );
        assert!(matches!(
            attempt(FloatOp::Permute { order: vec![1, 1] }, &[3, 2]),
            Err(ShapeError::Permutation { .. })
        ));
        assert!(matches!(
            attempt(FloatOp::Add, &[3, 2]),
            Err(ShapeError::Arity {
                expected: 2,
                found: 1
            })
        ));
        assert!(matches!(
            attempt(FloatOp::Argmax { axis: 2 }, &[3, 2]),
            Err(ShapeError::Axis { .. })
        ));
        assert_eq!(attempt(FloatOp::Argmax { axis: 1 }, &[3, 2]), Ok(vec![3]));
        assert!(matches!(
            attempt(
                FloatOp::Pad {
                    amounts: vec![(0, 1)]
                },
                &[3, 2]
            ),
            Err(ShapeError::Entries {
                expected: 2,
                found: 1
            })
        ));
        assert_eq!(
            attempt(
                FloatOp::Pad {
                    amounts: vec![(0, 1), (2, 0)]
                },
                &[3, 2]
            ),
            Ok(vec![4, 4])
        );
        assert_eq!(attempt(FloatOp::Concat { axis: 0 }, &[3, 2]), Ok(vec![3, 2]));
    }
}
