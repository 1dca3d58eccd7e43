//! The claims of an opening: values of row blocks of committed matrices at points.
//!
//! A claim on matrix `m` reads the rows from `first_row` on as one multilinear polynomial in `h + log_row` variables:
//!
//! ```text
//! value = sum_{a < 2^h} sum_{j < L} eq(high, a) eq(low, j) row_a[j]
//! ```
//!
//! For each `a` that is [stored](super::stored), `row_a` is the next row of the matrix; for the others it is 0.
//!
//! `high` and `low` may be any points: a combination of its own tests that rows are near the code. [`Coordinate`] says
//! which coordinates are bits and which are challenges. A challenge that occurs twice in one `high`, which no reduction
//! makes, is refused. Soundness rests on neither.

use core::ops::Range;

use serde::{Deserialize, Serialize};

use super::code::CodeParameters;
use super::recursive::RecursionParameters;
use super::stored::StoredRows;
use crate::error::{ClaimError, OpeningError};
use crate::field::K;
use crate::poly::Coordinate;
use crate::transcript::VerifyError;

/// Which commitment a claim is opened against. The commitments to the weights, of which a setup proof has several, are
/// followed by those to tensors that are committed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Matrix {
    /// Committed columns and multiplicities.
    Trace = 0,
    /// Parameter columns.
    Weights = 1,
}

/// Where a claim is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPoint {
    /// Index among the matrices opened together.
    pub matrix: usize,
    /// First of its stored rows.
    pub first_row: usize,
    /// Which of the `2^high.len()` rows are stored; the others are 0.
    pub stored: StoredRows,
    /// The coordinates over the rows.
    pub high: Vec<Coordinate>,
    /// The `log_row` coordinates in the message, also for a narrow row: its coefficients stand where the last
    /// coordinates are 0.
    pub low: Vec<K>,
}

/// A claimed value, as the prover knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Where.
    pub point: ClaimPoint,
    /// What.
    pub value: K,
}

/// A commitment to a matrix. The number of rows is public and comes from the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// Root of the Merkle tree over the columns of the encoded matrix.
    pub root: [u8; 32],
    /// Rows of the matrix.
    pub rows: usize,
    /// `log2` of the stride of its rows: 0, or that of the code.
    pub log_stride: u32,
}

/// Where a row over K lies: its two parts over F are `first_row` and the row after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtensionRow {
    /// Index among the matrices opened together.
    pub matrix: usize,
    /// The row of the first parts.
    pub first_row: usize,
}

/// The mask of a row combination, and the other rows over K before it.
///
/// The mask is a whole message. In a matrix of stride `S` it takes `S` rows over K. Row number `c` has the coefficients
/// at the places `c` modulo `S`. Example: for `S = 4`, coefficient 7 is in row 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskRows {
    /// The first of the mask's rows over K.
    pub mask: ExtensionRow,
    /// How many there are: the stride of their matrix.
    pub classes: usize,
    /// From this row of its matrix up to the mask, rows are pairs: the two parts of a row over K.
    pub first_pair: usize,
}

impl MaskRows {
    /// The rows over F that hold the mask.
    pub fn rows(&self) -> Range<usize> {
        let first = self.mask.first_row;
        first..first.saturating_add(self.classes.saturating_mul(2))
    }
}

/// Checks everything that the parameters, matrices, points and mask of an opening must fulfil before it begins.
///
/// # Errors
///
/// [`VerifyError::Key`] that says what does not fit.
pub fn check_opening<'a>(
    (code, recursion): (&CodeParameters, &RecursionParameters),
    commitments: &[Commitment],
    points: impl IntoIterator<Item = &'a ClaimPoint>,
    mask: Option<MaskRows>,
) -> Result<(), VerifyError> {
    code.validate()?;
    recursion.validate(code.message_length())?;
    check_strides(code, commitments.iter().map(|commitment| commitment.log_stride))?;
    check_points(code, commitments, points)?;
    check_mask(commitments, mask)
}

