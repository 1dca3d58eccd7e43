//! Views: the cells of a column rearranged by a public affine map.
//!
//! `view[o] = source[map(o)]`, 0 where the map leaves the source and on padding. The map is a product of
//! factors; each takes some dimensions of the view to some dimensions of the source:
//!
//! ```text
//!     flat = offset + sum_k strides[k] * o[view_axes[k]]          source[unflatten(flat)],  0 <= flat < size
//! ```
//!
//! Every dimension of the view and of the source belongs to exactly one factor. An identity is `flat = o`, a
//! window of a convolution `flat = stride * position + dilation * offset - padding`, a fixed index has no view
//! axes, a broadcast no source axes, a flatten one view axis and several source axes.
//!
//! A claim `view(z) = y` becomes `y = sum_j source(j) * prod_f G_f(j_f)` with
//! `G_f(j) = sum_{o : map_f(o) = j} eq(z_f, o)`; factors that only rename bits need no sum.

use serde::{Deserialize, Serialize};

use super::ColumnId;
use crate::field::K;
use crate::poly;
use crate::poly::PaddedShape;

/// A rearrangement of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The column whose cells are shown.
    pub source: ColumnId,
    /// The map, as a product; see the module's documentation.
    pub factors: Vec<Factor>,
}

/// One factor of the map of a [`View`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// Dimensions of the view, ascending.
    pub view_axes: Vec<u8>,
    /// One stride for each of them.
    pub strides: Vec<i64>,
    /// Offset.
    pub offset: i64,
    /// Dimensions of the source: consecutive, ascending, flattened row-major.
    pub source_axes: Vec<u8>,
}

/// How a factor acts on points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorRole {
    /// No view axes: the source's coordinates are the bits of a constant.
    Fixed,
    /// No source axes: a scalar, `sum_o eq(z, o)` over the logical range.
    Broadcast,
    /// The bits of the view's index are the bits of the source's index: coordinates pass through.
    Bitwise,
    /// A sumcheck over the source axes.
    General,
}

impl View {
    /// `source` inside its logical shape, of `rank` dimensions, and 0 on padding, whatever stands there.
    pub fn crop(source: ColumnId, rank: usize) -> Self {
        let factors = (0..rank).map(|axis| Factor::identity(axis, axis)).collect();
        Self { source, factors }
    }
}

impl Factor {
    /// `view axis = source axis`.
    pub fn identity(view_axis: usize, source_axis: usize) -> Self {
        Self::affine(&[(view_axis, 1)], 0, source_axis)
    }

    /// `source index = offset + sum stride * view index`.
    pub fn affine(view_axes: &[(usize, i64)], offset: i64, source_axis: usize) -> Self {
        let mut axes = view_axes.to_vec();
        axes.sort_unstable();
        Self {
            view_axes: axes.iter().map(|axis| axis.0 as u8).collect(),
            strides: axes.iter().map(|axis| axis.1).collect(),
            offset,
            source_axes: vec![source_axis as u8],
        }
    }

    /// The view does not depend on its axis.
    pub fn broadcast(view_axis: usize) -> Self {
        Self {
            view_axes: vec![view_axis as u8],
            strides: vec![0],
            offset: 0,
            source_axes: vec![],
        }
    }

    /// The source's axis stands at `index`.
    pub fn fixed(index: usize, source_axis: usize) -> Self {
        Self {
            view_axes: vec![],
            strides: vec![],
            offset: index as i64,
            source_axes: vec![source_axis as u8],
        }
    }

    /// Row-major reshape of the source axes to the view axes, whose logical sizes are `view_sizes`.
    pub fn reshape(
        view_axes: core::ops::Range<usize>,
        view_sizes: &[usize],
        source_axes: core::ops::Range<usize>,
    ) -> Self {
        let mut strides = vec![1i64; view_axes.len()];
        for axis in (0..strides.len().saturating_sub(1)).rev() {
            strides[axis] = strides[axis + 1].saturating_mul(view_sizes[view_axes.start + axis + 1] as i64);
        }
        Self {
            view_axes: view_axes.map(|axis| axis as u8).collect(),
            strides,
            offset: 0,
            source_axes: source_axes.map(|axis| axis as u8).collect(),
        }
    }

