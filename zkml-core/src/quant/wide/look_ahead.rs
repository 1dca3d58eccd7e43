//! What becomes of a layer's accumulator, which decides the scales of its weights.
//!
//! A layer's output channels have scales of their own, and each must be carried to the scale of the value that is made
//! of them: an activation, or a channel of a residual stream. If the scale of a channel is an integer multiple of
//! `2^-16` of it, the remainder fits one digit and the multiplier is exact. So the scales of the weights are rounded up
//! to such multiples ([`exact_multipliers`]); where that would cost too much precision, to multiples of `2^-32`.

use ndarray::{ArrayD, Dimension};

use super::{DIGIT_BITS, Scales};
use crate::graph::NodeId;
use crate::ops::{FloatSite, Properties};
use crate::optimize::operation::exact_multipliers::{self, ExactMultipliers, LARGEST_GROWTH};
use crate::quant::quantize::Quantizer;

/// A layer's accumulator on its way through operations that only move its values or mix channels.
struct Path {
    /// The last node of the way.
    end: NodeId,
    /// Who uses that node; `None` if there are several or if it is an output.
    user: Option<NodeId>,
    /// The layer's channel in each cell of the last node.
    channel: ArrayD<f32>,
    /// Are channels mixed on the way?
    mixes: bool,
}

/// The least multiplier of channels that are mixed. The scale of a channel grows by one part of it at most.
const LEAST_OF_MIXED: f64 = 16.0;

