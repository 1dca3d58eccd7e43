//! How the columns of a circuit lie in the matrices that are committed.

use crate::circuit::{Circuit, ColumnKind};
use crate::pcs::Extent;

/// The sizes of everything packed into the trace: its columns, then the tables' multiplicities.
pub(crate) fn trace_extents(circuit: &Circuit) -> Vec<Extent> {
    let columns = circuit.committed().map(|id| {
        let column = &circuit[id];
        match column.kind {
            _ if circuit.unpacked => Extent::alone(column.shape.variables()),
            ColumnKind::Committed {
                zero_padded: true, ..
            } => Extent::cropped(&column.shape),
            _ => Extent::full(column.shape.variables()),
        }
    });
    let tables = circuit.tables.iter().map(|table| match circuit.unpacked {
        true => Extent::alone(table.variables()),
        false => Extent::full(table.variables()),
    });
    columns.chain(tables).collect()
}

/// The sizes of the parameter columns. Rows of padding are not stored, not even for the setup proof: it shows that the
/// padding in stored rows is 0.
pub(crate) fn weight_extents(circuit: &Circuit) -> Vec<Extent> {
    circuit
        .parameters()
        .map(|id| match circuit.unpacked {
            true => Extent::alone(circuit[id].shape.variables()),
            false => Extent::cropped(&circuit[id].shape),
        })
        .collect()
}