    /// How it acts on points, given the shapes and whether the source is forced to 0 on padding.
    pub fn role(&self, view: &PaddedShape, source: &PaddedShape, source_zero_padded: bool) -> FactorRole {
        if self.view_axes.is_empty() {
            return FactorRole::Fixed;
        }
        if self.source_axes.is_empty() {
            return FactorRole::Broadcast;
        }
        let total: usize = self
            .source_axes
            .iter()
            .map(|&axis| source.size(axis.into()))
            .product();
        let viewed: usize = self
            .view_axes
            .iter()
            .map(|&axis| view.size(axis.into()))
            .product();
        let row_major = {
            let mut expected = 1i64;
            self.view_axes
                .iter()
                .zip(&self.strides)
                .rev()
                .all(|(&axis, &stride)| {
                    // An axis of size 1 has index 0 alone: its stride does not matter.
                    let fits = stride == expected || view.size(axis.into()) == 1;
                    expected = expected.saturating_mul(view.size(axis.into()) as i64);
                    fits
                })
        };
        let exact_tail = |shape: &PaddedShape, axes: &[u8]| {
            axes.iter()
                .skip_while(|&&axis| shape.size(axis.into()) == 1)
                .skip(1)
                .all(|&axis| shape.size(axis.into()).is_power_of_two())
        };
        let exact_head = total.is_power_of_two() || source_zero_padded;
        let bitwise = self.offset == 0
            && total == viewed
            && row_major
            && exact_tail(view, &self.view_axes)
            && exact_tail(source, &self.source_axes)
            && exact_head;
        if bitwise {
            FactorRole::Bitwise
        } else {
            FactorRole::General
        }
    }

    /// Calls `visit(view indices, flat view index over padded view axes, flat source index over padded source
    /// axes)` for every pair the map relates.
    pub fn for_each_pair(
        &self,
        view: &PaddedShape,
        source: &PaddedShape,
        mut visit: impl FnMut(&[usize], usize, usize),
    ) {
        let sizes: Vec<usize> = self
            .view_axes
            .iter()
            .map(|&axis| view.size(axis.into()))
            .collect();
        let source_sizes: Vec<usize> = self
            .source_axes
            .iter()
            .map(|&axis| source.size(axis.into()))
            .collect();
        let total: i64 = source_sizes.iter().product::<usize>() as i64;
        let mut index = vec![0usize; sizes.len()];
        loop {
            let flat = index
                .iter()
                .zip(&self.strides)
                .fold(self.offset, |sum, (&i, &stride)| sum + stride * i as i64);
            if (0..total).contains(&flat) {
                let mut rest = flat as usize;
                let (mut padded, mut shift) = (0usize, 0usize);
                for (&axis, &size) in self.source_axes.iter().zip(&source_sizes).rev() {
                    padded |= (rest % size) << shift;
                    rest /= size;
                    shift += source.bits(axis.into());
                }
                let flat_view = self
                    .view_axes
                    .iter()
                    .zip(&index)
                    .fold(0usize, |flat, (&axis, &i)| (flat << view.bits(axis.into())) | i);
                visit(&index, flat_view, padded);
            }
            let mut axis = sizes.len();
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                index[axis] += 1;
                if index[axis] < sizes[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
    }

    /// Number of source variables.
    pub fn source_variables(&self, source: &PaddedShape) -> usize {
        self.source_axes
            .iter()
            .map(|&axis| source.bits(axis.into()))
            .sum()
    }

    /// The part of a point of `shape` that belongs to `axes`.
    pub fn restrict<T: Copy>(axes: &[u8], shape: &PaddedShape, point: &[T]) -> Vec<T> {
        axes.iter()
            .flat_map(|&axis| point[shape.variable_range(axis.into())].iter().copied())
            .collect()
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
