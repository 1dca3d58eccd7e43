//! How close the integer network is to the float network, on samples.
//!
//! No figure alone says it. A cosine of 0.9999 can hide an output that is always 0 beside a larger one; classes agree
//! where all of them are the same. So errors are measured for each output and each channel of it, relative to the size
//! of the float values and to their spread over the samples, and clipped inputs are counted.

mod classes;
mod display;
mod distance;
mod negligible;
mod tally;
#[cfg(test)]
mod tests;

use ndarray::ArrayD;
use rayon::prelude::*;

pub use classes::ClassAccuracy;
pub use distance::Distance;

use self::classes::{Classes, check_labels};
use self::negligible::Yardstick;
use self::tally::{Networks, channels};
use super::{Clipping, Quantized};
use crate::execute::{ExecutionError, Executor, float::FloatExecutor};
use crate::graph::{Graph, NodeId};
use crate::ops::Float;

/// Why accuracy cannot be measured.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AccuracyError {
    /// No samples.
    #[error("accuracy needs at least one sample")]
    NoSamples,
    /// Not one label for each classified row of every sample.
    #[error("expected {expected} labels (one for each classified row of every sample), found {found}")]
    Labels {
        /// How many are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A sample cannot be executed.
    #[error("sample {sample}: {reason}")]
    Sample {
        /// Index of the sample.
        sample: usize,
        /// What is wrong with it.
        reason: ExecutionError,
    },
    /// The quantized network was not made from this float graph.
    #[error("the quantized network was made from another graph")]
    OtherGraph,
    /// The integer graph is inconsistent.
    #[error(transparent)]
    Execution(ExecutionError),
}

crate::debug_as_display!(AccuracyError);

/// The distance between the float and the integer values of one layer, over all samples.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerAccuracy {
    /// Name of the layer.
    pub name: String,
    /// How far the integers are from the floats.
    pub distance: Distance,
}

/// The distance between the float and the integer values of one output, over all samples.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputAccuracy {
    /// Its number among the outputs.
    pub number: usize,
    /// Name of the layer that computes it.
    pub name: String,
    /// Are these the scores of classes, which [`ClassAccuracy`] judges?
    pub scores: bool,
    /// The axis of its channels: 1 for `[N, C, H, W]`, the last one of fewer axes. `None` for a vector or a number,
    /// which is one channel.
    pub axis: Option<usize>,
    /// How far the integers are from the floats, by channel.
    pub channels: Vec<Distance>,
    /// The numbers of channels that are nearly 0 in both networks, so that nobody is warned of their relative error:
    /// parts of 1 that never reach 1/256 of the largest part, and sums below the rounding of floats.
    pub negligible: Vec<usize>,
}

impl OutputAccuracy {
    /// All channels together.
    pub fn total(&self) -> Distance {
        let mut total = Distance::default();
        self.channels.iter().for_each(|channel| total.merge(channel));
        total
    }

    /// The channels that are not [negligible](Self::negligible), with their numbers.
    pub fn judged(&self) -> impl Iterator<Item = (usize, &Distance)> {
        let channels = self.channels.iter().enumerate();
        channels.filter(|(number, _)| self.negligible.binary_search(number).is_err())
    }

    /// The judged channel with the largest error relative to its size, and that channel's number.
    pub fn worst_channel(&self) -> Option<(usize, &Distance)> {
        self.judged()
            .max_by(|(_, a), (_, b)| a.relative_rms().total_cmp(&b.relative_rms()))
    }
}

/// Float against integer network on samples.
#[derive(Debug, Clone, PartialEq)]
pub struct AccuracyReport {
    /// Number of samples.
    pub samples: usize,
    /// Samples on which the integer execution left a table's domain. They have no outputs, and count as wrong.
    pub out_of_domain: usize,
    /// What rounding the samples clamped.
    pub clipping: Clipping,
    /// Of a classifier; `None` for a network that neither ends in an argmax nor has names of classes, without labels.
    pub classes: Option<ClassAccuracy>,
    /// Of every output that is no index.
    pub outputs: Vec<OutputAccuracy>,
    /// Of every layer whose values both networks have, in graph order; indices are none.
    pub layers: Vec<LayerAccuracy>,
}

impl AccuracyReport {
    /// The least agreement of classes without a [warning](Self::warnings).
    pub const AGREEMENT: f64 = 0.98;
    /// The largest error of a channel of an output, relative to its size, without a warning.
    pub const ERROR: f64 = 0.02;
    /// The largest error of a channel of an output, relative to its spread, without a warning.
    pub const SPREAD_ERROR: f64 = 0.1;

    /// The layer with the largest relative error.
    pub fn worst_layer(&self) -> Option<&LayerAccuracy> {
        let error = |layer: &LayerAccuracy| layer.distance.relative_rms();
        self.layers.iter().max_by(|a, b| error(a).total_cmp(&error(b)))
    }

