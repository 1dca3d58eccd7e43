//! The link between two proofs: both carry one commitment.
//!
//! ```text
//! proof A: output.root = r        proof B: input.root = r        =>  B was asked what A answered
//! ```
//!
//! A root does not say which cell is which. It fixes a matrix only together with the code: with another row length the
//! same columns would be another tensor; with another tail another row could be the nearest codeword. So a commitment
//! is compared together with its [layout](TensorLayout): equal [`CommittedTensors`] of two verified proofs hold equal
//! integers in equal places. The scale of the integers stands in each key's
//! [skeleton](crate::keys::NetworkSkeleton), for the caller to compare.

use core::fmt;

use super::hex;
use crate::pcs::RowCode;
use crate::poly::PaddedShape;

/// A commitment to the private input or to the private outputs. Two that are equal hold the same tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedTensors {
    /// Root of the commitment.
    pub root: [u8; 32],
    /// The places of its cells.
    pub layout: TensorLayout,
}

impl fmt::Display for CommittedTensors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", hex(&self.root), self.layout)
    }
}

/// How the tensors of a commitment are encoded, and which cell stands where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorLayout {
    /// For each tensor its sizes, with dimensions joined where no padding lies between them: `[1, 3, 8]` is `[24]`,
    /// `[8, 3]` stays. Shapes with the same joined sizes have every cell in the same place.
    pub sizes: Vec<Vec<u64>>,
    /// `log2` of the row length.
    pub log_row: u32,
    /// `log2` of the codeword length.
    pub log_codeword: u32,
    /// Random coefficients of a row.
    pub tail: usize,
    /// `log2` of the stride of rows.
    pub log_stride: u32,
}

impl TensorLayout {
    /// The layout of tensors of these shapes in rows of a code.
    pub fn new<'a>(shapes: impl IntoIterator<Item = &'a PaddedShape>, rows: RowCode) -> Self {
        let RowCode {
            log_row,
            tail,
            log_codeword,
            log_stride,
            // Not compared: nodes of another length give another root.
            digest_bytes: _,
        } = rows;
        Self {
            sizes: shapes.into_iter().map(joined).collect(),
            log_row,
            log_codeword,
            tail,
            log_stride,
        }
    }
}

impl fmt::Display for TensorLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sizes,
            log_row,
            log_codeword,
            tail,
            log_stride,
        } = self;
        write!(
            f,
            "{sizes:?} in rows of 2^{log_row}, tail {tail}, codewords of 2^{log_codeword}, stride 2^{log_stride}"
        )
    }
}

/// Joins each dimension to the one before where that leaves no gap: `(i, j)` lies at `i a + j` if the size `a` of `j`
/// is a power of two, or if `i` is 0 alone. `[3, 8]` becomes `[24]`, `[8, 3]` stays.
fn joined(shape: &PaddedShape) -> Vec<u64> {
    let mut sizes: Vec<u64> = Vec::with_capacity(shape.rank());
    for size in shape.sizes() {
        let size = size as u64;
        match sizes.last_mut() {
            Some(before) if *before == 1 || size.is_power_of_two() => *before = before.saturating_mul(size),
            _ => sizes.push(size),
        }
    }
    if sizes.is_empty() {
        sizes.push(1);
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of each cell of a shape, and how many cells there are with padding.
    fn places(shape: &PaddedShape) -> (usize, Vec<usize>) {
        let mut places = Vec::new();
        shape.for_each_cell(|_, padded| places.push(padded));
        (shape.padded_len(), places)
    }

    #[test]
    fn equal_joined_sizes_are_equal_places() {
        let mut shapes: Vec<Vec<usize>> = vec![vec![]];
        for a in 1..=8 {
            shapes.push(vec![a]);
            for b in 1..=6 {
                shapes.push(vec![a, b]);
                shapes.extend((1..=5).map(|c| vec![a, b, c]));
            }
        }
        let shapes: Vec<PaddedShape> = shapes.iter().map(|sizes| PaddedShape::new(sizes)).collect();
        for left in &shapes {
            for right in &shapes {
                assert_eq!(
                    joined(left) == joined(right),
                    places(left) == places(right),
                    "{left} {right}"
                );
            }
        }
    }
}
