//! The range analysis of a whole graph.

#[cfg(not(feature = "prover"))]
use super::IntOp;
#[cfg(feature = "prover")]
use super::range::role_range;
use super::range::{RangeError, RangeSite};
#[cfg(feature = "prover")]
use super::{Int, IntOp};
#[cfg(feature = "prover")]
use crate::graph::IntTensor;
use crate::graph::{Graph, IntFact, Node, NodeId, ParameterId, ParameterShape, Stage};
#[cfg(feature = "prover")]
use crate::secret::Wiped;

/// The range of one node from the ranges written at its operands; an input keeps its own.
///
/// # Errors
/// The node's values or the products in its constraints may reach `2^60`.
pub fn node_range<S: Stage<Op = IntOp, Fact = IntFact>>(
    graph: &Graph<S>,
    id: NodeId,
) -> Result<(i64, i64), RangeError> {
    let node = &graph[id];
    let norms = node.inputs.iter().map(|operand| node_norm(graph, *operand));
    with_site(graph, node, norms.collect(), |site| node.op.room().range(site))
}

/// A bound of the norm of each row of a node's value, where its operation gives one.
pub fn node_norm<S: Stage<Op = IntOp, Fact = IntFact>>(graph: &Graph<S>, id: NodeId) -> Option<i128> {
    let node = graph.nodes.get(id.0)?;
    with_site(graph, node, Vec::new(), |site| node.op.room().norm(site))
}

pub(super) fn with_site<S: Stage<Op = IntOp, Fact = IntFact>, T>(
    graph: &Graph<S>,
    node: &Node<S>,
    norms: Vec<Option<i128>>,
    ask: impl FnOnce(&RangeSite<'_>) -> T,
) -> T {
    let parameter = |id: ParameterId| graph.parameters.get(id.0).map(ParameterShape::shape);
    let operands = node.inputs.iter().filter_map(|id| graph.nodes.get(id.0));
    ask(&RangeSite {
        name: &node.name,
        operands: operands.map(|node| &node.fact).collect(),
        norms,
        fact: &node.fact,
        parameter: &parameter,
    })
}

/// Checks a whole graph: every edge's range is what the analysis derives, nothing wraps, and every parameter value
/// lies in its role's range.
///
/// # Errors
/// The first [`RangeError`].
#[cfg(feature = "prover")]
pub fn check(graph: &Graph<Int>) -> Result<(), RangeError> {
    for (index, node) in graph.nodes.iter().enumerate() {
        let expected = node_range(graph, NodeId(index))?;
        if expected != node.fact.range {
            return Err(RangeError::WrongFact {
                layer: node.name.clone(),
                expected,
                found: node.fact.range,
            });
        }
    }
    for parameter in &graph.parameters {
        let (low, high) = role_range(parameter.role);
        let is_byte = !matches!(parameter.values, IntTensor::Int32(_));
        if is_byte && low <= i64::from(i8::MIN) && i64::from(i8::MAX) <= high {
            // Whatever its values are.
            continue;
        }
        let values = Wiped(parameter.values.to_vec());
        let fits = |value: &i32| (low..=high).contains(&i64::from(*value));
        // Without exits from the loop, which takes a fraction of the time; there are millions of weights.
        if values.iter().fold(true, |inside, value| inside & fits(value)) {
            continue;
        }
        if let Some((index, &value)) = values.iter().enumerate().find(|(_, value)| !fits(value)) {
            let (path, value) = (parameter.path.clone(), i64::from(value));
            return Err(RangeError::Parameter {
                path,
                index,
                value,
                low,
                high,
            });
        }
    }
    Ok(())
}
