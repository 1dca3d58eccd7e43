//! The typed graph a network is traced to.
//!
//! One structure, three stages: `Graph<Symbolic>` (parameters named, not loaded), `Graph<Float>` (weights
//! loaded) and `Graph<Int>` (quantized: exact integer semantics, every edge with its range and scale). A step
//! cannot be skipped because each consumes the type before it.
//!
//! Shapes are PyTorch's, batch first: `[N, C, H, W]`, `[N, features]`.

mod builder;
mod display;
mod float;
mod int;
pub mod range;
mod shape;
mod tensor;
mod validate;

pub use builder::GraphBuilder;
pub use float::{Float, FloatOp, Parameter, ParameterSpec, Symbolic};
pub use int::{Function, FunctionTable, Int, IntFact, IntOp, IntParameter, ParameterRole};
pub use shape::{ParameterShape, ShapeError};
pub use tensor::IntTensor;
pub use validate::GraphError;

use serde::{Deserialize, Serialize};

/// Index of a node in its [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub usize);

/// Index of a parameter in its [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParameterId(pub usize);

/// A stage of the pipeline: what its operations, edges and parameters are.
pub trait Stage {
    /// Operation of a node.
    type Op: Clone + core::fmt::Debug;
    /// What is known of the value a node produces.
    type Fact: Clone + core::fmt::Debug;
    /// A weight tensor.
    type Parameter: Clone + core::fmt::Debug;
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
    pub nodes: Vec<Node<S>>,
    /// The input node.
    pub input: NodeId,
    /// What the network returns.
    pub outputs: Vec<NodeId>,
    /// Weights, by [`ParameterId`].
    pub parameters: Vec<S::Parameter>,
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

/// A two-dimensional sliding window: kernel, stride, zero padding and dilation, each `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window2d {
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Padding on both sides.
    pub padding: [usize; 2],
    /// Step inside a window.
    pub dilation: [usize; 2],
}

impl Window2d {
    /// Output height and width on an input of height and width `input`; `None` when the window does not fit.
    pub fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let axis = |a: usize| {
            let span = self.dilation[a]
                .checked_mul(self.kernel[a].checked_sub(1)?)?
                .checked_add(1)?;
            let room = input[a].checked_add(2 * self.padding[a])?.checked_sub(span)?;
            room.checked_div(self.stride[a]).map(|steps| steps + 1)
        };
        Some([axis(0)?, axis(1)?])
    }
}
