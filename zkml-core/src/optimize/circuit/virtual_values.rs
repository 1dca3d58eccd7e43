//! What is linear algebra is not committed.
//!
//! Convolutions, products, sums and the quotients of rescales follow from committed columns, so the argument evaluates
//! them at random points. Only the values after a non-linearity are committed. Without this pass each such node, and
//! each quotient, is committed too, and an equality ties it to its definition.

use crate::circuit::{CircuitBuilder, Column, ColumnId, ColumnKind};
use crate::optimize::{Outcome, Pass, Switches, pass};

pass!(VirtualValues, "virtual_values", Circuit(changes) in "lower/builder.rs",
    "evaluates sums and products where they are needed, and never commits them");

/// Suffix of the name of a column that is committed although it could be virtual.
pub const SUFFIX: &str = "/committed";

/// Without the pass that leaves a column virtual: a committed column that equals it. `None` where the pass runs, or the
/// column is not zero on padding, and hence has to stay virtual.
pub(crate) fn committed(
    pass: &dyn Pass,
    switches: &Switches,
    circuit: &mut CircuitBuilder,
    column: ColumnId,
) -> Option<ColumnId> {
    if switches.runs(pass) || !circuit.is_zero_padded(column) {
        return None;
    }
    let Column { name, shape, .. } = &circuit.circuit[column];
    let (name, sizes) = (format!("{name}{SUFFIX}"), shape.sizes());
    // The equality forces the zeros of the padding as well.
    let output = circuit.column(&name, &sizes, ColumnKind::trace(true));
    circuit.equality(&name, column, output);
    Some(output)
}

/// The columns that look-ups and layers read and that are virtual.
fn changes(outcome: &Outcome<'_>) -> Vec<String> {
    let circuit = outcome.circuit;
    let mut cells = 0u64;
    let mut count = 0u64;
    for id in circuit.ids().filter(|id| !circuit.equalities.contains(id)) {
        let column = &circuit[id];
        if matches!(column.kind, ColumnKind::Linear(_) | ColumnKind::Contraction(_)) {
            count += 1;
            cells += column.shape.padded_len() as u64;
        }
    }
    if count == 0 {
        return Vec::new();
    }
    vec![format!(
        "{count} sums and products of {cells} cells are evaluated, not committed"
    )]
}
