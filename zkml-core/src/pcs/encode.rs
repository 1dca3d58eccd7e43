//! The prover's encoder: several rows side by side, so that every butterfly is one factor on a run of
//! elements.
//!
//! A *tile* is a set of neighbouring rows, stored column by column: element `(j, r)` of `T` rows at `j T +
//! r`. A column of the encoded matrix is then a run of `T` cells in each tile, which is also what the tree
//! hashes. All coefficients from `2 L` on are 0, so each block of `L` points is an independent transform of
//! length `L` over the same coefficients.

use ark_ff::AdditiveGroup;

use super::code::CircleCode;
use crate::field::{M61, kernels};

/// Elements of a tile that are transformed at a time; half a first-level cache.
const PIECE: usize = 1 << 11;

/// Elements of a block of a tile that should stay in the second-level cache.
const BLOCK: usize = 1 << 15;

/// Rows in a tile.
pub(super) fn tile_width(row_length: usize) -> usize {
    (BLOCK / row_length).clamp(8, 64)
}

/// Cells of a row that are transposed together: a cache line of field elements.
const LINE: usize = 8;

/// The first `columns` cells of rows of `columns` cells each, column by column, as field elements.
pub(super) fn transpose<T: Copy>(rows: &[T], columns: usize, value: impl Fn(T) -> M61) -> Vec<M61> {
    let width = rows.len().checked_div(columns).unwrap_or(0);
    let mut out = vec![M61::ZERO; width * columns];
    if width == 0 {
        return out;
    }
    for (line, out) in out.chunks_mut(LINE * width).enumerate() {
        for (row, cells) in rows.chunks_exact(columns).enumerate() {
            for (out, cell) in out.iter_mut().skip(row).step_by(width).zip(&cells[line * LINE..]) {
                *out = value(*cell);
            }
        }
    }
    out
}

/// Encodes block number `block` (of `n / L`) of a tile: the `L` columns from `block L` on. `out` holds the `L` data columns of
/// the tile, which become these; `tail` are the tail columns; all column by column.
pub(super) fn encode_block(code: &CircleCode, width: usize, tail: &[M61], block: usize, out: &mut [M61]) {
    let log_row = code.parameters().log_row as usize;
    if !tail.is_empty() {
        let factor = code.twiddles().signed(log_row, block);
        for (value, coefficient) in out.iter_mut().zip(tail) {
            *value += factor * coefficient;
        }
    }
    transform(code, width, out, log_row, block);
}

/// The lowest `layers` layers on a piece of `width << layers` values, number `piece` of its size. Halves are finished one
/// after the other, so that from the size of a cache on everything stays in that cache.
fn transform(code: &CircleCode, width: usize, values: &mut [M61], layers: usize, piece: usize) {
    if layers == 0 {
        return;
    }
    if values.len() <= PIECE {
        for layer in (0..layers).rev() {
            butterflies(code, values, width, layer, piece << (layers - 1 - layer));
        }
        return;
    }
    butterflies(code, values, width, layers - 1, piece);
    let (low, high) = values.split_at_mut(width << (layers - 1));
    transform(code, width, low, layers - 1, 2 * piece);
    transform(code, width, high, layers - 1, 2 * piece + 1);
}

/// The butterflies of one layer on values whose first one belongs to number `first` of the layer's factors.
fn butterflies(code: &CircleCode, values: &mut [M61], width: usize, layer: usize, first: usize) {
    let half = width << layer;
    let count = values.len() / (2 * half);
    let factors = code
        .twiddles()
        .layer(layer)
        .get(first..first + count)
        .unwrap_or(&[]);
    kernels::butterfly_pairs(values, half, factors);
}

#[cfg(test)]
mod tests {
    use super::super::code::CodeParameters;
    use super::*;
    use crate::field::P;

    #[test]
    fn a_tile_holds_the_codewords_of_its_rows() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            M61::from_raw((state >> 3) % P)
        };
        for (log_row, tail, log_codeword) in [(1, 0, 3), (3, 0, 4), (4, 5, 7), (9, 0, 11), (10, 3, 12)] {
            let parameters = CodeParameters {
                log_row,
                tail,
                log_codeword,
                queries: 1,
                grinding_bits: 0,
            };
            let code = CircleCode::new(&parameters).unwrap();
            for width in [1, 3, 8] {
                let rows: Vec<Vec<M61>> = (0..width)
                    .map(|_| (0..parameters.message_length()).map(|_| next()).collect())
                    .collect();
                let row_length = parameters.row_length();
                let part = |range: core::ops::Range<usize>| {
                    let cells: Vec<M61> = rows.iter().flat_map(|row| row[range.clone()].to_vec()).collect();
                    transpose(&cells, range.len(), |cell| cell)
                };
                let (data, tails) = (part(0..row_length), part(row_length..row_length + tail));
                for (index, cell) in data.iter().enumerate() {
                    assert_eq!(*cell, rows[index % width][index / width]);
                }
                let mut encoded = data.repeat(parameters.codeword_length() / row_length);
                for (block, out) in encoded.chunks_exact_mut(width * row_length).enumerate() {
                    encode_block(&code, width, &tails, block, out);
                }
                for (row, message) in rows.iter().enumerate() {
                    let expected = code.encode(message);
                    let found: Vec<M61> = encoded.iter().skip(row).step_by(width).copied().collect();
                    assert_eq!(found, expected);
                }
            }
        }
    }
}
