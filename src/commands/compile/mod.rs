//! `zkml compile`: from weights and sample inputs to the integer network that is proved.

mod forest;
mod kinds;
mod options;
mod samples;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use ndarray::ArrayD;
use zkml::Privacy;
use zkml::data::{self, Sample};
use zkml::graph::Graph;
use zkml::keys::CompiledModel;
use zkml::models::registry::{self, Entry};
use zkml::nn::{Weights, first_few};
use zkml::ops::Float;
use zkml::optimize::operation::per_channel_scales::PerChannelScales;
use zkml::optimize::{Level, Pass, Switches, all, optimize};
use zkml::proof::{read_file, write_file};
use zkml::quant::{Calibration, CalibrationMethod, Preprocessing, QuantizeOptions, quantize};
use zkml::setup::explain_with;

use super::accuracy::{describe, measure};
use super::console::{Console, Terminal};
use super::destination::Files;
use super::input::paths;
use super::words::count;
use super::{CommandError, forest as forests};
use options::{Bits, PrivacyFlags, Scales, bits, bits_or_auto, calibration_method, percent};
use samples::{Reader, batches, digest, filled, read_classes};

/// Turn a known model and its weights into the integer network that is proved
///
/// Loads the weights, optimizes the network, runs it on sample inputs to see how large its values get, and quantizes it
/// to integers. What is private is chosen here. If the output exists and was made from the same inputs, nothing is
/// done.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0    the compiled model is written, or was there already
  1    refused: weights or samples are not what the model needs
  2    wrong usage, or a file could not be read or written
  130  interrupted")]
pub(crate) struct Compile {
    /// Name of the model; `zkml models` lists them. Or a decision forest: the .json that XGBoost's `save_model` writes. May
    /// stand after the list of samples
    #[arg(required_unless_present = "calibration")]
    model: Option<String>,
    /// Its weights: a .safetensors file, or a folder with one or with an index of shards; none for a decision forest
    #[arg(long)]
    weights: Option<PathBuf>,
    /// What names of weights begin with and the model's do not, such as `module.` of torch.nn.DataParallel
    #[arg(long, value_name = "PREFIX")]
    strip_prefix: Option<String>,
    /// Sample inputs to measure value ranges on: images, .npy, .npz, .safetensors, .csv, CIFAR .bin, MNIST idx, or
    /// folders of images and .npy
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    calibration: Vec<PathBuf>,
    /// Use at most that many sample inputs
    #[arg(long, default_value_t = 64)]
    samples: usize,
    /// How the largest value of a tensor follows from the samples: min-max, mse, a percentile such as 99.9, or
    /// measured, which takes the one of these with the least error of the outputs
    #[arg(long, default_value = "measured", value_parser = calibration_method)]
    range: CalibrationMethod,
    /// Scales of weights: one per output channel is more precise, one per tensor tells less about private weights
    #[arg(long, value_enum, default_value_t = Scales::PerChannel)]
    weight_scales: Scales,
    /// Bits of weights and activations, 4 to 8: fewer bits are less precise. auto takes 8, and more for the activations
    /// that need them where 8 leave the outputs with an error above the budget
    #[arg(long, default_value = "auto", value_name = "BITS|auto", value_parser = bits_or_auto)]
    bits: Bits,
    /// With --bits auto: the error of the outputs on the samples, in percent, above which activations get more bits
    /// [default: 2]
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    error_budget: Option<f64>,
    /// Bits of weights, 2 to 8 [default: as --bits]
    #[arg(long, value_name = "BITS", value_parser = bits(QuantizeOptions::WEIGHT_BITS))]
    weight_bits: Option<u32>,
    /// Bits of activations and of the input, 4 to 14 [default: as --bits]
    #[arg(long, value_name = "BITS", value_parser = bits(QuantizeOptions::TABLE_BITS))]
    activation_bits: Option<u32>,
    /// Significant bits of rescaling multipliers, 6 to 24
    #[arg(long, default_value_t = 12)]
    multiplier_bits: u32,
    /// How many inputs one proof is about
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Names of the classes, a line each
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,
    /// Mean subtracted from pixels (of 0 to 1), one for all channels or one each; the model's usual one unless given
    #[arg(
        long,
        value_delimiter = ',',
        allow_hyphen_values = true,
        value_name = "MEAN,..."
    )]
    mean: Option<Vec<f32>>,
    /// Standard deviation that pixels are divided by
    #[arg(
        long,
        visible_alias = "std",
        value_delimiter = ',',
        allow_hyphen_values = true,
        value_name = "DEVIATION,..."
    )]
    deviation: Option<Vec<f32>>,
    /// Zero pixels added on each side of an image
    #[arg(long)]
    pad: Option<usize>,
    /// Features of a decision forest may be missing: empty cells or NaN. So it is, too, if they are in a calibration row
    #[arg(long)]
    missing: bool,
    /// Give the scores alone, not the index of the largest one
    #[arg(long)]
    no_argmax: bool,
    #[command(flatten)]
    privacy: PrivacyFlags,
    /// Switch a pass of the optimizer off; `zkml inspect --explain` lists them
    #[arg(long, value_name = "PASS", value_delimiter = ',')]
    without: Vec<String>,
    /// Where the compiled model goes [default: the model's name with .model]
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Overwrite another model
    #[arg(long)]
    force: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// All inputs and options of a compilation, read and checked. They determine the model.
