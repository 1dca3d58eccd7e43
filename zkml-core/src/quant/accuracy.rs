//! The accuracy of the integer network against the float network: top-1, agreement, cosines, worst layer.

use core::fmt;

use ndarray::ArrayD;
use rayon::prelude::*;

use super::Quantized;
use crate::execute::{ExecutionError, Executor, float::FloatExecutor};
use crate::graph::Graph;
use crate::ops::Float;

/// Why accuracy cannot be measured.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AccuracyError {
    /// No samples.
    #[error("accuracy needs at least one sample")]
    NoSamples,
    /// Not one label for each row of output 0.
    #[error("expected {expected} labels (one for each row of output 0 and sample), found {found}")]
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

/// Cosine between the float and the integer values of one layer, over all samples.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerAccuracy {
    /// Name of the layer.
    pub name: String,
    /// 1 where the two are proportional.
    pub cosine: f64,
}

/// Float against integer network on samples.
#[derive(Debug, Clone, PartialEq)]
pub struct AccuracyReport {
    /// Number of samples.
    pub samples: usize,
    /// Number of classified rows (the batch size times the samples).
    pub rows: usize,
    /// Rows where the float network's class is the label; `None` without labels.
    pub float_correct: Option<usize>,
    /// Rows where the integer network's class is the label; `None` without labels.
    pub integer_correct: Option<usize>,
    /// Rows where both networks give the same class.
    pub agreement: usize,
    /// Samples on which the integer execution left a table's domain; they count as wrong.
    pub out_of_domain: usize,
    /// Cosine of output 0 over all samples.
    pub output_cosine: f64,
    /// Cosine of every layer, in graph order.
    pub layers: Vec<LayerAccuracy>,
}

impl AccuracyReport {
    /// The layer with the smallest cosine.
    pub fn worst_layer(&self) -> Option<&LayerAccuracy> {
        self.layers.iter().min_by(|a, b| a.cosine.total_cmp(&b.cosine))
    }

    /// Runs both networks on every sample. `labels` has one class for each row of output 0, sample by sample.
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
        let &output = float.outputs.first().ok_or(AccuracyError::OtherGraph)?;
        if quantized.correspondence.len() != float.nodes.len() {
            return Err(AccuracyError::OtherGraph);
        }
        let shape = &float[output].fact;
        let rows: usize = shape.iter().take(shape.len().saturating_sub(1)).product();
        if samples.is_empty() {
            return Err(AccuracyError::NoSamples);
        }
        if let Some(labels) = labels.filter(|labels| labels.len() != rows * samples.len()) {
            return Err(AccuracyError::Labels {
                expected: rows * samples.len(),
                found: labels.len(),
            });
        }
        let executor = Executor::new(&quantized.graph).map_err(AccuracyError::Execution)?;
        let floats = FloatExecutor::new(float).map_err(AccuracyError::Execution)?;
        let mut tally = Tally::new(float.nodes.len());
        let block = floats.values_together();
        for (number, samples) in samples.chunks(block).enumerate() {
            let first = number * block;
            let values = floats.values(samples).map_err(|failed| AccuracyError::Sample {
                sample: first + failed.sample,
                reason: failed.reason,
            })?;
            let of_sample = |(index, (exact, &inputs)): (usize, (&Vec<ArrayD<f32>>, &&[ArrayD<f32>]))| {
                let sample = first + index;
                let labels = labels.and_then(|labels| labels.get(sample * rows..(sample + 1) * rows));
                let tally = Tally::of_sample(float, quantized, &executor, (sample, inputs, exact), labels);
                progress();
                tally
            };
            let tallies: Vec<_> = values
                .par_iter()
                .zip(samples)
                .enumerate()
                .map(of_sample)
                .collect();
            // In the order of the samples: sums of floats depend on it.
            for other in tallies {
                tally = tally.merge(other?);
            }
        }
        let layers = float
            .nodes
            .iter()
            .zip(&tally.products)
            .zip(&quantized.correspondence);
        let layers = layers
            .filter(|(_, counterpart)| counterpart.is_some())
            .map(|((node, products), _)| LayerAccuracy {
                name: node.name.clone(),
                cosine: products.cosine(),
            });
        Ok(Self {
            samples: samples.len(),
            rows: rows * samples.len(),
            float_correct: labels.map(|_| tally.float_correct),
            integer_correct: labels.map(|_| tally.integer_correct),
            agreement: tally.agreement,
            out_of_domain: tally.out_of_domain,
            output_cosine: tally.products.get(output.0).map_or(0.0, Products::cosine),
            layers: layers.collect(),
        })
    }
}

/// Sums over samples.
struct Tally {
    products: Vec<Products>,
    float_correct: usize,
    integer_correct: usize,
    agreement: usize,
    out_of_domain: usize,
}

impl Tally {
    fn new(layers: usize) -> Self {
        let products = vec![Products::default(); layers];
        Self {
            products,
            float_correct: 0,
            integer_correct: 0,
            agreement: 0,
            out_of_domain: 0,
        }
    }

