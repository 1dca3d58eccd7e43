//! Why a commitment or an opening cannot be made.

#![cfg(feature = "prover")]

use thiserror::Error;

use crate::error::KeyError;
use crate::secret::RandomnessError;
use crate::transcript::VerifyError;

/// Errors of the prover's side of the commitment.
#[derive(Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PcsError {
    /// Parameters or claims that no verifier would accept either.
    #[error(transparent)]
    Parameters(#[from] VerifyError),
    /// A matrix whose cells do not fill whole rows.
    #[error("{cells} cells do not make rows of {row_length}")]
    Shape {
        /// Cells given.
        cells: usize,
        /// Cells in a row.
        row_length: usize,
    },
    /// Leaves that are not those of the tree.
    #[error("{found} leaves do not make the tree over {expected} columns")]
    Leaves {
        /// Columns of the encoded matrix.
        expected: usize,
        /// Leaves given.
        found: usize,
    },
    /// A matrix committed with another code than the one it is opened with.
    #[error("matrix {matrix} was committed with another code than it is opened with")]
    OtherCode {
        /// Its number among those opened.
        matrix: usize,
    },
    /// The operating system gives no randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// A device or machine that holds a part of the prover's data failed.
    #[error("{operation} failed: {cause}")]
    Backend {
        /// What it was asked for.
        operation: &'static str,
        /// What it says.
        cause: String,
    },
}

impl<E: Into<KeyError>> From<E> for PcsError {
    fn from(error: E) -> Self {
        Self::Parameters(VerifyError::from(error))
    }
}

crate::debug_as_display!(PcsError);
