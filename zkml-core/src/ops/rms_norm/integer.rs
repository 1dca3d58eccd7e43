//! Normalization of rows by their root mean square, in integers. The gain is part of the layer behind it.
//!
//! ```text
//! y_c = 2^(k_c) x_c
//! T   = 4^j sum_c y_c^2 + E
//! s   = floor(sqrt T)                      s in [0, 2^b),   T - s^2 and s^2 + 2 s - T in [0, 2^(b+1))
//! r   = floor(N / s)                       a reciprocal: r in [0, 2^a)
//! n_c = floor(y_c r / 2^shift + 1/2)       a quotient of `bits` bits
//!
//! M = 2^(bits-1) - 1,   N = M 2^(k - bits + 1),   shift = k - bits + 1 - j,   E = max(epsilon, (2^(k-a) + 1)^2)
//! ```
//!
//! **The root.** By range analysis `T` is an integer of `[0, p)`. `s^2` and `T - s^2` sum to less than
//! `2^(2b) + 2^(b+1) < p`, so `T - s^2` is what it says over the integers, and `s^2 <= T`. Then `s^2 + 2 s - T` is an
//! integer above `-2^(b+1)`, and not negative: `T < (s+1)^2`. A row with `T >= 2^(2b)` has no proof, and its execution
//! stops.
//!
//! **The reciprocal.** `s` is at least `2^(k-a) + 1` because of `E`, hence `r < 2^a`: small rows, rows of zeros and the
//! rows of padding, where `T = E`, have reciprocals as well. See [`Reciprocal`].
//!
//! **The result.** `|y_c| 2^j <= sqrt T`, and as an integer it is at most `s`. So `|y_c r| <= N 2^-j = M 2^shift`,
//! which bounds the numerator of the quotient, and `|n_c| <= M`. With a power of two in the place of `M 2^(k - bits +
//! 1)` a row of one channel would give `M + 1`.
//!
//! **Its norm.** `|y| 2^j < s + 1` gives `|y| r / 2^shift < M (1 + 1/s)`. Rounding moves each of `d` channels by at
//! most 1/2, so `|n| <= M (1 + 1/s) + sqrt(d) / 2`. The range analysis of a layer behind this one rests on it.

#[cfg(feature = "prover")]
use ndarray::ArrayD;
#[cfg(feature = "prover")]
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::circuit::{Axis, CircuitError, ColumnId, Dyadic};
use crate::field::{M61, P, from_i64};
use crate::graph::{OperandError, Shape, ShapeError, Site, entries};
use crate::ops::quotient::{Quotient, RESULT_BITS, Width, advice, check_range, in_one_unit, within};
use crate::ops::range::{ceil_sqrt, magnitude};
use crate::ops::reciprocal::{Reciprocal, cellwise};
#[cfg(feature = "prover")]
use crate::ops::{Channels, Computed, ExecutionError, IntegerSite};
use crate::ops::{Hint, IntegerRoom, Lowering, RangeError, RangeSite, Room};

/// Rows of the last axis, divided by their root mean square; see the module.
///
/// The integer 1 of the result stands for `sqrt(d) / 2^(bits-1)` in a row of `d` channels: a row of equal values has
/// the result `M / sqrt d` in each channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegerRmsNorm {
    /// `k_c`, one for each channel or one for all: the operand of channel `c` counts `2^(k_c)` steps.
    pub exponents: Vec<u32>,
    /// `j`: sums of squares have that many further bits, twice.
    pub precision: u32,
    /// The epsilon in units of `T`, rounded: `eps * d / step^2 * 4^j`.
    pub epsilon: i64,
    /// The real epsilon that it stands for, which is checked; `None` for one that stands for itself.
    pub eps: Option<Dyadic>,
    /// `k`: `N` has that many bits.
    pub numerator_bits: u32,
    /// `b`: roots are below `2^b`; 29 where `T` may have 58 bits.
    pub root_bits: u32,
    /// `a`: reciprocals are below `2^a`; 30.
    pub reciprocal_bits: u32,
    /// Bits of the result; 16.
    pub bits: u32,
}

