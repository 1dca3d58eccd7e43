//! A committed matrix: what the prover keeps between the commitment and the opening.

use core::fmt;

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::claim::Commitment;
use super::code::{CircleCode, CodeParameters};
use super::encode::{encode_tile, tile_width, transpose};
use super::error::PcsError;
use super::hash::{Digest, LANES, leaf_digests, leaf_length};
use super::merkle::MerkleTree;
use super::plan::RowFold;
use crate::field::{K, M61, P};

/// The cells of a matrix, row by row.
#[derive(Debug, Clone)]
pub enum Rows {
    /// Field elements: a trace.
    Field(Vec<M61>),
    /// Small integers, kept as they are: weights.
    Int8(Vec<i8>),
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Self::Field(cells) => cells.len(),
            Self::Int8(cells) => cells.len(),
        }
    }

    fn cell(&self, index: usize) -> M61 {
        match self {
            Self::Field(cells) => cells[index],
            Self::Int8(cells) => from_i8(cells[index]),
        }
    }
}

fn from_i8(value: i8) -> M61 {
    let value = i64::from(value);
    M61::from_raw(if value < 0 {
        P.wrapping_add_signed(value)
    } else {
        value as u64
    })
}

/// The secret that the salts and tails of one commitment come from. Fresh for every commitment, and as secret as the data.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A fresh seed from the operating system.
    ///
    /// # Errors
    ///
    /// [`PcsError::Randomness`] where it has none.
    pub fn from_os() -> Result<Self, PcsError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| PcsError::Randomness(error.to_string()))?;
        Ok(Self(bytes))
    }

    /// A seed kept from an earlier commitment to the same data.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The seed, to be kept with the data.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn stream(&self, purpose: &[u8; 8], index: u64) -> blake3::OutputReader {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose);
        hasher.update(&index.to_le_bytes());
        hasher.finalize_xof()
    }

    /// The salt of column `index`.
    fn salt(&self, index: usize) -> Digest {
        let mut salt = [0; 32];
        self.stream(b"salt....", index as u64).fill(&mut salt);
        salt
    }

    /// `count` uniform coefficients behind row `row`.
    fn tail(&self, row: usize, count: usize) -> Vec<M61> {
        let mut stream = self.stream(b"tail....", row as u64);
        let words = core::iter::repeat_with(|| {
            let mut bytes = [0; 8];
            stream.fill(&mut bytes);
            u64::from_le_bytes(bytes) & P
        });
        words
            .filter(|word| *word < P)
            .map(M61::from_raw)
            .take(count)
            .collect()
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// A matrix with its codeword, salts and tree.
#[derive(Debug, Clone)]
pub struct CommittedMatrix {
    parameters: CodeParameters,
    rows: Rows,
    count: usize,
    /// `tail` coefficients for each row.
    tails: Vec<M61>,
    seed: Seed,
    /// Rows in a tile; the last one may have fewer.
    tile_width: usize,
    /// The encoded rows; see [`super::encode`].
    tiles: Vec<Vec<M61>>,
    tree: MerkleTree,
}

impl CommittedMatrix {
    /// Encodes the rows, hashes the columns and builds the tree.
    ///
    /// # Errors
    ///
    /// [`PcsError::Parameters`] for impossible parameters, [`PcsError::Shape`] where the cells do not make at least one whole row.
    pub fn commit(rows: Rows, parameters: &CodeParameters, seed: Seed) -> Result<Self, PcsError> {
        let code = CircleCode::new(parameters)?;
        let row_length = parameters.row_length();
        if rows.len() == 0 || !rows.len().is_multiple_of(row_length) {
            return Err(PcsError::Shape {
                cells: rows.len(),
                row_length,
            });
        }
        let count = rows.len() / row_length;
        let tails: Vec<M61> = (0..count)
            .flat_map(|row| seed.tail(row, parameters.tail))
            .collect();
        let tile_width = tile_width(row_length);
        let tiles: Vec<Vec<M61>> = (0..count.div_ceil(tile_width))
            .into_par_iter()
            .map(|tile| {
                let first = tile * tile_width;
                let width = tile_width.min(count - first);
                let data = transpose(width, row_length, |row, j| {
                    rows.cell((first + row) * row_length + j)
                });
                let tail = transpose(width, parameters.tail, |row, j| {
                    tails[(first + row) * parameters.tail + j]
                });
                encode_tile(&code, width, &data, &tail)
            })
            .collect();
        let tree = MerkleTree::new(leaves(
            &tiles,
            tile_width,
            count,
            parameters.codeword_length(),
            &seed,
        ));
        Ok(Self {
            parameters: parameters.clone(),
            rows,
            count,
            tails,
            seed,
            tile_width,
            tiles,
            tree,
        })
    }

    /// The commitment.
    pub fn commitment(&self) -> Commitment {
        Commitment {
            root: self.tree.root(),
            rows: self.count,
        }
    }

    /// The code it is encoded with.
    pub fn parameters(&self) -> &CodeParameters {
        &self.parameters
    }

    /// The cells.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The secret of its salts and tails.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// `sum_a eq(high, a) row_{first + a}`, the tail included: `L + tail` coordinates. The rows are touched once.
    pub(super) fn fold(&self, fold: &RowFold) -> Vec<K> {
        let weights = fold.weights(K::ONE);
        let (length, tail) = (self.parameters.row_length(), self.parameters.tail);
        let cells = fold.first_row * length..(fold.first_row + weights.len()) * length;
        let mut out = match &self.rows {
            Rows::Field(rows) => combine(&rows[cells], length, &weights, |cell| *cell),
            Rows::Int8(rows) => combine(&rows[cells], length, &weights, |cell| from_i8(*cell)),
        };
        let tails = fold.first_row * tail..(fold.first_row + weights.len()) * tail;
        out.extend(combine(&self.tails[tails], tail, &weights, |cell| *cell));
        out
    }

    /// The salts of columns.
    pub(super) fn salts(&self, positions: &[usize]) -> Vec<Digest> {
        positions
            .iter()
            .map(|position| self.seed.salt(*position))
            .collect()
    }

    /// The cells of columns, column after column.
    pub(super) fn columns(&self, positions: &[usize]) -> Vec<M61> {
        let mut cells = Vec::with_capacity(positions.len() * self.count);
        for position in positions {
            for run in column_runs(&self.tiles, self.tile_width, self.count, *position) {
                cells.extend_from_slice(run);
            }
        }
        cells
    }

    /// The nodes that a verifier misses who knows the columns.
    pub(super) fn path(&self, positions: &[usize]) -> Vec<Digest> {
        self.tree.path(positions)
    }
}

/// The runs of cells that make up column `position`.
fn column_runs(
    tiles: &[Vec<M61>],
    tile_width: usize,
    count: usize,
    position: usize,
) -> impl Iterator<Item = &[M61]> {
    tiles.iter().enumerate().map(move |(tile, cells)| {
        let width = tile_width.min(count - tile * tile_width);
        &cells[position * width..(position + 1) * width]
    })
}

/// The leaves of the tree, hashed in groups that fill the lanes.
fn leaves(tiles: &[Vec<M61>], tile_width: usize, count: usize, n: usize, seed: &Seed) -> Vec<Digest> {
    let length = leaf_length(count);
    let mut leaves = vec![[0; 32]; n];
    leaves.par_chunks_mut(LANES).enumerate().for_each_init(
        || vec![0; length * LANES],
        |bytes, (group, leaves)| {
            for (lane, leaf) in bytes.chunks_exact_mut(length).take(leaves.len()).enumerate() {
                let position = group * LANES + lane;
                let (salt, mut rest) = leaf.split_at_mut(32);
                salt.copy_from_slice(&seed.salt(position));
                for run in column_runs(tiles, tile_width, count, position) {
                    let (cells, behind) = rest.split_at_mut(8 * run.len());
                    for (bytes, cell) in cells.chunks_exact_mut(8).zip(run) {
                        bytes.copy_from_slice(&cell.value.to_le_bytes());
                    }
                    rest = behind;
                }
            }
            let hashed = leaf_digests(&bytes[..length * leaves.len()], length);
            for (leaf, digest) in leaves.iter_mut().zip(hashed) {
                *leaf = digest;
            }
        },
    );
    leaves
}

/// `sum_a weights[a] row_a` for rows of `length` cells.
fn combine<T: Sync>(cells: &[T], length: usize, weights: &[K], value: impl Fn(&T) -> M61 + Sync) -> Vec<K> {
    let mut out = vec![K::ZERO; length];
    for (row, weight) in cells.chunks_exact(length.max(1)).zip(weights) {
        for (sum, cell) in out.iter_mut().zip(row) {
            let cell = value(cell);
            sum.c0 += weight.c0 * cell;
            sum.c1 += weight.c1 * cell;
        }
    }
    out
}

#[cfg(test)]
impl CommittedMatrix {
    /// Puts any word in the place of an encoded row and commits to that: what a prover may do who does not follow the protocol.
    pub(super) fn replace_encoded_row(&mut self, row: usize, word: &[M61]) {
        let (tile, inside) = (row / self.tile_width, row % self.tile_width);
        let width = self.tile_width.min(self.count - tile * self.tile_width);
        for (position, value) in word.iter().enumerate() {
            self.tiles[tile][position * width + inside] = *value;
        }
        let n = self.parameters.codeword_length();
        self.tree = MerkleTree::new(leaves(&self.tiles, self.tile_width, self.count, n, &self.seed));
    }

    /// The random coefficients behind a row.
    pub(super) fn tail_of_row(&self, row: usize) -> Vec<M61> {
        self.seed.tail(row, self.parameters.tail)
    }
}
