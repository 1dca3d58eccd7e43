//! `torch.nn.functional.pad` with zeros.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, IxDyn, Slice};
use serde::{Deserialize, Serialize};

use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId, Factor};
use crate::graph::{MAX_RANK, OperandError, Shape, ShapeError, Site, entries, sized};

/// Zeros before and after each axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pad {
    /// `(before, after)` per axis.
    pub amounts: Vec<(usize, usize)>,
}

/// Zeros before and after each axis, from the last axis on, in PyTorch's order: `[1, 2]` makes `[4, 5]` `[4, 8]`.
///
/// # Errors
/// Amounts that are no pairs, or pairs for more axes than there are.
pub const fn padded(x: Shape, amounts: &[usize]) -> Result<Shape, ShapeError> {
    if !amounts.len().is_multiple_of(2) || amounts.len() / 2 > x.rank() {
        return Err(ShapeError::Padding {
            amounts: amounts.len(),
            of: x,
        });
    }
    let mut sizes = [1; MAX_RANK];
    let mut axis = 0;
    while axis < x.rank() {
        sizes[axis] = x.size(axis);
        let from_last = x.rank() - 1 - axis;
        if 2 * from_last < amounts.len() {
            sizes[axis] = sizes[axis]
                .saturating_add(amounts[2 * from_last])
                .saturating_add(amounts[2 * from_last + 1]);
        }
        axis += 1;
    }
    sized("pad", x, sizes.split_at(x.rank()).0)
}

impl Pad {
    /// From PyTorch's order of amounts, for a tensor of that many dimensions.
    pub fn from_last(rank: usize, amounts: &[usize]) -> Self {
        let mut all = vec![(0, 0); rank];
        for (axis, pair) in all.iter_mut().rev().zip(amounts.chunks_exact(2)) {
            *axis = (pair[0], pair[1]);
        }
        Self { amounts: all }
    }
}

impl Room for Pad {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = site.one()?;
        entries(x.rank(), self.amounts.len())?;
        let from_last: Vec<usize> = self
            .amounts
            .iter()
            .rev()
            .flat_map(|pair| [pair.0, pair.1])
            .collect();
        Ok(padded(x, &from_last)?)
    }

    fn properties(&self) -> Properties {
        Properties::SELECTS_VALUES
    }
}

impl FloatRoom for Pad {
    fn returns_operand(&self, _operand: &[usize], _shape: &[usize], _inputs: usize) -> bool {
        self.amounts.iter().all(|amount| *amount == (0, 0))
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(surrounded(site.operand(0)?, &self.amounts, site.shape()))
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.keep_scale(self.clone().into())
    }
}

#[cfg(feature = "prover")]
fn surrounded<T: Copy + Default>(x: &ArrayD<T>, amounts: &[(usize, usize)], shape: &[usize]) -> ArrayD<T> {
    let mut y = ArrayD::from_elem(shape, T::default());
    y.slice_each_axis_mut(|axis| {
        let axis = axis.axis.index();
        Slice::from(amounts[axis].0..amounts[axis].0 + x.shape()[axis])
    })
    .assign(x);
    y
}

impl IntegerRoom for Pad {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let (low, high) = site.hull()?;
        Ok((low.min(0), high.max(0)))
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("{:?}", self.amounts)
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, _)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let axes = self.amounts.iter().enumerate();
        let factors = axes.map(|(a, amount)| Factor::affine(&[(a, 1)], -(amount.0 as i64), a));
        Ok(lowering.circuit().view(name, shape, x, factors.collect()))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(surrounded(site.operand(0)?, &self.amounts, site.shape()))
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |y| {
            let mut at = y;
            for (axis, (before, _)) in self.amounts.iter().enumerate() {
                at[axis] = at[axis].wrapping_sub(*before);
            }
            x.get(at).copied().unwrap_or(0)
        }))
    }
}