/// Largest exponent of a channel.
const MAXIMUM_EXPONENT: u32 = 30;

impl Room for IntegerRmsNorm {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = site.one()?;
        let Some(last) = x.rank().checked_sub(1).filter(|last| *last > 0) else {
            return Err(ShapeError::Rank {
                operation: "RMSNorm",
                expected: "2 dimensions or more [N, ..., channels]",
                found: x,
            }
            .into());
        };
        if self.exponents.len() != 1 {
            entries(x.size(last), self.exponents.len())?;
        }
        Ok(x)
    }
}

impl IntegerRoom for IntegerRmsNorm {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let operand = site.operands.first().ok_or_else(|| site.inconsistent())?;
        if !self.is_consistent() {
            return Err(RangeError::BadNorm {
                layer: site.name.to_owned(),
            });
        }
        let channels = operand.shape.last().copied().unwrap_or(1);
        self.check_epsilon(site.name, operand.scale, channels)?;
        let reached = self.largest_sum(operand.range, channels);
        if reached >= i128::from(P) {
            return Err(RangeError::Reached {
                layer: site.name.to_owned(),
                quantity: SUM,
                reached,
            });
        }
        check_range(site, self.largest_numerator(), self.shift(), self.bits)?;
        let most = self.most();
        Ok((-most, most))
    }

    fn norm(&self, site: &RangeSite<'_>) -> Option<i128> {
        let channels = i128::try_from(*site.operands.first()?.shape.last()?).ok()?;
        let least_root = self.constant()?.isqrt();
        let (most, root_of_channels) = (i128::from(self.most()), ceil_sqrt(channels));
        let direct = most.saturating_mul(root_of_channels);
        let rounded = (root_of_channels + 1) / 2;
        let by_root = most + (most + least_root - 1).checked_div(least_root)? + rounded;
        Some(by_root.min(direct))
    }

    fn forget_calibration(&mut self) {
        (self.exponents, self.precision, self.numerator_bits) = (vec![0], 0, 0);
        if self.eps.is_some() {
            self.epsilon = 0;
        }
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        let eps = match self.eps {
            Some(eps) => format!("eps={eps}"),
            None => format!("custom epsilon of {}", self.epsilon),
        };
        format!("{eps}, precision={}, bits={}", self.precision, self.bits)
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let last = shape.len().saturating_sub(1);
        let channels = shape.get(last).copied().unwrap_or(1);
        self.check_bounds(name, fact.range, channels)?;
        let largest = self.largest_sum(fact.range, channels);
        lowering.circuit().note_bound(name, SUM, largest);
        let y = in_one_unit(lowering, x, &self.exponents);
        let rows = &shape[..last];
        let sum = self.sum_of_squares(lowering, rows, y);
        let root = self.root(lowering, rows, sum);
        let reciprocal = Reciprocal {
            name: &format!("{name}/reciprocal"),
            shape: rows,
            numerator: self.numerator(),
            divisor: root,
            divisor_bits: self.root_bits,
            bits: self.reciprocal_bits,
        };
        let reciprocal = reciprocal.lower(lowering)?;
        let numerator_name = format!("{name}/numerator");
        let numerator = cellwise(lowering, (&numerator_name, shape), y, (reciprocal, last));
        let quotient = Quotient {
            name,
            shape,
            numerator: &[(1, numerator)],
            reached: self.largest_numerator(),
            shift: self.shift(),
            bits: self.bits,
        };
        quotient.lower(lowering)
    }

    #[cfg(feature = "prover")]
    fn execute_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let (x, inconsistent) = (site.needed(0)?, || site.inconsistent());
        let channels = x.shape().last().copied().filter(|size| *size > 0);
        let channels = channels.ok_or_else(inconsistent)?;
        let constant = self
            .constant()
            .filter(|_| self.is_consistent())
            .ok_or_else(inconsistent)?;
        let (numerator, shift, square) = (self.numerator(), self.shift(), 2 * self.precision);
        let half = 1i64 << (shift - 1);
        let mut values = x.as_slice().ok_or_else(inconsistent)?.to_vec();
        let rows = values.par_chunks_mut(channels);
        // Range analysis keeps the sums below p, and the products below 2^60.
        let root = |row: &mut [i64]| {
            let exponents = self.exponents.iter().cycle();
            row.iter_mut()
                .zip(exponents)
                .for_each(|(y, exponent)| *y <<= exponent);
            let sum: i64 = row.iter().map(|y| y * y).sum();
            let root = ((sum << square) + constant as i64).isqrt();
            let reciprocal = numerator / root;
            row.iter_mut()
                .for_each(|y| *y = (*y * reciprocal + half) >> shift);
            root
        };
        let roots: Vec<i64> = rows.map(root).collect();
        self.check_roots(site, &roots)?;
        let values = ArrayD::from_shape_vec(x.shape(), values).map_err(|_| inconsistent())?;
        Ok(Computed::plain(values))
    }

    #[cfg(feature = "prover")]
    fn reference_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let x = site.needed(0)?;
        let channels = *x.shape().last().ok_or_else(|| site.inconsistent())?;
        let mut roots = Vec::new();
        let mut values = Vec::new();
        for row in x
            .as_standard_layout()
            .into_owned()
            .into_raw_vec_and_offset()
            .0
            .chunks(channels.max(1))
        {
            let scaled = |(c, x): (usize, &i64)| {
                let exponent = self.exponents[if self.exponents.len() == 1 { 0 } else { c }];
                i128::from(*x) * 2i128.pow(exponent)
            };
            let row: Vec<i128> = row.iter().enumerate().map(scaled).collect();
            let sum = row
                .iter()
                .map(|y| y * y * 4i128.pow(self.precision))
                .sum::<i128>();
            let sum = sum + self.constant().ok_or_else(|| site.inconsistent())?;
            // By bisection: the largest root whose square is at most the sum.
            let (mut root, mut above) = (0i128, 1i128 << 62);
            while root + 1 < above {
                let middle = (root + above) / 2;
                *if middle * middle <= sum {
                    &mut root
                } else {
                    &mut above
                } = middle;
            }
            let reciprocal = i128::from(self.numerator()) / root;
            let divisor = 2i128.pow(self.shift());
            let result = |y: &i128| (y * reciprocal + divisor / 2).div_euclid(divisor) as i64;
            values.extend(row.iter().map(result));
            roots.push(root as i64);
        }
        self.check_roots(site, &roots)?;
        let values = ArrayD::from_shape_vec(x.shape(), values).map_err(|_| site.inconsistent())?;
        Ok(Computed::plain(values))
    }
}

