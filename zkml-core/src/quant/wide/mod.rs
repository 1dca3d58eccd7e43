//! Activations of 15 or 16 bits: rounded by [`Requantize`], never clamped.
//!
//! They are for transformers. A table that clamps would need a row for each value that may come in; so there is none,
//! and an activation has twice the range that calibration saw. An input on which one leaves its range is refused.
//!
//! - *Layers* have a scale for each output channel, chosen so that the multiplier behind them is exact
//!   ([`look_ahead`]).
//! - *Residual sums* are one operation: `floor(acc m / 2^s) + h`. Their channels have steps of their own
//!   ([`streams`](super::streams)), which normalizations take as they are.
//! - *Products of two activations* have more bits than either ([`QuantizeOptions::product_bits`]).
//! - *Functions* of one kind share one table. Its argument and its value have steps that are powers of two, as fine as
//!   the largest ones of all layers allow.
//!
//! [`QuantizeOptions::product_bits`]: super::QuantizeOptions::product_bits

mod look_ahead;
mod scales;

use ndarray::ArrayD;

pub(super) use scales::Scales;

use super::options::QuantizeOptions;
use super::options::largest;
use super::quantize::Quantizer;
use super::streams::Steps;
use crate::circuit::{Curve, CurveKind, Dyadic, Function, FunctionTable};
use crate::graph::{IntFact, Node, NodeId, Operation, ParameterId};
use crate::ops::range::{LIMIT, magnitude};
use crate::ops::{
    Accumulator, Activation, Channels, Float, QuantizeError, Requantize, Reveal, RevealedInput, ShiftError,
};
use crate::optimize::operation::exact_multipliers;
use crate::optimize::operation::per_channel_scales::{PerChannelScales, SPREAD, least_scales};

/// Bits of a digit of values and remainders.
pub(super) const DIGIT_BITS: u32 = 16;

/// The least step of a function's argument and value is `2^-20`.
const LEAST_STEP: f64 = -20.0;

/// The least step of a score is `2^-6`.
const LEAST_SCORE: f64 = -6.0;

/// Bits that a function's values may have. Those of all arguments fit, so that the table clamps none: an argument out
/// of the table is refused.
const VALUE_BITS: u32 = 24;

/// The least multiplier for whose sake a scale is made coarser.
const LEAST_MULTIPLIER: f64 = 8.0;

/// The largest multiplier of rows that are looked up has about so many bits.
const ROW_BITS: f64 = 12.0;

