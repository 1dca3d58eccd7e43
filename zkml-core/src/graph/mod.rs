//! The typed graph a network is traced to.
//!
//! One structure serves all stages ([`Stage`]): `Graph<Symbolic>` (parameters named, not loaded), `Graph<Float>`
//! (weights loaded), `Graph<Int>` (quantized: exact integer semantics, every edge with its range and scale) and
//! `Graph<Skeleton>` (the same without weight values). A step cannot be skipped because each consumes the type before
//! it. `ops` has the operations; this folder has what does not depend on them.
//!
//! Shapes are PyTorch's, batch first: `[N, C, H, W]`, `[N, features]`.

mod arrangement;
mod builder;
mod display;
mod fact;
mod inferred;
mod lengths;
mod operation;
mod parameter;
mod preprocessing;
mod scales;
mod shape;
#[cfg(feature = "prover")]
mod tensor;
mod text;
mod validate;
mod window;

pub use arrangement::Arrangement;
pub use builder::GraphBuilder;
pub(crate) use display::list as display;
pub use fact::{Fact, IntFact};
pub(crate) use inferred::infer;
pub use inferred::{Failure, Inferred, report_options};
pub use lengths::{Lengths, MAXIMUM_TOKENS, Resizing, Sizing};
pub(crate) use operation::entries;
pub use operation::{OperandError, Operation, ParameterShape, Parameters, Site};
#[cfg(feature = "prover")]
pub use parameter::{IntParameter, Parameter};
pub use parameter::{ParameterRole, ParameterSpec, WeightShape};
pub use preprocessing::Preprocessing;
pub use scales::ChannelScales;
pub use shape::{MAX_RANK, Operator, Shape, ShapeError};
pub(crate) use shape::{
    attempt, choice, of_rank, one_of_first, positive, positive_pair, resolve, sized, unlike,
};
#[cfg(feature = "prover")]
pub use tensor::IntTensor;
pub use text::{Text, same_name};
pub use validate::GraphError;
pub use window::Window2d;

use serde::{Deserialize, Serialize};

use crate::untrusted::at_most;

/// Most nodes of a network.
pub const MAXIMUM_NODES: usize = 1 << 14;

/// Most operands of all nodes together.
pub const MAXIMUM_OPERANDS: usize = 1 << 17;

/// Most outputs of a network. In a file an empty output takes a byte, and many times that in memory.
pub const MAXIMUM_OUTPUTS: usize = 1 << 10;

/// Most weights of a network in a file.
const MAXIMUM_PARAMETERS: usize = 1 << 16;

/// Index of a node in its [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub usize);

/// Index of a parameter in its [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParameterId(pub usize);

/// A stage of the pipeline: what its operations, edges and parameters are.
pub trait Stage {
    /// Operation of a node.
    type Op: Operation;
    /// What is known of the value a node produces.
    type Fact: Fact + Clone + core::fmt::Debug;
    /// A weight tensor.
    type Parameter: ParameterShape + Clone + core::fmt::Debug;
}

/// One operation and what is known of its result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "S::Op: Serialize, S::Fact: Serialize",
    deserialize = "S::Op: Deserialize<'de>, S::Fact: Deserialize<'de>"
))]
pub struct Node<S: Stage> {
    /// Where it comes from, `conv1` or `layers.3.mlp.relu`; unique in its graph.
    pub name: String,
    /// What it computes.
    pub op: S::Op,
    /// Its operands, all earlier in the graph.
    #[serde(deserialize_with = "at_most::<MAXIMUM_OPERANDS, _, _>")]
    pub inputs: Vec<NodeId>,
    /// Facts about its result.
    pub fact: S::Fact,
}

/// A network as a list of nodes in topological order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "S::Op: Serialize, S::Fact: Serialize, S::Parameter: Serialize",
    deserialize = "S::Op: Deserialize<'de>, S::Fact: Deserialize<'de>, S::Parameter: Deserialize<'de>"
))]
pub struct Graph<S: Stage> {
    /// Nodes; operands come before their users.
    #[serde(deserialize_with = "at_most::<MAXIMUM_NODES, _, _>")]
    pub nodes: Vec<Node<S>>,
    /// The input node.
    pub input: NodeId,
    /// What the network returns.
    #[serde(deserialize_with = "at_most::<MAXIMUM_OUTPUTS, _, _>")]
    pub outputs: Vec<NodeId>,
    /// Weights, by [`ParameterId`].
    #[serde(deserialize_with = "at_most::<MAXIMUM_PARAMETERS, _, _>")]
    pub parameters: Vec<S::Parameter>,
}

impl<S: Stage> PartialEq for Node<S>
where
    S::Op: PartialEq,
    S::Fact: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        let Self {
            name,
            op,
            inputs,
            fact,
        } = self;
        (name, op, inputs, fact) == (&other.name, &other.op, &other.inputs, &other.fact)
    }
}

impl<S: Stage> PartialEq for Graph<S>
where
    S::Op: PartialEq,
    S::Fact: PartialEq,
    S::Parameter: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        let Self {
            nodes,
            input,
            outputs,
            parameters,
        } = self;
        (nodes, input, outputs, parameters) == (&other.nodes, &other.input, &other.outputs, &other.parameters)
    }
}

impl<S: Stage> core::ops::Index<NodeId> for Graph<S> {
    type Output = Node<S>;
    fn index(&self, id: NodeId) -> &Node<S> {
        &self.nodes[id.0]
    }
}

impl<S: Stage> core::ops::Index<ParameterId> for Graph<S> {
    type Output = S::Parameter;
    fn index(&self, id: ParameterId) -> &S::Parameter {
        &self.parameters[id.0]
    }
}
