//! A committed level: a matrix over `K` without secrets, its codeword and its tree.
//!
//! A *tile* holds neighbouring rows column by column, the two parts of an element of `K` side by side. To the
//! [encoder](crate::pcs::encode) these are `2 w` rows over `F`. They are also a run of the cells that make up a column.

#![cfg(feature = "prover")]

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use super::parameters::LevelShape;
use crate::field::{K, M61};
use crate::pcs::code::{CircleCode, CodeParameters};
use crate::pcs::encode::{encode_block, tile_width};
use crate::pcs::hash::{Digest, LANES, bare_leaf_digests, bare_leaf_length, bare_root_digest};
use crate::pcs::merkle::MerkleTree;
use crate::transcript::VerifyError;

/// Elements of `K` in a cache line.
const LINE: usize = 4;

/// The encoded matrix of a level.
#[derive(Debug, Clone)]
pub(super) struct Level {
    parameters: CodeParameters,
    /// Rows over `F`.
    rows: usize,
    /// Rows over `F` of each tile.
    widths: Vec<usize>,
    /// Blocks of `M` columns; in each the tiles one after the other, column by column.
    blocks: Vec<Vec<M61>>,
    tree: MerkleTree,
}

impl Level {
    /// Encodes `message`, row by row, and hashes the columns. Its length is a whole number of rows.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`] for parameters out of range.
    pub(super) fn new(shape: &LevelShape<'_>, message: &[K]) -> Result<Self, VerifyError> {
        let _span = tracing::info_span!("commit to a level", rows = shape.rows).entered();
        let code = CircleCode::new(shape.code)?;
        let length = shape.code.row_length();
        let rows = shape.base_rows();
        let rows_in_tile = tile_width(length) / 2;
        let tiles: Vec<Vec<M61>> = message
            .par_chunks(rows_in_tile * length)
            .map(|rows| transpose(rows, length))
            .collect();
        let widths: Vec<usize> = tiles.iter().map(|tile| tile.len() / length).collect();
        let mut blocks = vec![Vec::new(); shape.code.codeword_length() / length];
        let encode = |(index, block): (usize, &mut Vec<M61>)| {
            // The tiles are copied once, each into its place, and encoded there.
            block.reserve_exact(rows * length);
            for (tile, width) in tiles.iter().zip(&widths) {
                let start = block.len();
                block.extend_from_slice(tile);
                encode_block(&code, *width, &[], index, &mut block[start..]);
            }
            leaves(block, &widths, rows, length)
        };
        let leaves: Vec<Vec<Digest>> = blocks.par_iter_mut().enumerate().map(encode).collect();
        Ok(Self {
            parameters: shape.code.clone(),
            rows,
            widths,
            blocks,
            tree: MerkleTree::new(leaves.concat(), shape.code.digest_bytes),
        })
    }

    /// Whether it was committed with this shape.
    pub(super) fn fits(&self, shape: &LevelShape<'_>) -> bool {
        self.parameters == *shape.code && self.rows == shape.base_rows()
    }

    /// The commitment.
    pub(super) fn root(&self) -> Digest {
        bare_root_digest(&self.parameters.wide(), self.rows, &self.tree.root())
    }

    /// The cells of columns, column after column.
    pub(super) fn columns(&self, positions: &[usize]) -> Vec<M61> {
        let length = self.parameters.row_length();
        let mut cells = Vec::with_capacity(self.rows * positions.len());
        for position in positions {
            let block = &self.blocks[position / length];
            runs(block, &self.widths, length, position % length).for_each(|run| cells.extend_from_slice(run));
        }
        cells
    }

    /// The nodes that a verifier misses who knows the columns.
    pub(super) fn path(&self, positions: &[usize]) -> Vec<Digest> {
        self.tree.path(positions)
    }

    /// Puts any word in the place of an encoded row over `F` and commits to it, as a prover may who does not follow the
    /// protocol.
    #[cfg(test)]
    pub(super) fn replace_encoded_row(&mut self, row: usize, word: &[M61]) {
        let length = self.parameters.row_length();
        for (block, word) in self.blocks.iter_mut().zip(word.chunks(length)) {
            let (mut start, mut row) = (0, row);
            for width in &self.widths {
                if row < *width {
                    for (column, value) in word.iter().enumerate() {
                        block[start + column * width + row] = *value;
                    }
                    break;
                }
                row -= width;
                start += width * length;
            }
        }
        let leaves: Vec<Vec<Digest>> = self
            .blocks
            .iter()
            .map(|block| leaves(block, &self.widths, self.rows, length))
            .collect();
        self.tree = MerkleTree::new(leaves.concat(), self.parameters.digest_bytes);
    }
}

