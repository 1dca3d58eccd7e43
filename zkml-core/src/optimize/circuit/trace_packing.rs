//! Columns share the rows of the committed matrices.
//!
//! A column shorter than a row takes an aligned piece of one, and rows that lie in a column's padding alone are not stored
//! ([`crate::pcs::Packing`]). Without this pass each column begins a row of its own and is stored with all its padding.

use crate::circuit::{Circuit, ColumnKind};

/// Name of the pass.
pub const NAME: &str = "trace_packing";

/// How many columns of the trace and of the weights there are, and how many of their cells are padding.
pub fn changes(circuit: &Circuit) -> Vec<String> {
    let (mut columns, mut cells, mut values) = (0usize, 0usize, 0usize);
    for column in &circuit.columns {
        if matches!(
            column.kind,
            ColumnKind::Committed { .. } | ColumnKind::Parameter { .. }
        ) {
            columns += 1;
            cells += column.shape.padded_len();
            values += column.shape.logical_len();
        }
    }
    if circuit.unpacked {
        return Vec::new();
    }
    vec![format!(
        "{columns} columns of {cells} cells, {} of them padding, and {} tables share rows",
        cells - values,
        circuit.tables.len()
    )]
}
