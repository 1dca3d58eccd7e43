//! The token of the largest logit, shown to the verifier.
//!
//! ```text
//! top = sum_v [v = token] m_v y_v,      margin_v = top - m_v y_v - [v < token],      margin_v in [0, 2^b)
//! ```
//!
//! `token` is the public output itself, so both selectors are public columns in closed form: no row of bits is
//! committed, and a vocabulary may have any size. The verifier checks `0 <= token < V`.
//!
//! *Why the token is unique.* A margin is an integer between `-(spread + 1)` and `spread`, where `spread` is the width
//! of the range of `m_v y_v`. As `spread + 1 + 2^b < p / 2`, a negative one is no integer of `[0, 2^b)` modulo p. Hence
//! no logit is above the token's, and those before it are below: it is the first maximum. `2^b > spread` leaves room
//! for every margin of an honest prover.
//!
//! *Padding.* `top`, repeated along the vocabulary, is a view, and 0 outside of it; so are the selectors, and the
//! logits are cropped unless they are 0 there. A padded margin is 0: it is in range whatever the token is, and a padded
//! 0 never stands against a negative logit.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis as NdAxis, Dimension, IxDyn};
use serde::{Deserialize, Serialize};

use super::argmax::without_axis;
use super::quotient::{bits_of, multiplied, within};
use super::range::{magnitude, wide};
#[cfg(feature = "prover")]
use super::{ExecutionError, IntegerSite};
use super::{Hint, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
use crate::circuit::{Axis, CircuitError, ColumnId, ColumnKind, Factor, Selector, View};
use crate::graph::{OperandError, Shape, ShapeError, Site, entries};

/// Index of the first maximum along the last axis, which is removed: a public output, or nothing can be proved of it. A
/// private index is an [`Argmax`](super::Argmax).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greedy {
    /// What the value at each index is multiplied by before values are compared, each positive; none for 1.
    pub multipliers: Vec<i64>,
}

impl Room for Greedy {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = site.one()?;
        let shape = without_axis(x, -1)?;
        if self.multipliers.is_empty() {
            return Ok(shape);
        }
        entries(x.size(x.rank() - 1), self.multipliers.len())?;
        if self.multipliers.iter().any(|multiplier| *multiplier < 1) {
            return Err(ShapeError::Choice {
                operation: "greedy",
                name: "multipliers",
                expected: "positive",
            }
            .into());
        }
        Ok(shape)
    }

    fn properties(&self) -> Properties {
        Properties::INDEX
    }
}

impl Greedy {
    /// The largest multiplier.
    fn largest(&self) -> i64 {
        self.multipliers.iter().copied().max().unwrap_or(1)
    }

    /// The multiplier of an index.
    #[cfg(feature = "prover")]
    fn multiplier(&self, index: usize) -> i64 {
        self.multipliers.get(index).copied().unwrap_or(1)
    }

    /// The range of what is compared. A multiplier makes a positive value larger and a negative one smaller.
    fn compared(&self, range: (i64, i64)) -> (i128, i128) {
        let (low, high) = wide(range);
        let least = self.multipliers.iter().copied().min().unwrap_or(1);
        let [least, most] = [least, self.largest()].map(i128::from);
        (
            low * if low < 0 { most } else { least },
            high * if high < 0 { least } else { most },
        )
    }
}

