//! Builds a graph node by node, inferring each shape.

use super::validate::infer;
use super::{Graph, GraphError, Node, NodeId, Operation, ParameterId, Stage};

/// A graph under construction. Shapes are inferred and checked as nodes are added.
#[derive(Debug, Clone)]
pub struct GraphBuilder<S: Stage> {
    nodes: Vec<Node<S>>,
    parameters: Vec<S::Parameter>,
}

impl<S: Stage<Fact = Vec<usize>>> Default for GraphBuilder<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Stage<Fact = Vec<usize>>> GraphBuilder<S> {
    /// An empty graph.
    pub fn new() -> Self {
        Self {
            nodes: Vec::new(),
            parameters: Vec::new(),
        }
    }

    /// Registers a parameter; it may be used by any number of nodes.
    pub fn parameter(&mut self, parameter: S::Parameter) -> ParameterId {
        self.parameters.push(parameter);
        ParameterId(self.parameters.len() - 1)
    }

    /// Adds an operation whose shape follows from its operands and parameters.
    ///
    /// # Errors
    /// The operation does not fit its operands.
    pub fn add(&mut self, name: &str, op: impl Into<S::Op>, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        self.declare(name, op, inputs, &[])
    }

    /// Adds an operation whose shape is declared: an input, a reshape.
    ///
    /// # Errors
    /// The operation does not fit its operands or the shape.
    pub fn declare(
        &mut self,
        name: &str,
        op: impl Into<S::Op>,
        inputs: &[NodeId],
        shape: &[usize],
    ) -> Result<NodeId, GraphError> {
        let op = op.into();
        let operand = |id: &NodeId| {
            let node = self.nodes.get(id.0).map(|node| node.fact.as_slice());
            node.ok_or(GraphError::Order {
                node: name.to_owned(),
                operand: id.0,
            })
        };
        let operands = inputs.iter().map(operand).collect::<Result<Vec<_>, _>>()?;
        let fact = infer(name, &op, &operands, shape, &self.parameters)?;
        self.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs: inputs.to_vec(),
            fact,
        });
        Ok(NodeId(self.nodes.len() - 1))
    }

    /// Shape of a node added before.
    pub fn shape(&self, id: NodeId) -> Option<&[usize]> {
        self.nodes.get(id.0).map(|node| node.fact.as_slice())
    }

    /// The finished graph, validated.
    ///
    /// # Errors
    /// See [`Graph::validate`].
    pub fn finish(self, outputs: Vec<NodeId>) -> Result<Graph<S>, GraphError> {
        let input = self.nodes.iter().position(|node| node.op.is_input());
        let graph = Graph {
            input: NodeId(input.ok_or(GraphError::Inputs { found: None })?),
            nodes: self.nodes,
            outputs,
            parameters: self.parameters,
        };
        graph.validate()?;
        Ok(graph)
    }
}
