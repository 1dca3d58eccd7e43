//! Calibration: how large every activation gets on sample inputs.
//!
//! For each node of the floating-point graph an observer keeps minimum, maximum and a histogram. A
//! [`CalibrationMethod`] turns them into the threshold `T` that becomes the largest quantized value.

use core::fmt;

use ndarray::ArrayD;

use super::equalize::split;
use super::observer::Observer;
use super::streams::streams;
use crate::execute::ExecutionError;
use crate::execute::float::{FailedSample, FloatExecutor, not_finite};
use crate::graph::{Graph, Node, NodeId};
use crate::ops::Float;
use crate::optimize::operation::equalization::{Sites, Size};

/// How the largest representable magnitude of an activation is chosen. Values that are 0 do not count.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub enum CalibrationMethod {
    /// That one of the others with the least error of the network's outputs on the samples, as measured by running the
    /// integer network; `MinMax` unless another is clearly better.
    #[default]
    Measured,
    /// The largest magnitude seen: nothing seen in calibration saturates.
    MinMax,
    /// The magnitude that this percentage of values (more than 50, at most 100) does not exceed.
    Percentile(f64),
    /// The threshold with the least mean squared quantization error.
    Mse,
}

impl fmt::Display for CalibrationMethod {
    /// As the command line takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measured => f.write_str("measured"),
            Self::MinMax => f.write_str("min-max"),
            Self::Percentile(percent) => write!(f, "{percent}"),
            Self::Mse => f.write_str("mse"),
        }
    }
}

/// Why calibration failed.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// No samples.
    #[error("calibration needs at least one sample input")]
    NoSamples,
    /// A sample cannot be executed: wrong shape, NaN, infinity.
    #[error("calibration sample {sample}: {reason}")]
    Sample {
        /// Index of the sample.
        sample: usize,
        /// What is wrong with it.
        reason: ExecutionError,
    },
    /// The network itself overflows on a sample.
    #[error("calibration sample {sample}: `{node}` computes {value} at index {index:?}, which is not finite")]
    Overflow {
        /// Index of the sample.
        sample: usize,
        /// Name of the node.
        node: String,
        /// Where in its value.
        index: Vec<usize>,
        /// NaN or an infinity.
        value: f32,
    },
    /// A percentile that is not above 50 and at most 100.
    #[error("a percentile must be above 50 and at most 100, found {found}")]
    Percentile {
        /// What was given.
        found: f64,
    },
}

crate::debug_as_display!(CalibrationError);

impl From<FailedSample> for CalibrationError {
    fn from(FailedSample { sample, reason }: FailedSample) -> Self {
        Self::Sample { sample, reason }
    }
}

/// Activation ranges of a graph on sample inputs.
#[derive(Debug, Clone)]
pub struct Calibration {
    names: Vec<String>,
    pub(super) observers: Vec<Observer>,
    /// The channels between layers.
    pub(super) sites: Sites,
    /// Samples on which integer networks are measured: the first ones.
    pub(super) kept: Vec<Kept>,
    samples: usize,
    pub(super) method: CalibrationMethod,
}

/// A sample, and what the float network answers.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) inputs: Vec<ArrayD<f32>>,
    pub(super) outputs: Vec<ArrayD<f32>>,
}

/// Most samples that are kept, and most of their values.
const MOST_KEPT: (usize, usize) = (64, 1 << 24);

impl Calibration {
    /// Runs the graph on every sample and records how large each node's values get.
    ///
    /// # Errors
    /// No samples; a sample of the wrong shape or with NaN or infinity; a network that overflows; a bad percentile.
    pub fn collect(
        graph: &Graph<Float>,
        samples: impl IntoIterator<Item = ArrayD<f32>>,
        method: CalibrationMethod,
    ) -> Result<Self, CalibrationError> {
        Self::collect_on(graph, samples.into_iter().map(|sample| vec![sample]), method)
    }

