//! Rotary position embedding (Su et al., "RoFormer", 2021) in the order of Hugging Face.
//!
//! Channels `i` and `i + hd/2` of a head of `hd` channels turn together, by an angle that grows with the position:
//!
//! ```text
//! y_i        = x_i cos(a) - x_(i + hd/2) sin(a)        a = (position + t) f_i        0 <= i < hd/2
//! y_(i+hd/2) = x_(i + hd/2) cos(a) + x_i sin(a)        f_i = theta^(-2 i / hd), or scaled
//! ```
//!
//! The original code of Llama pairs channels `2 i` and `2 i + 1` instead. Checkpoints in Hugging Face's form have the
//! rows of `q_proj` and `k_proj` permuted to fit the order above.

mod angles;
mod integer;

pub use angles::{Angles, Rotary, RotaryScaling, Turns};
pub use integer::IntegerRope;

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::graph::{OperandError, Shape, ShapeError, Site, attempt};

const NAME: &str = "rope";

/// How Llama 3.1 and 3.2 stretch the frequencies for a longer context: `rope_type = "llama3"`. With the wavelength
/// `w = 2 pi / f` and the original context `L`:
///
/// ```text
/// w < L / high_freq_factor     f
/// w > L / low_freq_factor      f / factor
/// else                         (1 - s) f / factor + s f,    s = (L / w - low) / (high - low)
/// ```
///
/// Hugging Face: `transformers.modeling_rope_utils._compute_llama3_parameters`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Llama3Scaling {
    /// Low frequencies are divided by it: 8 in Llama 3.1, 32 in Llama 3.2.
    pub factor: f64,
    /// Wavelengths above the original context divided by it are low frequencies; 1.
    pub low_freq_factor: f64,
    /// Wavelengths below the original context divided by it are high frequencies; 4.
    pub high_freq_factor: f64,
    /// Context that the model was first trained with; 8,192.
    pub original_max_position_embeddings: usize,
}

/// The rotation of the heads `[B, H, T, hd]` of queries or keys, by the position of their token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// Base of the frequencies; 10,000.
    pub rope_theta: f64,
    /// How the frequencies are stretched; not at all.
    pub rope_scaling: Option<Llama3Scaling>,
    /// Position of the first token; 0. Tokens that stand in a cache come before it.
    pub position: usize,
}

impl Rope {
    /// With Hugging Face's defaults.
    pub const fn new() -> Rope {
        Rope {
            rope_theta: 10_000.0,
            rope_scaling: None,
            position: 0,
        }
    }

    /// The same for tokens that begin at `position`.
    pub const fn at(self, position: usize) -> Rope {
        Rope { position, ..self }
    }

    /// # Errors
    /// A base or a factor that is no positive number; bands of frequencies that overlap.
    pub const fn check(&self) -> Result<(), ShapeError> {
        attempt!(number("rope_theta", self.rope_theta));
        let Some(scaling) = self.rope_scaling else {
            return Ok(());
        };
        attempt!(number("factor", scaling.factor));
        attempt!(number("low_freq_factor", scaling.low_freq_factor));
        attempt!(number("high_freq_factor", scaling.high_freq_factor));
        if scaling.low_freq_factor >= scaling.high_freq_factor {
            return Err(ShapeError::Choice {
                operation: NAME,
                name: "low_freq_factor",
                expected: "below high_freq_factor",
            });
        }
        Ok(())
    }

    /// The shape of `x`, `[B, H, T, hd]` with an even `hd`.
    ///
    /// # Errors
    /// Hyper-parameters or an operand that do not fit.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        if x.rank() != 4 {
            return Err(ShapeError::Rank {
                operation: NAME,
                expected: "4 dimensions [B, H, T, hd]",
                found: x,
            });
        }
        if !x.size(3).is_multiple_of(2) {
            return Err(ShapeError::Option {
                operation: NAME,
                name: "head_dim",
                expected: "that is even",
                found: x.size(3),
            });
        }
        Ok(x)
    }

    /// The frequencies `f_i`, `i` below `head_dim / 2`, in radians a token.
    #[cfg(feature = "prover")]
    pub fn frequencies(&self, head_dim: usize) -> Vec<f64> {
        let plain = |i: usize| libm::pow(self.rope_theta, -((2 * i) as f64) / head_dim as f64);
        (0..head_dim / 2)
            .map(|i| {
                self.rope_scaling
                    .map_or(plain(i), |scaling| scaling.scaled(plain(i)))
            })
            .collect()
    }

    /// Cosines and sines of `tokens` tokens, row-major `[tokens, head_dim / 2]`.
    #[cfg(feature = "prover")]
    pub fn cos_sin(&self, tokens: usize, head_dim: usize) -> (Vec<f64>, Vec<f64>) {
        let frequencies = self.frequencies(head_dim);
        let angles = (0..tokens).flat_map(|t| {
            let position = (self.position + t) as f64;
            frequencies.iter().map(move |frequency| position * frequency)
        });
        angles.map(|angle| (libm::cos(angle), libm::sin(angle))).unzip()
    }
}

impl Default for Rope {
    fn default() -> Self {
        Self::new()
    }
}

impl Llama3Scaling {
    /// The frequency, stretched.
    #[cfg(feature = "prover")]
    fn scaled(&self, frequency: f64) -> f64 {
        // Turns of the wave within the original context.
        let turns = self.original_max_position_embeddings as f64 * frequency / core::f64::consts::TAU;
        let low = frequency / self.factor;
        if turns > self.high_freq_factor {
            return frequency;
        }
        if turns < self.low_freq_factor {
            return low;
        }
        let share = (turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor);
        (1.0 - share) * low + share * frequency
    }
}

/// Refuses what is not a positive, finite number.
const fn number(name: &'static str, value: f64) -> Result<(), ShapeError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(ShapeError::Choice {
        operation: NAME,
        name,
        expected: "that is a finite number above 0",
    })
}

impl Room for Rope {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        Ok(Rope::shape(self, site.one()?)?)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES | Properties::MIXES_CHANNELS
    }
}

impl FloatRoom for Rope {
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let &[_, _, tokens, head_dim] = site.shape() else {
            return None;
        };
        let (cos, sin) = self.cos_sin(tokens, head_dim);
        let half = head_dim / 2;
        let mut y = site.operand(0)?.clone();
        for (row, x) in y.as_slice_mut()?.chunks_exact_mut(head_dim.max(1)).enumerate() {
            let (left, right) = x.split_at_mut(half);
            let at = row % tokens * half;
            let angles = cos[at..].iter().zip(&sin[at..]);
            for ((a, b), (&cos, &sin)) in left.iter_mut().zip(right).zip(angles) {
                let (x, y) = (f64::from(*a), f64::from(*b));
                *a = (x * cos - y * sin) as f32;
                *b = (y * cos + x * sin) as f32;
            }
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.wide("a rotary position embedding")?;
        let [_, _, _, _] = quantizing.operand_shape(0) else {
            return Err(QuantizeError::unsupported(quantizing, NAME));
        };
        let turn = IntegerRope::of_heads(self, (vec![1], Vec::new()));
        let layer = quantizing.node().name.clone();
        let turn = turn.map_err(|error| QuantizeError::Table { layer, error })?;
        let op = |(multipliers, axes)| {
            let turn = turn.clone();
            IntegerRope {
                multipliers,
                axes,
                ..turn
            }
            .into()
        };
        quantizing.mixed(&op, libm::exp2(-f64::from(IntegerRope::BITS)))
    }
}
