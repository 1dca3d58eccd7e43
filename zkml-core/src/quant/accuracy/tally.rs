//! Sums over samples.

use ndarray::{ArrayD, Axis, Zip};

use super::classes::Classes;
use super::negligible::Yardstick;
use super::{AccuracyError, Distance};
use crate::execute::{ExecutionError, Executor};
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties, class_axis};
use crate::quant::{Clipping, Quantized};

/// What is compared.
pub(super) struct Networks<'a> {
    pub(super) float: &'a Graph<Float>,
    pub(super) quantized: &'a Quantized,
    pub(super) executor: Executor<'a>,
    pub(super) classes: Option<Classes>,
    /// Of each output.
    pub(super) yardsticks: Vec<Yardstick>,
}

/// Sums over samples.
pub(super) struct Tally {
    /// Of each node of the float graph.
    pub(super) layers: Vec<Distance>,
    /// Of each output, by channel.
    pub(super) outputs: Vec<Vec<Distance>>,
    /// Of each output: the largest value that its layer takes, where its [`Yardstick`] asks for it.
    pub(super) operands: Vec<f64>,
    pub(super) float_correct: usize,
    pub(super) integer_correct: usize,
    pub(super) agreement: usize,
    /// The least and the largest class of the float network.
    pub(super) classes: Option<(usize, usize)>,
    pub(super) out_of_domain: usize,
    pub(super) clipping: Clipping,
}

impl Networks<'_> {
    pub(super) fn new_tally(&self) -> Tally {
        let channels = |id: &NodeId| channels(&self.float[*id].fact).1;
        let outputs = self.float.outputs.iter().map(channels);
        Tally {
            layers: vec![Distance::default(); self.float.nodes.len()],
            outputs: outputs
                .map(|channels| vec![Distance::default(); channels])
                .collect(),
            operands: vec![0.0; self.float.outputs.len()],
            float_correct: 0,
            integer_correct: 0,
            agreement: 0,
            classes: None,
            out_of_domain: 0,
            clipping: Clipping::default(),
        }
    }

    /// Is this output a quantity, and no index?
    pub(super) fn is_quantity(&self, id: NodeId) -> bool {
        !self.float[id].op.room().has(Properties::INDEX)
    }

    /// Runs the integer network on one sample, on which the float network has the values `exact`.
    pub(super) fn tally(
        &self,
        (sample, inputs, exact): (usize, &[ArrayD<f32>], &[ArrayD<f32>]),
        labels: Option<&[usize]>,
    ) -> Result<Tally, AccuracyError> {
        let reject = |reason| AccuracyError::Sample { sample, reason };
        let (float, quantized) = (self.float, self.quantized);
        let mut tally = self.new_tally();
        let hits = |classes: &[usize]| labels.map_or(0, |labels| count_equal(labels, classes));
        let float_classes = self.classes.map_or(Vec::new(), |classes| {
            let output = float.outputs.get(classes.output()).and_then(|id| exact.get(id.0));
            output.map_or(Vec::new(), |output| classes.read(&output.mapv(f64::from)))
        });
        tally.float_correct = hits(&float_classes);
        tally.classes = float_classes.iter().map(|class| (*class, *class)).reduce(joined);
        tally.operands = self
            .yardsticks
            .iter()
            .map(|yardstick| yardstick.operand(exact))
            .collect();
        let input = quantized.quantize_inputs(inputs).map_err(reject)?;
        tally.clipping = input.clipping;
        let execution = match self.executor.run_on(&input.integers) {
            Ok(execution) => execution,
            Err(ExecutionError::Domain { .. } | ExecutionError::Outside { .. }) => {
                tally.out_of_domain = 1;
                return Ok(tally);
            }
            Err(error) => return Err(AccuracyError::Execution(error)),
        };
        for ((distance, counterpart), exact) in
            tally.layers.iter_mut().zip(&quantized.correspondence).zip(exact)
        {
            let Some((id, scales)) = counterpart else { continue };
            let integers = execution.value(*id).ok_or(AccuracyError::OtherGraph)?;
            distance.add_all(exact, integers, scales);
        }
        for (number, integers) in execution.outputs(&quantized.graph).enumerate() {
            let &id = float.outputs.get(number).ok_or(AccuracyError::OtherGraph)?;
            let (Some(exact), Some(real)) = (exact.get(id.0), quantized.real_output(number, integers)) else {
                return Err(AccuracyError::OtherGraph);
            };
            if exact.shape() != real.shape() {
                return Err(AccuracyError::OtherGraph);
            }
            if let Some(classes) = self.classes.filter(|classes| classes.output() == number) {
                let classes = classes.read(&real);
                tally.integer_correct = hits(&classes);
                tally.agreement = count_equal(&float_classes, &classes);
            }
            if self.is_quantity(id)
                && let Some(sums) = tally.outputs.get_mut(number)
            {
                add_by_channel(sums, exact, &real);
            }
        }
        Ok(tally)
    }
}

impl Tally {
    pub(super) fn merge(mut self, other: Self) -> Self {
        let pairs = self.layers.iter_mut().zip(&other.layers);
        pairs.for_each(|(a, b)| a.merge(b));
        let pairs = self
            .outputs
            .iter_mut()
            .flatten()
            .zip(other.outputs.iter().flatten());
        pairs.for_each(|(a, b)| a.merge(b));
        let pairs = self.operands.iter_mut().zip(&other.operands);
        pairs.for_each(|(a, b)| *a = a.max(*b));
        self.float_correct += other.float_correct;
        self.integer_correct += other.integer_correct;
        self.agreement += other.agreement;
        self.classes = self.classes.into_iter().chain(other.classes).reduce(joined);
        self.out_of_domain += other.out_of_domain;
        self.clipping = self.clipping.and(other.clipping);
        self
    }
}

/// The axis of a tensor's channels, and how many there are. A vector or a number is one channel.
pub(super) fn channels(shape: &[usize]) -> (Option<usize>, usize) {
    match class_axis(shape.len()) {
        Some(axis) if shape.len() > 1 => (Some(axis), shape[axis]),
        _ => (None, 1),
    }
}

fn add_by_channel(sums: &mut [Distance], exact: &ArrayD<f32>, real: &ArrayD<f64>) {
    let mut add = |channel: usize, a: &f32, b: &f64| {
        if let Some(sum) = sums.get_mut(channel) {
            sum.add(f64::from(*a), *b);
        }
    };
    match channels(exact.shape()).0 {
        None => exact.iter().zip(real).for_each(|(a, b)| add(0, a, b)),
        Some(axis) => {
            let lanes = exact.axis_iter(Axis(axis)).zip(real.axis_iter(Axis(axis)));
            for (channel, (exact, real)) in lanes.enumerate() {
                Zip::from(exact).and(real).for_each(|a, b| add(channel, a, b));
            }
        }
    }
}

fn count_equal(a: &[usize], b: &[usize]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a == b).count()
}

fn joined(a: (usize, usize), b: (usize, usize)) -> (usize, usize) {
    (a.0.min(b.0), a.1.max(b.1))
}
