//! Softmax attention of several queries over several keys, in integers.
//!
//! Heads of queries share heads of keys and values: with `H` heads of queries and `G` of keys, query head `h` sees key
//! head `h / (H / G)`. For one query, over the keys `j` that it sees:
//!
//! ```text
//! x_j = floor((q . k_j * m + 2^(s-1)) / 2^s)      scores, in steps of the table
//! M   = max_j x_j,   e_j = table(M - x_j)         one lookup a cell: (d, e, [d = 0]) with d = M - x_j in [0, 2^D)
//! S   = sum_j e_j,   r = floor(2^K / S)           r * S + rem = 2^K
//! o   = floor((r * sum_j e_j v_j + 2^(K-1)) / 2^K)
//! ```
//!
//! The sum over keys runs before the division, so no probability is committed. With a causal mask query `i` of `T` sees
//! the keys up to `i + S - T` of `S`: the last query sees all.
//!
//! # What is committed, and why no other value passes
//!
//! Below, `A = q . k_j * m + 2^(s-1)`, and `sel` is 1 on the cells that a query sees and 0 on masked and padded ones: a
//! public column. [`lowering`] checks every bound, and names the one that fails.
//!
//! - **Scores.** The limbs of `A mod 2^s`, each looked up; `x` is virtual, `(A - limbs) / 2^s`. It is looked up with
//!   the next item: `x = M - d` with `M` in `[-2^(D-1), 2^(D-1))` and `d` in `[0, 2^D)`, so `x 2^s` and the remainder
//!   are integers below `2^(D+1+s)`. That is below `p/2`, and so is `|A|`. Hence `A = x 2^s + rem` over the integers,
//!   and `x` is the quotient.
//! - **The maximum `M`, weights `e`, marks and the reciprocal `r`**: see [`weights`](crate::ops::softmax::weights),
//!   which also says why cells that are not seen count for nothing. Without the range of `M` all scores of a row could
//!   be off by one fraction of a step, and `d` would not show it.
//! - **The result.** `|r sum_j e_j v_j| <= max |v| r S <= max |v| 2^K`, because `S` is the sum of the same cells that
//!   weigh the values: a bound that no analysis of `r` and of the mix one by one can find. So the product stays below
//!   `p/2`. `o` is committed and looked up in `[-2^(B-1), 2^(B-1))`, and `r sum_j e_j v_j + 2^(K-1) - o 2^K` is in
//!   `[0, 2^K)` by limbs: `o` is the quotient.

#[cfg(feature = "prover")]
mod execution;
mod lowering;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::circuit::{CircuitError, ColumnId, DecayTable, Dyadic, Table, TableError};
use crate::graph::{OperandError, Shape, Site};
use crate::ops::quotient::{below_limit, check_range, result_range};
use crate::ops::range::{magnitude, wide};
use crate::ops::softmax::weights::decay;
#[cfg(feature = "prover")]
use crate::ops::{Computed, ExecutionError, IntegerSite};
use crate::ops::{IntegerRoom, Lowering, RangeError, RangeSite, Room, ScaledDotProductAttentionOptions};

/// `softmax(q k^T) v` for operands `q [B, H, T, C]`, `k [B, G, S, C]`, `v [B, G, S, E]`; the result is `[B, H, T, E]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegerAttention {
    /// Does query `i` see only the keys up to `i + S - T`? Otherwise it sees all.
    pub causal: bool,
    /// `m`: scores are `floor((q . k * m + 2^(shift-1)) / 2^shift)`, in the steps of `decay`.
    pub multiplier: i64,
    /// `s`, at least 1.
    pub shift: u32,
    /// The exponentials of differences of scores. Its last entry must be 0: it is that of keys that are not seen.
    pub decay: DecayTable,
    /// `K`: sums of exponentials have the reciprocals `floor(2^K / sum)`.
    pub reciprocal_bits: u32,
    /// `B`: results are in `[-2^(B-1), 2^(B-1))`; proving fails outside.
    pub output_bits: u32,
}

impl IntegerAttention {
    /// Causal, with scores in steps of 1/64, weights of 12 bits, and results of 16 bits.
    ///
    /// # Errors
    /// None for these constants.
    pub fn new(multiplier: i64, shift: u32) -> Result<Self, TableError> {
        Ok(Self {
            causal: true,
            multiplier,
            shift,
            decay: decay(Dyadic::new(1, -6)?, 12)?,
            reciprocal_bits: 34,
            output_bits: 16,
        })
    }

