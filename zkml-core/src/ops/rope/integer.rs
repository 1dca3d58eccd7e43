//! Rotary positions: pairs of channels are turned by angles that depend on the position. Exact in integers.
//!
//! ```text
//! y[.., t, .., i] = x'[.., t, .., i] cos[t, i] + x'[.., t, .., i'] sin[t, i],      i' = i + h/2 modulo h,  x' = m x
//! ```
//!
//! Channel `i` pairs with channel `i + h/2`: the half-split order of Hugging Face. `sin` has the signs: it is minus the
//! sine in the lower half of the channels, and plus the sine in the upper one.
//!
//! With the channels split in `[2, h/2]`, this is one contraction with a public column of four cells for each position
//! and pair, `turn[t, o, b, i]`: what channel `(b, i)` adds to channel `(o, i)`.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Dimension, IxDyn};
use serde::{Deserialize, Serialize};

#[cfg(feature = "prover")]
use crate::circuit::TableError;
use crate::circuit::{Axis, CircuitError, ColumnId, Factor};
use crate::graph::{OperandError, Resizing, Shape, ShapeError, Site, entries, one_of_first};
use crate::ops::Angles;
#[cfg(feature = "prover")]
use crate::ops::IntegerSite;
use crate::ops::multipliers::Multipliers;
use crate::ops::range::magnitude;
use crate::ops::{Hint, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use crate::ops::{Rope, Rotary};

/// Turns the channels of the last axis by the position along `axis`; any axes may stand before, between and after them:
/// `[batch, heads, positions, h]` with `axis` 2, or `[batch, positions, heads, h]` with `axis` 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegerRope {
    /// The axis of positions, not the last one.
    pub axis: usize,
    /// Cosines and sines.
    pub angles: Angles,
    /// What a value is multiplied by before it is turned: one for each row-major index along `axes`, or one for all. Each
    /// is positive. So two channels that are turned together may have scales of their own.
    pub multipliers: Vec<i64>,
    /// The axes of the multipliers, ascending.
    pub axes: Vec<usize>,
}

/// Most cosines that a rule computes.
pub(super) const MAXIMUM_CELLS: usize = 1 << 22;

impl Room for IntegerRope {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = site.one()?;
        let last = x.rank().saturating_sub(1);
        one_of_first("rope", last, self.axis, x)?;
        if !x.size(last).is_multiple_of(2) {
            return Err(ShapeError::Option {
                operation: "rope",
                name: "head dimension",
                expected: "that is even",
                found: x.size(last),
            }
            .into());
        }
        let cells = x.size(self.axis).saturating_mul(x.size(last));
        match &self.angles {
            Angles::Custom { cos, sin } => {
                entries(cells, cos.len())?;
                entries(cells, sin.len())?;
            }
            Angles::Rotary(_) if cells > MAXIMUM_CELLS => {
                return Err(ShapeError::Option {
                    operation: "rope",
                    name: "positions times head dimension",
                    expected: "of at most 2^22",
                    found: cells,
                }
                .into());
            }
            Angles::Rotary(_) => {}
        }
        self.multipliers().check("rope", x)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

impl IntegerRoom for IntegerRope {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        self.multipliers().check_positive(site, 1)?;
        if let Angles::Rotary(rule) = &self.angles {
            rule.validate().map_err(|error| RangeError::Table {
                layer: site.name.to_owned(),
                error,
            })?;
        }
        let most = self.largest(site.hull()?);
        site.accumulator((-most, most))
    }

    fn forget_calibration(&mut self) {
        (self.multipliers, self.axes) = (vec![1], Vec::new());
    }

