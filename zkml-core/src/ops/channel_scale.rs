//! A product with one weight for each channel.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

#[cfg(feature = "prover")]
use super::IntegerSite;
use super::product::check_products;
use super::{IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
use crate::circuit::{Axis, CircuitError, ColumnId};
use crate::graph::{OperandError, ParameterId, Shape, ShapeError, Site};

/// `weight[c] * x` for index `c` along axis 1, or the only weight times `x`; exact. Weight `[C]` or `[1]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelScale {
    /// The weight.
    pub weight: ParameterId,
}

/// The shape of `x`, whose axis 1 has `weights` channels, unless one weight serves all.
pub(super) const fn scaled(operation: &'static str, x: Shape, weights: usize) -> Result<Shape, ShapeError> {
    if weights == 1 {
        return Ok(x);
    }
    if x.rank() < 2 {
        return Err(ShapeError::Rank {
            operation,
            expected: "2 dimensions or more [N, C, ...]",
            found: x,
        });
    }
    if x.size(1) != weights {
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
        vec![&mut self.weight]
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let [weights] = site.sizes::<1>(self.weight)?;
        Ok(scaled("channel scale", site.one()?, weights)?)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

impl IntegerRoom for ChannelScale {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        // One product for each value: `products` counts a weight's axes after the first, and there are none.
        site.products(self.weight, None)
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
        let along = |a: usize| match a == 1 && !one {
            true => Axis::shared(0, a, a),
            false => Axis::free_right(a, a),
        };
        let axes = (0..shape.len()).map(along).collect();
        Ok(lowering.circuit().contraction(name, shape, w, x, axes))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let (x, weight) = (site.operand(0)?, site.parameter(self.weight)?);
        let inner: usize = x.shape().iter().skip(2).product();
        let mut y = x.clone();
        for (block, values) in y.as_slice_mut()?.chunks_mut(inner.max(1)).enumerate() {
            let channel = block % x.shape().get(1).copied().unwrap_or(1);
            let w = weight[[if weight.len() == 1 { 0 } else { channel }]];
            values.iter_mut().for_each(|value| *value *= i64::from(w));
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let (x, weight) = (site.operand(0)?, site.parameter(self.weight)?);
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |at| {
            let w = weight[[if weight.len() == 1 { 0 } else { at[1] }]];
            (i128::from(w) * i128::from(x[&at])) as i64
        }))
    }
}
