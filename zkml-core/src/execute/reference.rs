//! The integer semantics, each operation by its definition: the oracle for [`crate::execute::execute()`].
//!
//! Every element of a result is computed with checked indexing and `i128` sums. Slow.

use ndarray::ArrayD;

use super::{Execution, check_input, check_inputs};
use crate::graph::Graph;
use crate::ops::{ExecutionError, Int};

/// Executes the graph on one input.
///
/// # Errors
/// An input of the wrong shape or range; a value outside a table's domain; a graph that was not validated.
pub fn execute_reference(graph: &Graph<Int>, input: &ArrayD<i64>) -> Result<Execution, ExecutionError> {
    execute_reference_on(graph, core::slice::from_ref(input))
}

/// Executes the graph on several inputs, in their order.
///
/// # Errors
/// As [`execute_reference`]; another number of inputs.
pub fn execute_reference_on(graph: &Graph<Int>, inputs: &[ArrayD<i64>]) -> Result<Execution, ExecutionError> {
    check_inputs(graph, inputs, check_input)?;
    Execution::of(graph, inputs, core::iter::repeat(()), |site, ()| {
        site.node.op.room().reference_table(site)
    })
}
