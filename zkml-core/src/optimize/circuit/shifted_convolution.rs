//! Convolutions read their input through an affine map.
//!
//! `y[o, p] = sum_{c, d} W[o, c, d] x[c, p * stride + d - padding]`: the window of each output position is a *view* of the
//! input, whose map the verifier evaluates in closed form. Without this pass the windows are laid out as a committed column
//! (im2col), as many times larger than the input as the kernel has cells.

use crate::circuit::{Circuit, ColumnKind};

/// Name of the pass.
pub const NAME: &str = "shifted_convolution";

/// The windows that are not laid out.
pub fn changes(circuit: &Circuit) -> Vec<String> {
    let windows = circuit
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
