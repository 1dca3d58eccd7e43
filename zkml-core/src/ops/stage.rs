//! The stages of a network.

use super::{FloatOp, IntOp};
#[cfg(feature = "prover")]
use crate::graph::{Graph, IntParameter, Node, Parameter, ParameterShape};
use crate::graph::{IntFact, ParameterSpec, Stage, WeightShape};

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