impl IntegerRoom for Greedy {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let [x] = site.operands.as_slice() else {
            return Err(site.inconsistent());
        };
        let size = x.shape.last().copied().ok_or_else(|| site.inconsistent())?;
        site.accumulator(self.compared(x.range))?;
        Ok((0, size as i64 - 1))
    }

    fn forget_calibration(&mut self) {
        self.multipliers.clear();
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("dim=-1, {} multipliers", self.multipliers.len())
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, (mut x, fact)) = (lowering.name(), lowering.operand(0));
        let shape = &fact.shape;
        let scaled = magnitude(fact.range).saturating_mul(self.largest().into());
        lowering.circuit().check_bound(name, "scaled logit", scaled)?;
        let (low, high) = self.compared(fact.range);
        let bits = bits_of(high - low);
        let reached = (high - low + 1).saturating_add(1i128 << bits.min(126));
        lowering
            .circuit()
            .check_bound(name, "margin of a logit and its range", reached)?;
        let Some(token) = lowering.public_output() else {
            return Err(CircuitError::Unsupported {
                layer: name.to_owned(),
                what: "a greedy token that is not a public output (reveal it, or take an argmax)".into(),
            });
        };
        let circuit = lowering.circuit();
        if !circuit.is_zero_padded(x) {
            let crop = ColumnKind::View(View::crop(x, shape.len()));
            x = circuit.column(&format!("{name}/logits"), shape, crop);
        }
        let mut advice = Vec::new();
        if !self.multipliers.is_empty() {
            let last = shape.len().saturating_sub(1);
            let scaled = format!("{name}/scaled");
            x = multiplied(lowering, (&scaled, shape), x, (&self.multipliers, &[last]));
            advice.push((x, 0));
        }
        let (top, margin) = margins(lowering, shape, x, token);
        advice.push((top, 0));
        let node = lowering.id();
        lowering.hint(Hint::Advice {
            node,
            columns: advice,
        });
        within(lowering, (&format!("{name}/margin"), shape), margin, bits);
        Ok(token)
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        let last = x.ndim().checked_sub(1)?;
        let first = |lane: ndarray::ArrayView1<'_, i64>| {
            let mut best = (0, i64::MIN);
            for (index, &value) in lane.iter().enumerate() {
                let value = value * self.multiplier(index);
                if index == 0 || value > best.1 {
                    best = (index as i64, value);
                }
            }
            best.0
        };
        Some(x.map_axis(NdAxis(last), first))
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        let size = *x.shape().last()?;
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |y| {
            let value = |i: usize| {
                let at = [y.slice(), &[i]].concat();
                i128::from(x[at.as_slice()]) * i128::from(self.multiplier(i))
            };
            let largest = (0..size).map(value).max();
            (0..size).find(|&i| Some(value(i)) == largest).unwrap_or(0) as i64
        }))
    }

    /// The scaled logits, if they are scaled, and the largest of each row.
    #[cfg(feature = "prover")]
    fn advice(&self, site: &IntegerSite<'_>) -> Result<Vec<Vec<i64>>, ExecutionError> {
        let x = site.operand(0).ok_or_else(|| site.inconsistent())?;
        let size = x.shape().last().copied().unwrap_or(1).max(1);
        let scaled = x.iter().enumerate();
        let scaled: Vec<i64> = scaled
            .map(|(cell, value)| value * self.multiplier(cell % size))
            .collect();
        let top = scaled
            .chunks(size)
            .map(|row| row.iter().copied().max().unwrap_or(0))
            .collect();
        Ok(match self.multipliers.is_empty() {
            true => vec![top],
            false => vec![scaled, top],
        })
    }
}

/// The columns of `top` and `margin`.
fn margins(
    lowering: &mut dyn Lowering<'_>,
    shape: &[usize],
    x: ColumnId,
    token: ColumnId,
) -> (ColumnId, ColumnId) {
    let (name, last) = (lowering.name(), shape.len().saturating_sub(1));
    let reduced = shape.get(..last).unwrap_or_default();
    let circuit = lowering.circuit();
    let chosen = circuit.selector(&format!("{name}/chosen"), shape, Selector::OneHot { ids: token });
    let before = circuit.selector(
        &format!("{name}/before"),
        shape,
        Selector::LessThan { ids: token },
    );
    let mut axes: Vec<Axis> = (0..last).map(|a| Axis::shared(a, a, a)).collect();
    axes.push(Axis::summed(last, last));
    let top = circuit.contraction(&format!("{name}/top"), reduced, chosen, x, axes);
    let mut factors: Vec<Factor> = (0..last).map(|a| Factor::identity(a, a)).collect();
    factors.push(Factor::broadcast(last));
    let everywhere = circuit.view(&format!("{name}/top_everywhere"), shape, top, factors);
    let terms = [(1, everywhere), (-1, x), (-1, before)];
    let margin = circuit.integer_sum(&format!("{name}/margins"), shape, &terms);
    (top, margin)
}
