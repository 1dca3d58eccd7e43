//! What the cells around a tensor are: PyTorch's `padding_mode`.

use crate::graph::{Shape, ShapeError, choice, same_name};

/// What the cells around a tensor are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaddingMode {
    /// 0.
    Zeros,
    /// The cells behind the edge, in reverse: `[1, 2, 3]` with 2 on the left is `[3, 2, 1, 2, 3]`.
    Reflect,
    /// The cell at the edge.
    Replicate,
    /// The cells at the other end.
    Circular,
}

impl PaddingMode {
    /// The mode of this name in PyTorch. Convolutions say `zeros`, `torch.nn.functional.pad` says `constant`.
    pub const fn named(name: &str) -> Option<PaddingMode> {
        if same_name(name, "zeros") || same_name(name, "constant") {
            Some(PaddingMode::Zeros)
        } else if same_name(name, "reflect") {
            Some(PaddingMode::Reflect)
        } else if same_name(name, "replicate") {
            Some(PaddingMode::Replicate)
        } else if same_name(name, "circular") {
            Some(PaddingMode::Circular)
        } else {
            None
        }
    }

    /// # Errors
    /// Another name.
    pub const fn check(operation: &'static str, name: &str) -> Result<(), ShapeError> {
        let expected = "`zeros`, `reflect`, `replicate` or `circular`";
        choice(
            operation,
            "padding_mode",
            expected,
            PaddingMode::named(name).is_some(),
        )
    }

    /// Are there enough cells along `axis` for so many before and after?
    ///
    /// # Errors
    /// There are not: a reflection needs one more than it shows, a circle as many.
    pub const fn fits(
        operation: &'static str,
        name: &str,
        x: Shape,
        axis: usize,
        before: usize,
        after: usize,
    ) -> Result<(), ShapeError> {
        let found = if before > after { before } else { after };
        let most = match PaddingMode::named(name) {
            Some(PaddingMode::Reflect) => x.size(axis).saturating_sub(1),
            Some(PaddingMode::Circular) => x.size(axis),
            _ => return Ok(()),
        };
        if found <= most {
            return Ok(());
        }
        Err(ShapeError::Surrounding {
            operation,
            most,
            of: x,
            found,
        })
    }
}
