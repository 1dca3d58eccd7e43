//! A committed matrix: what the prover keeps between the commitment and the opening.

use core::fmt;

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;
use tracing::{debug_span, info_span};
use zeroize::Zeroizing;

use super::claim::Commitment;
use super::code::{CircleCode, CodeParameters, RowCode};
use super::columns::{Block, Encoder, hash_leaves, recomputed_columns, stored_columns};
use super::error::PcsError;
use super::hash::{Digest, LANES, root_digest};
use super::merkle::MerkleTree;
use super::plan::RowFold;
use crate::field::{K, M61, P, kernels};
use crate::int8::Int8Cells;
use crate::secret::{Seed, wipe};
use crate::sumcheck::Table;
use crate::transcript::VerifyError;

/// Cells that are worth a thread.
const GRAIN: usize = 1 << 14;

/// The cells of a matrix, row by row.
#[derive(Clone)]
pub enum Rows {
    /// Field elements: a trace.
    Field(Vec<M61>),
    /// Small integers, kept as they are and where they are: weights.
    Int8(Int8Cells),
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Self::Field(cells) => cells.len(),
            Self::Int8(cells) => cells.len(),
        }
    }
}

pub(super) fn from_i8(value: i8) -> M61 {
    let value = i64::from(value);
    M61::from_raw(if value < 0 {
        P.wrapping_add_signed(value)
    } else {
        value as u64
    })
}

/// What is kept of the encoded rows for the opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of them: `8 n / L` bytes for each cell. Opening a column is a look-up.
    Codeword,
    /// The tree alone. The opened columns are computed again: `t` inner products with each row.
    Tree,
}

/// How many random coefficients stand behind the rows of a matrix; what is left of the code's tail is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tails {
    /// Random coefficients behind each row, in places of this matrix: as many columns, less two, may be opened without telling
    /// anything. Next to a narrow mask wide rows need more, see [`WeightCommitments::tail`](crate::keys::WeightCommitments::tail).
    pub length: usize,
    /// The last `full` rows have the whole tail of the code, as masks need.
    pub full: usize,
}

impl Tails {
    /// No randomness: a matrix without secrets.
    pub const NONE: Self = Self { length: 0, full: 0 };

    /// The whole tail of the code behind each row.
    pub fn whole(code: &RowCode) -> Self {
        Self {
            length: code.tail,
            full: 0,
        }
    }
}

/// A matrix with its salts and tree, and with its codeword or without.
#[derive(Clone)]
pub struct CommittedMatrix {
    code: RowCode,
    rows: Rows,
    count: usize,
    /// `tail` coefficients for each row.
    tails: Vec<M61>,
    randomness: Tails,
    seed: Seed,
    /// The encoded rows, where they are kept.
    codeword: Option<Vec<Block>>,
    tree: MerkleTree,
}

impl CommittedMatrix {
    /// Encodes wide rows with whole tails, hashes the columns and builds the tree; keeps the codeword.
    ///
    /// # Errors
    ///
    /// [`PcsError::Parameters`] for impossible parameters, [`PcsError::Shape`] where the cells do not make at
    /// least one whole row.
    pub fn commit(rows: Rows, parameters: &CodeParameters, seed: Seed) -> Result<Self, PcsError> {
        parameters.validate()?;
        let code = parameters.wide();
        Self::commit_with(rows, code, seed, Tails::whole(&code), Keep::Codeword)
    }

    /// [`Self::commit`] with any rows of parameters that were [validated](CodeParameters::validate), any tails, and that keeps
    /// what it is told.
    ///
    /// # Errors
    ///
    /// [`PcsError::Shape`] as [`Self::commit`].
    pub fn commit_with(
        rows: Rows,
        row_code: RowCode,
        seed: Seed,
        tails: Tails,
        keep: Keep,
    ) -> Result<Self, PcsError> {
        let _span = info_span!("commit", cells = rows.len()).entered();
        let code = CircleCode::of(row_code);
        let mut matrix =
            info_span!("draw tails").in_scope(|| Self::without_tree(rows, row_code, seed, tails))?;
        let encoder = Encoder {
            code: &code,
            rows: &matrix.rows,
            tails: &matrix.tails,
            count: matrix.count,
        };
        let row_length = row_code.row_length();
        let blocks = row_code.codeword_length() / row_length;
        let mut digests = vec![[0; 32]; blocks * row_length];
        let hash = |index: usize, block: &Block, leaves: &mut [Digest]| {
            hash_leaves(block, index * row_length, matrix.count, &matrix.seed, leaves);
        };
        matrix.codeword = match keep {
            Keep::Codeword => {
                let tiles = info_span!("transpose").in_scope(|| encoder.tiles());
                let encode = |(index, leaves)| {
                    let block =
                        debug_span!("encode", block = index).in_scope(|| encoder.block(index, Some(&tiles)));
                    debug_span!("hash", block = index).in_scope(|| hash(index, &block, leaves));
                    block
                };
                let leaves = digests.par_chunks_exact_mut(row_length).enumerate();
                Some(leaves.map(encode).collect())
            }
            // One block at a time, in parallel inside: its columns are gone when the next one comes.
            Keep::Tree => {
                for (index, leaves) in digests.chunks_exact_mut(row_length).enumerate() {
                    hash(index, &encoder.block(index, None), leaves);
                }
                None
            }
        };
        matrix.tree = info_span!("Merkle tree").in_scope(|| MerkleTree::new(digests, row_code.digest_bytes));
        Ok(matrix)
    }