/// What must stay below `p`.
const SUM: &str = "sum of squares";

impl IntegerRmsNorm {
    /// For rows of `channels` channels, with an epsilon in squared steps of the operand: roots of 29 bits, reciprocals
    /// of 30, and as many further bits of the sum of squares as leave it below `2^58` for every operand. The numerator
    /// has 48 bits, or as many less, down to 38, as it takes for `E` to be the epsilon: a larger `E` makes small rows
    /// smaller still, while with fewer bits the reciprocals of the largest rows have fewer, 9 at least.
    /// `None` where even no further bit of the sum fits.
    #[cfg(feature = "prover")]
    pub fn for_operand(x: &Channels, channels: usize, epsilon: f64, bits: u32) -> Option<Self> {
        let limit = 1i128 << 58;
        let range = (-(x.magnitude as i64), x.magnitude as i64);
        let with = |precision: u32, numerator_bits: u32| Self {
            exponents: x.exponents.clone(),
            precision,
            epsilon: (epsilon * libm::ldexp(1.0, 2 * precision as i32)).round() as i64,
            eps: None,
            numerator_bits,
            root_bits: 29,
            reciprocal_bits: 30,
            bits,
        };
        let fits = |norm: &Self| norm.is_consistent() && norm.largest_sum(range, channels) < limit;
        (0..=29).rev().find_map(|precision| {
            let mut fitting = (38..=48).map(|bits| with(precision, bits)).filter(fits);
            let fewest = fitting.next()?;
            let exact = |norm: &Self| norm.constant() == Some(i128::from(norm.epsilon));
            Some(fitting.rfind(exact).unwrap_or(fewest))
        })
    }

