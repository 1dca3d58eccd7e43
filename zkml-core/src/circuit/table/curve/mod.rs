//! Real functions, correctly rounded, by one algorithm on integers.
//!
//! The entry for `v` is `floor(f(v * input) / output + 1/2)`, clamped: ties go up, as in a rescale. Prover and verifier
//! compute it alike; no floating-point number is involved, so every machine has the same entries.
//!
//! 1. **Exact.** Where `f(v * input)` is rational, it is rounded as it stands: `abs`, LeakyReLU, Hardswish and
//!    Hardsigmoid everywhere; ELU above 0; Softplus above its threshold; every function but Softplus at 0.
//! 2. **Fast.** Elsewhere an open interval that holds the value is computed with 63 fractional bits ([`fast`]). If all
//!    numbers in it round to one integer, that is the entry.
//! 3. **Slow.** Else the interval is computed again with 128, 320, 640 and 1280 bits ([`slow`]). If the last one does
//!    not decide either, that is an error and never a guess.
//!
//! That the interval is open matters: `gelu(x) < x` for `x > 0` however close the two are, so an `x / output` at a tie
//! goes down.
//!
//! # Why no value is at a tie
//!
//! A tie is a rational number. Let `x` be rational and not 0.
//!
//! - `exp`, sigmoid, tanh, SiLU, ELU below 0: `e^x` is transcendental (Lindemann-Weierstrass), and so is every value
//!   `(a e^x + b) / (c e^x + d)` with rational coefficients and `a d != b c`; a rational factor changes nothing.
//! - Softplus `ln(1 + e^(b x)) / b`: were it a rational `q`, then `e^(b q) - e^(b x) - e^0 = 0` with rational
//!   exponents. Those are distinct, since `q > x` and `b q > 0`, against Lindemann-Weierstrass. At `x = 0`
//!   the exponents `b x` and 0 agree, and `e^(b q) = 2` would make `ln 2` rational. It is not.
//! - GELU `x (1 + erf(x / sqrt 2)) / 2`: `erf` is transcendental at algebraic numbers other than 0
//!   (Siegel-Shidlovskii).
//! - GELU by tanh: its argument has the factor `sqrt(2 / pi)`, for which no theorem is known to us. The interval that
//!   decides an entry shows that this entry is at no tie.
//!
//! So rising precision decides every entry of all but the last at some precision. No theorem says that 1280 bits are
//! enough; that they were is seen for each entry when it is computed.

mod enclose;
mod exact;
mod fast;
mod integer;
mod kind;
mod memo;
mod normal;
mod slow;
#[cfg(test)]
mod tests;

pub use kind::CurveKind;

use core::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::enclose::{Bounds, enclose, round};
use self::fast::Fast;
use self::integer::Wide;
use self::memo::{Memo, Remembered};
use self::slow::Slow;
use super::{Dyadic, TableError};

/// Entries of one table that the fast computation may leave undecided.
const SLOW_ENTRIES: u32 = 256;

/// A real function with the steps of its argument and its value: `v -> f(v * input) / output`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Curve {
    kind: CurveKind,
    input: Dyadic,
    output: Dyadic,
    /// The table that was computed last: a verifier needs it for every proof.
    #[serde(skip)]
    memo: Memo,
}

impl Curve {
    /// `v -> f(v * input) / output`: `input` is the real number that the integer 1 stands for in the argument, `output`
    /// the one it stands for in the value.
    ///
    /// # Errors
    /// [`TableError::Parameter`] if a step is not positive, or a parameter of the function out of bounds.
    pub fn new(kind: CurveKind, input: Dyadic, output: Dyadic) -> Result<Self, TableError> {
        let curve = Self {
            kind,
            input,
            output,
            memo: Memo::default(),
        };
        curve.validate().map(|()| curve)
    }

    /// The function.
    pub fn kind(&self) -> CurveKind {
        self.kind
    }

    /// The real number that 1 stands for in the argument.
    pub fn input(&self) -> Dyadic {
        self.input
    }

    /// The real number that 1 stands for in the value.
    pub fn output(&self) -> Dyadic {
        self.output
    }

    /// Puts 1 in the place of both steps.
    pub(super) fn forget_steps(&mut self) {
        *self = Self {
            kind: self.kind,
            input: Dyadic::ONE,
            output: Dyadic::ONE,
            memo: Memo::default(),
        };
    }

    /// Puts 1 in the place of the step of the argument.
    pub(super) fn forget_input(&mut self) {
        *self = Self {
            kind: self.kind,
            input: Dyadic::ONE,
            output: self.output,
            memo: Memo::default(),
        };
    }

    pub(super) fn validate(&self) -> Result<(), TableError> {
        self.input.validate_positive("step of the argument")?;
        self.output.validate_positive("step of the value")?;
        self.kind.validate()
    }

    /// One entry of a valid curve. `|v| < 2^20`.
    pub(super) fn entry(&self, v: i64, limits: (i64, i64)) -> Result<i64, TableError> {
        self.entry_with(v, limits, &mut Slow::default())
    }

    /// All entries of a valid curve and a valid domain.
    pub(super) fn table(&self, domain_bits: u32, limits: (i64, i64)) -> Result<Remembered, TableError> {
        if let Some(remembered) = self.memo.recall(domain_bits, limits) {
            return Ok(remembered);
        }
        let mut slow = Slow::default();
        let end = 1i64 << domain_bits;
        let entries: Arc<[i64]> = (-end..end)
            .map(|v| self.entry_with(v, limits, &mut slow))
            .collect::<Result<Vec<_>, _>>()?
            .into();
        let remembered = Remembered {
            entries,
            slow: slow.entries(),
        };
        self.memo.remember(domain_bits, limits, &remembered);
        Ok(remembered)
    }

    fn entry_with(&self, v: i64, limits: (i64, i64), slow: &mut Slow) -> Result<i64, TableError> {
        let x = Wide::scaled(v, self.input);
        let decided = |bounds: Bounds<i128>| decide(round(&bounds, self.output)?, limits);
        match exact::value(self.kind, x, self.output, limits) {
            Some(entry) => Ok(entry),
            None => match enclose(self.kind, x, &Fast).and_then(decided) {
                Some(entry) => Ok(entry),
                None => self.slow_entry(v, limits, slow),
            },
        }
    }

    fn slow_entry(&self, v: i64, limits: (i64, i64), slow: &mut Slow) -> Result<i64, TableError> {
        let x = Wide::scaled(v, self.input);
        if slow.entries() >= SLOW_ENTRIES {
            return Err(TableError::Ties {
                function: self.to_string(),
                limit: SLOW_ENTRIES,
            });
        }
        let entry = slow.decide(|kernel| {
            let bounds = enclose(self.kind, x, kernel)?;
            decide(round(&bounds, self.output)?, limits)
        });
        entry.ok_or_else(|| TableError::Undecided {
            function: self.to_string(),
            value: v,
            bits: slow::PRECISIONS.last().copied().unwrap_or(0),
        })
    }
}

/// The entry, if both ends of the interval agree on it.
fn decide((low, high): (i64, i64), (minimum, maximum): (i64, i64)) -> Option<i64> {
    let clamp = |y: i64| y.max(minimum).min(maximum);
    (clamp(low) == clamp(high)).then_some(clamp(low))
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in steps of {} to {}", self.kind, self.input, self.output)
    }
}
