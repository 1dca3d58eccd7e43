//! Integer execution of `Graph<Int>`: the exact values a proof speaks about.
//!
//! [`execute()`] is what the prover runs; [`mod@reference`] is the slow oracle that defines the semantics.

pub mod executor;
pub mod float;
pub mod reference;
#[cfg(test)]
mod tests;

use ndarray::{ArrayD, Dimension};

pub(crate) use executor::in_process;
pub use executor::{Executor, Layers, execute};
pub use reference::{execute_reference, execute_reference_on};

use crate::graph::{Graph, IntFact, NodeId, Operation, Stage};
pub use crate::ops::ExecutionError;
use crate::ops::{Computed, Int, IntegerSite};

/// All values of one execution.
#[derive(Clone, PartialEq, Eq)]
pub struct Execution {
    /// The value of every node, by node index, in standard (row-major) layout.
    pub values: Vec<ArrayD<i64>>,
    /// For every rescale the rescaled accumulator `v = floor((acc * m + 2^(s-1)) / 2^s)` on which its table is looked
    /// up; `None` for other nodes.
    pub before_table: Vec<Option<ArrayD<i64>>>,
}

crate::debug_without_values!(Execution, self => "Execution({} nodes)", self.values.len());

impl Execution {
    /// Computes node after node with `compute`, which is given what `layers` has for the node; inputs are taken as they
    /// are, in their order.
    fn of<T, E: From<ExecutionError>>(
        graph: &Graph<Int>,
        inputs: &[ArrayD<i64>],
        layers: impl Iterator<Item = T>,
        compute: impl Fn(&IntegerSite<'_>, T) -> Result<Computed, E>,
    ) -> Result<Self, E> {
        let count = graph.nodes.len();
        let mut execution = Execution {
            values: Vec::with_capacity(count),
            before_table: Vec::with_capacity(count),
        };
        let mut inputs = inputs.iter();
        for (node, layer) in graph.nodes.iter().zip(layers) {
            let _span = tracing::debug_span!("layer", layer = %node.name).entered();
            let operands: Option<Vec<&ArrayD<i64>>> =
                node.inputs.iter().map(|id| execution.values.get(id.0)).collect();
            let inconsistent = || ExecutionError::Inconsistent {
                layer: node.name.clone(),
            };
            let operands = operands.ok_or_else(inconsistent)?;
            let computed = if node.op.is_input() {
                let input = inputs.next().ok_or_else(inconsistent)?;
                Computed::plain(input.as_standard_layout().into_owned())
            } else {
                let site = IntegerSite {
                    graph,
                    node,
                    operands: &operands,
                };
                compute(&site, layer)?
            };
            if computed.value.shape() != node.fact.shape {
                return Err(inconsistent().into());
            }
            execution.values.push(computed.value);
            execution.before_table.push(computed.before_table);
        }
        Ok(execution)
    }

    /// The value of a node.
    pub fn value(&self, id: NodeId) -> Option<&ArrayD<i64>> {
        self.values.get(id.0)
    }

    /// The values of the network's outputs.
    pub fn outputs<'a>(&'a self, graph: &'a Graph<Int>) -> impl Iterator<Item = &'a ArrayD<i64>> {
        graph.outputs.iter().filter_map(|id| self.value(*id))
    }
}

/// Refuses another number of inputs than the network takes, and an input that `check` refuses, naming it.
pub(crate) fn check_inputs<S: Stage<Op: Operation>, T>(
    graph: &Graph<S>,
    inputs: &[ArrayD<T>],
    check: impl Fn(&S::Fact, &ArrayD<T>) -> Result<(), ExecutionError>,
) -> Result<(), ExecutionError> {
    let expected: Vec<NodeId> = graph.inputs().collect();
    if expected.len() != inputs.len() {
        return Err(ExecutionError::InputCount {
            expected: expected.len(),
            found: inputs.len(),
        });
    }
    for (id, input) in expected.iter().zip(inputs) {
        let node = &graph[*id];
        check(&node.fact, input).map_err(|error| match inputs.len() {
            1 => error,
            _ => ExecutionError::Input {
                input: node.name.clone(),
                error: Box::new(error),
            },
        })?;
    }
    Ok(())
}

pub(crate) fn check_shape<T>(expected: &[usize], input: &ArrayD<T>) -> Result<(), ExecutionError> {
    let (expected, found) = (expected.to_vec(), input.shape().to_vec());
    match expected == found {
        true => Ok(()),
        false => Err(ExecutionError::InputShape { expected, found }),
    }
}

/// Refuses inputs of the wrong shape and inputs with integers outside their range, naming the index.
fn check_input(fact: &IntFact, input: &ArrayD<i64>) -> Result<(), ExecutionError> {
    check_shape(&fact.shape, input)?;
    let range = fact.range;
    match input
        .indexed_iter()
        .find(|(_, value)| !(range.0..=range.1).contains(*value))
    {
        None => Ok(()),
        Some((index, &value)) => Err(ExecutionError::InputRange {
            index: index.slice().to_vec(),
            value,
            range,
        }),
    }
}
