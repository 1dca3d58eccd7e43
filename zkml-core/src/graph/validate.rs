//! Validation of whole graphs: operands before users, unique names, consistent shapes.

use std::collections::HashSet;

use super::ParameterShape;
use super::operation::checked;
use super::{Fact, Graph, NodeId, OperandError, Operation, Parameters, Shape, Site, Stage};

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
        reason: Box<OperandError>,
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
    /// The graph has no input node, or names another node as the first.
    #[error("expected an input node and the graph's input to be the first of them, found {}",
        found.map_or("none".to_owned(), |node| format!("node {node} instead")))]
    Inputs {
        /// The node that the graph names; `None` where there is no input node at all.
        found: Option<usize>,
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

impl<S: Stage> Graph<S> {
    /// Checks that operands come before their users, that names are unique, that there is an input and at least one
    /// output, and that every shape is the one its operation gives.
    ///
    /// # Errors
    /// The first [`GraphError`], in graph order.
    pub fn validate(&self) -> Result<(), GraphError> {
        let mut names = HashSet::new();
        for (index, node) in self.nodes.iter().enumerate() {
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
            let operands: Vec<&[usize]> = node.inputs.iter().map(|id| self[*id].fact.shape()).collect();
            let found = node.fact.shape();
            let expected = infer(&node.name, &node.op, &operands, found, &self.parameters)?;
            if expected != found {
                return Err(GraphError::WrongFact {
                    node: name(),
                    expected,
                    found: found.to_vec(),
                });
            }
        }
        for parameter in &self.parameters {
            checked(parameter.shape()).map_err(|reason| GraphError::Shape {
                node: parameter.path().to_owned(),
                reason: Box::new(reason),
            })?;
        }
        match self.inputs().next() {
            None => return Err(GraphError::Inputs { found: None }),
            Some(first) if first != self.input => {
                return Err(GraphError::Inputs {
                    found: Some(self.input.0),
                });
            }
            Some(_) => {}
        }
        if self.outputs.is_empty() {
            return Err(GraphError::NoOutputs);
        }
        for (output, id) in self.outputs.iter().enumerate() {
            if id.0 >= self.nodes.len() {
                return Err(GraphError::UnknownOutput {
                    output,
                    index: id.0,
                    nodes: self.nodes.len(),
                });
            }
        }
        Ok(())
    }

    /// The input nodes, in order.
    pub fn inputs(&self) -> impl Iterator<Item = NodeId> + '_ {
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter(|(_, node)| node.op.is_input())
            .map(|(index, _)| NodeId(index))
    }

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

/// The shape of the result of an operation.
pub(super) fn infer(
    name: &str,
    op: &impl Operation,
    operands: &[&[usize]],
    declared: &[usize],
    parameters: &dyn Parameters,
) -> Result<Vec<usize>, GraphError> {
    let refused = |reason: OperandError| GraphError::Shape {
        node: name.to_owned(),
        reason: Box::new(reason),
    };
    let operands: Result<Vec<Shape>, OperandError> = operands.iter().map(|sizes| checked(sizes)).collect();
    let operands = operands.map_err(refused)?;
    let site = Site {
        operands: &operands,
        declared,
        parameters,
    };
    Ok(op.shape(&site).map_err(refused)?.sizes().to_vec())
}
