//! Shapes padded to powers of two.

use core::ops::Range;

use serde::{Deserialize, Serialize};

/// A logical shape. A dimension of size `d` takes `ceil(log2 d)` index bits; the first dimension has the most
/// significant bits. In shape `[2, 3]` cell `(1, 2)` lies at the padded index `0b110`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaddedShape(Vec<u32>);

impl PaddedShape {
    /// A shape of logical `sizes`; all positive and below `2^32` for a valid circuit.
    pub fn new(sizes: &[usize]) -> Self {
        Self(
            sizes
                .iter()
                .map(|&size| u32::try_from(size).unwrap_or(u32::MAX))
                .collect(),
        )
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Logical size of a dimension.
    pub fn size(&self, axis: usize) -> usize {
        self.0[axis] as usize
    }

    /// Logical sizes.
    pub fn sizes(&self) -> Vec<usize> {
        self.0.iter().map(|&size| size as usize).collect()
    }

    /// Index bits of a dimension.
    pub fn bits(&self, axis: usize) -> usize {
        bits_for(self.size(axis))
    }

    /// Index bits of all dimensions: the number of variables.
    pub fn variables(&self) -> usize {
        (0..self.rank()).map(|axis| self.bits(axis)).sum()
    }

    /// The places of the variables of a dimension in a point: in shape `[2, 3]`, `1..3` for dimension 1.
    pub fn variable_range(&self, axis: usize) -> Range<usize> {
        let start = (0..axis).map(|before| self.bits(before)).sum();
        start..start + self.bits(axis)
    }

    /// Padded sizes.
    pub fn padded_sizes(&self) -> Vec<usize> {
        (0..self.rank()).map(|axis| 1 << self.bits(axis)).collect()
    }

    /// Cells with padding.
    pub fn padded_len(&self) -> usize {
        1 << self.variables()
    }

    /// Cells without padding.
    pub fn logical_len(&self) -> usize {
        self.0.iter().map(|&size| size as usize).product()
    }

    /// Is there no padding?
    pub fn is_exact(&self) -> bool {
        self.0.iter().all(|size| size.is_power_of_two())
    }

    /// Calls `visit(logical index, padded index)` for every logical cell, in row-major order.
    pub fn for_each_cell(&self, mut visit: impl FnMut(usize, usize)) {
        let rank = self.rank();
        if rank == 0 {
            visit(0, 0);
            return;
        }
        let last = self.size(rank - 1);
        let padded = self.padded_sizes();
        let mut strides = vec![1usize; rank];
        for axis in (0..rank - 1).rev() {
            strides[axis] = strides[axis + 1] * padded[axis + 1];
        }
        let mut index = vec![0usize; rank];
        let mut logical = 0;
        'rows: loop {
            let base: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
            for i in 0..last {
                visit(logical, base + i);
                logical += 1;
            }
            for axis in (0..rank - 1).rev() {
                index[axis] += 1;
                if index[axis] < self.size(axis) {
                    continue 'rows;
                }
                index[axis] = 0;
            }
            return;
        }
    }

    /// Spreads row-major logical cells over the padded table: in shape `[2, 3]` cell 5 goes to index 6.
    pub fn pad<T: Copy>(&self, cells: &[T], padding: T) -> Vec<T> {
        if self.is_exact() {
            return cells.to_vec();
        }
        let mut table = vec![padding; self.padded_len()];
        self.for_each_cell(|logical, padded| table[padded] = cells[logical]);
        table
    }
}

impl core::fmt::Display for PaddedShape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// `ceil(log2 size)`, 0 for sizes 0 and 1.
pub(crate) fn bits_for(size: usize) -> usize {
    size.checked_next_power_of_two()
        .map_or(usize::BITS, usize::trailing_zeros) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_puts_each_dimension_in_its_own_bits() {
        let shape = PaddedShape::new(&[2, 3, 1, 5]);
        assert_eq!(
            (shape.variables(), shape.padded_len(), shape.logical_len()),
            (6, 64, 30)
        );
        assert_eq!(shape.variable_range(1), 1..3);
        assert_eq!(shape.variable_range(3), 3..6);
        let table = shape.pad(&(0..30).collect::<Vec<i32>>(), -1);
        for (a, b, c) in [(0, 0, 0), (1, 2, 4), (0, 1, 3)] {
            assert_eq!(table[a * 32 + b * 8 + c], (a * 15 + b * 5 + c) as i32);
        }
        assert_eq!(table.iter().filter(|&&cell| cell == -1).count(), 34);
    }

    #[test]
    fn rank_zero_is_one_cell() {
        let shape = PaddedShape::new(&[]);
        assert_eq!(
            (shape.variables(), shape.padded_len(), shape.logical_len()),
            (0, 1, 1)
        );
        assert_eq!(shape.pad(&[7], 0), vec![7]);
    }
}