    /// A matrix committed before: the same data, code and seed, and the [leaves](Self::leaves) of its
    /// tree. Nothing is encoded; with other leaves the commitment is another one, and openings are rejected.
    ///
    /// # Errors
    ///
    /// As [`Self::commit_with`]; [`PcsError::Leaves`] for a wrong number of leaves.
    pub fn restore(
        rows: Rows,
        code: RowCode,
        seed: Seed,
        tails: Tails,
        leaves: Vec<Digest>,
    ) -> Result<Self, PcsError> {
        if leaves.len() != code.codeword_length() {
            return Err(PcsError::Leaves {
                expected: code.codeword_length(),
                found: leaves.len(),
            });
        }
        let mut matrix = Self::without_tree(rows, code, seed, tails)?;
        matrix.tree = MerkleTree::new(leaves, code.digest_bytes);
        Ok(matrix)
    }

    /// The data and tails alone.
    fn without_tree(rows: Rows, code: RowCode, seed: Seed, randomness: Tails) -> Result<Self, PcsError> {
        let row_length = code.row_length();
        if rows.len() == 0 || !rows.len().is_multiple_of(row_length) {
            return Err(PcsError::Shape {
                cells: rows.len(),
                row_length,
            });
        }
        if randomness.length > code.tail {
            return Err(PcsError::Parameters(VerifyError::Key(format!(
                "commitment code: a tail of {}, expected room for {} random coefficients",
                code.tail, randomness.length
            ))));
        }
        let count = rows.len() / row_length;
        let mut tails = vec![M61::ZERO; count * code.tail];
        if code.tail > 0 {
            tails
                .par_chunks_exact_mut(code.tail)
                .with_min_len(GRAIN.div_ceil(code.tail))
                .enumerate()
                .for_each(|(row, tail)| {
                    let full = row + randomness.full >= count;
                    let length = if full { tail.len() } else { randomness.length };
                    seed.fill_tail(row, &mut tail[..length]);
                });
        }
        let tree = MerkleTree::new(vec![[0; 32]], code.digest_bytes);
        Ok(Self {
            code,
            rows,
            count,
            tails,
            randomness,
            seed,
            codeword: None,
            tree,
        })
    }

    /// The commitment.
    pub fn commitment(&self) -> Commitment {
        Commitment {
            root: root_digest(&self.code, self.count, &self.tree.root()),
            rows: self.count,
            log_stride: self.code.log_stride,
        }
    }

    /// How much randomness its rows carry.
    pub fn tails(&self) -> Tails {
        self.randomness
    }

    /// The random coefficients behind one row, zeros included: `tail` of them.
    pub(crate) fn tail(&self, row: usize) -> &[M61] {
        let tail = self.code.tail;
        &self.tails[row * tail..(row + 1) * tail]
    }

    /// The code of its rows.
    pub fn code(&self) -> RowCode {
        self.code
    }

    /// The cells.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The secret of its salts and tails.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The leaves of its tree: `n` digests, with which it can be [restored](Self::restore).
    pub fn leaves(&self) -> &[Digest] {
        self.tree.leaves()
    }

    /// `sum_a eq(high, a) row_a`, the tail included.
    #[cfg(test)]
    pub(super) fn fold(&self, fold: &RowFold) -> Vec<K> {
        self.combine(fold.first_row, &fold.weights(K::ONE))
    }

