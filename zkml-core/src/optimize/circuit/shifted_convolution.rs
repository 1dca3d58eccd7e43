//! Convolutions read their input through an affine map.
//!
//! `y[o, p] = sum_{c, d} W[o, c, d] x[c, p * stride + d - padding]`. The window of each output position is a *view* of
//! the input, whose map the verifier evaluates itself. Without this pass the windows are a committed column (im2col):
//! it has a cell for each output position, input channel and kernel cell.

use super::virtual_values;
use crate::circuit::{CircuitBuilder, ColumnId, ColumnKind};
use crate::optimize::{Outcome, Switches, pass};

pass!(ShiftedConvolution, "shifted_convolution", Circuit(changes) in "lower/builder.rs",
    "lets a convolution read its input through an affine map; no windows are laid out");

/// Without the pass: a committed column with the cells of the view, where there can be one.
pub(crate) fn laid_out(
    switches: &Switches,
    circuit: &mut CircuitBuilder,
    view: ColumnId,
) -> Option<ColumnId> {
    match switches.runs(&ShiftedConvolution) {
        true => None,
        false => virtual_values::commit(circuit, view),
    }
}

/// The windows that are not laid out.
fn changes(outcome: &Outcome<'_>) -> Vec<String> {
    let windows = outcome
        .circuit
        .columns
        .iter()
        .filter(|column| column.name.ends_with("/windows") && matches!(column.kind, ColumnKind::View(_)));
    windows
        .map(|column| {
            let layer = column.name.trim_end_matches("/windows");
            format!(
                "`{layer}`: windows of {} cells stay a view",
                column.shape.padded_len()
            )
        })
        .collect()
}
