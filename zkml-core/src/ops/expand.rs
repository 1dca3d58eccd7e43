//! Broadcasting: `torch.Tensor.expand`.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId, Factor};
use crate::graph::{MAX_RANK, OperandError, Operator, Shape, ShapeError, Site, sized};

/// Repeats the operand along axes that it lacks, or along which its size is 1. The node declares the shape. A view in
/// the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expand;

/// The shape that two operands of an elementwise operation take on, by PyTorch's rule. Shapes are aligned at their last
/// axes. Along each axis the sizes are equal, or one of them is 1 or absent.
///
/// Example: `[2, 1, 4]` and `[3, 1]` take on `[2, 3, 4]`.
///
/// # Errors
/// [`ShapeError::Broadcast`] for sizes that differ; a result that is too large.
pub const fn broadcast(operator: Operator, left: Shape, right: Shape) -> Result<Shape, ShapeError> {
    let rank = if left.rank() > right.rank() {
        left.rank()
    } else {
        right.rank()
    };
    let mut sizes = [1; MAX_RANK];
    let mut from_last = 1;
    while from_last <= rank {
        let (l, r) = (from_end(&left, from_last), from_end(&right, from_last));
        if l != r && l != 1 && r != 1 {
            return Err(ShapeError::Broadcast {
                operator,
                left,
                right,
            });
        }
        sizes[rank - from_last] = if l == 1 { r } else { l };
        from_last += 1;
    }
    sized(operator.sign(), left, sizes.split_at(rank).0)
}

/// The size along the axis number `from_last`, counted from the last axis, which is 1. A missing axis has size 1.
const fn from_end(shape: &Shape, from_last: usize) -> usize {
    if from_last <= shape.rank() {
        shape.size(shape.rank() - from_last)
    } else {
        1
    }
}

/// `x` repeated to the shape `to`.
///
/// # Errors
/// [`ShapeError::Broadcast`] where `to` has another size than an axis of `x` longer than 1.
pub const fn expanded(x: Shape, to: Shape) -> Result<Shape, ShapeError> {
    match broadcast(Operator::Expand, x, to) {
        Ok(shape) if shape.same(&to) => Ok(shape),
        Ok(_) => Err(ShapeError::Broadcast {
            operator: Operator::Expand,
            left: x,
            right: to,
        }),
        Err(error) => Err(error),
    }
}

impl Room for Expand {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        Ok(expanded(site.one()?, site.declared()?)?)
    }

    fn properties(&self) -> Properties {
        Properties::SELECTS_VALUES | Properties::SHAPES
    }
}

impl FloatRoom for Expand {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        repeated(site.operand(0)?, site.shape())
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.keep_scale(Self.into())
    }
}

#[cfg(feature = "prover")]
fn repeated<T: Clone>(x: &ArrayD<T>, shape: &[usize]) -> Option<ArrayD<T>> {
    Some(x.broadcast(shape)?.as_standard_layout().into_owned())
}

impl IntegerRoom for Expand {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        site.hull()
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let lacking = shape.len().saturating_sub(fact.shape.len());
        let mut factors: Vec<Factor> = (0..lacking).map(Factor::broadcast).collect();
        for (source, &size) in fact.shape.iter().enumerate() {
            let axis = lacking + source;
            if shape.get(axis) == Some(&size) {
                factors.push(Factor::identity(axis, source));
            } else {
                factors.push(Factor::broadcast(axis));
                factors.push(Factor::fixed(0, source));
            }
        }
        Ok(lowering.circuit().view(name, shape, x, factors))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        repeated(site.operand(0)?, site.shape())
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        let lacking = site.shape().len().checked_sub(x.ndim())?;
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |y| {
            let index = |axis: usize| {
                if x.shape()[axis] == 1 {
                    0
                } else {
                    y[lacking + axis]
                }
            };
            x[(0..x.ndim()).map(index).collect::<Vec<_>>().as_slice()]
        }))
    }
}
