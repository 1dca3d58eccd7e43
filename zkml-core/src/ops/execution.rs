//! What a room sees of an execution.

use ndarray::{ArrayD, ArrayViewD};

use super::{Float, FloatLayer, Int};
use crate::graph::{Graph, Node, ParameterId, Stage};

/// Cells of a tensor that one task works on at least.
pub const PARALLEL_CELLS: usize = 1 << 14;

/// A node that is executed, on values of type `T`.
pub struct NodeSite<'a, S: Stage, T> {
    /// The graph.
    pub graph: &'a Graph<S>,
    /// The node.
    pub node: &'a Node<S>,
    /// Values of its operands, in standard layout.
    pub operands: &'a [&'a ArrayD<T>],
}

/// A node of the float graph that is executed.
pub type FloatSite<'a> = NodeSite<'a, Float, f32>;

/// A node of the integer graph that is executed.
pub type IntegerSite<'a> = NodeSite<'a, Int, i64>;

impl<'a, S: Stage, T> NodeSite<'a, S, T> {
    /// Value of an operand.
    pub fn operand(&self, index: usize) -> Option<&'a ArrayD<T>> {
        self.operands.get(index).copied()
    }
}

/// An optional parameter, as `find` has it: `Some(None)` if the layer has none, `None` if the graph lacks it.
fn optional<T>(id: Option<ParameterId>, find: impl FnOnce(ParameterId) -> Option<T>) -> Option<Option<T>> {
    match id {
        None => Some(None),
        Some(id) => Some(Some(find(id)?)),
    }
}

impl<'a> FloatSite<'a> {
    /// The shape of the result.
    pub fn shape(&self) -> &'a [usize] {
        &self.node.fact
    }

    /// Values of a parameter.
    pub fn parameter(&self, id: ParameterId) -> Option<ArrayViewD<'a, f32>> {
        self.graph
            .parameters
            .get(id.0)
            .map(|parameter| parameter.values.view())
    }

    /// Values of an optional parameter: `Some(None)` if the layer has none, `None` if the graph lacks it.
    pub fn optional(&self, id: Option<ParameterId>) -> Option<Option<Vec<f32>>> {
        optional(id, |id| Some(self.parameter(id)?.iter().copied().collect()))
    }

    /// The operand multiplied with a layer; `None` where it does not fit.
    pub fn multiply(&self, layer: &FloatLayer) -> Option<ArrayD<f32>> {
        layer.multiply(&[self.operand(0)?], self.shape())?.pop()
    }
}

impl<'a> IntegerSite<'a> {
    /// Value of an operand that the operation cannot do without.
    ///
    /// # Errors
    /// [`ExecutionError::Inconsistent`] where there is none.
    pub fn needed(&self, index: usize) -> Result<&'a ArrayD<i64>, ExecutionError> {
        self.operand(index).ok_or_else(|| self.inconsistent())
    }

    /// The shape of the result.
    pub fn shape(&self) -> &'a [usize] {
        &self.node.fact.shape
    }

    /// Values of a parameter.
    pub fn parameter(&self, id: ParameterId) -> Option<ArrayD<i32>> {
        self.graph
            .parameters
            .get(id.0)
            .map(|parameter| parameter.values.to_array())
    }

    /// Values of an optional parameter: `Some(None)` if the layer has none, `None` if the graph lacks it.
    pub fn optional(&self, id: Option<ParameterId>) -> Option<Option<ArrayD<i32>>> {
        optional(id, |id| self.parameter(id))
    }

    /// Values that come from no table, if the operands fit.
    ///
    /// # Errors
    /// [`ExecutionError::Inconsistent`] where they do not.
    pub fn computed(&self, value: Option<ArrayD<i64>>) -> Result<Computed, ExecutionError> {
        value.map(Computed::plain).ok_or_else(|| self.inconsistent())
    }

    /// The error for a graph that was not validated.
    pub fn inconsistent(&self) -> ExecutionError {
        ExecutionError::Inconsistent {
            layer: self.node.name.clone(),
        }
    }
}

/// The values of a node.
#[derive(Debug)]
pub struct Computed {
    /// The values.
    pub value: ArrayD<i64>,
    /// The values on which a table was looked up, for a rescale.
    pub before_table: Option<ArrayD<i64>>,
}

impl Computed {
    /// Values that come from no table.
    pub fn plain(value: ArrayD<i64>) -> Self {
        Self {
            value,
            before_table: None,
        }
    }
}

/// Why an execution stops: an input that does not fit, or an integer that leaves a table's domain.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutionError {
    /// The input has another shape than the network takes.
    #[error("input: expected shape {expected:?}, found {found:?}")]
    InputShape {
        /// Shape of the network's input.
        expected: Vec<usize>,
        /// Shape of what was given.
        found: Vec<usize>,
    },
    /// The input holds a NaN or an infinity.
    #[error("input: value {value} at index {index:?} is not finite")]
    NotFinite {
        /// Where.
        index: Vec<usize>,
        /// What.
        value: f32,
    },
    /// An input that should be a token id is none.
    #[error(
        "`{layer}`: expected a token id, an integer in [0, {vocabulary}), found {value} at index {index:?} of the ids"
    )]
    TokenId {
        /// Name of the layer that looks the token up.
        layer: String,
        /// Where in the ids.
        index: Vec<usize>,
        /// What.
        value: f32,
        /// How many tokens there are.
        vocabulary: usize,
    },
    /// An input integer outside the input's range.
    #[error("input: value {value} at index {index:?} is outside [{}, {}]", range.0, range.1)]
    InputRange {
        /// Where.
        index: Vec<usize>,
        /// What.
        value: i64,
        /// The range, both ends included.
        range: (i64, i64),
    },
    /// Another number of inputs than the network takes.
    #[error("expected {expected} input(s), found {found}")]
    InputCount {
        /// How many the network takes.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// One of several inputs does not fit.
    #[error("`{input}`: {error}")]
    Input {
        /// Name of its node.
        input: String,
        /// What does not fit.
        error: Box<ExecutionError>,
    },
    /// A rescaled accumulator outside the domain of its table: the input is far from what was calibrated.
    #[error(
        "`{layer}`: value {value} at index {index:?} leaves the table's domain [-2^{domain_bits}, 2^{domain_bits}): \
         the input is far outside of what the network was calibrated on"
    )]
    Domain {
        /// Name of the rescale.
        layer: String,
        /// Where in the layer's value.
        index: Vec<usize>,
        /// The rescaled accumulator.
        value: i64,
        /// The domain is `[-2^domain_bits, 2^domain_bits)`.
        domain_bits: u32,
    },
    /// A value that its constraints have no room for.
    #[error("`{layer}`: {quantity} {value} at index {index:?} is outside of [{}, {}]", range.0, range.1)]
    Outside {
        /// Name of the node.
        layer: String,
        /// Which value.
        quantity: &'static str,
        /// Where.
        index: Vec<usize>,
        /// What.
        value: i64,
        /// The range, both ends included.
        range: (i64, i64),
    },
    /// A table cannot be computed.
    #[error("`{layer}`: {error}")]
    Table {
        /// Name of the rescale.
        layer: String,
        /// Why.
        error: crate::circuit::TableError,
    },
    /// The graph would not pass validation or range analysis.
    #[error("`{layer}`: the graph is inconsistent here, validate it first")]
    Inconsistent {
        /// Name of the node.
        layer: String,
    },
}

crate::debug_as_display!(ExecutionError);
