//! From source and weights to the integer network, and how far the two are apart.

use std::error::Error;
use std::ops::Range;
use zkml::graph::Graph;
use zkml::nn::LoadReport;
use zkml::nn::Weights;
use zkml::ops::Float;
use zkml::optimize::{Switches, optimize};
use zkml::quant::Calibration;
use zkml::quant::QuantizeOptions;
use zkml::quant::quantize;

use zkml::prelude::*;
use zkml::quant::{AccuracyReport, Quantized};

use super::super::progress::{bar, spin};
use super::super::report::Stages;
use super::Task;

/// How many images activation ranges are measured on.
const CALIBRATION_IMAGES: usize = 64;

impl Task {
    /// From the model's source and weights to the integer network that is proved.
    pub(super) fn compile(&self, stages: &mut Stages) -> Result<(Graph<Float>, Quantized), Box<dyn Error>> {
        let load = |batch: usize| -> Result<(Graph<Float>, LoadReport), Box<dyn Error>> {
            let weights = Weights::open(&self.weights)?;
            let (graph, report) = (self.trace)(batch)?.load(&weights)?;
            let (graph, _) = optimize(graph, &Switches::default())?;
            Ok((graph.with_argmax()?, report))
        };
        let (single, report) = stages.run("load and optimize", || spin("loading the weights", || load(1)))?;
        println!("weights: {report}");
        stages.remark(format!("{} tensors", report.applied.len()));

        let count = CALIBRATION_IMAGES.min(self.images.len());
        let progress = bar("calibrating", count);
        let samples = (0..count)
            .map(|index| self.images.tensor(index, 1, &self.preprocessing))
            .collect::<Result<Vec<_>, _>>()?;
        let samples = samples.into_iter().inspect(|_| progress.inc(1));
        let calibration = stages.run("calibrate", || {
            Calibration::collect(&single, samples, CalibrationMethod::default())
        })?;
        progress.finish_and_clear();
        stages.remark(format!("{count} {}s", self.noun));
        // The same nodes, each for all images of a batch.
        let graph = if self.batch == 1 {
            single
        } else {
            load(self.batch)?.0
        };
        let mut network = stages.run("quantize", || {
            spin("quantizing", || {
                quantize(&graph, &calibration, &QuantizeOptions::default())
            })
        })?;
        network.record.preprocessing = Some(self.preprocessing.clone());
        network.record.classes = self.classes.iter().map(|&class| class.to_owned()).collect();
        Ok((graph, network))
    }

    /// What both networks say about the labelled images of a range.
    pub(super) fn accuracy(
        &self,
        float: &Graph<Float>,
        network: &Quantized,
        range: Range<usize>,
    ) -> Result<AccuracyReport, Box<dyn Error>> {
        let batches = range.len() / self.batch;
        let rest = range.len() % self.batch;
        if rest > 0 {
            println!(
                "the last {rest} of the {} samples fill no batch and are left out",
                range.len()
            );
        }
        let inputs = (0..batches)
            .map(|index| {
                let first = range.start + index * self.batch;
                self.images.tensor(first, self.batch, &self.preprocessing)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let labels: Vec<usize> = range
            .take(batches * self.batch)
            .map(|index| self.images.label(index))
            .collect();
        let progress = bar("running both networks", batches);
        let report =
            AccuracyReport::measure_with(float, network, &inputs, Some(&labels), || progress.inc(1))?;
        progress.finish_and_clear();
        Ok(report)
    }
}
