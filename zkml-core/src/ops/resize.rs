//! The same network for a text of another length.

use super::analysis::node_range;
use super::{IntOp, RangeError};
use crate::circuit::CircuitError;
use crate::graph::{Graph, GraphError, IntFact, Lengths, MAXIMUM_TOKENS, NodeId, Resizing, Stage};

/// Why a network cannot read a text of another length.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResizeError {
    /// A network that was made for inputs of one size, or was resized to a text.
    #[error("a length, of a network that reads inputs of one size")]
    OneSize,
    /// A proof that names no lengths, of a network that reads texts of any length.
    #[error("none, of a network that reads texts of any length")]
    NoLengths,
    /// Lengths that no network has.
    #[error(
        "{found}, where a text has 1 to {MAXIMUM_TOKENS} tokens with its cache, and a cache just where the network has \
         one"
    )]
    Lengths {
        /// The lengths asked for.
        found: Lengths,
    },
    /// The network cannot be used as it is written down.
    #[error("{0}")]
    Network(#[from] CircuitError),
    /// The network does not hold together at these lengths.
    #[error("at {at}: {error}")]
    Graph {
        /// The lengths asked for.
        at: Lengths,
        /// What does not fit.
        error: GraphError,
    },
    /// An integer could wrap at these lengths.
    #[error("at {at}: {error}")]
    Range {
        /// The lengths asked for.
        at: Lengths,
        /// Which one.
        error: RangeError,
    },
}

crate::debug_as_display!(ResizeError);

/// The network at other lengths: the same operations, weights and scales. Every axis of tokens gets its new size, and
/// every range is derived anew.
///
/// # Errors
/// [`ResizeError`]. The tables of `graph` were counted before: ranges of functions compute their entries.
pub fn resized<S>(graph: &Graph<S>, resizing: Resizing) -> Result<Graph<S>, ResizeError>
where
    S: Stage<Op = IntOp, Fact = IntFact>,
    Graph<S>: Clone,
{
    let Resizing { from, to: at } = resizing;
    if !at.is_valid() || !from.is_valid() || (at.past == 0) != (from.past == 0) {
        return Err(ResizeError::Lengths { found: at });
    }
    let mut graph = graph.clone();
    for node in &mut graph.nodes {
        node.op.room_mut().resize(&resizing);
        for size in &mut node.fact.shape {
            *size = resizing.size(*size);
        }
    }
    // Ranges are derived for graphs that hold together alone.
    graph
        .validate()
        .map_err(|error| ResizeError::Graph { at, error })?;
    for index in 0..graph.nodes.len() {
        let range = node_range(&graph, NodeId(index)).map_err(|error| ResizeError::Range { at, error })?;
        if let Some(node) = graph.nodes.get_mut(index) {
            node.fact.range = range;
        }
    }
    Ok(graph)
}
