//! What is committed: cells, the random coefficients after each row, and what is kept for the opening.

#![cfg(feature = "prover")]

use core::fmt;

use super::code::RowCode;
use crate::field::{M61, P};
use crate::int8::Int8Cells;
use crate::secret::Seed;

/// The cells of a matrix, row by row.
#[derive(Clone)]
pub enum Rows {
    /// Field elements: a trace.
    Field(Vec<M61>),
    /// Small integers, kept as they are and where they are: weights.
    Int8(Int8Cells),
}

impl Rows {
    pub(super) fn len(&self) -> usize {
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

/// How many random coefficients stand after the rows of a matrix; what is left of the code's tail is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tails {
    /// Random coefficients of each row, counted in places of this matrix: opening up to `length - 2` columns reveals
    /// nothing. Wide rows next to a narrow mask need more, see `WeightCommitments::tail`.
    pub length: usize,
    /// The last `full` rows have the whole tail of the code, as masks need.
    pub full: usize,
}

impl Tails {
    /// No randomness: a matrix without secrets.
    pub const NONE: Self = Self { length: 0, full: 0 };

    /// Each row has the whole tail of the code.
    pub fn whole(code: &RowCode) -> Self {
        Self {
            length: code.tail,
            full: 0,
        }
    }
}

/// A commitment that is to be made.
#[derive(Debug)]
pub struct Uncommitted {
    /// The cells, row by row.
    pub rows: Rows,
    /// The code of the rows, from parameters that were [validated](super::CodeParameters::validate).
    pub code: RowCode,
    /// The secret of salts and tails.
    pub seed: Seed,
    /// How much randomness rows carry.
    pub tails: Tails,
    /// What is kept for the opening, where that is a choice.
    pub keep: Keep,
}

impl fmt::Debug for Rows {
    /// Cells may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({} cells)", self.len())
    }
}