    /// As [`Self::new`], with `factor` as the score that a product of 1 of integers stands for, and with weights of 16
    /// bits: with 12 bits a key that has less than `2^-13` of the largest weight would count for nothing, and a text
    /// has many of them. The columns are as many.
    ///
    /// # Errors
    /// None for the constants of [`Self::new`].
    #[cfg(feature = "prover")]
    pub fn for_scores(factor: f64, causal: bool, output_bits: u32) -> Result<Self, TableError> {
        /// Significant bits of the multiplier.
        const BITS: i32 = 16;
        let steps = factor * 64.0;
        // Of a factor that is no number above 0 a multiplier of 0 remains, which range analysis refuses.
        let shift = (BITS - 1)
            .saturating_sub(libm::log2(steps).floor() as i32)
            .clamp(1, 62);
        let multiplier = (steps * libm::ldexp(1.0, shift)).round_ties_even() as i64;
        Ok(Self {
            causal,
            output_bits,
            decay: decay(Dyadic::new(1, -6)?, 16)?,
            // As large as a result times `2^K` may be: rounding the reciprocal then moves no result of a text of fewer
            // than 2^12 tokens by a step.
            reciprocal_bits: 60u32.saturating_sub(output_bits).min(44),
            ..Self::new(multiplier, shift as u32)?
        })
    }

    /// The largest magnitude of a mix times the reciprocal of its weights' sum.
    fn largest_mean(&self, v: (i64, i64)) -> i128 {
        magnitude(v) << self.reciprocal_bits.min(60)
    }

    /// The range of results.
    #[cfg(feature = "prover")]
    fn outputs(&self) -> (i64, i64) {
        let end = 1i64 << self.output_bits.saturating_sub(1).min(60);
        (-end, end - 1)
    }
}

/// The sizes of the operands.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    /// Heads of keys and values.
    groups: usize,
    /// Heads of queries for each of them.
    repeats: usize,
    queries: usize,
    keys: usize,
    /// Values of a query and a key.
    features: usize,
    /// Values of a result.
    outputs: usize,
}

impl Sizes {
    /// Of the shapes of `q`, `k` and `v`, if they are of the right rank.
    fn of(shapes: [&[usize]; 3]) -> Option<Self> {
        match shapes {
            [
                &[batch, heads, queries, features],
                &[_, groups, keys, _],
                &[.., outputs],
            ] => Some(Self {
                batch,
                groups,
                repeats: heads.checked_div(groups)?,
                queries,
                keys,
                features,
                outputs,
            }),
            _ => None,
        }
    }

    /// Keys that come before the first query.
    fn offset(&self) -> usize {
        self.keys.saturating_sub(self.queries)
    }

    /// The largest `|q . k * m + 2^(s-1)|`.
    fn largest_score(&self, op: &IntegerAttention, q: (i64, i64), k: (i64, i64)) -> i128 {
        let products = (magnitude(q) * magnitude(k)).saturating_mul(self.features as i128);
        products
            .saturating_mul(op.multiplier.into())
            .saturating_add(1 << op.shift.saturating_sub(1).min(126))
    }
}

impl Room for IntegerAttention {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        match site.operands {
            [q, k, v] => {
                let options = ScaledDotProductAttentionOptions {
                    is_causal: self.causal,
                    scale: None,
                };
                Ok(options.shape(*q, *k, *v)?)
            }
            _ => Err(site.arity(3)),
        }
    }
}

impl IntegerRoom for IntegerAttention {
    /// A result is a mean of values, with weights that sum to at most 1, and rounded.
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let [q, k, v] = site.operands.as_slice() else {
            return Err(site.inconsistent());
        };
        let sizes = Sizes::of([&q.shape, &k.shape, &v.shape]).ok_or_else(|| site.inconsistent())?;
        if self.multiplier < 1 || self.shift < 1 {
            return Err(RangeError::BadRescale {
                layer: site.name.to_owned(),
                found: self.multiplier,
                shift: self.shift,
            });
        }
        let score = sizes.largest_score(self, q.range, k.range);
        below_limit(site, "scaled score", score)?;
        let mean = self.largest_mean(v.range);
        check_range(site, mean, self.reciprocal_bits, self.output_bits)?;
        let (low, high) = wide(v.range);
        Ok(result_range((low.min(0), high.max(0)), self.output_bits))
    }

    fn forget_calibration(&mut self) {
        (self.multiplier, self.shift) = (1, 1);
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Decay(self.decay.clone()))
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        let (shift, bits) = (self.shift, self.output_bits);
        format!(
            "is_causal={}, scale={} / 2^{shift}, bits={bits}",
            self.causal, self.multiplier
        )
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        lowering::lower(self, lowering)
    }

    #[cfg(feature = "prover")]
    fn execute_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        execution::Heads::of(self, site)?.results().map(Computed::plain)
    }

    #[cfg(feature = "prover")]
    fn reference_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        execution::reference(self, site).map(Computed::plain)
    }

    #[cfg(feature = "prover")]
    fn advice(&self, site: &IntegerSite<'_>) -> Result<Vec<Vec<i64>>, ExecutionError> {
        execution::Heads::of(self, site)?.advice()
    }
}
