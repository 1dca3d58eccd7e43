//! `torch.nn.BatchNorm1d` and `BatchNorm2d`, in evaluation mode.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis};

use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::graph::{OperandError, ParameterId, Shape, ShapeError, Site, attempt, positive};

/// What `BatchNorm1d` and `BatchNorm2d` share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormOptions {
    /// Size of axis 1.
    pub num_features: usize,
    /// Added to the variance; 1e-5.
    pub eps: f64,
    /// Whether there are `weight` and `bias`; yes.
    pub affine: bool,
}

/// The ranks that a batch normalization takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchNormRank {
    /// `BatchNorm1d`: `[N, C]` or `[N, C, L]`.
    One,
    /// `BatchNorm2d`: `[N, C, H, W]`.
    Two,
}

impl BatchNormRank {
    const fn name(self) -> &'static str {
        match self {
            Self::One => "BatchNorm1d",
            Self::Two => "BatchNorm2d",
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::One => "2 or 3 dimensions [N, C] or [N, C, L]",
            Self::Two => "4 dimensions [N, C, H, W]",
        }
    }
}

impl BatchNormOptions {
    /// # Errors
    /// No feature, or an epsilon that is negative or no number.
    pub const fn check(&self, rank: BatchNormRank) -> Result<(), ShapeError> {
        let operation = rank.name();
        if !(self.eps >= 0.0 && self.eps.is_finite()) {
            return Err(ShapeError::Epsilon { operation });
        }
        positive(operation, "num_features", self.num_features)
    }

    /// Normalization over axis 1 keeps the shape.
    ///
    /// # Errors
    /// Options or an operand that do not fit.
    pub const fn shape(&self, rank: BatchNormRank, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check(rank));
        let fits = match rank {
            BatchNormRank::One => x.rank() == 2 || x.rank() == 3,
            BatchNormRank::Two => x.rank() == 4,
        };
        let operation = rank.name();
        if !fits {
            return Err(ShapeError::Rank {
                operation,
                expected: rank.expected(),
                found: x,
            });
        }
        if x.size(1) != self.num_features {
            return Err(ShapeError::Channels {
                operation,
                expected: self.num_features,
                found: x,
            });
        }
        Ok(x)
    }
}

/// Per channel (axis 1), rank 2 to 4; weight and bias absent when `affine = false`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields have PyTorch's names; each parameter is [C]")]
pub struct BatchNorm {
    pub weight: Option<ParameterId>,
    pub bias: Option<ParameterId>,
    pub running_mean: ParameterId,
    pub running_var: ParameterId,
    pub epsilon: f64,
}

impl Room for BatchNorm {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        let (mean, variance) = (&mut self.running_mean, &mut self.running_var);
        let all = [
            self.weight.as_mut(),
            self.bias.as_mut(),
            Some(mean),
            Some(variance),
        ];
        all.into_iter().flatten().collect()
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = site.one()?;
        let rank = if x.rank() == 4 {
            BatchNormRank::Two
        } else {
            BatchNormRank::One
        };
        let [features] = site.sizes::<1>(self.running_mean)?;
        let options = BatchNormOptions {
            num_features: features,
            eps: self.epsilon,
            affine: self.weight.is_some(),
        };
        let shape = options.shape(rank, x)?;
        for id in [self.weight, self.bias, Some(self.running_var)] {
            site.expect(id, &[features])?;
        }
        Ok(shape)
    }

    fn properties(&self) -> Properties {
        Properties::MULTIPLIES
    }
}

impl FloatRoom for BatchNorm {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let (mean, variance) = (
            site.parameter(self.running_mean)?,
            site.parameter(self.running_var)?,
        );
        let (weight, bias) = (site.optional(self.weight)?, site.optional(self.bias)?);
        let mut y = site.operand(0)?.clone();
        for (c, mut channel) in y.axis_iter_mut(Axis(1)).enumerate() {
            let inverse = 1.0 / (f64::from(*variance.get([c].as_slice())?) + self.epsilon).sqrt();
            let gain = weight.as_ref().map_or(1.0, |w| f64::from(w[c])) * inverse;
            let shift =
                bias.as_ref().map_or(0.0, |b| f64::from(b[c])) - gain * f64::from(*mean.get([c].as_slice())?);
            channel.mapv_inplace(|value| (f64::from(value) * gain + shift) as f32);
        }
        Some(y)
    }

    /// The optimizer folds batch normalizations, or makes convolutions of them.
    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        Err(QuantizeError::BatchNorm {
            layer: quantizing.node().name.clone(),
        })
    }
}
