//! The code of the rows of one matrix: the whole message, or every `S`-th place of it.

use super::super::circle::{CirclePoint, basis_factors, domain_points};
use crate::field::M61;

/// The code of the rows of one matrix. The coefficients of a row stand at every `S`-th place of a message,
/// `S = 2^log_stride`; the other coefficients of the message are 0. `phi_k` is the same at points that differ in the
/// lowest `k` bits of their index, so such a codeword is constant on runs of `S` points. One symbol stands for each
/// run,
///
/// ```text
/// Enc'(c)[index] = sum_j c_j b_{S j}(point(S index)),      index = 0 .. n/S - 1
/// ```
///
/// and the fields below count symbols. It is the Reed-Solomon code of `phi_log_stride`, at `n/S` different values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCode {
    /// `log2` of the data coefficients in a row.
    pub log_row: u32,
    /// Random coefficients after the data.
    pub tail: usize,
    /// `log2` of the symbols of a codeword.
    pub log_codeword: u32,
    /// `log2` of the stride; 0 for a wide row.
    pub log_stride: u32,
    /// Bytes of a node of the tree.
    pub digest_bytes: u32,
}

impl RowCode {
    /// Wide rows of `2^log_row` cells without a code, for a packing, which needs the sizes alone.
    pub const fn uncoded(log_row: u32) -> Self {
        Self {
            log_row,
            tail: 0,
            log_codeword: log_row,
            log_stride: 0,
            digest_bytes: 32,
        }
    }

    /// Data coefficients in a row.
    pub fn row_length(&self) -> usize {
        1usize.checked_shl(self.log_row).unwrap_or(0)
    }

    /// Coefficients in a row.
    pub fn message_length(&self) -> usize {
        self.row_length().saturating_add(self.tail)
    }

    /// Symbols of a codeword.
    pub fn codeword_length(&self) -> usize {
        1usize.checked_shl(self.log_codeword).unwrap_or(0)
    }

    /// The symbols that stand for `positions` of the wide code, each once. Both ascend. Example: stride 4 takes 1, 3, 9
    /// to 0, 2.
    pub fn symbols(&self, positions: &[usize]) -> Vec<usize> {
        let of = |position: &usize| position.checked_shr(self.log_stride).unwrap_or(0);
        let mut symbols: Vec<usize> = positions.iter().map(of).collect();
        symbols.dedup();
        symbols
    }

    /// The points whose `phi_log_stride` the symbols are computed from.
    pub(crate) fn points(&self, symbols: &[usize]) -> Vec<CirclePoint> {
        let wide = |symbol: &usize| symbol.checked_shl(self.log_stride).unwrap_or(0);
        let positions: Vec<usize> = symbols.iter().map(wide).collect();
        domain_points(self.log_codeword.saturating_add(self.log_stride), &positions)
    }

    /// `phi_k` of a point for each bit of the place in a row, and of its tail.
    pub(crate) fn factors(&self, point: CirclePoint) -> Vec<M61> {
        let (skipped, used) = (self.log_stride as usize, self.log_row as usize + 1);
        let mut factors = basis_factors(point, skipped + used);
        factors.drain(..skipped);
        factors
    }
}
