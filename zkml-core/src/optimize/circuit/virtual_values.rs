//! What is linear algebra is not committed.
//!
//! Convolutions, products, sums and the quotients of rescales follow from committed columns; the argument evaluates them
//! at random points: only the values after a non-linearity are committed. Without this pass each such node, and
//! each quotient, is committed too, and an equality ties it to its definition.

use crate::circuit::Circuit;

/// Name of the pass.
pub const NAME: &str = "virtual_values";

/// How the name of a column ends that is committed although it could be virtual.
pub const SUFFIX: &str = "/committed";

/// The columns that look-ups and layers read and that are virtual.
pub fn changes(circuit: &Circuit) -> Vec<String> {
    use crate::circuit::ColumnKind;
    let mut cells = 0u64;
    let mut count = 0u64;
    for column in &circuit.columns {
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
