//! Products of tensors, element by element.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

use super::range::{magnitude, wide};
use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{Axis, CircuitError, ColumnId, ColumnKind, View};
use crate::graph::{IntFact, OperandError, Operator, Shape, ShapeError, Site};

/// Product of two operands of the same shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mul;

/// Product of two operands of the same shape; exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product;

/// Both operands have the same shape.
fn multiplied(site: &Site<'_>) -> Result<Shape, OperandError> {
    match site.operands {
        [left, right] if left.same(right) => Ok(*left),
        [left, right] => Err(OperandError::Shape(ShapeError::Broadcast {
            operator: Operator::Mul,
            left: *left,
            right: *right,
        })),
        _ => Err(site.arity(2)),
    }
}

impl Room for Mul {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        multiplied(site)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES | Properties::MULTIPLIES | Properties::SPANS_MORE
    }
}

impl FloatRoom for Mul {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(site.operand(0)? * site.operand(1)?)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let (left, right) = (quantizing.activation(0)?, quantizing.activation(1)?);
        let scale = left.scale * right.scale;
        quantizing.accumulate(Product.into(), vec![left.node, right.node], scale)
    }
}

impl Room for Product {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        multiplied(site)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

/// The least and largest product of integers of two ranges: both are products of their ends.
fn extremes(left: &IntFact, right: &IntFact) -> (i128, i128) {
    let ((a, b), (c, d)) = (wide(left.range), wide(right.range));
    let ends = [a * c, a * d, b * c, b * d];
    let (first, others) = (ends[0], &ends[1..]);
    (
        others.iter().copied().fold(first, i128::min),
        others.iter().copied().fold(first, i128::max),
    )
}

impl IntegerRoom for Product {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        match site.operands.as_slice() {
            [left, right] => site.accumulator(extremes(left, right)),
            _ => Err(site.inconsistent()),
        }
    }

    /// A contraction whose axes are all shared. If neither operand is 0 on padding, the left one is cropped, so that
    /// the product is 0 there.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape) = (lowering.name(), &lowering.fact().shape);
        let ((mut left, left_fact), (right, right_fact)) = (lowering.operand(0), lowering.operand(1));
        let largest = magnitude(left_fact.range).saturating_mul(magnitude(right_fact.range));
        lowering.circuit().check_bound(name, "product", largest)?;
        let circuit = lowering.circuit();
        if !circuit.is_zero_padded(left) && !circuit.is_zero_padded(right) {
            let crop = ColumnKind::View(View::crop(left, shape.len()));
            left = circuit.column(&format!("{name}/left"), shape, crop);
        }
        let axes = (0..shape.len())
            .map(|axis| Axis::shared(axis, axis, axis))
            .collect();
        Ok(circuit.contraction(name, shape, left, right, axes))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(site.operand(0)? * site.operand(1)?)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let (left, right) = (site.operand(0)?, site.operand(1)?);
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |at| {
            (i128::from(left[&at]) * i128::from(right[&at])) as i64
        }))
    }
}
