//! Rows of the last axis without their mean: the first half of `torch.nn.LayerNorm`, whose second is [`RmsNorm`].
//!
//! ```text
//! y_c = x_c - mean(x)                              in floating point
//!
//! X_c = 2^(k_c) x_c                                in integers: all channels in one unit, that of the finest step
//! m   = floor(W sum_c X_c / 2^s + 1/2)             W = floor(2^s / d + 1/2) for d channels; a quotient
//! y_c = X_c - m                                    exact
//! ```
//!
//! The mean is rounded to the unit, once for a row; its channels are rounded no more. `W` differs from `2^s / d` by at
//! most 1/2. So `m` is off by less than `1/2 + d max|X| 2^-(s+1)` units; `s` is 32.
//!
//! `m` is the only value that the prover chooses. [`Quotient`] says which constraint determines it; its numerator is at
//! most `W d max|X|`, by range analysis. On padding all `X_c` are 0, hence `m` is.
//!
//! [`RmsNorm`]: super::RmsNorm

#[cfg(feature = "prover")]
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

#[cfg(feature = "prover")]
use super::quotient::bits_of;
use super::quotient::{Quotient, check_range, in_one_unit, result_range};
use super::range::magnitude;
#[cfg(feature = "prover")]
use super::{Channels, FloatSite, IntegerSite, QuantizeError, Quantizing};
use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
use crate::circuit::{Axis, CircuitError, ColumnId};
use crate::graph::{OperandError, Shape, ShapeError, Site, attempt, entries, infer, positive};

const NAME: &str = "LayerNorm";

/// Hyper-parameters of a layer normalization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNormOptions {
    /// Size of the last axis.
    pub normalized_shape: usize,
    /// Added to the variance, under the root; 1e-5.
    pub eps: f64,
    /// Whether there is a `weight`, and with it a `bias`; yes.
    pub elementwise_affine: bool,
    /// Whether there is a `bias` beside the `weight`; yes.
    pub bias: bool,
}

impl LayerNormOptions {
    /// With PyTorch's defaults.
    pub const fn new(normalized_shape: usize) -> LayerNormOptions {
        LayerNormOptions {
            normalized_shape,
            eps: 1e-5,
            elementwise_affine: true,
            bias: true,
        }
    }

    /// # Errors
    /// No channel, or an epsilon that is negative or no number.
    pub const fn check(&self) -> Result<(), ShapeError> {
        if !(self.eps >= 0.0 && self.eps.is_finite()) {
            return Err(ShapeError::Epsilon { operation: NAME });
        }
        positive(NAME, "normalized_shape", self.normalized_shape)
    }

    /// The shape of `x`.
    ///
    /// # Errors
    /// Options that make no sense; another size of the last axis.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        let x = attempt!(rows(x));
        if x.size(x.rank() - 1) != self.normalized_shape {
            return Err(ShapeError::LastAxis {
                operation: NAME,
                expected: self.normalized_shape,
                found: x,
            });
        }
        Ok(x)
    }

    infer!(|self, x| self.shape(x));
}

/// The shape, which has rows.
const fn rows(x: Shape) -> Result<Shape, ShapeError> {
    if x.rank() > 1 {
        return Ok(x);
    }
    Err(ShapeError::Rank {
        operation: NAME,
        expected: "2 dimensions or more [N, ..., channels]",
        found: x,
    })
}

/// Subtracts the mean of each row, a row being the last axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Center;

impl Room for Center {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        Ok(rows(site.one()?)?)
    }

    fn properties(&self) -> Properties {
        Properties::OWN_SCALE | Properties::NORMALIZES | Properties::CENTERS
    }
}

impl FloatRoom for Center {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let mut y = site.operand(0)?.clone();
        let channels = *y.shape().last()?;
        for row in y.as_slice_mut()?.chunks_exact_mut(channels.max(1)) {
            let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / row.len() as f64;
            row.iter_mut().for_each(|x| *x = (f64::from(*x) - mean) as f32);
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.wide("a LayerNorm")?;
        let Channels {
            node,
            step,
            exponents,
            magnitude,
        } = quantizing.channels(0)?;
        let most = exponents.iter().copied().max().unwrap_or(0);
        let bits = 1 + bits_of(magnitude << most);
        let shift = SHIFT;
        let op = IntegerCenter {
            exponents,
            shift,
            bits,
        };
        quantizing.activate(op.into(), vec![node], step)
    }
}

/// Rows in one unit without their rounded mean; see the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegerCenter {
    /// `k_c`, one for each channel or one for all: the operand of channel `c` counts `2^(k_c)` units.
    pub exponents: Vec<u32>,
    /// `s`, at least 1.
    pub shift: u32,
    /// Bits of the mean; at most 24.
    pub bits: u32,
}

/// Bits behind the point of the weight of a channel in the mean: two digits.
#[cfg(feature = "prover")]
const SHIFT: u32 = 32;

/// The most of them.
const MAXIMUM_SHIFT: u32 = 40;

