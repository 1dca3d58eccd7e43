//! Cosines and sines of rotary positions as integers: by a rule from the base and the scaling, or explicit.
//!
//! The rule computes with integers alone, so every machine has the same values. Numbers have 60 fractional bits, and
//! angles are reduced with 100. A frequency has an error below `2^-56`, and an angle of position `t` one below
//! `t 2^-56`.

use core::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::Llama3Scaling;
use crate::circuit::{Dyadic, TableError};

/// The factors by which pairs of channels are turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Angles {
    /// Those of rotary positions.
    Rotary(Rotary),
    /// `[positions, h]` each, whatever they are.
    Custom {
        /// The same for both channels of a pair.
        cos: Vec<i64>,
        /// With its sign: minus the sine in the lower half of the channels.
        sin: Vec<i64>,
    },
}

/// Cosines and sines, `[positions, h]` each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turns {
    /// The same for both channels of a pair.
    pub cos: Vec<i64>,
    /// With its sign.
    pub sin: Vec<i64>,
}

/// Rotary positions: position `position + t` turns the pair of channel `i` by `(position + t) f_i`, with
/// `f_i = theta^(-2 i / h)`, or scaled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rotary {
    /// Base of the frequencies, above 1 and at most 2^40.
    pub theta: Dyadic,
    /// How the frequencies are stretched.
    pub scaling: Option<RotaryScaling>,
    /// The first position.
    pub position: u32,
    /// Bits after the point, at most 24.
    pub bits: u32,
    /// The turns that were computed last.
    #[serde(skip)]
    memo: Memo,
}

/// [`Llama3Scaling`] in exact numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotaryScaling {
    /// Low frequencies are divided by it.
    pub factor: Dyadic,
    /// Fewer turns than this within the original context are a low frequency.
    pub low: Dyadic,
    /// More turns than this are a high one.
    pub high: Dyadic,
    /// The original context, in positions.
    pub original: u32,
}

/// A computed table, shared by clones. It follows from the rule, and is no part of comparisons or files.
type Memo = Arc<OnceLock<((usize, usize), Arc<Turns>)>>;

impl PartialEq for Rotary {
    fn eq(&self, other: &Self) -> bool {
        let key = |rule: &Self| (rule.theta, rule.scaling.clone(), rule.position, rule.bits);
        key(self) == key(other)
    }
}

impl Eq for Rotary {}

/// Fractional bits of numbers.
const BITS: u32 = 60;
/// 1
const ONE: i128 = 1 << BITS;
/// Fractional bits of `TAU`.
const TAU_BITS: u32 = 100;
/// `2 pi`
const TAU: i128 = 7_964_883_625_991_394_727_376_702_227_904;
/// `pi / 2`
const QUARTER: i128 = 1_811_004_864_519_280_711;
/// `ln 2`
const LN_2: i128 = 799_144_290_325_165_979;
/// Fractional bits of shares and factors of a scaling.
const SHARE_BITS: u32 = 40;

/// Last position that a table may begin at. With the 2^22 positions of a table they stay below 2^27, so that angles,
/// with 100 bits after the point, fit an `i128`.
const MAXIMUM_POSITION: u32 = 1 << 26;

/// Most bits of a result.
const MAXIMUM_BITS: u32 = 24;

fn product(a: i128, b: i128) -> i128 {
    (a * b) >> BITS
}

impl Rotary {
    /// The rule for a base, with results of `bits` bits after the point.
    ///
    /// # Errors
    /// Parameters out of bounds.
    pub fn new(
        theta: f64,
        scaling: Option<Llama3Scaling>,
        position: u32,
        bits: u32,
    ) -> Result<Self, TableError> {
        let exact = |scaling: Llama3Scaling| -> Result<RotaryScaling, TableError> {
            Ok(RotaryScaling {
                factor: Dyadic::from_f64(scaling.factor)?,
                low: Dyadic::from_f64(scaling.low_freq_factor)?,
                high: Dyadic::from_f64(scaling.high_freq_factor)?,
                original: u32::try_from(scaling.original_max_position_embeddings).unwrap_or(u32::MAX),
            })
        };
        let rule = Self {
            theta: Dyadic::from_f64(theta)?,
            scaling: scaling.map(exact).transpose()?,
            position,
            bits,
            memo: Memo::default(),
        };
        rule.validate().map(|()| rule)
    }

