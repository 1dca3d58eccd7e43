//! Builds a floating-point graph node by node, inferring each shape.

use super::shape::{self, ParameterShape};
use super::{FloatOp, Graph, GraphError, Node, NodeId, ParameterId, ShapeError, Stage};

/// A graph under construction. Shapes are inferred and checked as nodes are added.
#[derive(Debug, Clone)]
pub struct GraphBuilder<S: Stage> {
    nodes: Vec<Node<S>>,
    parameters: Vec<S::Parameter>,
}

impl<S> Default for GraphBuilder<S>
where
    S: Stage<Op = FloatOp, Fact = Vec<usize>>,
    S::Parameter: ParameterShape,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<S> GraphBuilder<S>
where
    S: Stage<Op = FloatOp, Fact = Vec<usize>>,
    S::Parameter: ParameterShape,
{
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

    /// The network's input, batch first.
    ///
    /// # Errors
    /// A shape with an empty dimension.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Result<NodeId, GraphError> {
        self.push(name, FloatOp::Input, &[], shape)
    }

    /// Adds an operation; not for [`FloatOp::Input`] and [`FloatOp::Reshape`], whose shape cannot be inferred.
    ///
    /// # Errors
    /// The operation does not fit its operands.
    pub fn add(&mut self, name: &str, op: FloatOp, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        self.push(name, op, inputs, &[])
    }

    /// Adds a row-major reshape.
    ///
    /// # Errors
    /// `shape` has another number of elements than the operand.
    pub fn reshape(&mut self, name: &str, operand: NodeId, shape: &[usize]) -> Result<NodeId, GraphError> {
        self.push(name, FloatOp::Reshape, &[operand], shape)
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
        let input = self
            .nodes
            .iter()
            .position(|node| matches!(node.op, FloatOp::Input));
        let input = NodeId(input.ok_or(GraphError::Inputs { found: 0 })?);
        let graph = Graph {
            nodes: self.nodes,
            input,
            outputs,
            parameters: self.parameters,
        };
        graph.validate()?;
        Ok(graph)
    }

    fn push(
        &mut self,
        name: &str,
        op: FloatOp,
        inputs: &[NodeId],
        declared: &[usize],
    ) -> Result<NodeId, GraphError> {
        let operand = |id: &NodeId| {
            let node = self.nodes.get(id.0).map(|node| node.fact.as_slice());
            node.ok_or(GraphError::Order {
                node: name.to_owned(),
                operand: id.0,
            })
        };
        let operands = inputs.iter().map(operand).collect::<Result<Vec<_>, _>>()?;
        let parameters = |id: ParameterId| self.parameters.get(id.0).map(|p| (p.path(), p.shape()));
        let fact =
            shape::infer_float(&op, &operands, declared, &parameters).map_err(|reason: ShapeError| {
                GraphError::Shape {
                    node: name.to_owned(),
                    reason,
                }
            })?;
        self.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs: inputs.to_vec(),
            fact,
        });
        Ok(NodeId(self.nodes.len() - 1))
    }
}

impl<S> Graph<S>
where
    S: Stage<Op = FloatOp, Fact = Vec<usize>>,
    S::Parameter: ParameterShape,
{
    /// Appends the index of the maximum along the last axis of output 0 (a class) as a further output.
    ///
    /// # Errors
    /// The graph has no output, or output 0 has no axes.
    pub fn with_argmax(mut self) -> Result<Self, GraphError> {
        let &operand = self.outputs.first().ok_or(GraphError::NoOutputs)?;
        let mut name = String::from("argmax");
        while self.find(&name).is_some() {
            name.push('_');
        }
        let mut fact = self[operand].fact.clone();
        if fact.pop().is_none() {
            let reason = ShapeError::Axis { axis: 0, found: fact };
            return Err(GraphError::Shape { node: name, reason });
        }
        let op = FloatOp::Argmax { axis: fact.len() };
        self.nodes.push(Node {
            name,
            op,
            inputs: vec![operand],
            fact,
        });
        self.outputs.push(NodeId(self.nodes.len() - 1));
        Ok(self)
    }
}
