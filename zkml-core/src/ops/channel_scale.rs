//! An affine map of each channel by itself: a product with one weight for each channel, and a bias.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

use super::display::without_bias;
use super::product::{add_bias, check_products};
use super::room::weight_and_bias;
use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{Axis, CircuitError, ColumnId};
use crate::graph::{OperandError, ParameterId, Shape, ShapeError, Site};

/// `weight[c] x + bias[c]` for index `c` along the last axis: gain and bias of `torch.nn.LayerNorm`. Both are `[C]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are shaped in the line above")]
pub struct ChannelAffine {
    pub weight: ParameterId,
    pub bias: Option<ParameterId>,
}

impl Room for ChannelAffine {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        weight_and_bias(&mut self.weight, &mut self.bias)
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = site.one()?;
        let last = [x.size(x.rank().saturating_sub(1))];
        site.expect(Some(self.weight), &last)?;
        site.expect(self.bias, &last)?;
        Ok(x)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES | Properties::MULTIPLIES
    }
}

impl FloatRoom for ChannelAffine {
    fn channel_affine(&self) -> Option<ChannelAffine> {
        Some(*self)
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let (weight, bias) = (site.parameter(self.weight)?, site.optional(self.bias)?);
        let mut y = site.operand(0)?.clone();
        for row in y.as_slice_mut()?.chunks_exact_mut(weight.len().max(1)) {
            for (c, x) in row.iter_mut().enumerate() {
                let added = bias.as_ref().map_or(0.0, |bias| f64::from(bias[c]));
                *x = (f64::from(*x) * f64::from(weight[c]) + added) as f32;
            }
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let axis = quantizing.node().fact.len().saturating_sub(1);
        let op = |(weight, bias)| ChannelScale { weight, bias, axis }.into();
        quantizing.products((self.weight, self.bias), axis, &op)
    }
}

const NAME: &str = "channel scale";

/// `weight[c] x + bias[c]` for index `c` along an axis; exact. Both are `[C]`. Without a bias one weight, `[1]`, may serve
/// all channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields are named in the lines above")]
pub struct ChannelScale {
    pub weight: ParameterId,
    pub bias: Option<ParameterId>,
    pub axis: usize,
}

/// The shape of `x`, which has `weights` channels along an axis, unless one weight serves all.
pub(super) const fn scaled(
    operation: &'static str,
    x: Shape,
    axis: usize,
    weights: usize,
) -> Result<Shape, ShapeError> {
    if weights == 1 {
        return Ok(x);
    }
    if x.rank() < 2 || axis >= x.rank() {
        return Err(ShapeError::Rank {
            operation,
            expected: "2 dimensions or more [N, C, ...]",
            found: x,
        });
    }
    if x.size(axis) != weights {
        return Err(ShapeError::Channels {
            operation,
            expected: weights,
            found: x,
        });
    }
    Ok(x)
}

impl Room for ChannelScale {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        weight_and_bias(&mut self.weight, &mut self.bias)
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let [weights] = site.sizes::<1>(self.weight)?;
        site.expect(self.bias, &[weights])?;
        let shape = scaled(NAME, site.one()?, self.axis, weights)?;
        // A bias is spread along the axis, which must be there.
        let along = shape.rank() > 1 && self.axis < shape.rank() && shape.size(self.axis) == weights;
        if self.bias.is_some() && !along {
            return Err(ShapeError::Channels {
                operation: NAME,
                expected: weights,
                found: shape,
            }
            .into());
        }
        Ok(shape)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

impl IntegerRoom for ChannelScale {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        // One product for each value: `products` counts a weight's axes after the first, and there are none.
        site.products(self.weight, self.bias)
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("dim={}{}", self.axis, without_bias(self.bias))
    }

    /// A contraction over no axis, the channel shared: `y(z) = sum_c eq(z_1, c) w(c) x(.., c, ..)`.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        check_products(lowering, (fact.range, None), 1)?;
        let weights = lowering
            .parameter_shape(self.weight)
            .first()
            .copied()
            .unwrap_or(1);
        let one = weights == 1;
        let sizes = [weights];
        let sizes = if one { &[][..] } else { &sizes[..] };
        let order = if one { &[][..] } else { &[0][..] };
        let w = lowering.weight(self.weight, sizes, order)?;
        let along = |a: usize| match a == self.axis && !one {
            true => Axis::shared(0, a, a),
            false => Axis::free_right(a, a),
        };
        let axes = (0..shape.len()).map(along).collect();
        let product = if self.bias.is_some() {
            format!("{name}/product")
        } else {
            name.to_owned()
        };
        let product = lowering.circuit().contraction(&product, shape, w, x, axes);
        add_bias(lowering, product, self.bias, self.axis)
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let (x, weight) = (site.operand(0)?, site.parameter(self.weight)?);
        let bias = site.optional(self.bias)?;
        let inner: usize = x.shape().iter().skip(self.axis + 1).product();
        let mut y = x.clone();
        for (block, values) in y.as_slice_mut()?.chunks_mut(inner.max(1)).enumerate() {
            let channel = block % weight.len().max(1);
            let (w, added) = (weight[[channel]], bias.as_ref().map_or(0, |bias| bias[[channel]]));
            values
                .iter_mut()
                .for_each(|value| *value = *value * i64::from(w) + i64::from(added));
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let (x, weight) = (site.operand(0)?, site.parameter(self.weight)?);
        let bias = site.optional(self.bias)?;
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |at| {
            let channel = if weight.len() == 1 { 0 } else { at[self.axis] };
            let added = bias.as_ref().map_or(0, |bias| i128::from(bias[[channel]]));
            (i128::from(weight[[channel]]) * i128::from(x[&at]) + added) as i64
        }))
    }
}
