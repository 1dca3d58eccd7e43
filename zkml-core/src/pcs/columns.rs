//! Columns of the encoded matrix: encoded block by block, hashed, looked up or computed again.

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::circle::{CirclePoint, basis, domain_point};
use super::code::{CircleCode, CodeParameters};
use super::encode::{encoded_block, tile_width, transpose};
use super::hash::{Digest, LANES, leaf_digests, leaf_length};
use super::matrix::{Rows, from_i8};
use super::seed::{Seed, wipe};
use crate::field::{K, M61, kernels};

/// Neighbouring rows, their coefficients stored column by column.
pub(super) struct Tile {
    width: usize,
    data: Vec<M61>,
    tail: Vec<M61>,
}

impl Drop for Tile {
    fn drop(&mut self) {
        wipe(&mut self.data);
        wipe(&mut self.tail);
    }
}

/// `L` neighbouring columns of the encoded matrix: for each tile its rows' cells, column by column.
#[derive(Clone)]
pub(super) struct Block {
    /// Width and cells of each tile.
    tiles: Vec<(usize, Vec<M61>)>,
}

/// Cells that are overwritten at a time.
const WIPED: usize = 1 << 17;

impl Block {
    /// The runs of cells that make up a column, by its place in the block.
    fn column(&self, index: usize) -> impl Iterator<Item = &[M61]> {
        self.tiles
            .iter()
            .map(move |(width, cells)| &cells[index * width..(index + 1) * width])
    }

    /// Forgets all cells.
    pub(super) fn wipe(&mut self) {
        let pieces = self
            .tiles
            .par_iter_mut()
            .flat_map(|(_, cells)| cells.par_chunks_mut(WIPED));
        pieces.for_each(wipe);
    }

    /// Overwrites the cells of a row.
    #[cfg(test)]
    pub(super) fn replace_row(&mut self, mut row: usize, word: &[M61]) {
        for (width, cells) in &mut self.tiles {
            if row < *width {
                cells
                    .iter_mut()
                    .skip(row)
                    .step_by(*width)
                    .zip(word)
                    .for_each(|(cell, value)| *cell = *value);
                return;
            }
            row -= *width;
        }
    }
}

/// Encodes a matrix of `count` rows.
pub(super) struct Encoder<'a> {
    pub(super) code: &'a CircleCode,
    pub(super) rows: &'a Rows,
    pub(super) tails: &'a [M61],
    pub(super) count: usize,
}

impl Encoder<'_> {
    fn parameters(&self) -> &CodeParameters {
        self.code.parameters()
    }

    /// First row and number of rows of each tile. Those of the last ones are powers of two, as vectors are long.
    fn tile_rows(&self) -> Vec<(usize, usize)> {
        let width = tile_width(self.parameters().row_length());
        let (mut tiles, mut first) = (Vec::new(), 0);
        while first < self.count {
            let left = self.count - first;
            let rows = if left >= width { width } else { 1 << left.ilog2() };
            tiles.push((first, rows));
            first += rows;
        }
        tiles
    }

    fn tile(&self, (first, width): (usize, usize)) -> Tile {
        let (row_length, tail) = (self.parameters().row_length(), self.parameters().tail);
        let cells = first * row_length..(first + width) * row_length;
        let data = match self.rows {
            Rows::Field(rows) => transpose(&rows[cells], row_length, |cell| cell),
            Rows::Int8(rows) => transpose(&rows[cells], row_length, from_i8),
        };
        let tail = transpose(&self.tails[first * tail..(first + width) * tail], tail, |cell| {
            cell
        });
        Tile { width, data, tail }
    }

    /// All tiles: as large as the data in field elements.
    pub(super) fn tiles(&self) -> Vec<Tile> {
        self.tile_rows()
            .into_par_iter()
            .map(|rows| self.tile(rows))
            .collect()
    }

    /// Block `index` of the columns, from `tiles` or from tiles made on the way.
    pub(super) fn block(&self, index: usize, tiles: Option<&[Tile]>) -> Block {
        let encode = |tile: &Tile| {
            let cells = encoded_block(self.code, tile.width, &tile.data, &tile.tail, index);
            (tile.width, cells)
        };
        let tiles = match tiles {
            Some(tiles) => tiles.par_iter().map(encode).collect(),
            None => self
                .tile_rows()
                .into_par_iter()
                .map(|rows| encode(&self.tile(rows)))
                .collect(),
        };
        Block { tiles }
    }
}

