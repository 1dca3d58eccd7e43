//! The encoded matrix in tiles: encoded block by block and chunk by chunk, and hashed.
//!
//! A *chunk* is the rows that make up a chunk of a leaf: 124, then 128 each. A *block* is `L` neighbouring columns.

#![cfg(feature = "prover")]

use core::ops::Range;

use rayon::prelude::*;
use tracing::debug_span;

use super::code::CircleCode;
use super::encode::{encoded_block, tile_width, transpose};
use super::hash::{ChunkHasher, Digest, LANES, Running, rows_in_chunk};
use super::rows::{Rows, from_i8};
use crate::field::M61;
use crate::secret::{Seed, wipe};

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
    pub(super) fn column(&self, index: usize) -> impl Iterator<Item = &[M61]> {
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
    pub(super) seed: &'a Seed,
}

impl Encoder<'_> {
    /// The leaves over the columns, and the encoded matrix.
    pub(super) fn keep(&self) -> (Vec<Digest>, Vec<Block>) {
        let row_length = self.code.rows().row_length();
        let tiles = tracing::info_span!("transpose").in_scope(|| self.tiles(0..self.count));
        let mut digests = vec![[0; 32]; self.code.rows().codeword_length()];
        let encode = |(index, leaves)| {
            let block = debug_span!("encode", block = index).in_scope(|| self.block(index, &tiles));
            debug_span!("hash", block = index).in_scope(|| self.hash_block(&block, index, leaves));
            block
        };
        let leaves = digests.par_chunks_exact_mut(row_length).enumerate();
        let blocks = leaves.map(encode).collect();
        (digests, blocks)
    }

    /// The leaves alone: a chunk of a block at a time, in parallel inside, which is gone when the next one comes.
    pub(super) fn leaves(&self) -> Vec<Digest> {
        let row_length = self.code.rows().row_length();
        let mut digests = vec![[0; 32]; self.code.rows().codeword_length()];
        let groups = row_length.div_ceil(LANES);
        let mut running = vec![Running::default(); digests.len() / row_length * groups];
        for (chunk, rows) in chunks(self.count).into_iter().enumerate() {
            let last = rows.end == self.count;
            let tiles = self.tiles(rows);
            let leaves = digests.chunks_exact_mut(row_length).enumerate();
            for ((index, leaves), running) in leaves.zip(running.chunks_exact_mut(groups)) {
                let block = self.block(index, &tiles);
                let hasher = ChunkHasher::new(&block.tiles, chunk, last);
                hash_columns(&hasher, index * row_length, self.seed, running, leaves);
            }
        }
        digests
    }

    /// The leaves over the columns of block `index`, all rows of which are there.
    pub(super) fn hash_block(&self, block: &Block, index: usize, leaves: &mut [Digest]) {
        let mut running = vec![Running::default(); leaves.len().div_ceil(LANES)];
        let mut tiles = block.tiles.as_slice();
        for (chunk, rows) in chunks(self.count).into_iter().enumerate() {
            let last = rows.end == self.count;
            let (own, behind) = tiles.split_at(self.tile_rows(rows).len());
            tiles = behind;
            let hasher = ChunkHasher::new(own, chunk, last);
            hash_columns(&hasher, index * leaves.len(), self.seed, &mut running, leaves);
        }
    }

    /// First row and number of rows of each tile of these rows. No tile has rows of two chunks. Tiles of fewer rows
    /// come last in a chunk, with powers of two, as vectors are long. Example: 70 rows in tiles of 64 give 64, 4 and 2.
    fn tile_rows(&self, rows: Range<usize>) -> Vec<(usize, usize)> {
        let width = tile_width(self.code.rows().row_length());
        let mut tiles = Vec::new();
        for chunk in chunks(self.count) {
            let (mut first, end) = (chunk.start.max(rows.start), chunk.end.min(rows.end));
            while first < end {
                let left = end - first;
                let rows = if left >= width { width } else { 1 << left.ilog2() };
                tiles.push((first, rows));
                first += rows;
            }
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

    /// The tiles of these rows: as large as their data in field elements.
    fn tiles(&self, rows: Range<usize>) -> Vec<Tile> {
        let rows = self.tile_rows(rows).into_par_iter();
        rows.map(|rows| self.tile(rows)).collect()
    }

    /// Block `index` of the columns of `tiles`.
    fn block(&self, index: usize, tiles: &[Tile]) -> Block {
        let encode = |tile: &Tile| {
            let cells = encoded_block(self.code, tile.width, &tile.data, &tile.tail, index);
            (tile.width, cells)
        };
        Block {
            tiles: tiles.par_iter().map(encode).collect(),
        }
    }
}

/// The rows of each chunk of a matrix of `count` rows.
fn chunks(count: usize) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let mut first = 0;
    while first < count {
        let end = count.min(first + rows_in_chunk(chunks.len()));
        chunks.push(first..end);
        first = end;
    }
    chunks
}

/// Hashes a chunk of the columns of a block, the first of which has number `first` in the matrix, in groups that fill
/// the lanes.
fn hash_columns(
    hasher: &ChunkHasher<'_>,
    first: usize,
    seed: &Seed,
    running: &mut [Running],
    leaves: &mut [Digest],
) {
    let groups = leaves
        .par_chunks_mut(LANES)
        .zip(running)
        .with_min_len(4)
        .enumerate();
    groups.for_each(|(group, (leaves, running))| {
        // L is a power of two: the columns of a group share one group of salts, also where L is smaller.
        let start = first + group * LANES;
        let mut salts = seed.salts::<LANES>(start / LANES);
        salts.rotate_left(start % LANES);
        hasher.hash(group * LANES, &salts, running, leaves);
        wipe(&mut salts);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_all_rows_and_leave_room_for_the_salt() {
        assert_eq!(chunks(1), vec![0..1]);
        assert_eq!(chunks(124), vec![0..124]);
        assert_eq!(chunks(253), [0..124, 124..252, 252..253]);
    }
}