    fn resize(&mut self, resizing: &Resizing) {
        if let Angles::Rotary(rule) = &mut self.angles {
            rule.begin_at(resizing.position(rule.position));
        }
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("dim={}, {}", self.axis, self.angles)
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        lowering
            .circuit()
            .check_bound(name, "turned value", self.largest(fact.range))?;
        let (last, node) = (shape.len().saturating_sub(1), lowering.id());
        let (positions, half) = (shape[self.axis], shape[last] / 2);
        let split: Vec<usize> = shape[..last].iter().copied().chain([2, half]).collect();
        let identities = || (0..last).map(|axis| Factor::identity(axis, axis));
        let factors = identities().chain([Factor::reshape(last..last + 2, &split, last..last + 1)]);
        let (factor, x) = self.multipliers().product(lowering, x);
        let circuit = lowering.circuit();
        let pairs = circuit.view(&format!("{name}/pairs"), &split, x, factors.collect());
        circuit.expect_cells(name, positions.saturating_mul(half).saturating_mul(4))?;
        let turn = self.turn(name, positions, half, factor)?;
        let turn = circuit.constant(&[positions, 2, 2, half], turn);
        let along = |axis: usize| match axis == self.axis {
            true => Axis::shared(0, axis, axis),
            false => Axis::free_right(axis, axis),
        };
        let channels = [
            Axis::free_left(1, last),
            Axis::summed(2, last),
            Axis::shared(3, last + 1, last + 1),
        ];
        let axes = (0..last).map(along).chain(channels).collect();
        let turned = circuit.contraction(&format!("{name}/turned"), &split, turn, pairs, axes);
        let factors = identities().chain([Factor::reshape(last..last + 1, shape, last..last + 2)]);
        let result = circuit.view(name, shape, turned, factors.collect());
        lowering.hint(Hint::Value { node, output: turned });
        Ok(result)
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        let (channels, positions) = (*x.shape().last()?, *x.shape().get(self.axis)?);
        let between: usize = x.shape().get(self.axis + 1..x.ndim() - 1)?.iter().product();
        let half = channels / 2;
        let mut values = x.as_slice()?.to_vec();
        let run = self.multipliers().run(x.shape())?;
        let multipliers = self.multipliers().of_runs(x.shape());
        for (index, run) in values.chunks_mut(run).enumerate() {
            let multiplier = multipliers[index % multipliers.len()];
            run.iter_mut().for_each(|value| *value *= multiplier);
        }
        let turns = self.angles.turns(positions, channels)?;
        let mut y = Vec::with_capacity(values.len());
        for (row, x) in values.chunks_exact(channels.max(1)).enumerate() {
            let start = row / between % positions * channels;
            let (cos, sin) = (
                turns.cos.get(start..start + channels)?,
                turns.sin.get(start..start + channels)?,
            );
            let partners = x.iter().skip(half).chain(x.iter().take(half));
            let factors = cos.iter().zip(sin);
            let turned = x.iter().zip(partners).zip(factors);
            y.extend(turned.map(|((x, partner), (cos, sin))| x * cos + partner * sin));
        }
        ArrayD::from_shape_vec(x.shape(), y).ok()
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        let last = x.ndim().checked_sub(1)?;
        let channels = x.shape()[last];
        let turns = self.angles.turns(x.shape()[self.axis], channels)?;
        Some(ArrayD::from_shape_fn(x.shape(), |at| {
            let mut partner = at.slice().to_vec();
            partner[last] = (at[last] + channels / 2) % channels;
            let factor = at[self.axis] * channels + at[last];
            let partner = IxDyn(&partner);
            let scaled =
                |at: &IxDyn| i128::from(x[at]) * i128::from(self.multipliers().of_cell(x.shape(), at));
            let own = scaled(&at) * i128::from(turns.cos[factor]);
            let other = scaled(&partner) * i128::from(turns.sin[factor]);
            (own + other) as i64
        }))
    }
}

impl IntegerRope {
    /// Cosines and sines of heads are integers with so many bits after the point.
    pub const BITS: u32 = 12;

    /// The turn of heads `[B, H, tokens, head_dim]`, of values times `multipliers`, one for each index along `axes`.
    ///
    /// # Errors
    /// Hyper-parameters out of the bounds of [`Rotary`].
    #[cfg(feature = "prover")]
    pub fn of_heads(rope: &Rope, (multipliers, axes): (Vec<i64>, Vec<usize>)) -> Result<Self, TableError> {
        let position = u32::try_from(rope.position).unwrap_or(u32::MAX);
        let rule = Rotary::new(rope.rope_theta, rope.rope_scaling, position, Self::BITS)?;
        Ok(Self {
            axis: 2,
            angles: Angles::Rotary(rule),
            multipliers,
            axes,
        })
    }

    /// The largest magnitude of a result.
    fn largest(&self, range: (i64, i64)) -> i128 {
        let most = i128::from(self.multipliers().extremes().1);
        // At least 1 each: products of public factors alone must fit a word as well.
        let turned = most.saturating_mul(self.angles.largest().max(1));
        magnitude(range).max(1).saturating_mul(turned)
    }

    fn multipliers(&self) -> Multipliers<'_> {
        Multipliers {
            values: &self.multipliers,
            axes: &self.axes,
        }
    }

    /// `turn[t, o, b, i]` times a factor.
    fn turn(&self, name: &str, positions: usize, half: usize, factor: i64) -> Result<Vec<i64>, CircuitError> {
        let turns = self.angles.turns(positions, 2 * half);
        let turns = turns.ok_or_else(|| CircuitError::Unsupported {
            layer: name.to_owned(),
            what: format!("rotary positions by {}", self.angles),
        })?;
        let cells = (0..positions * 4 * half).map(|cell| {
            let (i, rest) = (cell % half, cell / half);
            let (b, o, t) = (rest % 2, rest / 2 % 2, rest / 4);
            let factors = if o == b { &turns.cos } else { &turns.sin };
            factors
                .get((2 * t + o) * half + i)
                .map_or(0, |turn| factor * turn)
        });
        Ok(cells.collect())
    }
}
