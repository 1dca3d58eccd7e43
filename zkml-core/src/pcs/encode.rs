//! The prover's encoder: several rows side by side, so that every butterfly is one factor on a run of
//! elements.
//!
//! A *tile* is a set of `T` neighbouring rows, stored column by column: row `r` of column `j` lies at index `j T + r`
//! (for `T = 8`, row 3 of column 2 lies at 19). A column of the encoded matrix is then a run of `T` cells in each tile,
//! which is also what the tree hashes. All coefficients from `2 L` on are 0, so each block of `L` points is an
//! independent transform of length `L` over the same coefficients.

#![cfg(feature = "prover")]

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use super::code::CircleCode;
use crate::field::{M61, kernels};
use crate::secret::Wiped;

/// Elements of a tile that are transformed at a time; half a first-level cache.
const PIECE: usize = 1 << 11;

/// Elements of a block of a tile that should stay in the second-level cache.
const BLOCK: usize = 1 << 15;

/// Rows in a tile. With 16 a run of cells is two cache lines, and two blocks of a hash.
pub(super) fn tile_width(row_length: usize) -> usize {
    (BLOCK / row_length).clamp(16, 64)
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

/// Encodes block number `block` (of `n / L`) of a tile: the `L` columns from `block L` on. `out` holds the `L` data
/// columns of the tile, and is overwritten with the encoded columns. `tail` are the tail columns. All are stored column
/// by column.
pub(super) fn encode_block(code: &CircleCode, width: usize, tail: &[M61], block: usize, out: &mut [M61]) {
    let log_row = code.rows().log_row as usize;
    add_tail(code, tail, block, out);
    transform(code, width, out, log_row, block);
}

/// As [`encode_block`], of data columns that stay as they are.
pub(super) fn encoded_block(
    code: &CircleCode,
    width: usize,
    data: &[M61],
    tail: &[M61],
    block: usize,
) -> Vec<M61> {
    let log_row = code.rows().log_row as usize;
    if !in_pairs_of_layers(width, log_row) || tail.len() > data.len() / 4 {
        let mut out = data.to_vec();
        encode_block(code, width, tail, block, &mut out);
        return out;
    }
    // The first two layers read the data and write the block.
    let mut head = Wiped(data[..tail.len()].to_vec());
    add_tail(code, tail, block, &mut head);
    let (outer, inner) = factors(code, log_row, block, 1);
    let last = !in_pairs_of_layers(width, log_row - 2);
    let mut out = kernels::butterfly_quad_of(&head, data, [&outer[0], &inner[0], &inner[1]], last);
    quarters(code, width, &mut out, log_row, block);
    out
}

/// Adds the tail columns, as a block sees them, to the data columns.
fn add_tail(code: &CircleCode, tail: &[M61], block: usize, data: &mut [M61]) {
    if !tail.is_empty() {
        let factor = code.signed(code.rows().log_row as usize, block);
        for (value, coefficient) in data.iter_mut().zip(tail) {
            *value += factor * coefficient;
        }
    }
}

/// Words in the widest vector there is.
const LANES: usize = 8;

/// Values in a piece whose quarters are worth a thread.
const PARALLEL: usize = 1 << 16;

/// Whether the upper two of `layers` are done at once. Their quarters must be whole vectors.
fn in_pairs_of_layers(width: usize, layers: usize) -> bool {
    layers >= 2 && (width << (layers - 2)).is_multiple_of(LANES)
}

/// The factors of the upper two of `layers`, for `count` neighbouring pieces from number `piece` on.
fn factors(code: &CircleCode, layers: usize, piece: usize, count: usize) -> (&[M61], &[M61]) {
    let of = |layer, range| -> &[M61] { code.layer(layer).get(range).unwrap_or_default() };
    (
        of(layers - 1, piece..piece + count),
        of(layers - 2, 2 * piece..2 * (piece + count)),
    )
}

/// The lowest `layers` layers on piece number `piece`, of `width << layers` values. Does two layers at a time, and
/// finishes one quarter after the other: a quarter that fits a cache stays in it.
fn transform(code: &CircleCode, width: usize, values: &mut [M61], layers: usize, piece: usize) {
    let mut left = layers;
    // A piece that fits does all its layers here. A larger piece does two, then its quarters.
    while in_pairs_of_layers(width, left) {
        let done = layers - left;
        let (outer, inner) = factors(code, left, piece << done, 1 << done);
        let last = !in_pairs_of_layers(width, left - 2);
        kernels::butterfly_quads(values, width << (left - 2), outer, inner, last);
        if values.len() > PIECE {
            return quarters(code, width, values, layers, piece);
        }
        left -= 2;
    }
    for layer in (0..left).rev() {
        butterflies(code, values, width, layer, piece << (layers - 1 - layer));
    }
}

/// What is left of [`transform`] on a piece whose upper two layers are done.
fn quarters(code: &CircleCode, width: usize, values: &mut [M61], layers: usize, piece: usize) {
    let quarter = values.len() / 4;
    let finish =
        |(index, values): (usize, &mut [M61])| transform(code, width, values, layers - 2, 4 * piece + index);
    if values.len() < PARALLEL {
        values.chunks_exact_mut(quarter).enumerate().for_each(finish);
    } else {
        values.par_chunks_exact_mut(quarter).enumerate().for_each(finish);
    }
}

/// The butterflies of one layer. The first of `values` belongs to factor number `first` of the layer.
fn butterflies(code: &CircleCode, values: &mut [M61], width: usize, layer: usize, first: usize) {
    let half = width << layer;
    let count = values.len() / (2 * half);
    let factors = code.layer(layer).get(first..first + count).unwrap_or(&[]);
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
        for (log_row, tail, log_codeword) in [
            (1, 0, 3),
            (3, 0, 4),
            (4, 5, 7),
            (9, 0, 11),
            (10, 3, 12),
            (13, 100, 14),
        ] {
            let parameters = CodeParameters {
                log_row,
                tail,
                log_codeword,
                queries: 1,
                log_stride: 0,
                digest_bytes: 32,
                grinding_bits: 0,
            };
            let code = CircleCode::new(&parameters).unwrap();
            for width in [1, 3, 4, 6, 8] {
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
                    assert_eq!(encoded_block(&code, width, &data, &tails, block), out);
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