impl Quantizer<'_> {
    /// Appends `floor(acc m / 2^s + 1/2)`, plus a residual, as a value of the target's scales. Those of the residual's
    /// channels are finer by the powers of two beside it.
    pub(super) fn requantize(
        &mut self,
        accumulator: &Accumulator,
        target: &Scales,
        residual: Option<(NodeId, Vec<u32>)>,
        (name, bits): (String, u32),
    ) -> Result<NodeId, QuantizeError> {
        let fact = &self.nodes[accumulator.node].fact;
        let shape = fact.shape.clone();
        let factors = Scales::from(accumulator).over(target, &shape);
        let reached = magnitude(fact.range) as f64;
        let added = residual
            .as_ref()
            .map_or(0, |(id, _)| magnitude(self.nodes[*id].fact.range)) as f64;
        let (residual, residual_shifts) = residual.unzip();
        // A value of 16 bits that is divided by 2^16 is at most half a step: more bits would cost a digit for nothing.
        let mut residual_shifts = residual_shifts.unwrap_or_default();
        residual_shifts
            .iter_mut()
            .for_each(|by| *by = (*by).min(DIGIT_BITS));
        let deepest = residual_shifts.iter().copied().max().unwrap_or(0);
        let residual_shifts = if deepest == 0 { Vec::new() } else { residual_shifts };
        let limit = LIMIT as f64 * (1.0 - 1.0 / f64::from(1 << 20));
        let fits = |shift: u32, multiplier: f64| {
            let power = libm::exp2(f64::from(shift));
            let numerator = reached * multiplier + (added + 0.5) * power;
            shift >= deepest && numerator < limit && libm::exp2(f64::from(bits)) * power < limit
        };
        let Some((multipliers, shift)) = scales::multipliers(&factors.values, fits) else {
            let least = factors.values.iter().copied().fold(f64::INFINITY, f64::min);
            return Err(ShiftError {
                layer: name,
                factor: least,
                needed: (-libm::log2(least).floor()).clamp(1.0, 200.0) as u32,
                allowed: (1..60).take_while(|shift| fits(*shift, 1.0)).last().unwrap_or(0),
                accumulator: magnitude(fact.range),
                domain_bits: bits - 1,
            }
            .into());
        };
        let (multipliers, axes) = match multipliers.iter().all(|m| *m == multipliers[0]) {
            true => (vec![multipliers[0]], Vec::new()),
            false => (multipliers, factors.axes),
        };
        let op = Requantize {
            multipliers,
            axes,
            shift,
            bits,
            residual_shifts,
        };
        let operands = core::iter::once(accumulator.node).chain(residual).collect();
        let scale = target.values.first().copied().unwrap_or(1.0);
        self.push(name, op.into(), operands, shape, scale)
    }

    /// The value of a node with the one scale of its activations.
    pub(super) fn wide_activation(&mut self, id: NodeId) -> Result<Activation, QuantizeError> {
        let properties = self.float[id].op.room().properties();
        let (bits, mut scale) = (self.options.bits_of(properties), self.scales[id.0]);
        let accumulator = self.source(id)?;
        // The scale is ours to choose: the next one with multipliers that are exact. Those of a stream are powers of two
        // times that of its least step.
        match (&self.steps[id.0], accumulator.scales.as_slice()) {
            (Some(steps), _) => scale = exact_scale(steps.step, scale),
            (None, [only]) => scale = exact_scale(*only, scale),
            (None, _) => {}
        }
        let name = self.unique(format!("{}.rescale", self.float[id].name));
        let node = self.requantize(&accumulator, &Scales::one(scale), None, (name, bits))?;
        let activation = Activation { node, scale };
        self.activations[id.0] = Some(activation);
        Ok(activation)
    }

    /// What a node's value is made of: a stream, an accumulator or an activation.
    fn source(&mut self, id: NodeId) -> Result<Accumulator, QuantizeError> {
        if let Some(steps) = self.steps[id.0].clone() {
            let node = self.streamed(id, &steps)?;
            let Scales { values, axes } = self.of_channels(id, &steps);
            return Ok(Accumulator {
                node,
                scales: values,
                axes,
            });
        }
        match self.accumulators[id.0].clone() {
            Some(accumulator) => Ok(accumulator),
            None => Ok(self.activation(id)?.into()),
        }
    }

    /// The scales of a node's channels in its stream.
    fn of_channels(&self, id: NodeId, steps: &Steps) -> Scales {
        let last = self.float[id].fact.len().saturating_sub(1);
        Scales {
            values: steps.scales(),
            axes: vec![last],
        }
    }

    /// A node's value with the steps of its stream.
    fn streamed(&mut self, id: NodeId, steps: &Steps) -> Result<NodeId, QuantizeError> {
        if let Some(node) = self.streamed[id.0] {
            return Ok(node);
        }
        let accumulator = match (self.accumulators[id.0].clone(), self.activations[id.0]) {
            (Some(accumulator), _) => accumulator,
            (None, Some(activation)) => activation.into(),
            // Operands come before their users.
            (None, None) => {
                return Err(QuantizeError::Unsupported {
                    layer: self.float[id].name.clone(),
                    what: "a residual that is not computed yet",
                });
            }
        };
        let target = self.of_channels(id, steps);
        let name = self.unique(format!("{}.rescale", self.float[id].name));
        let bits = self.options.activation_bits;
        let node = self.requantize(&accumulator, &target, None, (name, bits))?;
        self.streamed[id.0] = Some(node);
        Ok(node)
    }

    /// Makes a sum of two operands a value of its stream. One of them is added as it is.
    pub(super) fn residual(&mut self, id: NodeId) -> Result<(), QuantizeError> {
        let node = &self.float[id];
        let (&[left, right], Some(steps)) = (node.inputs.as_slice(), self.steps[id.0].clone()) else {
            return Err(QuantizeError::Unsupported {
                layer: node.name.clone(),
                what: "a residual sum of other than two operands",
            });
        };
        let growth = |operand: NodeId| steps.growth_from(self.steps[operand.0].as_ref()?);
        let (kept, other, growth) = match (growth(left), growth(right)) {
            (None, Some(growth)) => (right, left, growth),
            (growth, _) => (left, right, growth.unwrap_or_default()),
        };
        let own = self.steps[kept.0].clone().filter(|_| !growth.is_empty());
        let residual = self.streamed(kept, own.as_ref().unwrap_or(&steps))?;
        let accumulator = self.source(other)?;
        let target = self.of_channels(id, &steps);
        let name = (node.name.clone(), self.options.activation_bits);
        let sum = self.requantize(&accumulator, &target, Some((residual, growth)), name)?;
        self.streamed[id.0] = Some(sum);
        Ok(())
    }

    /// The value of a node as scores, a node of its own.
    pub(super) fn scores(
        &mut self,
        id: NodeId,
        (name, bits): (String, u32),
    ) -> Result<Activation, QuantizeError> {
        let most = QuantizeOptions::HEADROOM * self.ranges.largest(id);
        let exponent = libm::log2(most / largest(bits) as f64).ceil().max(LEAST_SCORE);
        let (accumulator, scale) = (self.source(id)?, libm::exp2(exponent));
        let name = self.unique(name);
        let node = self.requantize(&accumulator, &Scales::one(scale), None, (name, bits))?;
        Ok(Activation { node, scale })
    }

    /// The operand of a normalization.
    pub(super) fn channels(&mut self, id: NodeId) -> Result<Channels, QuantizeError> {
        let (node, step, exponents) = match self.steps[id.0].clone() {
            Some(steps) => {
                let node = self.streamed(id, &steps)?;
                let same = steps.exponents.iter().all(|k| *k == 0);
                (node, steps.step, if same { vec![0] } else { steps.exponents })
            }
            None => {
                let x = self.activation(id)?;
                (x.node, x.scale, vec![0])
            }
        };
        let magnitude = magnitude(self.nodes[node].fact.range);
        Ok(Channels {
            node,
            step,
            exponents,
            magnitude,
        })
    }

    /// Makes a node a public input of ids below the number of rows that they choose from.
    pub(super) fn ids(&mut self, id: NodeId) -> Result<(), QuantizeError> {
        let node = &self.float[id];
        let users = self.float.nodes.iter().filter(|user| user.inputs.contains(&id));
        let rows = users.filter_map(|user| {
            let weight = user.op.room().chosen_rows()?;
            self.float[weight].values.shape().first().copied()
        });
        let Some(rows) = rows.min() else {
            return Err(QuantizeError::Unsupported {
                layer: node.name.clone(),
                what: "an input of token ids that no embedding takes",
            });
        };
        let fact = IntFact {
            shape: node.fact.clone(),
            range: (0, rows as i64 - 1),
            scale: 1.0,
        };
        self.nodes.nodes.push(Node {
            name: node.name.clone(),
            op: RevealedInput.into(),
            inputs: Vec::new(),
            fact,
        });
        let input = NodeId(self.nodes.nodes.len() - 1);
        if id == self.float.input {
            self.nodes.input = input;
        }
        self.activations[id.0] = Some(Activation {
            node: input,
            scale: 1.0,
        });
        Ok(())
    }

    /// A multiplier for each row of a weight that the node `id` looks up, and the scale of what comes out. The unit is
    /// a power of two of the step that it is carried to.
    pub(super) fn row_multipliers(&self, id: NodeId, weight: ParameterId) -> (Vec<i64>, f64) {
        let per_row = self.options.switches.runs(&PerChannelScales);
        let limit = self.options.weight_limit();
        let scales = least_scales(&self.float[weight].values, None, 1.0, per_row, SPREAD, limit);
        let most = scales.iter().copied().fold(0.0, f64::max);
        let step = self.steps[id.0]
            .as_ref()
            .map_or(self.scales[id.0], |steps| steps.step);
        let bits = libm::log2(step / most).floor() + ROW_BITS;
        let unit = step * libm::exp2(-bits.max(1.0));
        let multiplier = |scale: &f64| exact_multipliers::multiplier(scale / unit).max(1);
        (scales.iter().map(multiplier).collect(), unit)
    }

    /// The scales of a weight whose rows a node before looks up.
    pub(super) fn looked_up(&self, weight: ParameterId) -> Option<Vec<f64>> {
        let mut rows = self.weighted.iter();
        let rows = rows
            .find(|rows| rows.weight == weight && self.float[rows.source].op.room().chosen_rows().is_some());
        rows.map(|rows| rows.scales.clone())
    }

    /// Appends a function whose table is computed.
    pub(super) fn wide_curve(&mut self, id: NodeId, curve: CurveKind) -> Result<(), QuantizeError> {
        let (node, limit) = (&self.float[id], self.options.activation_limit());
        let operand = node.inputs.first().copied().unwrap_or(id);
        let same = self.float.nodes.iter().enumerate();
        let same = same.filter(|(_, other)| other.op.name() == node.op.name());
        let largest = |id: NodeId| self.ranges.largest(id);
        let (mut before, mut after) = (0f64, 0f64);
        for (index, other) in same {
            let operand = other.inputs.first().copied().unwrap_or(id);
            before = before.max(largest(operand));
            after = after.max(largest(NodeId(index)));
        }
        let step = |largest: f64| {
            let exponent = libm::log2(QuantizeOptions::HEADROOM * largest / limit as f64).ceil();
            libm::exp2(exponent.max(LEAST_STEP))
        };
        let input = step(before);
        // No function grows faster than its argument, but for a constant.
        let spare = (VALUE_BITS - self.options.activation_bits) as i32;
        let scale = step(after).max(input * libm::ldexp(1.0, 1 - spare));
        let curve = Dyadic::from_f64(input).and_then(|x| Curve::new(curve, x, Dyadic::from_f64(scale)?));
        let table = FunctionTable {
            function: Function::Curve(curve.map_err(|error| QuantizeError::Table {
                layer: node.name.clone(),
                error,
            })?),
            domain_bits: self.options.activation_bits - 1,
            minimum: -(1 << (VALUE_BITS - 1)),
            maximum: (1 << (VALUE_BITS - 1)) - 1,
        };
        let accumulator = match self.accumulators[operand.0].clone() {
            Some(accumulator) if accumulator.axes.len() < 2 && self.steps[operand.0].is_none() => accumulator,
            _ => self.activation(operand)?.into(),
        };
        let name = node.name.clone();
        let activation = self.rescale_to((operand, input, scale), &accumulator, table, name)?;
        self.activations[id.0] = Some(activation);
        Ok(())
    }

    /// Is the index that this node computes a public output?
    pub(super) fn is_shown(&self, id: NodeId) -> bool {
        self.options.is_wide() && self.float.outputs.contains(&id)
    }

    /// Makes an index a public output, whatever the privacy of outputs.
    pub(super) fn reveal(&mut self, index: NodeId) -> Result<NodeId, QuantizeError> {
        let Node { name, fact, .. } = &self.nodes[index];
        let (name, shape) = (format!("{name}.public"), fact.shape.clone());
        let name = self.unique(name);
        self.push(name, Reveal.into(), vec![index], shape, 1.0)
    }
}

