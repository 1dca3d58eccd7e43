//! The sizes of a circuit's columns, in the order in which trace and weights are packed into matrices.

use crate::circuit::{Circuit, ColumnKind};
use crate::pcs::Extent;
use crate::poly::PaddedShape;

/// The extents of everything packed into the trace: committed columns, then for each chunk of lookups the multiplicities
/// of the tables.
pub(crate) fn trace_extents(circuit: &Circuit, chunks: usize) -> Vec<Extent> {
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
    let tables = (0..chunks)
        .flat_map(|_| &circuit.tables)
        .map(|table| match circuit.unpacked {
            true => Extent::alone(table.variables()),
            false => Extent::full(table.variables()),
        });
    columns.chain(tables).collect()
}

/// The extents of the parameter columns. Rows of padding are never stored, not even for the setup proof, which shows
/// that padding inside stored rows is 0.
#[cfg(feature = "prover")]
pub(crate) fn weight_extents(circuit: &Circuit) -> Vec<Extent> {
    let shapes = circuit.parameters().map(|id| &circuit[id].shape);
    crops(shapes, circuit.unpacked).collect()
}

/// The extents of columns of weights with these shapes.
pub(super) fn crops<'a>(
    shapes: impl Iterator<Item = &'a PaddedShape>,
    unpacked: bool,
) -> impl Iterator<Item = Extent> {
    shapes.map(move |shape| match unpacked {
        true => Extent::alone(shape.variables()),
        false => Extent::cropped(shape),
    })
}
