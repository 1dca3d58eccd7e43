//! Cells on their way through the steps of a fold.

use std::borrow::Cow;

use crate::field::{K, M61};
use crate::int8::Int8Tensor;

/// The tensor that a fold works on: cells at first, elements of the extension field after the first weighted step.
pub(super) enum Data<'a> {
    Base(&'a [M61]),
    Int8(Int8<'a>),
    Extension(Vec<K>),
}

/// Padded cells of a byte each.
#[derive(Clone, Copy)]
pub(super) enum Int8<'a> {
    /// Activations.
    Cells(&'a [i8]),
    /// Weights, read where they are.
    Weights(&'a Int8Tensor),
}

impl<'a> Int8<'a> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Cells(cells) => cells.len(),
            Self::Weights(tensor) => tensor.padded_len(),
        }
    }

    /// The cells from `start` on: a multiple of `unit`, at most `length`. Cells left out are zeros. `length` and `unit`
    /// are powers of two, and `start` is a multiple of `length`.
    pub(super) fn piece(self, start: usize, length: usize, unit: usize) -> Cow<'a, [i8]> {
        match self {
            Self::Cells(cells) => Cow::Borrowed(&cells[start..start + length]),
            Self::Weights(tensor) => {
                let mut piece = tensor.padded_piece(start, length);
                if !piece.len().is_multiple_of(unit) {
                    let whole = piece.len().next_multiple_of(unit);
                    piece.to_mut().resize(whole, 0);
                }
                piece
            }
        }
    }

    /// The number of cells to read at a time.
    pub(super) fn run(self) -> usize {
        match self {
            Self::Cells(cells) => cells.len(),
            Self::Weights(tensor) => tensor.padded_run(),
        }
    }
}

/// Cells as int8, if all of them fit: activations most often do.
pub(super) fn to_int8(cells: &[M61]) -> Option<Vec<i8>> {
    // In [0, 256) exactly for cells in [-128, 128).
    let shifted = |cell: &M61| (*cell + M61::from_raw(128)).value;
    cells
        .chunks(1 << 10)
        .all(|cells| cells.iter().fold(0, |bits, cell| bits | shifted(cell)) < 256)
        .then(|| {
            cells
                .iter()
                .map(|cell| shifted(cell).wrapping_sub(128) as i8)
                .collect()
        })
}
