//! The verifier's side of an opening. For the statement, the transcript order and the checks see the
//! [module](super).
//!
//! - `combination`: claims become one row combination; `columns`, `opened`: the combination against opened columns.

mod columns;
mod combination;
mod opened;

pub use columns::verify_columns;
pub use combination::verify_combination;

use super::claim::{ClaimPoint, Commitment, ExtensionRow, MaskRows};
use super::code::CodeParameters;
use super::recursive::{Functional, RecursionParameters, Vector};
use crate::field::K;
use crate::transcript::{VerifierChannel, VerifyError};

/// Verifies the claims, each a point and a value, on matrices whose roots were read before the points were
/// drawn: the row combination and then the columns, without a mask.
///
/// # Errors
///
/// [`VerifyError::Check`] with one of the names of the [module](super); what reading messages gives;
/// [`VerifyError::Key`] where parameters or points do not fit.
pub fn verify_opening<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    (code, recursion): (&CodeParameters, &RecursionParameters),
    commitments: &[Commitment],
    claims: &[(ClaimPoint, C::Scalar)],
) -> Result<(), VerifyError> {
    let combination = verify_combination(channel, (code, recursion), commitments, claims, None)?;
    verify_columns(channel, (code, recursion), commitments, vec![combination])
}

/// A message that must be a combination of committed rows. The opened columns are checked against it.
#[derive(Debug, Clone)]
pub struct Combination {
    /// The message.
    pub message: Message,
    /// For each matrix the factors of its rows, 0 for the rows of a mask; an empty list for a matrix that takes no
    /// part.
    pub weights: Vec<Vec<K>>,
    /// The mask that is added to these.
    pub mask: Option<MaskRows>,
}

/// A message of `L + tail` coordinates, as the verifier has it.
#[derive(Debug, Clone)]
pub enum Message {
    /// The row combination, for [`recursive`](super::recursive), and what is claimed of it so far.
    Rows(Vector, Vec<(Functional, K)>),
    /// In the clear: the coordinates of a narrow row, the others are 0; and the rows over K that it combines, with their
    /// factors. They are few, whatever the matrix has.
    Narrow(Vec<K>, Vec<(ExtensionRow, K)>),
}