struct Plan {
    entry: &'static Entry,
    weights: Weights,
    inputs: Vec<ArrayD<f32>>,
    labels: Option<Vec<usize>>,
    preprocessing: Preprocessing,
    classes: Vec<String>,
    quantize: QuantizeOptions,
    privacy: Privacy,
    source: [u8; 32],
}

impl Compile {
    fn path(&self) -> PathBuf {
        let default = || match forests::file(self.name()) {
            Some(file) => file
                .file_stem()
                .map(PathBuf::from)
                .unwrap_or_default()
                .with_extension("model"),
            None => format!("{}.model", self.name()).into(),
        };
        self.output.clone().unwrap_or_else(default)
    }

    pub(super) fn files(&self) -> Files {
        let mut reads: Vec<PathBuf> = self.weights.clone().into_iter().collect();
        reads.extend(forests::file(self.name()));
        reads.extend(paths(&self.calibration));
        reads.extend(self.classes.clone());
        Files {
            reads,
            writes: vec![self.path()],
            ..Files::default()
        }
    }

    pub(crate) fn run(self, terminal: &Terminal, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(terminal, self.json, output);
        let path = self.path();
        // What is no model is in the way, whatever it would be compared with.
        let existing: Option<CompiledModel> = match path.exists() && !self.force {
            true => Some(read_file(&path).map_err(|_| CommandError::InTheWay { path: path.clone() })?),
            false => None,
        };
        if let Some(file) = forests::file(self.name()) {
            return self.run_forest(&file, &path, existing, console);
        }
        let plan = self.plan(self.name(), &console)?;
        console.answer("model", self.name());
        if let Some(existing) = existing {
            if existing.network.record.source != Some(plan.source) {
                return Err(CommandError::InTheWay { path });
            }
            console.kept("compiled model", &path)?;
            return console.finish();
        }
        let model = self.compile(plan, &mut console)?;
        console.write("compiled model", &path, |path| write_file(path, &model))?;
        console.line(&format!("next: zkml setup {}", path.display()))?;
        console.finish()
    }

    /// Finds the name of the model. A list of samples takes it where it stands behind them, `--calibration a b lenet`: the
    /// list ends before what is no file.
    pub(super) fn take_model(&mut self) -> Result<(), CommandError> {
        if self.model.is_none() {
            let last = match self.calibration.len() {
                0 | 1 => None,
                _ => self.calibration.pop_if(|last| !last.exists()),
            };
            let name = last.map(|last| last.to_string_lossy().into_owned());
            self.model = Some(name.ok_or_else(|| {
                CommandError::Usage(
                    "expected the name of a model (`zkml models` lists them), found none".into(),
                )
            })?);
        }
        Ok(())
    }

