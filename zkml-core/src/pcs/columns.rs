//! Columns of the encoded matrix: encoded block by block, hashed, looked up or computed again.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::circle::CirclePoint;
use super::code::{CircleCode, RowCode};
use super::encode::{encoded_block, tile_width, transpose};
use super::hash::{Digest, LANES, leaf_digests, leaf_length};
use super::rows::{Rows, from_i8};
use crate::field::{K, M61, kernels};
use crate::secret::{Seed, Wiped, wipe};

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

/// `L` neighbouring columns of the encoded matrix. In a tile of `w` rows, row `r` of column `j` lies at index
/// `j w + r`. Example: for `w = 8`, row 3 of column 2 lies at 19.
#[derive(Clone)]
pub(super) struct Block {
    /// Width and cells of each tile.
    tiles: Vec<(usize, Vec<M61>)>,
}

/// Cells that are overwritten at a time.
const WIPED: usize = 1 << 17;

impl Drop for Block {
    /// Encoded rows that are not kept would tell as much as those that are.
    fn drop(&mut self) {
        self.wipe();
    }
}

impl Block {
    /// The runs of cells that make up a column, by its place in the block.
    fn column(&self, index: usize) -> impl Iterator<Item = &[M61]> {
        self.tiles
            .iter()
            .map(move |(width, cells)| &cells[index * width..(index + 1) * width])
    }

    /// Forgets all cells.
    fn wipe(&mut self) {
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
    /// First row and number of rows of each tile. Tiles of fewer rows come last, with powers of two, as vectors are
    /// long. Example: 70 rows in tiles of 64 give 64, 4 and 2.
    fn tile_rows(&self) -> Vec<(usize, usize)> {
        let width = tile_width(self.code.rows().row_length());
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
        let (row_length, tail) = (self.code.rows().row_length(), self.code.rows().tail);
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

/// The leaves over the columns of a block, one for each column, the first of which has number `first`. They are hashed
/// in groups that fill the lanes.
pub(super) fn hash_leaves(block: &Block, first: usize, count: usize, seed: &Seed, leaves: &mut [Digest]) {
    let length = leaf_length(count);
    leaves
        .par_chunks_mut(LANES)
        .with_min_len(4)
        .enumerate()
        .for_each_init(
            || Wiped(vec![0; length * LANES]),
            |bytes, (group, leaves)| {
                // L is a power of two: the columns of a group share one group of salts, also where L is
                // smaller.
                let start = first + group * LANES;
                let mut salts = seed.salts::<LANES>(start / LANES);
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
                wipe(&mut salts);
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

/// The cells of columns, column after column, from the rows: cell `a` of column `j` is the inner product of row `a`
/// with the values `b_{S i}(P_j)` of the basis. Two columns share a vector over `K`, a coordinate each.
pub(super) fn recomputed_columns(
    code: &RowCode,
    (rows, count): (&Rows, usize),
    tails: &[M61],
    positions: &[usize],
) -> Vec<M61> {
    let (length, tail) = (code.row_length(), code.tail);
    let factors: Vec<Vec<K>> = code
        .points(positions)
        .chunks(2)
        .map(|pair| factors_of(code, pair))
        .collect();
    let vectors: Vec<Vec<K>> = factors
        .par_iter()
        .map(|factors| basis_values(factors, length))
        .collect();
    // The basis functions of the tail are those of the data times b_L.
    let behind: Vec<(K, &[K])> = factors
        .iter()
        .zip(&vectors)
        .map(|(factors, vector)| (factors[code.log_row as usize], &vector[..tail]))
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

/// The factors of the basis at one point or two: the first coordinates are those of the first point.
fn factors_of(code: &RowCode, points: &[CirclePoint]) -> Vec<K> {
    let factors: Vec<Vec<M61>> = points.iter().map(|point| code.factors(*point)).collect();
    let second = |bit: usize| factors.get(1).map_or(M61::ZERO, |factors| factors[bit]);
    let both = |(bit, first): (usize, &M61)| K::new(*first, second(bit));
    factors[0].iter().enumerate().map(both).collect()
}

/// The products of `factors` by the bits of `0, .., length - 1`, in both coordinates.
fn basis_values(factors: &[K], length: usize) -> Vec<K> {
    let mut values = vec![K::new(M61::ONE, M61::ONE)];
    for phi in factors {
        if values.len() == length {
            break;
        }
        for index in 0..values.len() {
            let value = values[index];
            values.push(K::new(value.c0 * phi.c0, value.c1 * phi.c1));
        }
    }
    values
}
