//! Columns of different sizes in one matrix.
//!
//! A column is a multilinear polynomial: a table of `2^variables` values. Rows have the length `L = 2^log_row`.
//!
//! - `variables >= log_row`: the column takes up to `2^(variables - log_row)` consecutive rows, those that are not all
//!   [padding](super::stored). Its first variables are the index of the row, its last `log_row` variables the index in
//!   the row.
//! - `variables < log_row`: the column takes an aligned piece of a shared row, at an offset that is a multiple of its
//!   length. Fixing the first variables of the row to the bits of the offset gives the column. Example: in rows of 16
//!   cells, a column of 4 cells at offset 8 has the prefix `10`.
//!
//! Rows are those of a [code](RowCode). In a narrow row the last variables of the message belong to no column; they are
//! fixed to 0.
//!
//! The order is fixed: largest first, equal ones in the given order. Cells that no column takes are 0 and never
//! claimed.

use super::claim::ClaimPoint;
use super::code::RowCode;
use super::stored::{Extent, StoredRows};
use crate::error::PackingError;
use crate::field::K;
use crate::poly::Coordinate;
use crate::transcript::VerifyError;

/// Where the columns of one matrix lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    /// `log2` of the row length.
    pub log_row: u32,
    /// `log2` of the stride of rows.
    pub log_stride: u32,
    /// Rows in all, at least one.
    pub rows: usize,
    /// Where each column lies, in the order in which the columns were given.
    pub slots: Vec<Slot>,
}

/// Where one column lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its first row.
    pub first_row: usize,
    /// Its offset in that row, for a column shorter than a row; else 0.
    pub offset: usize,
    /// Its number of variables.
    pub variables: usize,
    /// `log2` of the row length.
    pub log_row: u32,
    /// `log2` of the stride of rows.
    pub log_stride: u32,
    /// Which of its rows are there.
    pub stored: StoredRows,
}

impl Packing {
    /// Packs columns of these sizes into rows of a code.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`] where the matrix is larger than the address space.
    pub fn new(extents: &[Extent], rows: RowCode) -> Result<Self, VerifyError> {
        let RowCode {
            log_row, log_stride, ..
        } = rows;
        let too_large = || VerifyError::from(PackingError::TooLarge);
        let row_length = 1usize.checked_shl(log_row).ok_or_else(too_large)?;
        let mut order: Vec<usize> = (0..extents.len()).collect();
        order.sort_by_key(|column| core::cmp::Reverse(extents.get(*column).map(Extent::variables)));
        let empty = Slot {
            first_row: 0,
            offset: 0,
            variables: 0,
            log_row,
            log_stride,
            stored: StoredRows::default(),
        };
        let mut slots = vec![empty; extents.len()];
        // The next free cell. Whole rows come first, and the sizes of shorter columns descend: the next cell is always
        // a multiple of the next size.
        let mut next = 0usize;
        for column in order {
            let (Some(extent), Some(slot)) = (extents.get(column), slots.get_mut(column)) else {
                continue;
            };
            let (variables, stored) = (extent.variables(), extent.rows(log_row)?);
            // A column that is alone begins a row, and leaves its rest empty.
            let round_up = |cell: usize| cell.checked_next_multiple_of(row_length).ok_or_else(too_large);
            if extent.is_alone() {
                next = round_up(next)?;
            }
            let length = match variables.checked_sub(log_row as usize) {
                Some(_) => stored.count().checked_mul(row_length),
                None => u32::try_from(variables)
                    .ok()
                    .and_then(|bits| 1usize.checked_shl(bits)),
            };
            *slot = Slot {
                first_row: next >> log_row,
                offset: next & (row_length - 1),
                variables,
                log_row,
                log_stride,
                stored,
            };
            next = length
                .and_then(|length| next.checked_add(length))
                .ok_or_else(too_large)?;
            if extent.is_alone() {
                next = round_up(next)?;
            }
        }
        Ok(Self {
            log_row,
            log_stride,
            // A matrix without columns still has a row, so that there is something to commit to.
            rows: next.div_ceil(row_length).max(1),
            slots,
        })
    }

    /// The cells of the matrix, row by row: each column copied to its slot, 0 elsewhere. `columns` in the
    /// order of [`Packing::new`]; of a column with fewer values than its slot the rest is 0, further values
    /// are left out.
    #[cfg(feature = "prover")]
    pub fn fill<T: Copy + Default>(&self, columns: &[&[T]]) -> Vec<T> {
        let mut cells = vec![T::default(); self.rows << self.log_row];
        let row_length = 1usize << self.log_row;
        for (slot, column) in self.slots.iter().zip(columns) {
            let start = slot.first_row * row_length + slot.offset;
            let piece = row_length.min(1 << slot.variables);
            let rows = cells[start..].chunks_mut(row_length);
            for (place, row) in slot.stored.places().into_iter().zip(rows) {
                let values = column.get(place * piece..).unwrap_or(&[]);
                let length = values.len().min(piece);
                row[..length].copy_from_slice(&values[..length]);
            }
        }
        cells
    }
}

impl Slot {
    /// Splits a point of the column into the part that selects rows and the part in the message.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`] where the point has another number of coordinates than the column has variables.
    pub fn split(&self, point: &[Coordinate]) -> Result<(Vec<Coordinate>, Vec<K>), VerifyError> {
        if point.len() != self.variables {
            return Err(VerifyError::from(PackingError::Coordinates {
                found: point.len(),
                expected: self.variables,
            }));
        }
        let log_row = self.log_row as usize;
        let (high, low) = point.split_at(self.variables.saturating_sub(log_row));
        // The variables of the row that a short column does not have: the high bits of its offset.
        let fixed = (low.len()..log_row)
            .rev()
            .map(|bit| Coordinate::Bit(self.offset >> bit & 1 == 1).value());
        let place = fixed.chain(low.iter().map(|coordinate| coordinate.value()));
        let between = (0..self.log_stride).map(|_| Coordinate::Bit(false).value());
        Ok((high.to_vec(), place.chain(between).collect()))
    }

    /// The claim point of this column at `point`, in matrix number `matrix`.
    ///
    /// # Errors
    ///
    /// As [`Self::split`].
    pub fn claim_point(&self, matrix: usize, point: &[Coordinate]) -> Result<ClaimPoint, VerifyError> {
        let (high, low) = self.split(point)?;
        Ok(ClaimPoint {
            matrix,
            first_row: self.first_row,
            stored: self.stored.clone(),
            high,
            low,
        })
    }
}