    fn name(&self) -> &str {
        self.model.as_deref().unwrap_or_default()
    }

    fn check_counts(&self) -> Result<(), CommandError> {
        match self.batch == 0 || self.samples == 0 {
            true => Err(CommandError::Usage(
                "--batch, --samples: expected at least 1, found 0".into(),
            )),
            false => Ok(()),
        }
    }

    /// The calibration samples, of inputs of this shape.
    fn samples(
        &self,
        shape: &[usize],
        read: Reader,
        console: &Console<'_>,
    ) -> Result<Vec<Sample>, CommandError> {
        let mut samples: Vec<Sample> = Vec::new();
        for path in &self.calibration {
            let wanted = self.samples - samples.len();
            if wanted == 0 {
                console.warn(&format!(
                    "{} is not used: --samples {} are read already",
                    path.display(),
                    self.samples
                ));
                continue;
            }
            console.stage(format!("reading {}", path.display()));
            samples.extend(read(path, shape, wanted)?);
        }
        Ok(samples)
    }

    fn class_names(&self) -> Result<Vec<String>, CommandError> {
        match &self.classes {
            None => Ok(Vec::new()),
            Some(path) => read_classes(path),
        }
    }

    fn plan(&self, name: &str, console: &Console<'_>) -> Result<Plan, CommandError> {
        let entry = registry::find(name).map_err(|error| kinds::unknown(name, error))?;
        if self.missing {
            return Err(CommandError::Usage(
                "--missing: expected a decision forest, found a network, which needs all numbers of its input".into(),
            ));
        }
        let default = entry.preprocessing();
        let preprocessing = Preprocessing {
            pad: self.pad.unwrap_or(default.pad),
            mean: self.mean.clone().unwrap_or(default.mean),
            deviation: self.deviation.clone().unwrap_or(default.deviation),
        };
        if !preprocessing.fits(entry.input[0]) {
            return Err(CommandError::Usage(format!(
                "--mean, --deviation: expected finite numbers, one or {}, deviations above 0, found {:?} and {:?}",
                entry.input[0], preprocessing.mean, preprocessing.deviation
            )));
        }
        self.check_counts()?;
        let quantize = self.quantize_options()?;
        let Some(path) = &self.weights else {
            return Err(CommandError::Usage(
                "--weights: expected the weights of the model, found none".into(),
            ));
        };
        let weights = console.spin("opening the weights", || Weights::open(path))?;
        let weights = match &self.strip_prefix {
            None => weights,
            Some(prefix) => weights.without_prefix(prefix)?,
        };
        let samples = self.samples(&entry.input, data::samples, console)?;
        if let Some(doubt) = data::doubt(&samples, &preprocessing) {
            console.warn(&format!("--calibration: {doubt}"));
        }
        let samples = filled(samples, self.batch);
        let labels = samples.iter().map(|sample| sample.label).collect();
        let inputs = batches(&samples, self.batch, entry, &preprocessing)?;
        let classes = self.class_names()?;
        let privacy = self.privacy.privacy();
        let choices = format!(
            "{} {} {:?} {quantize:?} {privacy:?} {preprocessing:?} {classes:?} {} {} {:?}",
            entry.name,
            env!("CARGO_PKG_VERSION"),
            self.range,
            self.batch,
            self.no_argmax,
            self.strip_prefix,
        );
        let source = console.spin("reading the weights", || {
            digest(&choices, weights.paths(), &inputs)
        })?;
        Ok(Plan {
            entry,
            weights,
            inputs,
            labels,
            preprocessing,
            classes,
            quantize,
            privacy,
            source,
        })
    }

