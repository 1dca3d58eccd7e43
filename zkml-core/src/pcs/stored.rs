//! Which rows of a column are stored: those that reach into its logical shape.
//!
//! A column is padded to a power of two in each dimension. If it is 0 on padding, the rows that lie in the padding
//! alone are not stored: there the polynomial is 0 by definition, for an honest prover and for any other.
//!
//! ```text
//! high = (h_0, .., h_{k-1}),   stored rows = { a : a_g < limit_g for each group g of bits }
//! weight of stored row a = prod_g eq(h_g, a_g)
//! ```
//!
//! A group is the part of one dimension's index bits that selects rows. The product runs over groups, the first in the
//! most significant place, so stored rows keep the order of the full table. Example: of 3 x 3 kernels, padded to 4 x 4,
//! nine blocks of rows are stored and not sixteen.

use crate::error::PackingError;
use crate::field::{K, mul_k};
use crate::poly;
use crate::poly::Coordinate;
use crate::poly::PaddedShape;
use crate::transcript::VerifyError;

/// The size of a column, and the cells that are 0 by definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Index bits and logical size of each dimension, the first in the most significant bits.
    dimensions: Vec<(usize, usize)>,
    /// Whether it shares no row with others.
    alone: bool,
}

impl Extent {
    /// A column of `2^variables` values, all of them stored.
    pub fn full(variables: usize) -> Self {
        let size = u32::try_from(variables)
            .ok()
            .and_then(|bits| 1usize.checked_shl(bits))
            .unwrap_or(usize::MAX);
        Self {
            dimensions: vec![(variables, size)],
            alone: false,
        }
    }

    /// A column of `2^variables` values, all of them stored, in rows of its own.
    pub fn alone(variables: usize) -> Self {
        Self {
            alone: true,
            ..Self::full(variables)
        }
    }

    /// Whether it shares no row with others.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// A column of this shape that is 0 on padding.
    pub fn cropped(shape: &PaddedShape) -> Self {
        Self {
            dimensions: (0..shape.rank())
                .map(|axis| (shape.bits(axis), shape.size(axis)))
                .collect(),
            alone: false,
        }
    }

    /// Index bits in all.
    pub fn variables(&self) -> usize {
        self.dimensions
            .iter()
            .fold(0usize, |sum, (bits, _)| sum.saturating_add(*bits))
    }

    /// Its stored rows, where rows have `2^log_row` cells.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`] where they are more than the address space holds.
    pub fn rows(&self, log_row: u32) -> Result<StoredRows, VerifyError> {
        let mut high = self.variables().saturating_sub(log_row as usize);
        let mut groups = Vec::new();
        for &(bits, size) in &self.dimensions {
            let own = bits.min(high);
            high = high.saturating_sub(own);
            if own == 0 {
                continue;
            }
            // The bits inside a row take any value, so a row is stored if its first index is inside. Example: size 5,
            // rows of 4 indices: 2 rows.
            let rest = u32::try_from(bits.saturating_sub(own)).ok();
            let piece = rest.and_then(|rest| 1usize.checked_shl(rest));
            groups.push((own, piece.map_or(1, |piece| size.div_ceil(piece)).max(1)));
        }
        StoredRows::new(groups)
    }
}

/// The stored rows of one column among all its rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredRows {
    /// Index bits of each group, and how many of their values are stored.
    groups: Vec<(usize, usize)>,
    count: usize,
}

impl StoredRows {
    fn new(groups: Vec<(usize, usize)>) -> Result<Self, VerifyError> {
        let too_large = || VerifyError::from(PackingError::TooLarge);
        let bits = groups
            .iter()
            .try_fold(0u32, |sum, (bits, _)| sum.checked_add(u32::try_from(*bits).ok()?));
        if bits.is_none_or(|bits| bits >= usize::BITS) {
            return Err(too_large());
        }
        let count = groups
            .iter()
            .try_fold(1usize, |product, (_, limit)| product.checked_mul(*limit))
            .ok_or_else(too_large)?;
        Ok(Self { groups, count })
    }