    /// `sum_a eq(high, a) row_a` without the tail. One row of field elements as it is, which is what
    /// the columns that share a row are.
    pub(super) fn fold_table(&self, fold: &RowFold) -> Table<'_> {
        let length = self.code.row_length();
        match (&self.rows, fold.weights(K::ONE).as_slice()) {
            (Rows::Field(rows), [weight]) if *weight == K::ONE => {
                Table::Base(&rows[fold.first_row * length..][..length])
            }
            (_, weights) => Table::Extension(self.combine_data(fold.first_row, weights)),
        }
    }

    /// `sum_a weights[a] row_{first_row + a}`, the tail included. The rows are touched once.
    pub(super) fn combine(&self, first_row: usize, weights: &[K]) -> Vec<K> {
        let tail = self.code.tail;
        let tails = first_row * tail..(first_row + weights.len()) * tail;
        let mut out = self.combine_data(first_row, weights);
        out.extend(kernels::combine_rows(&self.tails[tails], tail, weights));
        out
    }

    /// The same without the tail.
    pub(super) fn combine_data(&self, first_row: usize, weights: &[K]) -> Vec<K> {
        let length = self.code.row_length();
        let cells = first_row * length..(first_row + weights.len()) * length;
        match &self.rows {
            Rows::Field(rows) => kernels::combine_rows(&rows[cells], length, weights),
            Rows::Int8(rows) => kernels::fold_rows_i8(&rows[cells], length, weights),
        }
    }

    /// The message over K whose coefficients at the places `c` modulo the stride are those of the rows `first + 2 c` and `first
    /// + 2 c + 1`, its two parts; the tail included.
    pub(super) fn full_message(&self, first: usize) -> Zeroizing<Vec<K>> {
        let (length, stride) = (self.code.row_length(), 1 << self.code.log_stride);
        let cell = |row: usize, column: usize| match (&self.rows, column.checked_sub(length)) {
            (Rows::Field(cells), None) => cells[row * length + column],
            (Rows::Int8(cells), None) => from_i8(cells[row * length + column]),
            (_, Some(behind)) => self.tails[row * self.code.tail + behind],
        };
        let mut message = Zeroizing::new(vec![K::ZERO; stride * self.code.message_length()]);
        let columns = message.par_chunks_exact_mut(stride).enumerate();
        columns.with_min_len(GRAIN / stride).for_each(|(column, values)| {
            for (row, value) in (first..).step_by(2).zip(values) {
                *value = K::new(cell(row, column), cell(row + 1, column));
            }
        });
        message
    }

    /// The salts of columns.
    pub(super) fn salts(&self, positions: &[usize]) -> Vec<Digest> {
        let salt = |position: &usize| self.seed.salts::<LANES>(position / LANES)[position % LANES];
        positions.iter().map(salt).collect()
    }

    /// The cells of columns, column after column.
    pub(super) fn columns(&self, positions: &[usize]) -> Vec<M61> {
        match &self.codeword {
            Some(blocks) => stored_columns(blocks, self.code.row_length(), positions),
            None => recomputed_columns(&self.code, (&self.rows, self.count), &self.tails, positions),
        }
    }

    /// The nodes that a verifier misses who knows the columns.
    pub(super) fn path(&self, positions: &[usize]) -> Vec<Digest> {
        self.tree.path(positions)
    }
}

impl fmt::Debug for Rows {
    /// Cells may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({} cells)", self.len())
    }
}

impl fmt::Debug for CommittedMatrix {
    /// All but the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommittedMatrix")
            .field("commitment", &self.commitment())
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

impl Drop for CommittedMatrix {
    /// Whoever reads the randomness, or the rows encoded with it, later, reads the data.
    fn drop(&mut self) {
        wipe(&mut self.tails);
        // Weights are shared: their memory is overwritten when the last one lets go of it.
        if let Rows::Field(cells) = &mut self.rows {
            wipe(cells);
        }
        self.codeword.iter_mut().flatten().for_each(Block::wipe);
    }
}

#[cfg(test)]
impl CommittedMatrix {
    /// Puts any word in the place of an encoded row and commits to that: what a prover may do who does not
    /// follow the protocol.
    pub(crate) fn replace_encoded_row(&mut self, row: usize, word: &[M61]) {
        let length = self.code.row_length();
        let blocks = self.codeword.as_mut().unwrap();
        for (block, word) in blocks.iter_mut().zip(word.chunks(length)) {
            block.replace_row(row, word);
        }
        let mut digests = vec![[0; 32]; blocks.len() * length];
        for ((index, block), leaves) in blocks.iter().enumerate().zip(digests.chunks_exact_mut(length)) {
            hash_leaves(block, index * length, self.count, &self.seed, leaves);
        }
        self.tree = MerkleTree::new(digests, self.code.digest_bytes);
    }
}