/// Gains of channels as factors of their scales, which are positive, and the signs of the gains, 1 or -1. Multipliers
/// of integers are not 0, so a gain below one part in `2^16` of the largest one counts as that: it moves the value by
/// less than half a step of 16 bits.
pub(super) fn gains(node: &Node<Float>, values: &ArrayD<f32>) -> Result<(Vec<f64>, Vec<i64>), QuantizeError> {
    let largest = values.iter().fold(0.0f32, |most, gain| most.max(gain.abs()));
    let wrong = values.iter().copied().find(|gain| !gain.is_finite());
    if let Some(found) = wrong.or((largest == 0.0).then_some(0.0)) {
        let layer = node.name.clone();
        return Err(QuantizeError::Gain { layer, found });
    }
    let least = libm::exp2(-f64::from(DIGIT_BITS)) * f64::from(largest);
    let factor = |gain: &f32| f64::from(gain.abs()).max(least);
    let sign = |gain: &f32| if *gain < 0.0 { -1 } else { 1 };
    Ok((
        values.iter().map(factor).collect(),
        values.iter().map(sign).collect(),
    ))
}

/// The least scale not below `scale` that an accumulator of scale `of` is carried to by a multiplier that is exact with
/// a remainder of one digit, or of two.
fn exact_scale(of: f64, scale: f64) -> f64 {
    for digits in [1, 2] {
        let power = libm::exp2(f64::from(digits * DIGIT_BITS));
        let multiplier = (of / scale * power).floor();
        // The range is smaller by one part in the multiplier at most.
        if multiplier >= LEAST_MULTIPLIER {
            return of * power / multiplier;
        }
    }
    scale
}

/// Multipliers that bring accumulators of these scales to a common unit, and the unit: no multipliers where all have
/// one scale, and `None` where they differ by more than so many bits.
pub(in crate::quant) fn common_unit(scales: &[f64], most_bits: u32) -> Option<(Vec<i64>, f64)> {
    let most = scales.iter().copied().fold(0.0, f64::max);
    let factors: Vec<f64> = scales.iter().map(|scale| scale / most).collect();
    if factors.iter().all(|factor| *factor == 1.0) {
        return Some((Vec::new(), most));
    }
    let (multipliers, shift) = scales::multipliers(&factors, |shift, _| shift <= most_bits)?;
    Some((multipliers, most * libm::exp2(-f64::from(shift))))
}
