//! A tensor whose blocks stand in different places of memory.

use core::ops::Range;

use super::{Int8Cells, Int8Tensor};

/// A tensor that is cut along its axes, as weights are where a key commits to them in blocks.
#[derive(Debug, Clone)]
pub struct Int8Blocks {
    shape: Vec<usize>,
    blocks: Vec<(Vec<Range<usize>>, Int8Tensor)>,
}

impl Int8Blocks {
    /// A tensor of blocks, each with its indices along each axis. Nothing if a block leaves the shape or is not as
    /// large as its indices say, or if all together do not have the tensor's number of values.
    pub fn new(shape: &[usize], blocks: Vec<(Vec<Range<usize>>, Int8Tensor)>) -> Option<Self> {
        let values = shape
            .iter()
            .try_fold(1usize, |values, &size| values.checked_mul(size))?;
        let fits = |(ranges, block): &(Vec<Range<usize>>, Int8Tensor)| {
            let inside = ranges.iter().zip(shape).all(|(range, &size)| range.end <= size);
            inside
                && ranges.len() == shape.len()
                && ranges.iter().map(Range::len).eq(block.shape().iter().copied())
        };
        let held: usize = blocks.iter().map(|(_, block)| block.len()).sum();
        (held == values && blocks.iter().all(fits)).then(|| Self {
            shape: shape.to_vec(),
            blocks,
        })
    }

    /// Its sizes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether all blocks are views of `cells`.
    pub fn is_in(&self, cells: &Int8Cells) -> bool {
        self.blocks
            .iter()
            .all(|(_, block)| block.cells().is_same_memory(cells))
    }

    /// The block of these indices, if there is one.
    pub fn block(&self, ranges: &[Range<usize>]) -> Option<&Int8Tensor> {
        let mut blocks = self.blocks.iter();
        blocks
            .find(|(own, _)| own.as_slice() == ranges)
            .map(|(_, block)| block)
    }

    /// Its values in row-major order, copied.
    pub fn to_vec(&self) -> Vec<i8> {
        let mut values = vec![0; self.shape.iter().product()];
        let strides = super::tensor::row_major(&self.shape);
        for (ranges, block) in &self.blocks {
            let start = ranges
                .iter()
                .zip(&strides)
                .map(|(range, axis)| range.start * axis.stride);
            let axes = block.shape().iter().zip(&strides);
            let axes: Vec<super::Axis> = axes
                .map(|(&size, axis)| super::Axis {
                    size,
                    stride: axis.stride,
                    present: size,
                })
                .collect();
            block.copy_to(&mut values, start.sum(), &axes);
        }
        values
    }

    /// Row `index` of a matrix, copied; nothing for a row or a rank that it does not have.
    pub fn row(&self, index: usize) -> Option<Vec<i8>> {
        let &[rows, columns] = self.shape.as_slice() else {
            return None;
        };
        if index >= rows {
            return None;
        }
        let mut values = vec![0; columns];
        for (ranges, block) in &self.blocks {
            let [own, columns] = ranges.as_slice() else {
                return None;
            };
            if own.contains(&index) {
                let row = block.narrowed(&[index - own.start..index - own.start + 1, 0..columns.len()])?;
                values.get_mut(columns.clone())?.copy_from_slice(&row.to_vec());
            }
        }
        Some(values)
    }
}

impl PartialEq for Int8Blocks {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.to_vec() == other.to_vec()
    }
}
