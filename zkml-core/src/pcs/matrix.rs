//! A committed matrix: what the prover keeps between the commitment and the opening.

#![cfg(feature = "prover")]

use core::fmt;

use ark_ff::AdditiveGroup;
use rayon::prelude::*;
use tracing::info_span;

use super::claim::Commitment;
use super::code::{CircleCode, CodeParameters, RowCode};
use super::error::PcsError;
use super::hash::{Digest, root_digest};
use super::merkle::MerkleTree;
use super::rows::{Keep, Rows, Tails};
use super::tiles::{Block, Encoder};
use crate::error::CodeError;
use crate::field::M61;
use crate::secret::{Seed, wipe};

/// Cells that are worth a thread.
pub(super) const GRAIN: usize = 1 << 14;

/// A matrix with its salts and tree, and with its codeword or without. The tree takes `64 n` bytes, for narrow rows
/// `64 n / S`.
#[derive(Clone)]
pub struct CommittedMatrix {
    pub(super) code: RowCode,
    pub(super) rows: Rows,
    pub(super) count: usize,
    /// `tail` coefficients for each row.
    pub(super) tails: Vec<M61>,
    randomness: Tails,
    pub(super) seed: Seed,
    /// The encoded rows, where they are kept.
    pub(super) codeword: Option<Vec<Block>>,
    pub(super) tree: MerkleTree,
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

    /// [`Self::commit`] for any rows and tails, of parameters that were [validated](CodeParameters::validate). `keep`
    /// says what is kept.
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
            seed: &matrix.seed,
        };
        let (digests, codeword) = match keep {
            Keep::Codeword => {
                let (digests, blocks) = encoder.keep();
                (digests, Some(blocks))
            }
            Keep::Tree => (encoder.leaves(), None),
        };
        matrix.codeword = codeword;
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
            return Err(PcsError::from(CodeError::ShortTail {
                found: code.tail,
                expected: randomness.length,
            }));
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

    /// The random coefficients after one row, zeros included: `tail` of them.
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

    /// Whether the encoded rows are kept.
    pub fn keeps_codeword(&self) -> bool {
        self.codeword.is_some()
    }

    /// The leaves of its tree: `n` digests, with which it can be [restored](Self::restore).
    pub fn leaves(&self) -> &[Digest] {
        self.tree.leaves()
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
    /// A later reader of the randomness, or of rows encoded with it, would learn the data.
    fn drop(&mut self) {
        wipe(&mut self.tails);
        // Weights are shared: their memory is overwritten when the last one lets go of it.
        if let Rows::Field(cells) = &mut self.rows {
            wipe(cells);
        }
        // The blocks of the codeword and the seed overwrite themselves.
    }
}

#[cfg(test)]
impl CommittedMatrix {
    /// Puts any word in the place of an encoded row and commits to it, as a prover may who does not follow the
    /// protocol.
    pub(crate) fn replace_encoded_row(&mut self, row: usize, word: &[M61]) {
        let length = self.code.row_length();
        let blocks = self.codeword.as_mut().unwrap();
        for (block, word) in blocks.iter_mut().zip(word.chunks(length)) {
            block.replace_row(row, word);
        }
        let code = CircleCode::of(self.code);
        let encoder = Encoder {
            code: &code,
            rows: &self.rows,
            tails: &self.tails,
            count: self.count,
            seed: &self.seed,
        };
        let mut digests = vec![[0; 32]; self.code.codeword_length()];
        let blocks = self.codeword.iter().flatten().enumerate();
        for ((index, block), leaves) in blocks.zip(digests.chunks_exact_mut(length)) {
            encoder.hash_block(block, index, leaves);
        }
        self.tree = MerkleTree::new(digests, self.code.digest_bytes);
    }
}
