//! What a circuit costs.

use crate::circuit::{Circuit, ColumnKind, Home, Schedule};

/// The sizes of a circuit that cost time or bytes: cells of the trace with the multiplicities of tables, rows that are
/// looked up, rows of tables, columns, and depths at which columns are reduced.
pub fn sizes(circuit: &Circuit) -> [(&'static str, u64); 5] {
    let in_trace = |kind: &ColumnKind| {
        matches!(
            kind,
            ColumnKind::Committed {
                home: Home::Trace,
                ..
            }
        )
    };
    let columns: usize = circuit
        .columns
        .iter()
        .filter(|column| in_trace(&column.kind))
        .map(|column| column.shape.padded_len())
        .sum();
    let tables: usize = circuit
        .tables
        .iter()
        .map(|table| 1usize << table.variables())
        .sum();
    let rows = circuit.lookups.iter().filter_map(|lookup| {
        let column = lookup.columns.first()?;
        Some(circuit[*column].shape.padded_len() as u64)
    });
    [
        ("committed cells", (columns + tables) as u64),
        ("looked-up rows", rows.sum()),
        ("table rows", tables as u64),
        ("columns", circuit.columns.len() as u64),
        ("depths", Schedule::new(circuit).stages.len() as u64),
    ]
}
