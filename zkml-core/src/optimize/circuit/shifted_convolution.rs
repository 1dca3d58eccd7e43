//! Convolutions read their input through an affine map.
//!
//! `y[o, p] = sum_{c, d} W[o, c, d] x[c, p * stride + d - padding]`. The window of each output position is a *view* of
//! the input, whose map the verifier evaluates itself. Without this pass the windows are a committed column (im2col):
//! it has a cell for each output position, input channel and kernel cell.

use crate::circuit::ColumnKind;
use crate::optimize::{Outcome, pass};

pass!(ShiftedConvolution, "shifted_convolution", Circuit(changes) in "lower/builder.rs",
    "lets a convolution read its input through an affine map; no windows are laid out");

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