    /// The same rule for positions from `position` on.
    pub fn begin_at(&mut self, position: u32) {
        if self.position != position {
            (self.position, self.memo) = (position, Memo::default());
        }
    }

    /// Are all parameters within bounds?
    ///
    /// # Errors
    /// What is out of bounds.
    pub fn validate(&self) -> Result<(), TableError> {
        let within = |what: &'static str, expected: &'static str, value: Dyadic, (low, high): (f64, f64)| {
            value.validate_positive(what)?;
            match value.to_f64() > low && value.to_f64() <= high {
                true => Ok(()),
                false => Err(TableError::Parameter {
                    what,
                    expected,
                    found: value.to_string(),
                }),
            }
        };
        within(
            "rope_theta",
            "above 1, at most 2^40",
            self.theta,
            (1.0, libm::ldexp(1.0, 40)),
        )?;
        let refused = |what, expected, found: u32| TableError::Parameter {
            what,
            expected,
            found: found.to_string(),
        };
        if self.bits > MAXIMUM_BITS {
            return Err(refused("bits of a cosine", "at most 24", self.bits));
        }
        if self.position > MAXIMUM_POSITION {
            return Err(refused("first position", "at most 2^26", self.position));
        }
        let Some(scaling) = &self.scaling else {
            return Ok(());
        };
        let limits = (0.0, 1024.0);
        // No frequency is above 1, so that angles have a bound.
        within(
            "factor",
            "at least 1, at most 1024",
            scaling.factor,
            (1.0 - f64::EPSILON, 1024.0),
        )?;
        within("low_freq_factor", "at most 1024", scaling.low, limits)?;
        within(
            "high_freq_factor",
            "above low_freq_factor, at most 1024",
            scaling.high,
            (scaling.low.to_f64(), 1024.0),
        )?;
        if share(scaling.high) <= share(scaling.low) {
            return Err(refused("high_freq_factor", "well above low_freq_factor", 0));
        }
        if scaling.original > 1 << 24 {
            return Err(refused("original context", "at most 2^24", scaling.original));
        }
        Ok(())
    }

    /// The turns of positions and of the `channels` channels of a head; `None` for parameters out of bounds.
    fn turns(&self, positions: usize, channels: usize) -> Option<Arc<Turns>> {
        self.validate().ok()?;
        let key = (positions, channels);
        match self.memo.get() {
            Some((known, turns)) if *known == key => Some(Arc::clone(turns)),
            Some(_) => Some(Arc::new(self.computed(positions, channels))),
            None => {
                let turns = || (key, Arc::new(self.computed(positions, channels)));
                Some(Arc::clone(&self.memo.get_or_init(turns).1))
            }
        }
    }

    fn computed(&self, positions: usize, channels: usize) -> Turns {
        let half = channels / 2;
        let frequencies: Vec<i128> = (0..half).map(|pair| self.frequency(pair, channels)).collect();
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for t in 0..positions {
            let position = i128::from(self.position).saturating_add(t as i128);
            let row: Vec<(i64, i64)> = frequencies
                .iter()
                .map(|frequency| self.turn(position * frequency))
                .collect();
            let both = || row.iter().chain(&row);
            cos.extend(both().map(|(cos, _)| *cos));
            sin.extend(
                both()
                    .enumerate()
                    .map(|(channel, (_, sin))| if channel < half { -sin } else { *sin }),
            );
        }
        Turns { cos, sin }
    }

    /// `theta^(-2 pair / channels)`, or scaled.
    fn frequency(&self, pair: usize, channels: usize) -> i128 {
        let exponent = logarithm(self.theta) * (2 * pair as i128) / (channels.max(1) as i128);
        let plain = exponential_of_minus(exponent);
        let Some(scaling) = &self.scaling else {
            return plain;
        };
        // Turns of the wave within the original context.
        let turns = ((i128::from(scaling.original) * plain) << SHARE_BITS) / (TAU >> (TAU_BITS - BITS));
        let slow = (plain << SHARE_BITS) / share(scaling.factor).max(1);
        let (low, high) = (share(scaling.low), share(scaling.high));
        if turns > high {
            return plain;
        }
        if turns < low {
            return slow;
        }
        let part = ((turns - low) << SHARE_BITS) / (high - low);
        (((1 << SHARE_BITS) - part) * slow + part * plain) >> SHARE_BITS
    }

