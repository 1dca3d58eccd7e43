//! `torch.nn.Linear`.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Dimension, IxDyn};
use serde::{Deserialize, Serialize};

use super::display::without_bias;
use super::product::{add_bias, check_products};
use super::room::weight_and_bias;
use super::{AffineLayer, FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatLayer, FloatSite, IntOp, IntegerLayer, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{Axis, CircuitError, ColumnId};
use crate::graph::{
    MAX_RANK, OperandError, ParameterId, Shape, ShapeError, Site, attempt, infer, positive, sized,
};

const NAME: &str = "Linear";

/// Hyper-parameters of a linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearOptions {
    /// Size of the last axis of the input.
    pub in_features: usize,
    /// Size of the last axis of the output.
    pub out_features: usize,
    /// Whether there is a bias; yes.
    pub bias: bool,
}

impl LinearOptions {
    /// With PyTorch's defaults.
    pub const fn new(in_features: usize, out_features: usize) -> LinearOptions {
        LinearOptions {
            in_features,
            out_features,
            bias: true,
        }
    }

    /// # Errors
    /// A size of 0.
    pub const fn check(&self) -> Result<(), ShapeError> {
        attempt!(positive(NAME, "in_features", self.in_features));
        positive(NAME, "out_features", self.out_features)
    }

    /// `[..., in_features] -> [..., out_features]`.
    ///
    /// # Errors
    /// Options or an operand that do not fit.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        if x.rank() < 2 {
            return Err(ShapeError::Rank {
                operation: NAME,
                expected: "2 dimensions or more [N, ..., features]",
                found: x,
            });
        }
        self.on_last_axis(x)
    }

    /// As [`Self::shape`]; the batch may be missing.
    const fn on_last_axis(&self, x: Shape) -> Result<Shape, ShapeError> {
        let last = x.rank().saturating_sub(1);
        if x.rank() == 0 || x.size(last) != self.in_features {
            return Err(ShapeError::Features {
                expected: self.in_features,
                found: x,
            });
        }
        let mut sizes = [1; MAX_RANK];
        let mut axis = 0;
        while axis < last {
            sizes[axis] = x.size(axis);
            axis += 1;
        }
        sizes[last] = self.out_features;
        sized(NAME, x, sizes.split_at(x.rank()).0)
    }

    infer!(|self, x| self.shape(x));
}

/// On the last axis; weight `[O, I]`, bias `[O]`. Exact in integers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields are shaped in the line above")]
pub struct Linear {
    pub weight: ParameterId,
    pub bias: Option<ParameterId>,
}

impl Room for Linear {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        weight_and_bias(&mut self.weight, &mut self.bias)
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = site.one()?;
        let [outputs, inputs] = site.sizes::<2>(self.weight)?;
        let options = LinearOptions {
            in_features: inputs,
            out_features: outputs,
            bias: self.bias.is_some(),
        };
        options.check()?;
        let shape = options.on_last_axis(x)?;
        site.expect(self.bias, &[outputs])?;
        Ok(shape)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

impl FloatRoom for Linear {
    fn layer(&self) -> Option<AffineLayer> {
        Some(AffineLayer {
            weight: self.weight,
            bias: self.bias,
            window: None,
            connected: true,
        })
    }

    fn layer_mut(&mut self) -> Option<(&mut ParameterId, &mut Option<ParameterId>)> {
        Some((&mut self.weight, &mut self.bias))
    }

    #[cfg(feature = "prover")]
    fn float_layer(&self, site: &FloatSite<'_>) -> Option<Option<FloatLayer>> {
        let (weight, bias) = (site.parameter(self.weight)?, site.optional(self.bias)?);
        FloatLayer::new(weight, bias, None).map(Some)
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        site.multiply(&self.float_layer(site)??)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let axis = quantizing.node().fact.len().saturating_sub(1);
        let op = |(weight, bias)| IntOp::Linear(Linear { weight, bias });
        quantizing.products((self.weight, self.bias), axis, &op)
    }
}

impl IntegerRoom for Linear {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        site.row_products(self.weight, self.bias)
    }

    fn options(&self, site: &RangeSite<'_>) -> String {
        let Some(&[outputs, inputs]) = (site.parameter)(self.weight) else {
            return String::new();
        };
        format!(
            "in_features={inputs}, out_features={outputs}{}",
            without_bias(self.bias)
        )
    }

    /// `y[.., o] = sum_i W[o, i] x[.., i] + b[o]`.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, (x, fact)) = (lowering.name(), lowering.operand(0));
        let result = &lowering.fact().shape;
        let last = fact.shape.len() - 1;
        let shape = [result[last], fact.shape[last]];
        let w = lowering.weight(self.weight, &shape, &[0, 1])?;
        let norm = lowering.operand_norm(0);
        check_products(lowering, (fact.range, norm), shape[1])?;
        let mut axes: Vec<Axis> = (0..last).map(|axis| Axis::free_right(axis, axis)).collect();
        axes.push(Axis::free_left(0, last));
        axes.push(Axis::summed(1, last));
        let product = lowering
            .circuit()
            .contraction(&format!("{name}/product"), result, w, x, axes);
        add_bias(lowering, product, self.bias, last)
    }

    #[cfg(feature = "prover")]
    fn integer_layer<'a>(&self, site: &IntegerSite<'a>) -> Option<Option<IntegerLayer<'a>>> {
        IntegerLayer::new(site, self.weight, self.bias, None).map(Some)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let (x, weight) = (site.operand(0)?, site.parameter(self.weight)?);
        let bias = site.optional(self.bias)?;
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |y| {
            let last = y.ndim() - 1;
            let mut sum = bias.as_ref().map_or(0, |bias| i128::from(bias[[y[last]]]));
            let mut at = y.clone();
            for i in 0..weight.shape()[1] {
                at[last] = i;
                sum += i128::from(weight[[y[last], i]]) * i128::from(x[&at]);
            }
            sum as i64
        }))
    }
}