/// Rows of `length` elements column by column, as their parts over `F`.
fn transpose(rows: &[K], length: usize) -> Vec<M61> {
    let width = 2 * (rows.len() / length);
    let mut out = vec![M61::ZERO; width * length];
    for (line, out) in out.chunks_mut(LINE * width).enumerate() {
        for (row, cells) in rows.chunks_exact(length).enumerate() {
            for (out, cell) in out.chunks_exact_mut(width).zip(&cells[line * LINE..]) {
                out[2 * row] = cell.c0;
                out[2 * row + 1] = cell.c1;
            }
        }
    }
    out
}

/// The runs of cells that make up a column of a block.
fn runs<'a>(
    block: &'a [M61],
    widths: &'a [usize],
    length: usize,
    column: usize,
) -> impl Iterator<Item = &'a [M61]> {
    let mut start = 0;
    widths.iter().map(move |width| {
        let run = &block[start + column * width..start + (column + 1) * width];
        start += width * length;
        run
    })
}

/// The leaves over the columns of a block of `rows` rows over `F`; hashed in groups that fill the lanes.
fn leaves(block: &[M61], widths: &[usize], rows: usize, length: usize) -> Vec<Digest> {
    let size = bare_leaf_length(rows);
    let mut leaves = vec![[0; 32]; length];
    let hash = |bytes: &mut Vec<u8>, (group, leaves): (usize, &mut [Digest])| {
        for (lane, leaf) in bytes.chunks_exact_mut(size).take(leaves.len()).enumerate() {
            let mut rest = leaf;
            for run in runs(block, widths, length, group * LANES + lane) {
                let (cells, behind) = rest.split_at_mut(8 * run.len());
                for (bytes, cell) in cells.chunks_exact_mut(8).zip(run) {
                    bytes.copy_from_slice(&cell.value.to_le_bytes());
                }
                rest = behind;
            }
        }
        let hashed = bare_leaf_digests(&bytes[..size * leaves.len()], size);
        for (leaf, digest) in leaves.iter_mut().zip(hashed) {
            *leaf = digest;
        }
    };
    leaves
        .par_chunks_mut(LANES)
        .with_min_len(4)
        .enumerate()
        .for_each_init(|| vec![0; size * LANES], hash);
    leaves
}

#[cfg(test)]
mod tests {
    use super::super::parameters::level_shape;
    use super::*;
    use crate::pcs::hash::bare_leaf_digest;

    #[test]
    fn columns_are_those_of_the_encoded_rows_and_leaves_their_hashes() {
        for (log_row, log_codeword, rows) in [(1, 3, 2), (2, 5, 3), (4, 6, 9), (5, 8, 70), (9, 11, 5)] {
            let parameters = CodeParameters {
                log_row,
                tail: 0,
                log_codeword,
                queries: 1,
                log_stride: 0,
                digest_bytes: 32,
                grinding_bits: 0,
            };
            let length = parameters.row_length();
            let number = |i: usize| M61::from((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let message: Vec<K> = (0..rows * length)
                .map(|i| K::new(number(i), number(i + 7)))
                .collect();
            let level = Level::new(&level_shape(&parameters, message.len()), &message).unwrap();
            let code = CircleCode::new(&parameters).unwrap();
            let encoded: Vec<Vec<K>> = message
                .chunks(length)
                .map(|row| code.encode_extension(row))
                .collect();
            let mut digests = Vec::new();
            for position in 0..parameters.codeword_length() {
                let expected: Vec<M61> = encoded
                    .iter()
                    .flat_map(|row| [row[position].c0, row[position].c1])
                    .collect();
                assert_eq!(level.columns(&[position]), expected);
                let mut bytes: Vec<u8> = expected
                    .iter()
                    .flat_map(|cell| cell.value.to_le_bytes())
                    .collect();
                bytes.resize(bare_leaf_length(2 * rows), 0);
                digests.push(bare_leaf_digest(&bytes));
            }
            assert_eq!(level.tree.leaves(), digests);
            // Replacing a row by itself changes nothing, by another one changes the root.
            let mut other = level.clone();
            let word: Vec<M61> = encoded[rows - 1].iter().map(|value| value.c1).collect();
            other.replace_encoded_row(2 * rows - 1, &word);
            assert_eq!(other.root(), level.root());
            other.replace_encoded_row(0, &word);
            assert_ne!(other.root(), level.root());
        }
    }
}
