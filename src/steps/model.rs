//! The second step: from floats to integers.

use core::fmt;

use ndarray::ArrayD;
use tracing::info_span;
use zkml_core::execute::float::execute_float;
use zkml_core::graph::Graph;
use zkml_core::keys::CompiledModel;
use zkml_core::ops::Float;
use zkml_core::optimize::PassReport;
use zkml_core::optimize::{Switches, optimize};
use zkml_core::quant::{
    AccuracyReport, Calibration, CalibrationMethod, Preprocessing, QuantizeOptions, Quantized, quantize,
};

use super::{Error, QuantizedModel};

/// A network with trained weights, in floating point, optimized. [`Load::load`](super::Load::load) makes one.
///
/// ```no_run
/// # use zkml::prelude::*;
/// # fn main() -> Result<(), zkml::Error> {
/// # let (model, samples): (Model, Vec<zkml::ndarray::ArrayD<f32>>) = unimplemented!();
/// let model = model.classifier().bits(8).calibration(CalibrationMethod::Percentile(99.9));
/// let model = model.quantize(&samples)?;
/// println!("{}", model.report());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Model {
    name: String,
    graph: Graph<Float>,
    passes: Vec<PassReport>,
    classifier: bool,
    classes: Vec<String>,
    preprocessing: Option<Preprocessing>,
    options: QuantizeOptions,
    method: CalibrationMethod,
}

impl Model {
    /// A network that was loaded by hand, `model.trace()?.load(&weights)?`; optimizes it.
    ///
    /// # Errors
    /// [`Error::Optimize`].
    pub fn from_graph(name: impl Into<String>, graph: Graph<Float>) -> Result<Self, Error> {
        let name = name.into();
        let optimized = info_span!("optimize").in_scope(|| optimize(graph, &Switches::default()));
        let (graph, passes) = optimized.map_err(|error| Error::Optimize {
            model: name.clone(),
            error: Box::new(error),
        })?;
        Ok(Self {
            name,
            graph,
            passes,
            classifier: false,
            classes: Vec::new(),
            preprocessing: None,
            options: QuantizeOptions::default(),
            method: CalibrationMethod::default(),
        })
    }

    /// Names the model; the keys hold the name. A model is named after its struct unless this is called.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Has proofs give the class as a further output: the index of the largest score in output 0. The class can be read
    /// from public scores without it.
    pub fn classifier(mut self) -> Self {
        self.classifier = true;
        self
    }

    /// As [`classifier`](Self::classifier), with names of the classes, by index. Keys state them.
    pub fn with_classes(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.classes = names.into_iter().map(Into::into).collect();
        self.classifier()
    }

    /// How an image becomes the input; `zkml prove` uses it. It is not part of what is proved.
    pub fn with_preprocessing(mut self, preprocessing: Preprocessing) -> Self {
        self.preprocessing = Some(preprocessing);
        self
    }

    /// Bits of weights and activations, 4 to 8, for all of them. Unless chosen they are 8, and more for the activations
    /// that need them where 8 leave the outputs with an error of more than 2 % on the samples.
    pub fn bits(mut self, bits: u32) -> Self {
        (self.options.weight_bits, self.options.activation_bits) = (bits, bits);
        self.options.error_budget = None;
        self
    }

    /// The relative error of the outputs on the samples above which activations get more bits.
    pub fn error_budget(mut self, budget: f64) -> Self {
        self.options.error_budget = Some(budget);
        self
    }

    /// How the largest value of an activation follows from the samples; unless chosen, the method with the least error
    /// of the outputs, as measured on the samples.
    pub fn calibration(mut self, method: CalibrationMethod) -> Self {
        self.method = method;
        self
    }

    /// All choices of quantization at once.
    pub fn quantization(mut self, options: QuantizeOptions) -> Self {
        self.options = options;
        self
    }

    /// Shape of the input, batch first.
    pub fn input_shape(&self) -> &[usize] {
        &self.graph[self.graph.input].fact
    }

    /// The network.
    pub fn graph(&self) -> &Graph<Float> {
        &self.graph
    }

    /// What the optimizer did.
    pub fn passes(&self) -> &[PassReport] {
        &self.passes
    }

    /// The outputs on an input, in floating point.
    ///
    /// # Errors
    /// [`Error::Input`] for another shape, NaN or infinity.
    pub fn run(&self, input: &ArrayD<f32>) -> Result<Vec<ArrayD<f32>>, Error> {
        let values = execute_float(&self.graph, input).map_err(|error| Error::Input { error })?;
        let outputs = self
            .graph
            .outputs
            .iter()
            .filter_map(|id| values.get(id.0).cloned());
        Ok(outputs.collect())
    }

    /// The exact integer network that is proved. How large its values get is measured on `samples`, arrays of the
    /// model's input shape; [`QuantizedModel::report`] says how close the integers are to the floats on them.
    ///
    /// # Errors
    /// [`Error::Calibration`] for no samples, and for one of another shape or with a value that is not finite;
    /// [`Error::Quantize`], [`Error::Classifier`], [`Error::ClassNames`].
    pub fn quantize(self, samples: &[ArrayD<f32>]) -> Result<QuantizedModel, Error> {
        let model = || self.name.clone();
        let mut graph = self.graph;
        if self.classifier {
            let classified = graph.with_argmax();
            graph = classified.map_err(|error| Error::Classifier {
                model: model(),
                error: Box::new(error),
            })?;
        }
        check_class_names(&graph, &self.classes)?;
        let calibration = info_span!("calibrate")
            .in_scope(|| Calibration::collect(&graph, samples.iter().cloned(), self.method))
            .map_err(|error| Error::Calibration {
                model: model(),
                error: Box::new(error),
            })?;
        let mut network = info_span!("quantize")
            .in_scope(|| quantize(&graph, &calibration, &self.options))
            .map_err(|error| Error::Quantize {
                model: model(),
                error: Box::new(error),
            })?;
        let report = compare(&graph, &network, samples).map_err(|error| Error::Accuracy {
            model: model(),
            error: Box::new(error),
        })?;
        network.record.passes = self.passes;
        network.record.classes = self.classes;
        network.record.preprocessing = self.preprocessing;
        Ok(QuantizedModel::new(
            CompiledModel::new(self.name, network),
            report,
        ))
    }
}

/// One name for each score of output 0, or none at all.
fn check_class_names(graph: &Graph<Float>, names: &[String]) -> Result<(), Error> {
    let scores = graph.outputs.first().and_then(|id| graph[*id].fact.last());
    let expected = scores.copied().unwrap_or(0);
    match names.len() {
        0 => Ok(()),
        found if found == expected => Ok(()),
        found => Err(Error::ClassNames { expected, found }),
    }
}

fn compare(
    graph: &Graph<Float>,
    network: &Quantized,
    samples: &[ArrayD<f32>],
) -> Result<AccuracyReport, zkml_core::quant::AccuracyError> {
    info_span!("measure accuracy").in_scope(|| AccuracyReport::measure(graph, network, samples, None))
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.name)
            .field("input", &self.input_shape())
            .field("nodes", &self.graph.nodes.len())
            .finish_non_exhaustive()
    }
}