    /// All `2^variables` rows.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`] where they are more than the address space holds.
    pub fn full(variables: usize) -> Result<Self, VerifyError> {
        Extent::full(variables).rows(0)
    }

    /// How many are stored.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Index bits of the column's rows, stored or not.
    pub fn variables(&self) -> usize {
        self.groups.iter().map(|(bits, _)| bits).sum()
    }

    /// `scale * eq(high, a)` for each stored row `a`, in order.
    pub fn weights(&self, high: &[Coordinate], scale: K) -> Vec<K> {
        let high: Vec<K> = high.iter().map(|coordinate| coordinate.value()).collect();
        let mut weights = vec![scale];
        let mut rest = high.as_slice();
        for &(bits, limit) in &self.groups {
            let (own, behind) = rest.split_at_checked(bits).unwrap_or((rest, &[]));
            rest = behind;
            let mut table = poly::eq_table(own);
            table.truncate(limit);
            weights = weights
                .iter()
                .flat_map(|weight| table.iter().map(|value| mul_k(*weight, *value)))
                .collect();
        }
        weights
    }

    /// The index of each stored row among all rows, in order. Example: 3 of 4 indices in each of two dimensions are the
    /// rows 0, 1, 2, 4, 5, 6, 8, 9, 10.
    pub fn places(&self) -> Vec<usize> {
        let mut places = vec![0usize];
        for &(bits, limit) in &self.groups {
            places = places
                .iter()
                .flat_map(|place| (0..limit).map(move |index| (place << bits) | index))
                .collect();
        }
        places
    }
}

impl Default for StoredRows {
    /// One row, of a column that fits in it.
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            count: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::Field;

    use super::*;

    #[test]
    fn rows_that_reach_into_the_shape_are_stored_and_no_others() {
        let shapes: [&[usize]; 7] = [&[3, 3, 8, 4], &[1], &[5], &[4, 4], &[6, 5, 2], &[2, 3, 1, 9], &[]];
        for sizes in shapes {
            let shape = PaddedShape::new(sizes);
            let mut inside = vec![false; shape.padded_len()];
            shape.for_each_cell(|_, padded| inside[padded] = true);
            for log_row in 0..8u32 {
                let rows = Extent::cropped(&shape).rows(log_row).unwrap();
                let length = 1usize << log_row.min(shape.variables() as u32);
                let expected: Vec<usize> = inside
                    .chunks(length)
                    .enumerate()
                    .filter(|(_, row)| row.iter().any(|cell| *cell))
                    .map(|(place, _)| place)
                    .collect();
                assert_eq!(rows.places(), expected, "{sizes:?} {log_row}");
                assert_eq!(rows.count(), expected.len());
                assert_eq!(
                    rows.variables(),
                    shape.variables().saturating_sub(log_row as usize)
                );
            }
        }
    }

    #[test]
    fn weights_are_those_of_the_full_table() {
        let rows = Extent::cropped(&PaddedShape::new(&[3, 5, 4])).rows(1).unwrap();
        let high: Vec<Coordinate> = (0..rows.variables() as u64)
            .map(|k| Coordinate::Challenge(K::from(7 + 3 * k)))
            .collect();
        let values: Vec<K> = high.iter().map(|coordinate| coordinate.value()).collect();
        let table = poly::eq_table(&values);
        let expected: Vec<K> = rows
            .places()
            .into_iter()
            .map(|place| table[place] * K::from(5u64))
            .collect();
        assert_eq!(rows.weights(&high, K::from(5u64)), expected);
        assert_eq!(StoredRows::default().weights(&[], K::ONE), vec![K::ONE]);
    }

    #[test]
    fn sizes_beyond_the_address_space_are_refused() {
        assert!(Extent::full(64).rows(0).is_err());
        assert!(Extent::full(200).rows(3).is_err());
        assert_eq!(Extent::full(10).rows(3).unwrap().count(), 128);
    }
}
