//! The shape of a recursion: one code for each level.

use serde::{Deserialize, Serialize};

use super::choose::most_path_nodes;
use crate::error::RecursionError;
use crate::field::encoding::{K_BYTES, packed_length};
use crate::pcs::CodeParameters;
use crate::transcript::VerifyError;

/// The levels of a recursion, the first one for the vector itself; public, part of the verifying key.
///
/// Level `l` has rows of `2^log_row` elements of `K` and no tail; its message becomes the vector of level `l + 1`, and
/// after the last level it is sent. Without levels that is the vector itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecursionParameters {
    /// Code, queries and proof of work of each level.
    pub levels: Vec<CodeParameters>,
}

/// One level of a recursion over a vector of known length.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelShape<'a> {
    pub(super) code: &'a CodeParameters,
    /// `R`: rows over `K`.
    pub(super) rows: usize,
    /// `ceil(log2 R)`: rounds of the sumcheck.
    pub(super) variables: usize,
}

impl LevelShape<'_> {
    /// Rows over `F`: the two parts of each row.
    pub(super) fn base_rows(&self) -> usize {
        self.rows.saturating_mul(2)
    }
}

impl RecursionParameters {
    /// Checks that the levels make a recursion over a vector of `message_length` elements; they may come from outside.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`] that names the level and what is wrong with it.
    pub fn validate(&self, message_length: usize) -> Result<(), VerifyError> {
        let mut length = message_length;
        for (index, level) in self.levels.iter().enumerate() {
            let refuse = |error: RecursionError| Err(VerifyError::from(error));
            if let Err(error) = level.validate() {
                return refuse(RecursionError::Code { level: index, error });
            }
            if level.tail != 0 {
                return refuse(RecursionError::Tail {
                    level: index,
                    found: level.tail,
                });
            }
            if level.log_stride != 0 {
                return refuse(RecursionError::LogStride {
                    level: index,
                    found: level.log_stride,
                });
            }
            if level.row_length() >= length || !length.is_multiple_of(level.row_length()) {
                return refuse(RecursionError::Rows {
                    level: index,
                    row: level.row_length(),
                    length,
                });
            }
            length = level.row_length();
        }
        Ok(())
    }

    /// The levels with their numbers of rows.
    ///
    /// # Errors
    ///
    /// As [`Self::validate`].
    pub(super) fn checked_shapes(&self, message_length: usize) -> Result<Vec<LevelShape<'_>>, VerifyError> {
        self.validate(message_length)?;
        Ok(self.shapes(message_length))
    }

    /// The least length from `message_length` on that fills whole rows of the first level. Example: with rows of 64
    /// elements, 100 becomes 128.
    pub fn padded_length(&self, message_length: usize) -> usize {
        let row = self.levels.first().map_or(1, CodeParameters::row_length).max(1);
        message_length.div_ceil(row).saturating_mul(row)
    }

    /// The length of the message that is sent in the end.
    pub fn last_length(&self, message_length: usize) -> usize {
        self.levels
            .last()
            .map_or(message_length, CodeParameters::row_length)
    }

    /// Most bytes of a proof that the levels take, and the last message where there are levels. Without levels the
    /// message is not theirs.
    pub(crate) fn most_bytes(&self, message_length: usize) -> usize {
        const DIGEST_BYTES: usize = 32;
        const NONCE_BYTES: usize = 8;
        let shapes = self.shapes(message_length);
        let level = |shape: &LevelShape<'_>| {
            let code = shape.code;
            let rounds = shape.variables.saturating_mul(2 * K_BYTES + NONCE_BYTES);
            let columns = packed_length(code.queries.saturating_mul(shape.base_rows()));
            let nodes = most_path_nodes(code.log_codeword, code.queries);
            [
                DIGEST_BYTES,
                rounds,
                NONCE_BYTES,
                columns,
                nodes.saturating_mul(code.digest_bytes as usize),
            ]
            .into_iter()
            .fold(0, usize::saturating_add)
        };
        let levels = shapes.iter().map(level).fold(0, usize::saturating_add);
        let last = self
            .levels
            .last()
            .map_or(0, |code| code.row_length().saturating_mul(K_BYTES));
        levels.saturating_add(last)
    }

    /// The levels with their numbers of rows, for a vector of `message_length` elements.
    pub(super) fn shapes(&self, message_length: usize) -> Vec<LevelShape<'_>> {
        let mut length = message_length;
        let shape = |code| {
            let shape = level_shape(code, length);
            length = code.row_length();
            shape
        };
        self.levels.iter().map(shape).collect()
    }
}

/// A level of `code` over `length` elements. Elements that do not fill a row count as a row.
pub(super) fn level_shape(code: &CodeParameters, length: usize) -> LevelShape<'_> {
    let rows = length.div_ceil(code.row_length().max(1));
    LevelShape {
        code,
        rows,
        variables: rows
            .checked_next_power_of_two()
            .map_or(0, |size| size.ilog2() as usize),
    }
}
