//! The parameters of a code, and their limits.

use serde::{Deserialize, Serialize};

use super::RowCode;
use crate::error::CodeError;

/// The goal of one opening, in bits: the errors of the few openings of a proof then sum to less than 2^-100.
pub const TARGET_BITS: f64 = 104.0;

/// The shortest nodes of a tree: a collision takes `2^104` hashes, what one opening aims at.
pub const MIN_DIGEST_BYTES: u32 = 26;
const MAX_DIGEST_BYTES: u32 = 32;

/// Limits for parameters that come from outside.
pub(super) const MAX_LOG_ROW: u32 = 26;
const MAX_LOG_CODEWORD: u32 = 30;
const MAX_LOG_STRIDE: u32 = 6;
const MAX_QUERIES: usize = 1 << 12;
const MAX_GRINDING_BITS: u32 = 40;

/// Parameters of the code and of its queries; public, part of the verifying key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeParameters {
    /// `log2` of the data coefficients in a row, `L`.
    pub log_row: u32,
    /// Random coefficients after the data in each row; at most `L`.
    pub tail: usize,
    /// `log2` of the codeword length, `n`.
    pub log_codeword: u32,
    /// `log2` of the stride of narrow rows, which a proof commits to: see [`RowCode`]. 0 if all rows are wide.
    pub log_stride: u32,
    /// Opened columns, `t`.
    pub queries: usize,
    /// Bytes of a node of the trees, [`MIN_DIGEST_BYTES`] to 32. A collision takes `4 digest_bytes` bits of work.
    pub digest_bytes: u32,
    /// Bits of proof of work before the columns are drawn.
    pub grinding_bits: u32,
}

impl CodeParameters {
    /// Of that size, with one query and without grinding; all rows wide.
    pub(super) fn of_size(log_row: u32, tail: usize, log_codeword: u32) -> Self {
        Self {
            log_row,
            tail,
            log_codeword,
            log_stride: 0,
            queries: 1,
            digest_bytes: 32,
            grinding_bits: 0,
        }
    }

    /// Parameters with the fewest queries that reach `target_bits` together with the grinding; all rows wide.
    ///
    /// # Errors
    ///
    /// [`CodeError`] where the sizes make no code, or no number of queries reaches the target.
    pub fn for_target(
        log_row: u32,
        tail: usize,
        log_codeword: u32,
        grinding_bits: u32,
        target_bits: f64,
    ) -> Result<Self, CodeError> {
        let mut parameters = Self {
            grinding_bits,
            ..Self::of_size(log_row, tail, log_codeword)
        };
        parameters.validate()?;
        let queries = ((target_bits - f64::from(grinding_bits)) / parameters.bits_per_query()).ceil();
        // A float-to-integer cast saturates; what is too large fails below.
        parameters.queries = (queries.max(1.0) as usize).max(1);
        parameters.validate()?;
        Ok(parameters)
    }

    /// Checks that the values, which may come from outside, make a code.
    ///
    /// # Errors
    ///
    /// [`CodeError`] that names the first value out of range.
    pub fn validate(&self) -> Result<(), CodeError> {
        self.validate_lengths()?;
        self.validate_queries()
    }

    fn validate_lengths(&self) -> Result<(), CodeError> {
        if self.log_row == 0 || self.log_row > MAX_LOG_ROW {
            return Err(CodeError::LogRow {
                found: self.log_row,
                most: MAX_LOG_ROW,
            });
        }
        if self.tail > self.row_length() {
            return Err(CodeError::Tail {
                found: self.tail,
                most: self.row_length(),
            });
        }
        if self.log_codeword > MAX_LOG_CODEWORD || self.message_length() + 1 >= self.codeword_length() {
            return Err(CodeError::LogCodeword {
                found: self.log_codeword,
                most: MAX_LOG_CODEWORD,
                points: self.message_length() + 1,
            });
        }
        // A narrow row has a variable at least; its tail is its part of the tail.
        if self.log_stride >= self.log_row || self.log_stride > MAX_LOG_STRIDE {
            return Err(CodeError::LogStride {
                found: self.log_stride,
                log_row: self.log_row,
                most: MAX_LOG_STRIDE,
            });
        }
        if !self.tail.is_multiple_of(self.stride()) {
            return Err(CodeError::TailStride {
                found: self.tail,
                stride: self.stride(),
            });
        }
        Ok(())
    }

    fn validate_queries(&self) -> Result<(), CodeError> {
        if self.queries == 0 || self.queries > MAX_QUERIES || self.queries > self.codeword_length() {
            return Err(CodeError::Queries {
                found: self.queries,
                most: MAX_QUERIES.min(self.codeword_length()),
            });
        }
        if !(MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES).contains(&self.digest_bytes) {
            return Err(CodeError::DigestBytes {
                found: self.digest_bytes,
                least: MIN_DIGEST_BYTES,
                most: MAX_DIGEST_BYTES,
            });
        }
        if self.grinding_bits > MAX_GRINDING_BITS {
            return Err(CodeError::GrindingBits {
                found: self.grinding_bits,
                most: MAX_GRINDING_BITS,
            });
        }
        Ok(())
    }

    /// `S`: the stride of narrow rows.
    pub fn stride(&self) -> usize {
        1usize.checked_shl(self.log_stride).unwrap_or(0)
    }

    /// The code of a wide row: all of the message.
    pub fn wide(&self) -> RowCode {
        self.at_stride(0)
    }

    /// The code of a narrow row.
    pub fn narrow(&self) -> RowCode {
        self.at_stride(self.log_stride)
    }

    /// The code of rows whose coefficients stand at every `2^log_stride`-th place of the message.
    pub fn at_stride(&self, log_stride: u32) -> RowCode {
        RowCode {
            log_row: self.log_row.saturating_sub(log_stride),
            tail: self.tail.checked_shr(log_stride).unwrap_or(0),
            log_codeword: self.log_codeword.saturating_sub(log_stride),
            log_stride,
            digest_bytes: self.digest_bytes,
        }
    }

    /// `L`: data coefficients in a row.
    pub fn row_length(&self) -> usize {
        self.wide().row_length()
    }

    /// `L + tail`: coefficients in a row.
    pub fn message_length(&self) -> usize {
        self.wide().message_length()
    }

    /// `n`: points of a codeword.
    pub fn codeword_length(&self) -> usize {
        self.wide().codeword_length()
    }

    /// `rho = (L + tail + 1) / n`.
    pub fn rate(&self) -> f64 {
        (self.message_length() as f64 + 1.0) / self.codeword_length() as f64
    }

    /// `-log2((1 + rho) / 2)`: what one query gives in the unique decoding regime.
    pub fn bits_per_query(&self) -> f64 {
        1.0 - libm::log2(1.0 + self.rate())
    }

    /// Bits of all queries and the grinding.
    pub fn query_bits(&self) -> f64 {
        self.queries as f64 * self.bits_per_query() + f64::from(self.grinding_bits)
    }

    /// A row length that keeps proofs small if all rows are wide. An opening sends `16 L` bytes of row combination and
    /// about `8 t` bytes per row, so the sum is least where `L^2` is about `t/2` times the number of cells.
    pub fn suggested_log_row(cells: usize, queries: usize) -> u32 {
        let product = (cells.max(1) as f64) * (queries.max(2) as f64) / 2.0;
        (libm::log2(product) / 2.0)
            .round()
            .clamp(1.0, f64::from(MAX_LOG_ROW)) as u32
    }
}