    fn of_sample(
        float: &Graph<Float>,
        quantized: &Quantized,
        executor: &Executor<'_>,
        (sample, inputs, exact): (usize, &[ArrayD<f32>], &[ArrayD<f32>]),
        labels: Option<&[usize]>,
    ) -> Result<Self, AccuracyError> {
        let reject = |reason| AccuracyError::Sample { sample, reason };
        let mut tally = Self::new(float.nodes.len());
        let output = float
            .outputs
            .first()
            .and_then(|id| exact.get(id.0))
            .ok_or(AccuracyError::OtherGraph)?;
        let float_classes = classes(output.iter().map(|value| f64::from(*value)), output.shape());
        let hits = |classes: &[usize]| {
            labels.map_or(0, |labels| {
                labels.iter().zip(classes).filter(|(a, b)| a == b).count()
            })
        };
        tally.float_correct = hits(&float_classes);
        let execution = match executor.run_on(&quantized.quantize_inputs(inputs).map_err(reject)?) {
            Ok(execution) => execution,
            Err(ExecutionError::Domain { .. } | ExecutionError::Outside { .. }) => {
                tally.out_of_domain = 1;
                return Ok(tally);
            }
            Err(error) => return Err(AccuracyError::Execution(error)),
        };
        for ((products, counterpart), exact) in tally
            .products
            .iter_mut()
            .zip(&quantized.correspondence)
            .zip(exact)
        {
            let Some((id, _)) = counterpart else { continue };
            let integers = execution.value(*id).ok_or(AccuracyError::OtherGraph)?;
            products.add(exact, integers);
        }
        let integers = execution
            .outputs(&quantized.graph)
            .next()
            .ok_or(AccuracyError::OtherGraph)?;
        let integer_classes = classes(integers.iter().map(|value| *value as f64), integers.shape());
        tally.integer_correct = hits(&integer_classes);
        tally.agreement = float_classes
            .iter()
            .zip(&integer_classes)
            .filter(|(a, b)| a == b)
            .count();
        Ok(tally)
    }

    fn merge(mut self, other: Self) -> Self {
        for (a, b) in self.products.iter_mut().zip(&other.products) {
            a.merge(b);
        }
        self.float_correct += other.float_correct;
        self.integer_correct += other.integer_correct;
        self.agreement += other.agreement;
        self.out_of_domain += other.out_of_domain;
        self
    }
}

/// Index of the first maximum of every row (along the last axis).
fn classes(values: impl Iterator<Item = f64>, shape: &[usize]) -> Vec<usize> {
    let values: Vec<f64> = values.collect();
    let first_maximum = |row: &[f64]| {
        row.iter()
            .enumerate()
            .fold(
                (0, f64::NEG_INFINITY),
                |best, (i, v)| if *v > best.1 { (i, *v) } else { best },
            )
            .0
    };
    values
        .chunks(shape.last().copied().unwrap_or(1).max(1))
        .map(first_maximum)
        .collect()
}

/// The sums of `a a`, `a b` and `b b` over float values `a` and integer values `b`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Products([f64; 3]);

impl Products {
    /// Adds a layer's values on one sample.
    pub(super) fn add(&mut self, float: &ArrayD<f32>, integers: &ArrayD<i64>) {
        let Self([aa, ab, bb]) = self;
        for (a, b) in float.iter().zip(integers) {
            let (a, b) = (f64::from(*a), *b as f64);
            (*aa, *ab, *bb) = (*aa + a * a, *ab + a * b, *bb + b * b);
        }
    }

    /// Adds the sums over other samples.
    pub(super) fn merge(&mut self, other: &Self) {
        let pairs = self.0.iter_mut().zip(other.0);
        pairs.for_each(|(a, b)| *a += b);
    }

    /// 1 where the two are proportional, or both 0.
    pub(super) fn cosine(&self) -> f64 {
        let [aa, ab, bb] = self.0;
        match (aa > 0.0, bb > 0.0) {
            (true, true) => ab / (aa.sqrt() * bb.sqrt()),
            (false, false) => 1.0,
            _ => 0.0,
        }
    }
}

impl fmt::Display for AccuracyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |count: usize| 100.0 * count as f64 / self.rows.max(1) as f64;
        writeln!(f, "{} samples, {} classified", self.samples, self.rows)?;
        if let (Some(float), Some(integer)) = (self.float_correct, self.integer_correct) {
            writeln!(
                f,
                "top-1: float {:.2} %, integer {:.2} %",
                percent(float),
                percent(integer)
            )?;
        }
        writeln!(f, "agreement: {:.2} %", percent(self.agreement))?;
        writeln!(f, "cosine of the output: {:.6}", self.output_cosine)?;
        if let Some(worst) = self.worst_layer() {
            writeln!(f, "worst layer: `{}`, cosine {:.6}", worst.name, worst.cosine)?;
        }
        if self.out_of_domain > 0 {
            writeln!(f, "left a table's domain: {} samples", self.out_of_domain)?;
        }
        Ok(())
    }
}