    /// Runs both networks on every sample. `labels` has one class for each classified row, sample by sample.
    ///
    /// # Errors
    /// No samples; a sample of the wrong shape or with NaN; a wrong number of labels; networks that do not belong
    /// together.
    pub fn measure(
        float: &Graph<Float>,
        quantized: &Quantized,
        samples: &[ArrayD<f32>],
        labels: Option<&[usize]>,
    ) -> Result<Self, AccuracyError> {
        Self::measure_with(float, quantized, samples, labels, || {})
    }

    /// As [`AccuracyReport::measure`]; calls `progress` after each sample, from any thread.
    ///
    /// # Errors
    /// As [`AccuracyReport::measure`].
    pub fn measure_with(
        float: &Graph<Float>,
        quantized: &Quantized,
        samples: &[ArrayD<f32>],
        labels: Option<&[usize]>,
        progress: impl Fn() + Sync,
    ) -> Result<Self, AccuracyError> {
        let samples: Vec<&[ArrayD<f32>]> = samples.iter().map(core::slice::from_ref).collect();
        Self::measure_all(float, quantized, &samples, labels, progress)
    }

    /// As [`AccuracyReport::measure`], where a sample is a list of inputs, in their order.
    ///
    /// # Errors
    /// As [`AccuracyReport::measure`].
    pub fn measure_on(
        float: &Graph<Float>,
        quantized: &Quantized,
        samples: &[Vec<ArrayD<f32>>],
        labels: Option<&[usize]>,
    ) -> Result<Self, AccuracyError> {
        let samples: Vec<&[ArrayD<f32>]> = samples.iter().map(Vec::as_slice).collect();
        Self::measure_all(float, quantized, &samples, labels, || {})
    }

    fn measure_all(
        float: &Graph<Float>,
        quantized: &Quantized,
        samples: &[&[ArrayD<f32>]],
        labels: Option<&[usize]>,
        progress: impl Fn() + Sync,
    ) -> Result<Self, AccuracyError> {
        if quantized.correspondence.len() != float.nodes.len() || float.outputs.is_empty() {
            return Err(AccuracyError::OtherGraph);
        }
        if samples.is_empty() {
            return Err(AccuracyError::NoSamples);
        }
        let classes = Classes::of(float, quantized, labels.is_some());
        let rows = classes.map_or(0, |classes| {
            let output = float.outputs.get(classes.output());
            output.map_or(0, |id| classes.rows(&float[*id].fact))
        });
        check_labels(labels, classes, rows * samples.len())?;
        let networks = Networks {
            float,
            quantized,
            executor: Executor::new(&quantized.graph).map_err(AccuracyError::Execution)?,
            classes,
            yardsticks: float.outputs.iter().map(|id| Yardstick::of(float, *id)).collect(),
        };
        let floats = FloatExecutor::new(float).map_err(AccuracyError::Execution)?;
        let mut tally = networks.new_tally();
        let block = floats.values_together();
        for (number, samples) in samples.chunks(block).enumerate() {
            let first = number * block;
            let values = floats.values(samples).map_err(|failed| AccuracyError::Sample {
                sample: first + failed.sample,
                reason: failed.reason,
            })?;
            let of_sample = |(index, exact): (usize, &Vec<ArrayD<f32>>)| {
                let (sample, inputs) = (first + index, samples[index]);
                let labels = labels.and_then(|labels| labels.get(sample * rows..(sample + 1) * rows));
                let tally = networks.tally((sample, inputs, exact), labels);
                progress();
                tally
            };
            let tallies = values.par_iter().enumerate().map(of_sample);
            let tallies: Vec<_> = tallies.collect();
            // In the order of the samples: sums of floats depend on it.
            for other in tallies {
                tally = tally.merge(other?);
            }
        }
        let classes = classes.map(|_| ClassAccuracy {
            rows: rows * samples.len(),
            float_correct: labels.map(|_| tally.float_correct),
            integer_correct: labels.map(|_| tally.integer_correct),
            agreement: tally.agreement,
            constant: tally.classes.is_some_and(|(least, most)| least == most),
        });
        let operands = networks.yardsticks.iter().zip(tally.operands);
        let outputs = float
            .outputs
            .iter()
            .zip(tally.outputs.into_iter().zip(operands))
            .enumerate();
        let outputs = outputs.filter(|(_, (id, _))| networks.is_quantity(**id));
        let scored = classes.is_some();
        let outputs = outputs.map(
            |(number, (id, (distances, (yardstick, operand))))| OutputAccuracy {
                number,
                name: float[*id].name.clone(),
                scores: scored && number == 0,
                axis: channels(&float[*id].fact).0,
                negligible: yardstick.negligible(&distances, operand),
                channels: distances,
            },
        );
        let ids = (0..float.nodes.len()).map(NodeId);
        let nodes = ids.zip(&tally.layers).zip(&quantized.correspondence);
        let layers =
            nodes.filter(|((id, _), counterpart)| counterpart.is_some() && networks.is_quantity(*id));
        let layers = layers.map(|((id, distance), _)| LayerAccuracy {
            name: float[id].name.clone(),
            distance: *distance,
        });
        Ok(Self {
            samples: samples.len(),
            out_of_domain: tally.out_of_domain,
            clipping: tally.clipping,
            classes,
            outputs: outputs.collect(),
            layers: layers.collect(),
        })
    }
}
