//! The pairs of view cell and source cell that a factor relates, and sums over these pairs.

use super::Factor;
use crate::field::K;
use crate::poly;
use crate::poly::PaddedShape;

impl Factor {
    /// Calls `visit(index, o, j)` for every pair of the map: `index` is the logical index of the view axes, `o` and `j`
    /// are the flat indices over the padded view axes and the padded source axes.
    pub fn for_each_pair(
        &self,
        view: &PaddedShape,
        source: &PaddedShape,
        mut visit: impl FnMut(&[usize], usize, usize),
    ) {
        let sizes_of = |axes: &[u8], shape: &PaddedShape| -> Vec<usize> {
            axes.iter().map(|&axis| shape.size(axis.into())).collect()
        };
        let (sizes, source_sizes) = (
            sizes_of(&self.view_axes, view),
            sizes_of(&self.source_axes, source),
        );
        let total = source_sizes.iter().product::<usize>() as i64;
        let mut index = vec![0usize; sizes.len()];
        loop {
            let flat = index
                .iter()
                .zip(&self.strides)
                .fold(self.offset, |sum, (&i, &stride)| sum + stride * i as i64);
            if (0..total).contains(&flat) {
                let padded = self.padded_source_index(flat as usize, &source_sizes, source);
                let flat_view = self
                    .view_axes
                    .iter()
                    .zip(&index)
                    .fold(0usize, |flat, (&axis, &i)| (flat << view.bits(axis.into())) | i);
                visit(&index, flat_view, padded);
            }
            if !advance(&mut index, &sizes) {
                return;
            }
        }
    }

    /// From a flat index over the logical source axes to the flat index over the padded ones: for sizes `(3, 3)` index
    /// 5 is cell `(1, 2)`, and lies at `1 * 4 + 2 = 6`.
    fn padded_source_index(&self, flat: usize, sizes: &[usize], source: &PaddedShape) -> usize {
        let mut rest = flat;
        let (mut padded, mut shift) = (0usize, 0usize);
        for (&axis, &size) in self.source_axes.iter().zip(sizes).rev() {
            padded |= (rest % size) << shift;
            rest /= size;
            shift += source.bits(axis.into());
        }
        padded
    }

    /// `G_f` as a table over the padded source axes; `z` are the view axes' coordinates.
    pub fn table(&self, view: &PaddedShape, source: &PaddedShape, z: &[K]) -> Vec<K> {
        let weights = poly::eq_table(z);
        let mut table = vec![K::from(0u64); 1 << self.source_variables(source)];
        self.for_each_pair(view, source, |_, o, j| table[j] += weights[o]);
        table
    }

    /// The multilinear extension of `G_f` at `r`: `sum_o eq(z, o) eq(r, map(o))`.
    pub fn evaluate(&self, view: &PaddedShape, source: &PaddedShape, z: &[K], r: &[K]) -> K {
        let (weights, points) = (poly::eq_table(z), poly::eq_table(r));
        let mut sum = K::from(0u64);
        self.for_each_pair(view, source, |_, o, j| sum += weights[o] * points[j]);
        sum
    }
}

/// The next index, the last axis fastest; false after the last one.
fn advance(index: &mut [usize], sizes: &[usize]) -> bool {
    for (index, size) in index.iter_mut().zip(sizes).rev() {
        *index += 1;
        if *index < *size {
            return true;
        }
        *index = 0;
    }
    false
}