/// The leaves over the columns of a block, one for each, whose first one has number `first`; hashed in groups that fill the
/// lanes.
pub(super) fn hash_leaves(block: &Block, first: usize, count: usize, seed: &Seed, leaves: &mut [Digest]) {
    let length = leaf_length(count);
    leaves
        .par_chunks_mut(LANES)
        .with_min_len(4)
        .enumerate()
        .for_each_init(
            || vec![0; length * LANES],
            |bytes, (group, leaves)| {
                // L is a power of two: the columns of a group share one group of salts, also where L is
                // smaller.
                let start = first + group * LANES;
                let salts = seed.salts(start / LANES);
                let leaf_bytes = bytes.chunks_exact_mut(length).take(leaves.len()).enumerate();
                for ((lane, leaf), own_salt) in leaf_bytes.zip(&salts[start % LANES..]) {
                    let index = group * LANES + lane;
                    let (salt, mut rest) = leaf.split_at_mut(32);
                    salt.copy_from_slice(own_salt);
                    for run in block.column(index) {
                        let (cells, behind) = rest.split_at_mut(8 * run.len());
                        kernels::write_words(run, cells);
                        rest = behind;
                    }
                }
                let hashed = leaf_digests(&bytes[..length * leaves.len()], length);
                for (leaf, digest) in leaves.iter_mut().zip(hashed) {
                    *leaf = digest;
                }
            },
        );
}

/// The cells of columns, column after column, from the kept blocks of `row_length` columns.
pub(super) fn stored_columns(blocks: &[Block], row_length: usize, positions: &[usize]) -> Vec<M61> {
    let runs = positions
        .iter()
        .flat_map(|position| blocks[position / row_length].column(position % row_length));
    runs.flatten().copied().collect()
}

/// Rows that are multiplied with all vectors while they are in the cache.
const ROWS_AT_A_TIME: usize = 64;

/// The cells of columns, column after column, from the rows: cell `a` of column `j` is the inner product of
/// row `a` with the values `b_i(P_j)` of the basis. Two columns are one vector over `K`.
pub(super) fn recomputed_columns(
    parameters: &CodeParameters,
    (rows, count): (&Rows, usize),
    tails: &[M61],
    positions: &[usize],
) -> Vec<M61> {
    let (length, tail) = (parameters.row_length(), parameters.tail);
    let points: Vec<CirclePoint> = positions
        .par_iter()
        .map(|position| domain_point(parameters.log_codeword, *position))
        .collect();
    let vectors: Vec<Vec<K>> = points
        .par_chunks(2)
        .map(|pair| basis_values(parameters.log_row, pair))
        .collect();
    // The basis functions of the tail are those of the data times b_L.
    let behind: Vec<(K, &[K])> = points
        .chunks(2)
        .zip(&vectors)
        .map(|(pair, vector)| (at_both(pair, |point| basis(length, point)), &vector[..tail]))
        .collect();
    let group = |first: usize| -> Vec<Vec<K>> {
        let last = count.min(first + ROWS_AT_A_TIME);
        let multiply = |(vector, (factor, tail_vector)): (&Vec<K>, &(K, &[K]))| {
            let mut products: Vec<K> = match rows {
                Rows::Field(rows) => rows[first * length..last * length]
                    .chunks_exact(length)
                    .map(|row| kernels::dot_base(row, vector))
                    .collect(),
                Rows::Int8(rows) => {
                    kernels::rows_dot_i8(&rows[first * length..last * length], length, vector)
                }
            };
            if tail > 0 {
                let tails = tails[first * tail..last * tail].chunks_exact(tail);
                for (product, row) in products.iter_mut().zip(tails) {
                    let sum = kernels::dot_base(row, tail_vector);
                    *product += K::new(factor.c0 * sum.c0, factor.c1 * sum.c1);
                }
            }
            products
        };
        vectors.iter().zip(&behind).map(multiply).collect()
    };
    let starts: Vec<usize> = (0..count).step_by(ROWS_AT_A_TIME).collect();
    let groups: Vec<Vec<Vec<K>>> = starts.into_par_iter().map(group).collect();

    let mut cells = Vec::with_capacity(count * positions.len());
    for index in 0..positions.len() {
        let part = |value: &K| if index % 2 == 0 { value.c0 } else { value.c1 };
        for products in &groups {
            cells.extend(products[index / 2].iter().map(part));
        }
    }
    cells
}

/// `b_i` for `i < L` at one or two points of the domain, the second as the second coordinate.
fn basis_values(log_row: u32, points: &[CirclePoint]) -> Vec<K> {
    let mut values = vec![at_both(points, |_| M61::ONE)];
    for bit in 0..log_row {
        let phi = at_both(points, |point| basis(1 << bit, point));
        for index in 0..values.len() {
            let value = values[index];
            values.push(K::new(value.c0 * phi.c0, value.c1 * phi.c1));
        }
    }
    values
}

/// A function at one or two points.
fn at_both(points: &[CirclePoint], value: impl Fn(CirclePoint) -> M61) -> K {
    let mut values = points.iter().map(|point| value(*point));
    let mut next = || values.next().unwrap_or(M61::ZERO);
    let c0 = next();
    K::new(c0, next())
}