/// Checks that the matrices have rows of a stride that the code has.
///
/// # Errors
///
/// [`VerifyError::Key`] that says which one does not.
pub fn check_strides(
    code: &CodeParameters,
    strides: impl IntoIterator<Item = u32>,
) -> Result<(), VerifyError> {
    for (index, log_stride) in strides.into_iter().enumerate() {
        if log_stride != 0 && log_stride != code.log_stride {
            return Err(VerifyError::from(OpeningError::Stride {
                matrix: index,
                found: log_stride,
                expected: code.log_stride,
            }));
        }
    }
    Ok(())
}

/// Checks that a mask lies in its matrix and makes up one message, and that the rows before it are whole pairs.
///
/// # Errors
///
/// [`VerifyError::Key`] where they are not.
pub fn check_mask(commitments: &[Commitment], mask: Option<MaskRows>) -> Result<(), VerifyError> {
    let Some(rows) = mask else {
        return Ok(());
    };
    let MaskRows {
        mask,
        classes,
        first_pair,
    } = rows;
    let Some(matrix) = commitments.get(mask.matrix) else {
        return Err(VerifyError::from(OpeningError::MaskMatrix {
            found: mask.matrix,
            matrices: commitments.len(),
        }));
    };
    let stride = 1usize.checked_shl(matrix.log_stride);
    if stride != Some(classes) {
        return Err(VerifyError::from(OpeningError::MaskStride {
            found: classes,
            log_stride: matrix.log_stride,
        }));
    }
    let length = classes.checked_mul(2);
    let end = length.and_then(|length| mask.first_row.checked_add(length));
    if !matches!(end, Some(end) if end <= matrix.rows) {
        return Err(VerifyError::from(OpeningError::MaskBeyond {
            first: mask.first_row,
            rows: matrix.rows,
        }));
    }
    match mask.first_row.checked_sub(first_pair) {
        Some(distance) if distance.is_multiple_of(2) => Ok(()),
        _ => Err(VerifyError::from(OpeningError::MaskPairs {
            first: first_pair,
            mask: mask.first_row,
        })),
    }
}

/// Checks that `points` fit the matrices, and that no challenge stands twice in one.
///
/// # Errors
///
/// [`VerifyError::Key`] that says which claim does not fit, and how.
pub fn check_points<'a>(
    code: &CodeParameters,
    commitments: &[Commitment],
    points: impl IntoIterator<Item = &'a ClaimPoint>,
) -> Result<(), VerifyError> {
    for (index, point) in points.into_iter().enumerate() {
        let refuse = |error| Err(VerifyError::from(OpeningError::Claim { claim: index, error }));
        let Some(matrix) = commitments.get(point.matrix) else {
            return refuse(ClaimError::Matrix {
                found: point.matrix,
                matrices: commitments.len(),
            });
        };
        if point.low.len() != code.log_row as usize {
            return refuse(ClaimError::Low {
                found: point.low.len(),
                expected: code.log_row as usize,
            });
        }
        let between = point.low.iter().rev().take(matrix.log_stride as usize);
        if between
            .into_iter()
            .any(|coordinate| *coordinate != Coordinate::Bit(false).value())
        {
            return refuse(ClaimError::NarrowRow);
        }
        if point.stored.variables() != point.high.len() {
            return refuse(ClaimError::High {
                found: point.high.len(),
                expected: point.stored.variables(),
            });
        }
        let end = point.first_row.checked_add(point.stored.count());
        if end.is_none_or(|end| end > matrix.rows) {
            return refuse(ClaimError::Rows {
                first: point.first_row,
                count: point.stored.count(),
                rows: matrix.rows,
            });
        }
        for (k, coordinate) in point.high.iter().enumerate() {
            let challenge = matches!(coordinate, Coordinate::Challenge(_));
            if challenge && point.high.iter().take(k).any(|earlier| earlier == coordinate) {
                return refuse(ClaimError::RepeatedChallenge);
            }
        }
    }
    Ok(())
}
