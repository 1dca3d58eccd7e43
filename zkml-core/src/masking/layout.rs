//! The places of pads and masks in the trace.

use crate::pcs::Matrix;
use crate::pcs::{ExtensionRow, MaskRows};

/// The rows after those of the trace's columns: the pads `d`, the masks `m` of the closing check, and the mask `g` of
/// the row combination. A row over K is a pair of rows over F. `d` and `m` take as many pairs as they need, `g` a pair
/// for each place modulo the stride. Example: from row 3 on, 1 pair of pads and stride 2 give rows 3-4 for `d`, 5-6 for
/// `m`, 7-10 for `g`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Masking {
    /// Scalars that a proof hides. One more pad hides the closing check itself.
    pub scalars: usize,
    /// The first row of the trace that is not a column's.
    pub first_row: usize,
    /// Cells in a row.
    pub row_length: usize,
    /// Random coefficients after the cells of a row of pads.
    pub tail: usize,
    /// Rows over K that make up the mask of the row combination: the stride of the trace's rows.
    pub classes: usize,
}

impl Masking {
    /// Pads: one for each hidden scalar, and the last one.
    pub fn pads(&self) -> usize {
        self.scalars.saturating_add(1)
    }

    /// Pairs of rows that the pads take.
    pub fn pairs(&self) -> usize {
        self.pads().div_ceil(self.row_length.max(1))
    }

    /// Rows in all.
    pub fn rows(&self) -> usize {
        let mask = self.classes.saturating_mul(2);
        self.pairs().saturating_mul(4).saturating_add(mask)
    }

    /// Pads in one pair of rows.
    pub fn pads_in(&self, pair: usize) -> usize {
        let before = pair.saturating_mul(self.row_length);
        self.pads().saturating_sub(before).min(self.row_length)
    }

    fn rows_at(&self, pair: usize) -> ExtensionRow {
        ExtensionRow {
            matrix: Matrix::Trace as usize,
            first_row: self.first_row.saturating_add(pair.saturating_mul(2)),
        }
    }

    /// A pair of rows of `d`.
    pub fn pad_rows(&self, pair: usize) -> ExtensionRow {
        self.rows_at(pair)
    }

    /// A pair of rows of `m`.
    pub fn mask_rows(&self, pair: usize) -> ExtensionRow {
        self.rows_at(self.pairs().saturating_add(pair))
    }

    /// The first pair of rows of `g`, which mask the row combination.
    pub fn combination_rows(&self) -> ExtensionRow {
        self.rows_at(self.pairs().saturating_mul(2))
    }

    /// The mask as an opening sees it: `g`, and all pairs of rows before it.
    pub fn opening_mask(&self) -> MaskRows {
        MaskRows {
            mask: self.combination_rows(),
            classes: self.classes,
            first_pair: self.first_row,
        }
    }

    /// Elements of K in the answer to the closing challenge.
    pub fn response_length(&self) -> usize {
        self.pads().saturating_add(self.pairs().saturating_mul(self.tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcs::Commitment;
    use crate::pcs::claim::check_mask;

    #[test]
    fn rows_follow_each_other_and_hold_all_pads() {
        for (scalars, pairs, log_stride) in
            [(0, 1, 0), (6, 1, 1), (7, 1, 0), (8, 2, 3), (15, 2, 0), (16, 3, 2)]
        {
            let masking = Masking {
                scalars,
                first_row: 3,
                row_length: 8,
                tail: 5,
                classes: 1 << log_stride,
            };
            assert_eq!(masking.pairs(), pairs);
            let mut rows: Vec<usize> = (0..pairs).map(|pair| masking.pad_rows(pair).first_row).collect();
            rows.extend((0..pairs).map(|pair| masking.mask_rows(pair).first_row));
            rows.extend((0..masking.classes).map(|class| masking.combination_rows().first_row + 2 * class));
            let expected: Vec<usize> = (0..rows.len()).map(|index| 3 + 2 * index).collect();
            assert_eq!(rows, expected);
            assert_eq!(masking.rows(), 2 * rows.len());
            // All of them are pairs of an opening, and nothing else is.
            let matrix = Commitment {
                root: [0; 32],
                rows: masking.first_row + masking.rows(),
                log_stride,
            };
            let opening = masking.opening_mask();
            assert_eq!(check_mask(&[matrix], Some(opening)), Ok(()));
            assert_eq!((opening.first_pair, opening.rows().end), (3, matrix.rows));
            assert_eq!(
                (0..pairs).map(|pair| masking.pads_in(pair)).sum::<usize>(),
                scalars + 1
            );
            assert_eq!(masking.response_length(), scalars + 1 + 5 * pairs);
        }
    }
}
