//! Steps of building a floating-point graph that name an operation.

use super::{Argmax, FloatOp, Input, LogSoftmax, Reshape};
use crate::graph::{Graph, GraphBuilder, GraphError, Node, NodeId, OperandError, Shape, ShapeError, Stage};

impl<S: Stage<Op = FloatOp, Fact = Vec<usize>>> GraphBuilder<S> {
    /// An input of the network, batch first.
    ///
    /// # Errors
    /// A shape with an empty dimension.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Result<NodeId, GraphError> {
        self.declare(name, Input, &[], shape)
    }

    /// Adds a row-major reshape.
    ///
    /// # Errors
    /// `shape` has another number of elements than the operand.
    pub fn reshape(&mut self, name: &str, operand: NodeId, shape: &[usize]) -> Result<NodeId, GraphError> {
        self.declare(name, Reshape, &[operand], shape)
    }
}

impl<S: Stage<Op = FloatOp, Fact = Vec<usize>>> Graph<S> {
    /// Appends the index of the maximum along the [axis of classes](class_axis) of output 0 as a further output.
    ///
    /// Where output 0 is a log_softmax along this axis, its operand takes its place: the logits, of the same order,
    /// which differ from it by one number in each row. A log_softmax has no integer form.
    ///
    /// # Errors
    /// The graph has no output, or output 0 has no axes.
    pub fn with_argmax(mut self) -> Result<Self, GraphError> {
        self.show_logits();
        let &operand = self.outputs.first().ok_or(GraphError::NoOutputs)?;
        let mut name = String::from("argmax");
        while self.find(&name).is_some() {
            name.push('_');
        }
        let mut fact = self[operand].fact.clone();
        let Some(axis) = class_axis(fact.len()) else {
            let of = Shape::new(&[]).ok_or(GraphError::NoOutputs)?;
            let error = ShapeError::Axis {
                operation: "argmax",
                axis: -1,
                of,
            };
            let reason = Box::new(OperandError::Shape(error));
            return Err(GraphError::Shape { node: name, reason });
        };
        fact.remove(axis);
        let op = Argmax { axis }.into();
        self.nodes.push(Node {
            name,
            op,
            inputs: vec![operand],
            fact,
        });
        self.outputs.push(NodeId(self.nodes.len() - 1));
        Ok(self)
    }

    /// Puts the operand of a log_softmax along the [axis of classes](class_axis) in its place, where that is output 0.
    fn show_logits(&mut self) {
        let Some(&output) = self.outputs.first() else {
            return;
        };
        let node = &self[output];
        let (FloatOp::LogSoftmax(LogSoftmax { axis }), Some(&logits)) = (&node.op, node.inputs.first())
        else {
            return;
        };
        if class_axis(node.fact.len()) != Some(*axis) {
            return;
        }
        tracing::warn!("output 0 is the operand of `{}`, the logits", node.name);
        for id in self.outputs.iter_mut().filter(|id| **id == output) {
            *id = logits;
        }
        let mut used = self.nodes.iter().flat_map(|node| &node.inputs);
        if used.any(|id| *id == output) {
            return;
        }
        // Nothing needs it any more.
        self.nodes.remove(output.0);
        let inputs = self.nodes.iter_mut().flat_map(|node| &mut node.inputs);
        for id in inputs.chain(&mut self.outputs).chain([&mut self.input]) {
            if *id > output {
                id.0 -= 1;
            }
        }
    }

    /// Makes the index of the maximum along the [axis of classes](class_axis) of output 0 (a token) the only output.
    ///
    /// # Errors
    /// As [`Self::with_argmax`].
    pub fn with_tokens(self) -> Result<Self, GraphError> {
        let mut graph = self.with_argmax()?;
        let last = graph.outputs.len().saturating_sub(1);
        graph.outputs.drain(..last);
        Ok(graph)
    }
}

/// The axis of scores of classes in a tensor of that many axes: 1 for `[N, C, H, W]` and more, as for PyTorch's
/// `cross_entropy`, and the last one of fewer (`[N, C]`, and `[N, T, V]` of language models). `None` for a number.
pub const fn class_axis(rank: usize) -> Option<usize> {
    match rank {
        0 => None,
        1..=3 => Some(rank - 1),
        _ => Some(1),
    }
}
