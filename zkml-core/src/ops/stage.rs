//! The stages of a network.

use super::{FloatOp, IntOp, Properties};
use crate::graph::{Graph, IntFact, NodeId, ParameterSpec, Stage, WeightShape};
#[cfg(feature = "prover")]
use crate::graph::{IntParameter, Node, Parameter, ParameterShape};

/// Traced, weights not loaded yet.
#[derive(Debug, Clone, Copy)]
pub struct Symbolic;

/// Weights loaded, computes in `f32`.
#[cfg(feature = "prover")]
#[derive(Debug, Clone, Copy)]
pub struct Float;

/// Quantized: computes in integers, exactly as the proof shows it.
#[cfg(feature = "prover")]
#[derive(Debug, Clone, Copy)]
pub struct Int;

/// The integer network without weight values: what the range analysis and the lowering work on.
#[derive(Debug, Clone, Copy)]
pub struct Skeleton;

impl Stage for Symbolic {
    type Op = FloatOp;
    type Fact = Vec<usize>;
    type Parameter = ParameterSpec;
}

#[cfg(feature = "prover")]
impl Stage for Float {
    type Op = FloatOp;
    type Fact = Vec<usize>;
    type Parameter = Parameter;
}

#[cfg(feature = "prover")]
impl Stage for Int {
    type Op = IntOp;
    type Fact = IntFact;
    type Parameter = IntParameter;
}

impl Stage for Skeleton {
    type Op = IntOp;
    type Fact = IntFact;
    type Parameter = WeightShape;
}

impl Graph<Skeleton> {
    /// The node of an index, `torch.argmax`, that an output is or reveals.
    pub fn index_of(&self, output: NodeId) -> Option<NodeId> {
        let node = self.nodes.get(output.0)?;
        let room = node.op.room();
        if room.has(Properties::INDEX) {
            return Some(output);
        }
        let operand = *node.inputs.first().filter(|_| room.has(Properties::REVEALS))?;
        let operand_room = self.nodes.get(operand.0)?.op.room();
        operand_room.has(Properties::INDEX).then_some(operand)
    }
}

#[cfg(feature = "prover")]
impl Graph<Int> {
    /// The same network without the values of its weights.
    pub fn skeleton(&self) -> Graph<Skeleton> {
        let node = |node: &Node<Int>| Node {
            name: node.name.clone(),
            op: node.op.clone(),
            inputs: node.inputs.clone(),
            fact: node.fact.clone(),
        };
        let parameter = |parameter: &IntParameter| WeightShape {
            path: parameter.path.clone(),
            role: parameter.role,
            shape: parameter.shape().to_vec(),
        };
        Graph {
            nodes: self.nodes.iter().map(node).collect(),
            input: self.input,
            outputs: self.outputs.clone(),
            parameters: self.parameters.iter().map(parameter).collect(),
        }
    }
}