    /// As [`Self::collect`], where a sample is a list of inputs, in their order.
    ///
    /// # Errors
    /// As [`Self::collect`].
    pub fn collect_on(
        graph: &Graph<Float>,
        samples: impl IntoIterator<Item = Vec<ArrayD<f32>>>,
        method: CalibrationMethod,
    ) -> Result<Self, CalibrationError> {
        if let CalibrationMethod::Percentile(found) = method
            && !(found > 50.0 && found <= 100.0)
        {
            return Err(CalibrationError::Percentile { found });
        }
        let executor =
            FloatExecutor::new(graph).map_err(|reason| CalibrationError::Sample { sample: 0, reason })?;
        let mut calibration = Self::empty(graph, method);
        let mut samples = samples.into_iter();
        loop {
            let block: Vec<Vec<ArrayD<f32>>> = samples.by_ref().take(executor.together()).collect();
            if block.is_empty() {
                break;
            }
            let first = calibration.samples;
            let mut outputs: Vec<Vec<ArrayD<f32>>> = vec![Vec::new(); graph.outputs.len()];
            executor
                .visit(&block, |id, values| {
                    let of_node = graph.outputs.iter().zip(&mut outputs);
                    let of_node = of_node.filter(|(output, _)| **output == id);
                    of_node.for_each(|(_, kept)| *kept = values.to_vec());
                    calibration.observe(&graph[id], id, values)
                })
                .map_err(|error| match error {
                    CalibrationError::Sample { sample, reason } => CalibrationError::Sample {
                        sample: first + sample,
                        reason,
                    },
                    other => other,
                })?;
            calibration.samples += block.len();
            for (sample, inputs) in block.into_iter().enumerate() {
                let outputs = outputs.iter().filter_map(|output| output.get(sample).cloned());
                calibration.keep(inputs, outputs.collect());
            }
        }
        if calibration.samples == 0 {
            return Err(CalibrationError::NoSamples);
        }
        Ok(calibration)
    }

    /// Without samples.
    fn empty(graph: &Graph<Float>, method: CalibrationMethod) -> Self {
        let sites = Sites::of(graph);
        let streams = streams(graph);
        let nodes = graph.nodes.iter().zip(streams).enumerate();
        let split = |(index, (node, stream)): (usize, (&Node<Float>, Option<usize>))| {
            Observer::new(split(&sites, NodeId(index), &node.fact, stream.is_some()))
        };
        Self {
            names: graph.nodes.iter().map(|node| node.name.clone()).collect(),
            observers: nodes.map(split).collect(),
            kept: Vec::new(),
            samples: 0,
            method,
            sites,
        }
    }

    /// Keeps a sample for measurements, if there is room.
    fn keep(&mut self, inputs: Vec<ArrayD<f32>>, outputs: Vec<ArrayD<f32>>) {
        let (samples, most) = MOST_KEPT;
        let size = |kept: &Kept| {
            kept.inputs
                .iter()
                .chain(&kept.outputs)
                .map(ArrayD::len)
                .sum::<usize>()
        };
        let kept = Kept { inputs, outputs };
        let held: usize = self.kept.iter().map(size).sum();
        if self.kept.len() < samples && held + size(&kept) <= most {
            self.kept.push(kept);
        }
    }

    /// The same for the samples that are kept, with inputs clipped to magnitudes, one for each input.
    ///
    /// # Errors
    /// As [`Self::collect_on`].
    pub(super) fn clipped(
        &self,
        graph: &Graph<Float>,
        limits: &[f64],
        method: CalibrationMethod,
    ) -> Result<Self, CalibrationError> {
        let clip = |kept: &Kept| {
            let both = kept.inputs.iter().zip(limits);
            both.map(|(input, limit)| input.mapv(|x| x.clamp(-(*limit as f32), *limit as f32)))
                .collect()
        };
        let samples: Vec<Vec<ArrayD<f32>>> = self.kept.iter().map(clip).collect();
        Self::collect_on(graph, samples, method)
    }

    /// The size of a channel of a node.
    pub(super) fn size(&self, id: NodeId, channel: usize) -> Size {
        let observer = self.observers.get(id.0);
        observer.map_or(
            Size {
                largest: 0.0,
                part: 0.0,
            },
            |observer| observer.size(channel),
        )
    }

    /// Notes the values of a node on some samples.
    fn observe(
        &mut self,
        node: &Node<Float>,
        id: NodeId,
        values: &[ArrayD<f32>],
    ) -> Result<(), CalibrationError> {
        for (sample, value) in values.iter().enumerate() {
            if let Some((index, value)) = not_finite(value) {
                return Err(CalibrationError::Overflow {
                    sample: self.samples + sample,
                    node: node.name.clone(),
                    index,
                    value,
                });
            }
        }
        if let Some(observer) = self.observers.get_mut(id.0) {
            let values: Vec<&[f32]> = values.iter().filter_map(|value| value.as_slice()).collect();
            observer.observe_all(&values);
        }
        Ok(())
    }

