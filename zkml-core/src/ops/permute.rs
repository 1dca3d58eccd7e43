//! `torch.permute`.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId, Factor};
use crate::graph::{MAX_RANK, OperandError, Shape, ShapeError, Site, attempt, resolve, sized};

/// Axis `i` of the result is axis `order[i]` of the operand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permute {
    /// For each axis of the result one of the operand: `[2, 3, 4]` in order `[2, 0, 1]` is `[4, 2, 3]`.
    pub order: Vec<usize>,
}

/// The sizes in another order.
///
/// # Errors
/// An order that is no permutation of the axes.
pub const fn permuted(x: Shape, order: &[usize]) -> Result<Shape, ShapeError> {
    if order.len() != x.rank() {
        return Err(ShapeError::Permutation { of: x });
    }
    let mut sizes = [1; MAX_RANK];
    let mut seen = [false; MAX_RANK];
    let mut axis = 0;
    while axis < order.len() {
        if order[axis] >= x.rank() || seen[order[axis]] {
            return Err(ShapeError::Permutation { of: x });
        }
        seen[order[axis]] = true;
        sizes[axis] = x.size(order[axis]);
        axis += 1;
    }
    sized("permute", x, sizes.split_at(x.rank()).0)
}

/// Axes `dim0` and `dim1` (negative: from the end) change places.
///
/// # Errors
/// An axis that does not exist.
pub const fn transposed(x: Shape, dim0: isize, dim1: isize) -> Result<Shape, ShapeError> {
    let (first, second) = (
        attempt!(resolve("transpose", dim0, x)),
        attempt!(resolve("transpose", dim1, x)),
    );
    let mut sizes = [1; MAX_RANK];
    let mut axis = 0;
    while axis < x.rank() {
        sizes[axis] = if axis == first {
            x.size(second)
        } else if axis == second {
            x.size(first)
        } else {
            x.size(axis)
        };
        axis += 1;
    }
    sized("transpose", x, sizes.split_at(x.rank()).0)
}

impl Room for Permute {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        Ok(permuted(site.one()?, &self.order)?)
    }

    fn properties(&self) -> Properties {
        Properties::MOVES_VALUES
    }
}

impl FloatRoom for Permute {
    fn returns_operand(&self, _operand: &[usize], _shape: &[usize], _inputs: usize) -> bool {
        self.order.iter().copied().eq(0..self.order.len())
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let turned = site.operand(0)?.view().permuted_axes(IxDyn(&self.order));
        Some(turned.as_standard_layout().into_owned())
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.keep_scale(self.clone().into())
    }
}

impl IntegerRoom for Permute {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        site.hull()
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, _)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let axes = self.order.iter().enumerate();
        let factors = axes.map(|(to, &from)| Factor::identity(to, from)).collect();
        Ok(lowering.circuit().view(name, shape, x, factors))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let turned = site.operand(0)?.view().permuted_axes(IxDyn(&self.order));
        Some(turned.as_standard_layout().into_owned())
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |y| {
            let mut at = y.clone();
            for (i, axis) in self.order.iter().enumerate() {
                at[*axis] = y[i];
            }
            x[at]
        }))
    }
}
