//! `torch.cat`.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};
use serde::{Deserialize, Serialize};

use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId, Factor};
use crate::graph::{MAX_RANK, OperandError, Shape, ShapeError, Site, attempt, resolve, sized};

/// Joins any number of operands along `axis`. All have the same scale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concat {
    /// The axis.
    pub axis: usize,
}

/// `left` and `right` joined along `axis`: `[2, 3]` and `[2, 5]` along 1 is `[2, 8]`.
///
/// # Errors
/// Operands that differ elsewhere, or an axis that does not exist.
pub const fn joined(left: Shape, right: Shape, axis: isize) -> Result<Shape, ShapeError> {
    let along = attempt!(resolve("cat", axis, left));
    let differ = ShapeError::Concatenation {
        axis: along as u8,
        left,
        right,
    };
    if left.rank() != right.rank() {
        return Err(differ);
    }
    let mut sizes = [1; MAX_RANK];
    let mut i = 0;
    while i < left.rank() {
        if i == along {
            sizes[i] = left.size(i) + right.size(i);
        } else if left.size(i) != right.size(i) {
            return Err(differ);
        } else {
            sizes[i] = left.size(i);
        }
        i += 1;
    }
    sized("cat", left, sizes.split_at(left.rank()).0)
}

impl Room for Concat {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let Some((first, others)) = site.operands.split_first() else {
            return Err(site.arity(1));
        };
        let axis = isize::try_from(self.axis).unwrap_or(isize::MAX);
        let mut shape = *first;
        attempt_axis(axis, *first)?;
        for other in others {
            shape = joined(shape, *other, axis)?;
        }
        Ok(shape)
    }

    fn properties(&self) -> Properties {
        Properties::JOINS
    }
}

/// Refuses an axis that the first operand does not have, also where it is the only one.
fn attempt_axis(axis: isize, first: Shape) -> Result<(), ShapeError> {
    resolve("cat", axis, first).map(|_| ())
}

impl FloatRoom for Concat {
    fn returns_operand(&self, _operand: &[usize], _shape: &[usize], inputs: usize) -> bool {
        inputs == 1
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        concatenated(site.operands, self.axis)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.common_scale(self.clone().into())
    }
}

#[cfg(feature = "prover")]
fn concatenated<T: Clone>(operands: &[&ArrayD<T>], axis: usize) -> Option<ArrayD<T>> {
    let views: Vec<ArrayViewD<'_, T>> = operands.iter().map(|operand| operand.view()).collect();
    let joined = ndarray::concatenate(Axis(axis), &views).ok()?;
    Some(joined.as_standard_layout().into_owned())
}

impl IntegerRoom for Concat {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        site.hull()
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("dim={}", self.axis)
    }

    /// The sum of one view for each operand, which is 0 outside of the operand's place.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape) = (lowering.name(), &lowering.fact().shape);
        let mut start = 0;
        let mut terms = Vec::new();
        for index in 0..lowering.operands() {
            let (x, fact) = lowering.operand(index);
            let from = |a: usize| if a == self.axis { -start } else { 0 };
            let factors = (0..shape.len())
                .map(|a| Factor::affine(&[(a, 1)], from(a), a))
                .collect();
            let part = lowering
                .circuit()
                .view(&format!("{name}/part.{index}"), shape, x, factors);
            terms.push((1, part));
            start += fact.shape[self.axis] as i64;
        }
        Ok(lowering.circuit().integer_sum(name, shape, &terms))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        concatenated(site.operands, self.axis)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |y| {
            let mut at = y;
            for x in site.operands {
                if at[self.axis] < x.shape()[self.axis] {
                    return x[&at];
                }
                at[self.axis] -= x.shape()[self.axis];
            }
            0
        }))
    }
}