    /// How many samples were seen.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Smallest and largest value of a node; `None` for a node that the calibrated graph does not have.
    pub fn range(&self, node: NodeId) -> Option<(f32, f32)> {
        self.observers
            .get(node.0)
            .map(|observer| (observer.minimum, observer.maximum))
    }

    /// The magnitude that becomes the largest quantized value of 8 bits, by the chosen method, before channels are
    /// equalized; by `MinMax` for [`CalibrationMethod::Measured`].
    pub fn threshold(&self, node: NodeId) -> Option<f64> {
        let observer = self.observers.get(node.0)?;
        Some(observer.spread(&[]).threshold(self.method, 127.0))
    }

    /// Whether this calibration was collected on a graph with the same nodes.
    pub fn fits(&self, graph: &Graph<Float>) -> bool {
        graph.nodes.iter().map(|node| &node.name).eq(&self.names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphBuilder;
    use crate::ops;
    use crate::ops::FloatOp;

    fn graph() -> Graph<Float> {
        let mut builder = GraphBuilder::<Float>::new();
        let x = builder.input("x", &[1, 4]).unwrap();
        let y = builder.add("relu", FloatOp::Relu(ops::Relu), &[x]).unwrap();
        builder.finish(vec![y]).unwrap()
    }

    fn sample(values: [f32; 4]) -> ArrayD<f32> {
        ArrayD::from_shape_vec(vec![1, 4], values.to_vec()).unwrap()
    }

    #[test]
    fn ranges_and_methods() {
        let graph = graph();
        // 999 values of magnitude up to 1 and one of 100.
        let samples: Vec<_> = (0..250)
            .map(|i| sample([i as f32 / 250.0, -0.5, 0.25, if i == 100 { -100.0 } else { 0.1 }]))
            .collect();
        let collect = |method| Calibration::collect(&graph, samples.clone(), method).unwrap();
        let min_max = collect(CalibrationMethod::MinMax);
        assert_eq!(min_max.samples(), 250);
        assert_eq!(min_max.range(NodeId(0)), Some((-100.0, 249.0 / 250.0)));
        assert_eq!(min_max.threshold(NodeId(0)), Some(100.0));
        assert_eq!(min_max.threshold(NodeId(1)), Some(f64::from(249.0f32 / 250.0)));
        let percentile = collect(CalibrationMethod::Percentile(99.5))
            .threshold(NodeId(0))
            .unwrap();
        assert!((0.9..1.15).contains(&percentile), "{percentile}");
        let all = collect(CalibrationMethod::Percentile(100.0))
            .threshold(NodeId(0))
            .unwrap();
        assert!((99.9..=100.0).contains(&all), "{all}");
        let squares = collect(CalibrationMethod::Mse);
        assert!(squares.threshold(NodeId(0)).unwrap() <= 100.0);
        // Without outliers, clipping only costs.
        assert!(squares.threshold(NodeId(1)).unwrap() > 0.9);
        assert!(min_max.fits(&graph));
    }

    #[test]
    fn bad_samples_are_refused() {
        let graph = graph();
        let collect = |samples: Vec<ArrayD<f32>>, method| Calibration::collect(&graph, samples, method);
        let min_max = CalibrationMethod::MinMax;
        assert_eq!(collect(vec![], min_max).unwrap_err(), CalibrationError::NoSamples);
        let nan = collect(vec![sample([0.0; 4]), sample([0.0, 0.0, f32::NAN, 0.0])], min_max).unwrap_err();
        assert!(matches!(
            nan,
            CalibrationError::Sample { sample: 1, reason: ExecutionError::NotFinite { ref index, .. } }
                if *index == [0, 2]
        ));
        let shape = collect(vec![ArrayD::zeros(vec![4])], min_max).unwrap_err();
        assert!(matches!(
            shape,
            CalibrationError::Sample {
                sample: 0,
                reason: ExecutionError::InputShape { .. }
            }
        ));
        let percentile = collect(vec![sample([0.0; 4])], CalibrationMethod::Percentile(f64::NAN));
        assert!(matches!(
            percentile.unwrap_err(),
            CalibrationError::Percentile { .. }
        ));
    }
}