    /// Cosine and sine of an angle that is not negative, with `bits` bits after the point; ties go up.
    fn turn(&self, angle: i128) -> (i64, i64) {
        let angle = ((angle << (TAU_BITS - BITS)) % TAU) >> (TAU_BITS - BITS);
        let (cos, sin) = cosine_and_sine(angle % QUARTER);
        let (cos, sin) = match angle / QUARTER {
            0 => (cos, sin),
            1 => (-sin, cos),
            2 => (-cos, -sin),
            3 => (sin, -cos),
            // The quarters are rounded, and a full turn may exceed four of them by a little.
            _ => (cos, sin),
        };
        let rounded = |value: i128| ((value + (1 << (BITS - 1 - self.bits))) >> (BITS - self.bits)) as i64;
        (rounded(cos), rounded(sin))
    }
}

/// A number of a scaling, rounded down.
fn share(value: Dyadic) -> i128 {
    let shift = i32::from(value.exponent()) + SHARE_BITS as i32;
    let mantissa = i128::from(value.mantissa());
    match shift >= 0 {
        true => mantissa << shift.min(64),
        false => mantissa >> (-shift).min(127),
    }
}

/// `ln`, of a number above 1.
fn logarithm(value: Dyadic) -> i128 {
    let length = (64 - value.mantissa().leading_zeros()) as i32;
    // value = x 2^(length + exponent), 1/2 <= x < 1
    let x = i128::from(value.mantissa()) << (BITS as i32 - length).max(0);
    let power = i128::from(length + i32::from(value.exponent()));
    // ln x = 2 (y + y^3/3 + y^5/5 + ..), y = (x - 1) / (x + 1)
    let y = ((x - ONE) << BITS) / (x + ONE);
    let square = product(y, y);
    let (mut term, mut sum) = (y, 0);
    for odd in (1..64).step_by(2) {
        sum += term / odd;
        term = product(term, square);
    }
    2 * sum + power * LN_2
}

/// `e^-x` for `x` that is not negative.
fn exponential_of_minus(x: i128) -> i128 {
    let (halvings, rest) = (x / LN_2, x % LN_2);
    let (mut term, mut sum) = (ONE, 0);
    for n in 1..32 {
        sum += term;
        term = -product(term, rest) / n;
    }
    sum >> halvings.min(127)
}

/// Cosine and sine of an angle below `pi / 2`.
fn cosine_and_sine(angle: i128) -> (i128, i128) {
    let (mut cos, mut sin, mut term) = (0, 0, ONE);
    for n in 0..32 {
        // The terms are 1, x, -x^2/2, -x^3/6, x^4/24, ..
        let signed = if n / 2 % 2 == 0 { term } else { -term };
        match n % 2 {
            0 => cos += signed,
            _ => sin += signed,
        }
        term = product(term, angle) / (n + 1);
    }
    (cos, sin)
}

impl Angles {
    /// Cosines and sines of `[positions, channels]`; `None` where they do not fit.
    pub(super) fn turns(&self, positions: usize, channels: usize) -> Option<Arc<Turns>> {
        match self {
            Self::Rotary(rule) => rule.turns(positions, channels),
            Self::Custom { cos, sin } => Some(Arc::new(Turns {
                cos: cos.clone(),
                sin: sin.clone(),
            })),
        }
    }

    /// The largest sum of magnitudes of a cosine and a sine, or a little more.
    pub(super) fn largest(&self) -> i128 {
        match self {
            // sqrt 2, rounded up, and a rounding of each.
            Self::Rotary(rule) => ((1_415 << rule.bits.min(MAXIMUM_BITS)) / 1_000) + 2,
            Self::Custom { cos, sin } => {
                let pairs = cos.iter().zip(sin);
                let sums = pairs.map(|(cos, sin)| i128::from(*cos).abs() + i128::from(*sin).abs());
                sums.max().unwrap_or(0)
            }
        }
    }
}