/// Largest exponent of a channel.
const MAXIMUM_EXPONENT: u32 = 30;

impl Room for IntegerCenter {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = rows(site.one()?)?;
        if self.exponents.len() != 1 {
            entries(x.size(x.rank() - 1), self.exponents.len())?;
        }
        Ok(x)
    }
}

impl IntegerRoom for IntegerCenter {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let operand = site.operands.first().ok_or_else(|| site.inconsistent())?;
        let channels = operand.shape.last().copied().unwrap_or(1);
        if !self.is_consistent() {
            return Err(RangeError::BadNorm {
                layer: site.name.to_owned(),
            });
        }
        let (largest, numerator) = self.largest(operand.range, channels);
        check_range(site, numerator, self.shift, self.bits)?;
        let (_, mean) = result_range((0, (numerator >> self.shift) + 1), self.bits);
        let reached = largest.saturating_add(i128::from(mean) + 1);
        site.accumulator((-reached, reached))
    }

    fn forget_calibration(&mut self) {
        // The shift stays: it decides how exact the weight of a mean is, down to none at all.
        (self.exponents, self.bits) = (vec![0], 24);
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("shift={}, bits={}", self.shift, self.bits)
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let last = shape.len().saturating_sub(1);
        let channels = shape.get(last).copied().unwrap_or(1);
        if !self.is_consistent() {
            return Err(CircuitError::Unsupported {
                layer: name.to_owned(),
                what: format!("a mean with these widths: {self:?}"),
            });
        }
        let common = in_one_unit(lowering, x, &self.exponents);
        let rows = &shape[..last];
        let ones = lowering.circuit().ones(&format!("{name}/ones"), &[channels]);
        let of_rows = (0..last).map(|axis| Axis::free_left(axis, axis));
        let axes = of_rows.chain([Axis::summed(last, 0)]).collect();
        let sum = format!("{name}/sum");
        let sum = lowering.circuit().contraction(&sum, rows, common, ones, axes);
        let quotient = Quotient {
            name: &format!("{name}/mean"),
            shape: rows,
            numerator: &[(self.weight(channels), sum)],
            reached: self.largest(fact.range, channels).1,
            shift: self.shift,
            bits: self.bits,
        };
        let mean = quotient.lower(lowering)?;
        let of_rows = (0..last).map(|axis| Axis::free_left(axis, axis));
        let axes = of_rows.chain([Axis::free_right(0, last)]).collect();
        let circuit = lowering.circuit();
        let means = circuit.contraction(&format!("{name}/means"), shape, mean, ones, axes);
        Ok(circuit.integer_sum(name, shape, &[(1, common), (-1, means)]))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let mut y = site.operand(0)?.clone();
        let channels = *y.shape().last().filter(|channels| **channels > 0)?;
        let weight = self.weight(channels);
        for row in y.as_slice_mut()?.chunks_exact_mut(channels) {
            let exponents = self.exponents.iter().cycle();
            row.iter_mut().zip(exponents).for_each(|(x, k)| *x <<= k);
            // Below 2^60, by range analysis.
            let half = 1i64 << (self.shift - 1);
            let mean = (row.iter().sum::<i64>() * weight + half) >> self.shift;
            row.iter_mut().for_each(|x| *x -= mean);
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        let channels = *x.shape().last()?;
        let last = x.ndim() - 1;
        let common = |at: &IxDyn| {
            let exponent = self.exponents[if self.exponents.len() == 1 { 0 } else { at[last] }];
            i128::from(x[at]) * 2i128.pow(exponent)
        };
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |at| {
            let mut other = at.clone();
            let mut sum = 0;
            for c in 0..channels {
                other[last] = c;
                sum += common(&other);
            }
            let divisor = 2i128.pow(self.shift);
            let weight = (divisor + channels as i128 / 2) / channels as i128;
            let mean = (sum * weight + divisor / 2).div_euclid(divisor);
            (common(&at) - mean) as i64
        }))
    }
}

impl IntegerCenter {
    /// `W`, what a channel of so many counts in the mean, times `2^s`.
    fn weight(&self, channels: usize) -> i64 {
        let channels = (channels as i64).max(1);
        ((1i64 << self.shift.min(MAXIMUM_SHIFT)) + channels / 2) / channels
    }

    fn is_consistent(&self) -> bool {
        let mut exponents = self.exponents.iter();
        (1..=MAXIMUM_SHIFT).contains(&self.shift)
            && !self.exponents.is_empty()
            && exponents.all(|exponent| *exponent <= MAXIMUM_EXPONENT)
    }

    /// The largest magnitude of an `X_c`, and of the numerator of the mean.
    fn largest(&self, range: (i64, i64), channels: usize) -> (i128, i128) {
        let most = self.exponents.iter().copied().max().unwrap_or(0);
        let largest = magnitude(range).saturating_mul(1i128 << most.min(MAXIMUM_EXPONENT));
        let sum = largest.saturating_mul(channels as i128);
        (largest, sum.saturating_mul(i128::from(self.weight(channels))))
    }
}