    /// The scale of the result, in rows of `channels` channels.
    #[cfg(feature = "prover")]
    pub fn scale(&self, channels: usize) -> f64 {
        (channels as f64).sqrt() / libm::ldexp(1.0, self.bits as i32 - 1)
    }

    /// Checks that the epsilon, in squared steps of the common unit, is the real one. `scale` is that of channel 0, whose
    /// values are `2^(k_0)` steps.
    fn check_epsilon(&self, layer: &str, scale: f64, channels: usize) -> Result<(), RangeError> {
        let Some(eps) = self.eps else { return Ok(()) };
        let exponent = self.precision.min(64) + self.exponents.first().map_or(0, |first| *first.min(&64));
        // Products and quotients of doubles are the same on every machine.
        let squares = eps.to_f64() * channels as f64 / (scale * scale);
        let expected = squares * libm::ldexp(1.0, 2 * exponent as i32);
        // A scale whose square is no number bounds nothing.
        if expected.is_finite() && (self.epsilon as f64 - expected).abs() <= 0.5 + expected.abs() * 1e-9 {
            return Ok(());
        }
        Err(RangeError::Epsilon {
            layer: layer.to_owned(),
            eps: eps.to_string(),
            expected: format!("{expected:.1}"),
            found: self.epsilon,
        })
    }

    /// `E`; none for parameters that make no sense.
    pub fn constant(&self) -> Option<i128> {
        let least_root = match self.numerator_bits.checked_sub(self.reciprocal_bits) {
            Some(bits) => 1i128.checked_shl(bits.min(40))? + 1,
            None => 1,
        };
        Some(i128::from(self.epsilon).max(least_root * least_root))
    }

    /// `M`, the largest result.
    fn most(&self) -> i64 {
        (1i64 << self.bits.saturating_sub(1).min(40)) - 1
    }

    /// `N`
    fn numerator(&self) -> i64 {
        let bits = self.numerator_bits.saturating_sub(self.bits.saturating_sub(1));
        self.most().saturating_mul(1i64 << bits.min(62))
    }

    /// By how many bits products with reciprocals are shifted; 0 for parameters that make no sense.
    pub fn shift(&self) -> u32 {
        let bits = self.numerator_bits.saturating_add(1).saturating_sub(self.bits);
        bits.saturating_sub(self.precision)
    }

    /// Do the parameters fit each other, whatever the operand?
    fn is_consistent(&self) -> bool {
        let Some(constant) = self.constant() else {
            return false;
        };
        let (roots, reciprocals) = (self.root_bits, self.reciprocal_bits);
        RESULT_BITS.contains(&self.bits)
            && (1..=29).contains(&roots)
            && (1..=59).contains(&reciprocals)
            && roots + reciprocals <= 59
            && (self.bits..60).contains(&self.numerator_bits)
            && self.precision <= 29
            && self.shift() > 0
            && self
                .exponents
                .iter()
                .all(|exponent| *exponent <= MAXIMUM_EXPONENT)
            && !self.exponents.is_empty()
            && constant < 1 << (2 * roots)
    }