impl fmt::Display for Angles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom { cos, .. } => write!(f, "custom angles of {} cells", cos.len()),
            Self::Rotary(Rotary {
                theta,
                scaling,
                position,
                bits,
                ..
            }) => {
                write!(f, "theta={theta}, position={position}, bits={bits}")?;
                match scaling {
                    None => Ok(()),
                    Some(RotaryScaling {
                        factor,
                        low,
                        high,
                        original,
                    }) => write!(
                        f,
                        ", llama3(factor={factor}, low_freq_factor={low}, high_freq_factor={high}, \
                         original_max_position_embeddings={original})"
                    ),
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests {
    use super::super::Rope;
    use super::*;

    const LLAMA_3_2: Llama3Scaling = Llama3Scaling {
        factor: 32.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8192,
    };

    /// Against the cosines of the mathematical library, which differ by less than `10^-9` here.
    #[test]
    fn the_rule_gives_the_cosines_of_the_library() {
        let bits = 20;
        for (theta, scaling) in [
            (10_000.0, None),
            (500_000.0, None),
            (500_000.0, Some(LLAMA_3_2)),
            (1.5, None),
            (1e12, None),
        ] {
            for (positions, channels, position) in [(64, 64, 0), (4, 128, 131_000), (300, 6, 5)] {
                let rope = Rope {
                    rope_theta: theta,
                    rope_scaling: scaling,
                    position,
                };
                let rule = Rotary::new(theta, scaling, position as u32, bits).unwrap();
                let turns = rule.turns(positions, channels).unwrap();
                let (cos, sin) = rope.cos_sin(positions, channels);
                let half = channels / 2;
                for (cell, (cos, sin)) in cos.iter().zip(&sin).enumerate() {
                    let at = cell / half * channels + cell % half;
                    let step = f64::from(1u32 << bits);
                    for (found, expected) in [
                        (turns.cos[at], *cos),
                        (turns.cos[at + half], *cos),
                        (turns.sin[at], -sin),
                        (turns.sin[at + half], *sin),
                    ] {
                        let off = (found as f64 - expected * step).abs();
                        assert!(off < 0.501, "{theta} {scaling:?} {cell}: {off}");
                    }
                }
            }
        }
    }

    /// Channel 0 has frequency 1, and no product leaves its integer: at the last position its cosine is the library's.
    #[test]
    fn angles_of_the_last_position_do_not_overflow() {
        let (first, more) = (MAXIMUM_POSITION, super::super::integer::MAXIMUM_CELLS);
        let rule = Rotary::new(1e4, None, first, 12).unwrap();
        let frequency = rule.frequency(0, 2);
        let last = f64::from(first) + more as f64;
        let (cos, sin) = rule.turn((i128::from(first) + more as i128) * frequency);
        assert!((cos as f64 - last.cos() * 4096.0).abs() < 0.51, "{cos}");
        assert!((sin as f64 - last.sin() * 4096.0).abs() < 0.51, "{sin}");
    }

    #[test]
    fn parameters_out_of_bounds_are_refused() {
        for theta in [1.0, 0.5, -1.0, f64::NAN, 1e13] {
            assert!(Rotary::new(theta, None, 0, 12).is_err(), "{theta}");
        }
        assert!(Rotary::new(1e4, None, 0, 25).is_err());
        assert!(Rotary::new(1e4, None, MAXIMUM_POSITION + 1, 12).is_err());
        for scaling in [
            Llama3Scaling {
                factor: 0.0,
                ..LLAMA_3_2
            },
            Llama3Scaling {
                factor: 0.5,
                ..LLAMA_3_2
            },
            Llama3Scaling {
                low_freq_factor: 4.0,
                ..LLAMA_3_2
            },
            Llama3Scaling {
                high_freq_factor: 1e9,
                ..LLAMA_3_2
            },
            Llama3Scaling {
                original_max_position_embeddings: usize::MAX,
                ..LLAMA_3_2
            },
        ] {
            assert!(Rotary::new(1e4, Some(scaling), 0, 12).is_err(), "{scaling:?}");
        }
    }

    #[test]
    fn sums_of_cosine_and_sine_stay_below_their_bound() {
        let rule = Rotary::new(10_000.0, None, 0, 12).unwrap();
        let turns = rule.turns(500, 16).unwrap();
        let sums = turns
            .cos
            .iter()
            .zip(&turns.sin)
            .map(|(cos, sin)| cos.abs() + sin.abs());
        let most = i128::from(sums.max().unwrap());
        assert!(most <= Angles::Rotary(rule).largest() && most > 5_700, "{most}");
    }
}
