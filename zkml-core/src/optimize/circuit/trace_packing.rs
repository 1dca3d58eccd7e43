//! Columns share the rows of the committed matrices.
//!
//! A column shorter than a row takes an aligned piece of a row. Rows that hold only padding are not stored
//! (`pcs::Packing`). Without this pass each column begins a row of its own and is stored with all its padding.

use crate::circuit::{Circuit, ColumnKind};
use crate::optimize::{Outcome, Switches, pass};

pass!(TracePacking, "trace_packing", Circuit(changes) in "lower/builder.rs", changes_code,
    "lets columns share rows, and stores no rows of padding");

/// Tells the circuit's layout (`keys/layout.rs`) whether columns share rows.
pub(crate) fn apply(switches: &Switches, circuit: &mut Circuit) {
    circuit.unpacked = !switches.runs(&TracePacking);
}

/// How many columns of the trace and of the weights there are, and how many of their cells are padding.
fn changes(outcome: &Outcome<'_>) -> Vec<String> {
    let circuit = outcome.circuit;
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
