//! Views: the cells of a column rearranged by a public affine map.
//!
//! `view[o] = source[map(o)]`. A cell is 0 where the map leaves the source, and on padding. The map is a product of
//! factors. Each factor takes some dimensions of the view to some dimensions of the source:
//!
//! ```text
//!     flat = offset + sum_k strides[k] * o[view_axes[k]]          source[unflatten(flat)],  0 <= flat < size
//! ```
//!
//! Every dimension of the view and of the source belongs to exactly one factor:
//!
//! - identity: `flat = o`
//! - window of a convolution: `flat = stride * position + dilation * offset - padding`
//! - fixed index: no view axes
//! - broadcast: no source axes
//! - flatten: one view axis, several source axes; for source axes of sizes `(2, 2, 2)`, `o = 5` shows cell `(1, 0, 1)`
//!
//! A claim `view(z) = y` becomes `y = sum_j source(j) * prod_f G_f(j_f)` with
//! `G_f(j) = sum_{o : map_f(o) = j} eq(z_f, o)`. Factors that only rename bits need no sum.

mod pairs;
mod role;

use serde::{Deserialize, Serialize};

use super::ColumnId;
use crate::poly::PaddedShape;

pub use self::role::FactorRole;

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

impl View {
    /// `source` inside its logical shape of `rank` dimensions, and 0 on padding whatever `source` holds there.
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

    /// The view shows the source at `index` of this axis, and has no axis for it.
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
}
