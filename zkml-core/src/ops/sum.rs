//! Sums of tensors.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

use super::range::{magnitude, wide};
use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId};
use crate::graph::{OperandError, Shape, ShapeError, Site, entries};

/// Sum of two operands of the same shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Add;

/// `sum_k coefficients[k] * operand_k`, all of the same shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedSum {
    /// One for each operand.
    pub coefficients: Vec<i64>,
}

/// Both operands have the same shape.
///
/// # Errors
/// They differ.
pub const fn summed(left: Shape, right: Shape) -> Result<Shape, ShapeError> {
    if left.same(&right) {
        Ok(left)
    } else {
        Err(ShapeError::Unequal { left, right })
    }
}

impl Room for Add {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        match site.operands {
            [left, right] => Ok(summed(*left, *right)?),
            _ => Err(site.arity(2)),
        }
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES | Properties::ADDS
    }
}

impl FloatRoom for Add {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        Some(site.operand(0)? + site.operand(1)?)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.sum()
    }
}

impl Room for WeightedSum {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let Some((first, others)) = site.operands.split_first() else {
            return Err(site.arity(self.coefficients.len().max(1)));
        };
        entries(site.operands.len(), self.coefficients.len())?;
        for other in others {
            summed(*first, *other)?;
        }
        Ok(*first)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

impl IntegerRoom for WeightedSum {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let mut sum = (0i128, 0i128);
        for (&c, fact) in self.coefficients.iter().zip(&site.operands) {
            let (low, high) = wide(fact.range);
            let ends = (i128::from(c) * low, i128::from(c) * high);
            sum = (
                sum.0.saturating_add(ends.0.min(ends.1)),
                sum.1.saturating_add(ends.0.max(ends.1)),
            );
        }
        site.accumulator(sum)
    }

    fn forget_calibration(&mut self) {
        let coefficients = self.coefficients.iter_mut();
        coefficients.for_each(|coefficient| *coefficient = coefficient.signum());
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("coefficients={:?}", self.coefficients)
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape) = (lowering.name(), &lowering.fact().shape);
        let operands = (0..self.coefficients.len()).map(|k| lowering.operand(k));
        let operands: Vec<_> = self.coefficients.iter().copied().zip(operands).collect();
        let largest = |(c, (_, fact)): &(i64, (ColumnId, &crate::graph::IntFact))| {
            magnitude(fact.range) * i128::from(*c).abs()
        };
        lowering.circuit().check_bound(
            name,
            "sum",
            operands.iter().map(largest).fold(0, i128::saturating_add),
        )?;
        let terms: Vec<(i64, ColumnId)> = operands
            .iter()
            .filter(|(c, _)| *c != 0)
            .map(|(c, (column, _))| (*c, *column))
            .collect();
        Ok(lowering.circuit().integer_sum(name, shape, &terms))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let mut sum = ArrayD::zeros(site.shape());
        for (&c, x) in self.coefficients.iter().zip(site.operands) {
            sum.zip_mut_with(x, |sum, x| *sum += c * x);
        }
        Some(sum)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |at| {
            let terms = self.coefficients.iter().zip(site.operands);
            terms
                .map(|(c, x)| i128::from(*c) * i128::from(x[&at]))
                .sum::<i128>() as i64
        }))
    }
}