    /// The largest `T`, for operands in the range.
    fn largest_sum(&self, range: (i64, i64), channels: usize) -> i128 {
        let square = magnitude(range).saturating_mul(magnitude(range));
        let of = |exponent: &u32| square.saturating_mul(1i128 << (2 * exponent.min(&MAXIMUM_EXPONENT)));
        let sum = match self.exponents.as_slice() {
            [one] => of(one).saturating_mul(channels as i128),
            many => many.iter().map(of).fold(0i128, i128::saturating_add),
        };
        let sum = sum.saturating_mul(1i128 << (2 * self.precision.min(30)));
        sum.saturating_add(self.constant().unwrap_or(i128::MAX))
    }

    /// The largest magnitude of `y r`, which is `M 2^shift`.
    fn largest_numerator(&self) -> i128 {
        i128::from(self.most()) << self.shift().min(80)
    }

    /// The bounds of root and reciprocal.
    fn check_bounds(&self, name: &str, range: (i64, i64), channels: usize) -> Result<(), CircuitError> {
        if !self.is_consistent() {
            return Err(CircuitError::Unsupported {
                layer: name.to_owned(),
                what: format!("a norm with these widths: {self:?}"),
            });
        }
        let reached = self.largest_sum(range, channels);
        if reached >= i128::from(P) {
            return Err(CircuitError::Overflow {
                layer: name.to_owned(),
                quantity: SUM.to_owned(),
                found: reached.to_string(),
                limit: format!("p = {P}"),
            });
        }
        Ok(())
    }

    /// `T`, which is `E` on padding.
    fn sum_of_squares(&self, lowering: &mut dyn Lowering<'_>, rows: &[usize], y: ColumnId) -> ColumnId {
        let (name, last) = (lowering.name(), rows.len());
        let mut axes: Vec<Axis> = (0..last).map(|axis| Axis::shared(axis, axis, axis)).collect();
        axes.push(Axis::summed(last, last));
        let constant = from_i64(self.constant().unwrap_or(0) as i64);
        let weight = from_i64(1i64 << (2 * self.precision));
        let circuit = lowering.circuit();
        let squares = circuit.contraction(&format!("{name}/squares"), rows, y, y, axes);
        circuit.linear_column(&format!("{name}/sum"), rows, &[(weight, squares)], constant)
    }

    /// `s`
    fn root(&self, lowering: &mut dyn Lowering<'_>, rows: &[usize], sum: ColumnId) -> ColumnId {
        let name = format!("{}/root", lowering.name());
        let width = Width::unsigned(self.root_bits);
        let root = advice(lowering, (&name, rows), width, false, |output| Hint::Root {
            input: sum,
            output,
        });
        let square = cellwise(
            lowering,
            (&format!("{name}/square"), rows),
            root,
            (root, rows.len()),
        );
        let (zero, one) = (M61::from(0u64), M61::from(1u64));
        let not_above = [(one, sum), (-one, square)];
        let not_below = [(one, square), (one + one, root), (-one, sum)];
        for (what, terms) in [("excess", &not_above[..]), ("gap", &not_below[..])] {
            let name = format!("{name}/{what}");
            let difference = lowering.circuit().linear_column(&name, rows, terms, zero);
            within(lowering, (&name, rows), difference, self.root_bits + 1);
        }
        root
    }

    /// Are all roots in range?
    #[cfg(feature = "prover")]
    fn check_roots(&self, site: &IntegerSite<'_>, roots: &[i64]) -> Result<(), ExecutionError> {
        let Some(row) = roots.iter().position(|root| *root >= 1 << self.root_bits) else {
            return Ok(());
        };
        let shape = site.shape();
        let (mut rest, mut index) = (row, Vec::new());
        for &size in shape.iter().rev().skip(1) {
            index.insert(0, rest % size);
            rest /= size;
        }
        Err(ExecutionError::Domain {
            layer: site.node.name.clone(),
            index,
            value: roots[row],
            domain_bits: self.root_bits,
        })
    }
}
