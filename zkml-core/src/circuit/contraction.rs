//! Contractions: einsums of two columns.

use serde::{Deserialize, Serialize};

use super::ColumnId;
use crate::poly::PaddedShape;

/// `out[free, shared] = sum_s left[free_left, shared, s] right[free_right, shared, s]`.
///
/// Each dimension of `left`, `right` and the result belongs to exactly one axis. A matrix product
/// `out[i, j] = sum_k left[i, k] right[k, j]` has the axes `free_left(0, 0)`, `free_right(1, 1)` and `summed(1, 0)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contraction {
    /// Left operand.
    pub left: ColumnId,
    /// Right operand.
    pub right: ColumnId,
    /// The einsum's indices. The sumcheck binds the shared and the summed ones in this order.
    pub axes: Vec<Axis>,
}

/// One index of the einsum: the dimension it is in each of the three tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// Dimension of the left operand.
    pub left: Option<u8>,
    /// Dimension of the right operand.
    pub right: Option<u8>,
    /// Dimension of the result.
    pub out: Option<u8>,
}

/// What an axis does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisRole {
    /// In the left operand and the result.
    FreeLeft,
    /// In the right operand and the result.
    FreeRight,
    /// In all three tensors. The sumcheck has a factor `eq(z, index)` for it.
    Shared,
    /// In both operands, not in the result. An axis of a single tensor counts as summed too; validation refuses it.
    Summed,
}

impl Axis {
    /// In the left operand and the result.
    pub fn free_left(left: usize, out: usize) -> Self {
        Self {
            left: Some(left as u8),
            right: None,
            out: Some(out as u8),
        }
    }

    /// In the right operand and the result.
    pub fn free_right(right: usize, out: usize) -> Self {
        Self {
            left: None,
            right: Some(right as u8),
            out: Some(out as u8),
        }
    }

    /// In both operands, summed.
    pub fn summed(left: usize, right: usize) -> Self {
        Self {
            left: Some(left as u8),
            right: Some(right as u8),
            out: None,
        }
    }

    /// In all three.
    pub fn shared(left: usize, right: usize, out: usize) -> Self {
        Self {
            left: Some(left as u8),
            right: Some(right as u8),
            out: Some(out as u8),
        }
    }

    /// The role, by the tensors that have this axis.
    pub fn role(&self) -> AxisRole {
        match (self.left, self.right, self.out) {
            (Some(_), Some(_), Some(_)) => AxisRole::Shared,
            (Some(_), None, Some(_)) => AxisRole::FreeLeft,
            (None, Some(_), Some(_)) => AxisRole::FreeRight,
            _ => AxisRole::Summed,
        }
    }
}

impl Contraction {
    /// Axes that the sumcheck binds: shared and summed, in order.
    pub fn bound(&self) -> impl Iterator<Item = &Axis> {
        self.axes
            .iter()
            .filter(|axis| matches!(axis.role(), AxisRole::Shared | AxisRole::Summed))
    }

    /// Whether a shared axis has a size above 1, so that the sumcheck needs `eq`. `left` is the left operand's shape.
    pub fn has_shared(&self, left: &PaddedShape) -> bool {
        let indexed = |axis: &Axis| axis.left.is_some_and(|left_axis| left.bits(left_axis.into()) > 0);
        self.axes
            .iter()
            .any(|axis| axis.role() == AxisRole::Shared && indexed(axis))
    }

    /// Variables of the sumcheck, for a left operand of shape `left`.
    pub fn variables(&self, left: &PaddedShape) -> usize {
        self.bound()
            .filter_map(|axis| axis.left)
            .map(|axis| left.bits(axis.into()))
            .sum()
    }

    /// Degree of the sumcheck's round polynomials.
    pub fn degree(&self, left: &PaddedShape) -> usize {
        if self.has_shared(left) { 3 } else { 2 }
    }
}
