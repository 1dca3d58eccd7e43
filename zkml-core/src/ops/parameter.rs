//! Weights as tensors: `torch.nn.Parameter`, used by itself.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::range::COMMITTED_WEIGHT_LIMIT;
use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId};
use crate::graph::{OperandError, ParameterId, Shape, Site};

/// A parameter of the model as a tensor; committed as the weights of layers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The parameter.
    pub parameter: ParameterId,
}

impl Room for Parameter {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        vec![&mut self.parameter]
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        if !site.operands.is_empty() {
            return Err(site.arity(0));
        }
        let (_, sizes) = site.parameter(self.parameter)?;
        Shape::new(sizes).ok_or_else(|| OperandError::Size {
            found: sizes.to_vec(),
        })
    }

    fn properties(&self) -> Properties {
        Properties::FIXED
    }
}

impl FloatRoom for Parameter {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let values = site.parameter(self.parameter)?;
        Some(values.as_standard_layout().into_owned())
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.parameter(self.parameter)
    }
}

impl IntegerRoom for Parameter {
    /// All int8 values: the setup proof shows no more of a weight.
    fn range(&self, _site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        Ok((-COMMITTED_WEIGHT_LIMIT, COMMITTED_WEIGHT_LIMIT - 1))
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let shape = &lowering.fact().shape;
        let order: Vec<usize> = (0..shape.len()).collect();
        lowering.weight(self.parameter, shape, &order)
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        Some(site.parameter(self.parameter)?.mapv(i64::from))
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let values = site.parameter(self.parameter)?;
        Some(ArrayD::from_shape_fn(values.raw_dim(), |at| {
            i64::from(values[&at])
        }))
    }
}
