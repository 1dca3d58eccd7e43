//! The tiled product with int8 rows, one product after the other.

use super::super::panels::{Block, LIMBS, QUAD};

/// Adds the products of each row with each limb to `sums`.
pub(in super::super) fn accumulate(block: Block<'_>, sums: &mut [i32]) {
    for row in 0..block.count {
        let values = &block.rows[row * block.row_length..][..block.terms];
        for vector in 0..block.width {
            let sums = &mut sums[row * block.stride + vector * LIMBS..][..LIMBS];
            let lines = block.lines.iter().skip(vector).step_by(block.width);
            for (values, line) in values.chunks(QUAD).zip(lines) {
                for (sum, limbs) in sums.iter_mut().zip(line.0.chunks_exact(QUAD)) {
                    let products = values
                        .iter()
                        .zip(limbs)
                        .map(|(value, limb)| i32::from(*value) * i32::from(*limb));
                    *sum += products.sum::<i32>();
                }
            }
        }
    }
}