impl Quantizer<'_> {
    /// The scales of the weights of the layer `id`, at least `least`, such that multipliers behind the layer are exact.
    /// `axis` is that of the channels, `input` the scale of the operand.
    pub(in crate::quant) fn grown(&self, id: NodeId, axis: usize, input: f64, least: Vec<f64>) -> Vec<f64> {
        let Some(path) = self
            .path(id, axis)
            .filter(|_| self.options.switches.runs(&ExactMultipliers))
        else {
            return least;
        };
        let user = path.user.map(|user| self.float[user].op.room().properties());
        let user = user.unwrap_or(Properties::empty());
        if path.mixes || user.contains(Properties::INDEX) {
            return with_common_unit(least, path.mixes);
        }
        if user.contains(Properties::ACTIVATION) {
            // The rescale of the activation chooses them.
            return least;
        }
        let targets = self.targets(&path, least.len());
        let factors = least
            .iter()
            .zip(&targets)
            .map(|(scale, target)| scale * input / target);
        let factors: Vec<f64> = factors.collect();
        let mut shifts = [DIGIT_BITS, 2 * DIGIT_BITS].into_iter();
        let cheap = |shift: &u32| exact_multipliers::growth(&factors, *shift) <= LARGEST_GROWTH;
        let Some(shift) = shifts.find(cheap) else {
            return least;
        };
        let units = targets
            .iter()
            .map(|target| libm::exp2(-f64::from(shift)) * target / input);
        let grown = factors.iter().zip(units);
        grown.map(|(factor, unit)| whole(*factor, shift) * unit).collect()
    }

    /// The scale that each channel is carried to.
    fn targets(&self, path: &Path, channels: usize) -> Vec<f64> {
        let own = self.scales[path.end.0];
        let mut targets = vec![own; channels];
        let steps = path.user.and_then(|user| self.steps[user.0].as_ref());
        let Some(steps) = steps.or(self.steps[path.end.0].as_ref()) else {
            return targets;
        };
        let scales = steps.scales();
        for (index, &channel) in path.channel.indexed_iter() {
            let last = index.slice().last().and_then(|last| scales.get(*last));
            if let (Some(target), Some(&scale)) = (targets.get_mut(channel as usize), last) {
                *target = scale;
            }
        }
        targets
    }

    fn path(&self, id: NodeId, axis: usize) -> Option<Path> {
        let channel = ArrayD::from_shape_fn(self.float[id].fact.as_slice(), |at| at[axis] as f32);
        let (mut end, mut channel, mut mixes) = (id, channel, false);
        let user = loop {
            let Some(user) = self.only_user(end) else {
                break None;
            };
            let properties = self.float[user].op.room().properties();
            if properties.contains(Properties::MIXES_CHANNELS) {
                mixes = true;
            } else if properties.contains(Properties::MOVES_VALUES) {
                channel = self.carried(user, &channel)?;
            } else {
                break Some(user);
            }
            end = user;
        };
        Some(Path {
            end,
            user,
            channel,
            mixes,
        })
    }

    /// The node that uses this one, if it is the only one and this one is no output.
    fn only_user(&self, id: NodeId) -> Option<NodeId> {
        let nodes = self.float.nodes.iter().enumerate();
        let mut users = nodes.filter(|(_, node)| node.inputs.contains(&id));
        let (user, _) = users.next()?;
        (users.next().is_none() && !self.float.outputs.contains(&id)).then_some(NodeId(user))
    }

    /// What the operation of a node makes of these values in its operand's place.
    fn carried(&self, id: NodeId, values: &ArrayD<f32>) -> Option<ArrayD<f32>> {
        let node = &self.float[id];
        node.op.room().evaluate(&FloatSite {
            graph: self.float,
            node,
            operands: &[values],
        })
    }

    /// The operand's accumulator behind the node `id`, which only moves values.
    pub(in crate::quant) fn moved(&self, id: NodeId) -> Option<crate::ops::Accumulator> {
        let operand = self.float[id].inputs.first()?;
        let carried = self.options.is_wide() || self.kept[id.0].is_some();
        if !carried || self.steps[operand.0].is_some() {
            return None;
        }
        let accumulator = self.accumulators[operand.0].clone()?;
        let scales = Scales::from(&accumulator);
        let shape = &self.float[*operand].fact;
        let numbers = ArrayD::from_shape_fn(shape.as_slice(), |at| scales.number(shape, at.slice()) as f32);
        let numbers = self.carried(id, &numbers)?;
        let varies = |axis: &usize| {
            let axis = ndarray::Axis(*axis);
            let first = numbers.index_axis(axis, 0);
            numbers.axis_iter(axis).any(|other| other != first)
        };
        let axes: Vec<usize> = (0..numbers.ndim()).filter(varies).collect();
        let mut cells = numbers.view();
        for axis in (0..numbers.ndim()).rev().filter(|axis| !axes.contains(axis)) {
            cells.index_axis_inplace(ndarray::Axis(axis), 0);
        }
        let scales = cells.iter().map(|number| accumulator.scales[*number as usize]);
        Some(crate::ops::Accumulator {
            node: accumulator.node,
            scales: scales.collect(),
            axes,
        })
    }
}

/// The multiplier of a factor, at a shift.
fn whole(factor: f64, shift: u32) -> f64 {
    exact_multipliers::multiplier(factor * libm::exp2(f64::from(shift))).max(1) as f64
}

/// The scales, rounded up to multiples of a unit: so fine a unit that channels that are mixed lose no precision, and
/// for those that are compared one with small multipliers.
fn with_common_unit(least: Vec<f64>, mixes: bool) -> Vec<f64> {
    let most = least.iter().copied().fold(0.0, f64::max);
    let factors: Vec<f64> = least.iter().map(|scale| scale / most).collect();
    let smallest = factors.iter().copied().fold(1.0, f64::min);
    let enough = |shift: &u32| match mixes {
        true => smallest * libm::exp2(f64::from(*shift)) >= LEAST_OF_MIXED,
        false => exact_multipliers::growth(&factors, *shift) <= LARGEST_GROWTH,
    };
    let shift = (1..DIGIT_BITS).find(enough).unwrap_or(DIGIT_BITS);
    let unit = most * libm::exp2(-f64::from(shift));
    factors
        .iter()
        .map(|factor| whole(*factor, shift) * unit)
        .collect()
}
