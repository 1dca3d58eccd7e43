//! Looked-up columns, read where they are.

#![cfg(feature = "prover")]

use core::ops::Range;
use std::borrow::Cow;

use crate::field::kernels::{self, SMALL_BITS};
use crate::field::{M61, from_i64, to_i64_centered};
use crate::int8::Int8Tensor;

/// The cells of a column of a lookup, a power of two of them.
#[derive(Clone, Copy)]
pub enum LookedUp<'a> {
    /// Field elements.
    Field(&'a [M61]),
    /// The cells `start .. start + length` of a padded tensor of weights, which are never widened as a whole. `length`
    /// is a power of two that divides `start`.
    Int8 {
        /// The weights.
        tensor: &'a Int8Tensor,
        /// The first of them.
        start: usize,
        /// How many.
        length: usize,
    },
}

crate::debug_without_values!(LookedUp<'_>, self => "LookedUp({} cells)", self.len());

impl<'a> From<&'a [M61]> for LookedUp<'a> {
    fn from(cells: &'a [M61]) -> Self {
        Self::Field(cells)
    }
}

impl<'a> LookedUp<'a> {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Field(cells) => cells.len(),
            Self::Int8 { length, .. } => *length,
        }
    }

    /// Has it no cells?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of its cells.
    pub fn piece(&self, range: Range<usize>) -> Cow<'a, [M61]> {
        match *self {
            Self::Field(cells) => Cow::Borrowed(&cells[range]),
            Self::Int8 { tensor, start, .. } => {
                let mut piece = Vec::with_capacity(range.len());
                each_cell(tensor, start + range.start..start + range.end, |cell| {
                    piece.push(from_i64(cell.into()));
                });
                Cow::Owned(piece)
            }
        }
    }

    /// Appends `cell - minimum` for each of some cells; whether all of them are below `2^SMALL_BITS`.
    pub(super) fn narrow(&self, range: Range<usize>, minimum: M61, out: &mut Vec<u32>) -> bool {
        match *self {
            Self::Field(cells) => kernels::narrow(&cells[range], minimum, out),
            Self::Int8 { tensor, start, .. } => {
                let minimum = to_i64_centered(minimum);
                let [lowest, highest] = [i8::MIN, i8::MAX].map(|cell| i64::from(cell) - minimum);
                if lowest < 0 || highest >> SMALL_BITS != 0 {
                    return false;
                }
                each_cell(tensor, start + range.start..start + range.end, |cell| {
                    out.push((i64::from(cell) - minimum) as u32);
                });
                true
            }
        }
    }
}

/// Calls `each` on some cells of a padded tensor, in their order.
fn each_cell(tensor: &Int8Tensor, range: Range<usize>, mut each: impl FnMut(i8)) {
    let mut start = range.start;
    while start < range.end {
        // The largest aligned piece that begins here.
        let aligned = start.trailing_zeros().min((range.end - start).ilog2());
        let length = 1 << aligned;
        let piece = tensor.padded_piece(start, length);
        piece.iter().copied().for_each(&mut each);
        (piece.len()..length).for_each(|_| each(0));
        start += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_piece_of_weights_is_that_of_the_padded_cells() {
        let values: Vec<i8> = (0..45).map(|value| (value * 7 % 256) as u8 as i8).collect();
        let tensor = Int8Tensor::new(&[3, 15], values).unwrap();
        let mut cells: Vec<M61> = Vec::new();
        for row in 0..4 {
            for column in 0..16 {
                let inside = row < 3 && column < 15;
                let value = if inside { (row * 15 + column) * 7 % 256 } else { 0 };
                cells.push(from_i64(i64::from(value as u8 as i8)));
            }
        }
        for (start, length) in [(0, 64), (32, 32), (48, 16), (8, 8)] {
            let column = LookedUp::Int8 {
                tensor: &tensor,
                start,
                length,
            };
            let expected = LookedUp::from(&cells[start..start + length]);
            for from in 0..length {
                for to in from..=length {
                    assert_eq!(column.piece(from..to), expected.piece(from..to));
                    let narrowed = |column: LookedUp<'_>, minimum: i64| {
                        let mut out = vec![];
                        let small = column.narrow(from..to, from_i64(minimum), &mut out);
                        small.then_some(out)
                    };
                    let small = narrowed(column, -128);
                    assert!(small.is_some());
                    assert_eq!(small, narrowed(expected, -128));
                }
            }
            // A table without all int8 is no table of weights; such groups are left to the field.
            assert!(!column.narrow(0..length, from_i64(-3), &mut vec![]));
        }
    }
}
