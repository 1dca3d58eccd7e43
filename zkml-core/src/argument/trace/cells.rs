//! Integers of an execution as padded cells.

use ndarray::ArrayD;

use crate::circuit::{Circuit, ColumnId};
use crate::field::{M61, P};

/// The values of a node, row-major.
pub(super) fn row_major(tensor: &ArrayD<i64>) -> &[i64] {
    // Executions are in standard layout.
    tensor.as_slice().unwrap_or(&[])
}

/// An integer of an execution as a cell: range analysis keeps it below `p / 2`.
fn cell(integer: i64) -> M61 {
    debug_assert!(integer.unsigned_abs() < P / 2);
    M61::from_raw(integer.wrapping_add(P as i64 & (integer >> 63)) as u64)
}

/// Integers over the padded shape of a column.
pub(super) fn padded(circuit: &Circuit, column: ColumnId, integers: &[i64], padding: i64) -> Vec<M61> {
    padded_with(circuit, column, integers, padding, |integer| integer)
}

/// As [`padded`], with `map` applied to each integer.
pub(super) fn padded_with(
    circuit: &Circuit,
    column: ColumnId,
    integers: &[i64],
    padding: i64,
    map: impl Fn(i64) -> i64,
) -> Vec<M61> {
    let shape = &circuit[column].shape;
    if shape.is_exact() {
        return integers.iter().map(|&integer| cell(map(integer))).collect();
    }
    let mut table = vec![cell(padding); shape.padded_len()];
    shape.for_each_cell(|logical, padded| table[padded] = cell(map(integers[logical])));
    table
}
