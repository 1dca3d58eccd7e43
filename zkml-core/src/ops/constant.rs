//! Constants: numbers that stand in the network.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId, Factor};
use crate::graph::{OperandError, Shape, Site, entries};
use crate::poly::PaddedShape;

/// Numbers that are part of the model and known to everyone, row-major in the shape that the node declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Finite.
    pub values: Vec<f32>,
}

/// Integers that are part of the model and known to everyone, row-major in the shape that the node declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegerConstant {
    /// The integers.
    pub values: Vec<i64>,
}

/// The declared shape, for that many values.
fn declared(site: &Site<'_>, values: usize) -> Result<Shape, OperandError> {
    let shape = site.source()?;
    entries(shape.elements(), values)?;
    Ok(shape)
}

impl Room for Constant {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        declared(site, self.values.len())
    }

    fn properties(&self) -> Properties {
        Properties::FIXED | Properties::NON_NEGATIVE.when(self.values.iter().all(|value| *value >= 0.0))
    }
}

impl FloatRoom for Constant {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        ArrayD::from_shape_vec(site.shape(), self.values.clone()).ok()
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.constant(&self.values)
    }
}

impl Room for IntegerConstant {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        declared(site, self.values.len())
    }
}

impl IntegerRoom for IntegerConstant {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let (least, most) = (self.values.iter().min(), self.values.iter().max());
        let (least, most) = least.zip(most).ok_or_else(|| site.inconsistent())?;
        site.accumulator((i128::from(*least), i128::from(*most)))
    }

    /// A public column. If padding would at least double its cells, the column is flat, and a view gives it its shape.
    /// Example: 75 values of shape `[3, 5, 5]` take 128 cells instead of 256.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape) = (lowering.name(), &lowering.fact().shape);
        let padded = PaddedShape::new(shape).padded_len();
        let circuit = lowering.circuit();
        if padded < self.values.len().saturating_mul(2) {
            return Ok(circuit.constant(shape, self.values.clone()));
        }
        let flat = circuit.constant(&[self.values.len()], self.values.clone());
        let factors = vec![Factor::reshape(0..shape.len(), shape, 0..1)];
        Ok(circuit.view(name, shape, flat, factors))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        ArrayD::from_shape_vec(site.shape(), self.values.clone()).ok()
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let mut values = self.values.iter();
        let shape = ndarray::IxDyn(site.shape());
        Some(ArrayD::from_shape_simple_fn(shape, || {
            values.next().copied().unwrap_or(0)
        }))
    }
}