    fn compile(&self, plan: Plan, console: &mut Console<'_>) -> Result<CompiledModel, CommandError> {
        let graph = plan.entry.trace(self.batch)?;
        let (graph, report) = console.spin("loading the weights", || graph.load(&plan.weights))?;
        if !report.unused.is_empty() {
            console.warn(&format!(
                "{} not used: {}",
                count(report.unused.len(), "tensor"),
                first_few(&report.unused)
            ));
        }
        if !report.outside_index.is_empty() {
            console.warn(&format!(
                "{} tensors stand in a shard but not in the index, and are not loaded: {}",
                report.outside_index.len(),
                first_few(&report.outside_index)
            ));
        }
        self.check_classes(&graph, &plan.classes)?;
        let parameters: usize = graph
            .parameters
            .iter()
            .map(|parameter| parameter.values.len())
            .sum();
        let (graph, reports) = console.spin("optimizing", || optimize(graph, &plan.quantize.switches))?;
        let graph = if self.no_argmax {
            graph
        } else {
            graph.with_argmax()?
        };
        let samples = plan.inputs.len();
        let progress = console.steps("calibrating", samples);
        let inputs = plan.inputs.iter().cloned().inspect(|_| progress.step());
        let calibration = Calibration::collect(&graph, inputs, self.range)?;
        let mut network = console.spin("quantizing", || quantize(&graph, &calibration, &plan.quantize))?;
        let ran = |pass: &&dyn Pass| pass.level() != Level::Model && plan.quantize.switches.runs(*pass);
        let progress = console.steps("measuring passes", all().filter(ran).count());
        let measured = explain_with(
            &graph,
            &calibration,
            &plan.quantize,
            (&network, &plan.privacy),
            || progress.step(),
        );
        let measured = measured?;
        let record = &mut network.record;
        record.passes = reports.into_iter().chain(measured).collect();
        record.preprocessing = Some(plan.preprocessing);
        record.classes = plan.classes;
        record.source = Some(plan.source);
        console.line(&format!(
            "{}: {}, {}, calibrated on {}",
            plan.entry.name,
            count(parameters, "parameter"),
            count(network.graph.nodes.len(), "node"),
            count(samples, "input"),
        ))?;
        describe(&network.record, console)?;
        measure((&graph, &network), &plan.inputs, plan.labels.as_deref(), console)?;
        console.answer("parameters", parameters);
        console.answer("calibration_samples", samples);
        Ok(CompiledModel::new(plan.entry.name, network).with_privacy(plan.privacy))
    }

    /// Refuses another number of names than the network has classes.
    fn check_classes(&self, graph: &Graph<Float>, names: &[String]) -> Result<(), CommandError> {
        let Some(path) = &self.classes else { return Ok(()) };
        let scores = graph.outputs.first().and_then(|id| graph[*id].fact.last());
        match scores.copied().unwrap_or(0) {
            expected if expected == names.len() => Ok(()),
            expected => Err(CommandError::ClassNames {
                path: path.clone(),
                expected,
                found: names.len(),
            }),
        }
    }

    /// The options of quantization, with the passes that `--without` leaves on.
    fn quantize_options(&self) -> Result<QuantizeOptions, CommandError> {
        let per_channel = matches!(self.weight_scales, Scales::PerChannel);
        let mut switches = Switches::default().with(&PerChannelScales, per_channel);
        for name in &self.without {
            switches = switches
                .without(name)
                .map_err(|error| CommandError::Usage(format!("--without: {error}")))?;
        }
        let is_auto = matches!(self.bits, Bits::Auto) && self.activation_bits.is_none();
        if let (Some(percent), false) = (self.error_budget, is_auto) {
            return Err(CommandError::Usage(format!(
                "--error-budget {percent} chooses bits of activations, and --bits or --activation-bits fixes them: \
                 leave out one of them"
            )));
        }
        let bits = match self.bits {
            Bits::Auto => 8,
            Bits::Fixed(bits) => bits,
        };
        let budget = self
            .error_budget
            .map_or(QuantizeOptions::ERROR_BUDGET, |percent| percent / 100.0);
        let error_budget = is_auto.then_some(budget);
        Ok(QuantizeOptions {
            error_budget,
            weight_bits: self.weight_bits.unwrap_or(bits),
            activation_bits: self.activation_bits.unwrap_or(bits),
            multiplier_bits: self.multiplier_bits,
            switches,
            ..QuantizeOptions::default()
        })
    }
}
