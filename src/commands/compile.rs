//! `zkml compile`: from weights and sample inputs to the integer network that is proved.

use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::builder::RangedI64ValueParser;
use clap::{Args, ValueEnum};
use ndarray::ArrayD;
use zkml::data::{self, Sample};
use zkml::keys::CompiledModel;
use zkml::models::registry::{self, Entry};
use zkml::nn::Weights;
use zkml::optimize::operation::per_channel_scales::PerChannelScales;
use zkml::optimize::{Switches, optimize};
use zkml::proof::{read_file, write_file};
use zkml::quant::{Calibration, CalibrationMethod, Preprocessing, QuantizeOptions, Record, quantize};
use zkml::setup::explain;
use zkml::{Privacy, Visibility};

use super::accuracy::measure;
use super::console::Console;
use super::{CommandError, Globals};

/// Turn a known model and its weights into the integer network that is proved
///
/// Loads the weights, optimizes the network, runs it on sample inputs to see how large its values get, and quantizes it
/// to integers. What is private is chosen here. If the output exists and was made from the same inputs, nothing is
/// done.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the compiled model is written, or was there already
  1  refused: weights or samples are not what the model needs
  2  wrong usage, or a file could not be read or written")]
pub(crate) struct Compile {
    /// Name of the model; `zkml models` lists them
    model: String,
    /// Its weights: a .safetensors file, or a folder with one or with an index of shards
    #[arg(long)]
    weights: PathBuf,
    /// Sample inputs to measure value ranges on: images, .npy, .safetensors, CIFAR-10 .bin, MNIST idx, or folders of
    /// them
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
    /// Bits of weights and activations, 4 to 8: fewer bits are less precise. auto takes 8, and activations of 16 where
    /// 8 leave the outputs with an error of more than 2 %
    #[arg(long, default_value = "8", value_name = "BITS|auto", value_parser = bits_or_auto)]
    bits: Bits,
    /// Bits of weights, 2 to 8 [default: as --bits]
    #[arg(long, value_name = "BITS", value_parser = bits(QuantizeOptions::WEIGHT_BITS))]
    weight_bits: Option<u32>,
    /// Bits of activations and of the input, 4 to 8 [default: as --bits]
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
    #[arg(long, value_delimiter = ',', num_args = 1.., value_name = "MEAN")]
    mean: Option<Vec<f32>>,
    /// Standard deviation that pixels are divided by
    #[arg(long, visible_alias = "std", value_delimiter = ',', num_args = 1.., value_name = "DEVIATION")]
    deviation: Option<Vec<f32>>,
    /// Zero pixels added on each side of an image
    #[arg(long)]
    pad: Option<usize>,
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

/// What proofs show; inputs and weights are private and outputs public unless said otherwise.
#[derive(Debug, Args)]
struct PrivacyFlags {
    /// Proofs show the input
    #[arg(long)]
    public_input: bool,
    /// Proofs hide the outputs
    #[arg(long)]
    private_output: bool,
    /// The weights are known to all: no limit on the number of proofs
    #[arg(long)]
    public_weights: bool,
    /// Everything is public: smaller proofs that hide nothing
    #[arg(long, conflicts_with_all = ["private_output", "commit_input"])]
    public: bool,
    /// Commit to the private input apart, so that other proofs can be linked to it
    #[arg(long, conflicts_with = "public_input")]
    commit_input: bool,
}

impl PrivacyFlags {
    fn privacy(&self) -> Privacy {
        if self.public {
            return Privacy::PUBLIC;
        }
        let visibility = |private| {
            if private {
                Visibility::Private
            } else {
                Visibility::Public
            }
        };
        Privacy {
            input: visibility(!self.public_input),
            output: visibility(self.private_output),
            weights: visibility(!self.public_weights),
            commit_input: self.commit_input,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scales {
    PerChannel,
    PerTensor,
}

/// Parses a number of bits, and refuses one outside of `range`.
fn bits(range: RangeInclusive<u32>) -> RangedI64ValueParser<u32> {
    let (least, most) = range.into_inner();
    clap::value_parser!(u32).range(i64::from(least)..=i64::from(most))
}

/// Bits of weights and activations.
#[derive(Debug, Clone, Copy)]
enum Bits {
    /// As many as the error budget asks for.
    Auto,
    Fixed(u32),
}

fn bits_or_auto(text: &str) -> Result<Bits, String> {
    match text.parse::<u32>() {
        _ if text == "auto" => Ok(Bits::Auto),
        Ok(bits) if QuantizeOptions::TABLE_BITS.contains(&bits) => Ok(Bits::Fixed(bits)),
        _ => Err("expected 4 to 8, or auto".into()),
    }
}

fn calibration_method(text: &str) -> Result<CalibrationMethod, String> {
    match text {
        "measured" => Ok(CalibrationMethod::Measured),
        "min-max" => Ok(CalibrationMethod::MinMax),
        "mse" => Ok(CalibrationMethod::Mse),
        _ => match text.parse::<f64>() {
            Ok(percent) if percent > 50.0 && percent <= 100.0 => Ok(CalibrationMethod::Percentile(percent)),
            _ => Err("expected measured, min-max, mse, or a percentile above 50 and up to 100".into()),
        },
    }
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
    pub(crate) fn run(self, globals: &Globals, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut console = Console::new(globals, self.json, output)?;
        let path = self
            .output
            .clone()
            .unwrap_or_else(|| format!("{}.model", self.model).into());
        let plan = self.plan(&console)?;
        console.answer("model", self.model.as_str());
        if path.exists() && !self.force {
            let existing: CompiledModel =
                read_file(&path).map_err(|_| CommandError::InTheWay { path: path.clone() })?;
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

    fn plan(&self, console: &Console<'_>) -> Result<Plan, CommandError> {
        let entry = registry::find(&self.model)?;
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
        if self.batch == 0 || self.samples == 0 {
            return Err(CommandError::Usage(
                "--batch, --samples: expected at least 1, found 0".into(),
            ));
        }
        let weights = Weights::open(&self.weights)?;
        let mut samples: Vec<Sample> = Vec::new();
        for path in &self.calibration {
            samples.extend(data::samples(path, &entry.input, self.samples - samples.len())?);
        }
        let samples = filled(samples, self.batch);
        let labels = samples.iter().map(|sample| sample.label).collect();
        let inputs = batches(&samples, self.batch, entry, &preprocessing)?;
        let classes = match &self.classes {
            None => Vec::new(),
            Some(path) => read_classes(path)?,
        };
        let quantize = self.quantize_options()?;
        let privacy = self.privacy.privacy();
        let choices = format!(
            "{} {} {:?} {quantize:?} {privacy:?} {preprocessing:?} {classes:?} {} {}",
            entry.name,
            env!("CARGO_PKG_VERSION"),
            self.range,
            self.batch,
            self.no_argmax,
        );
        let source = console.spin("reading the weights", || self.digest(&choices, &inputs))?;
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

    /// Digest of all inputs and options. The model keeps it, so that a second run with the same ones does nothing.
    fn digest(&self, choices: &str, inputs: &[ArrayD<f32>]) -> Result<[u8; 32], CommandError> {
        let mut hasher = blake3::Hasher::new_derive_key("zkml compile: source of a model");
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(choices.as_bytes());
        let mut files = vec![self.weights.clone()];
        if self.weights.is_dir() {
            let entries =
                std::fs::read_dir(&self.weights).map_err(|error| read_error(&self.weights, error))?;
            files = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.is_file())
                .collect();
            files.sort();
        }
        for file in files {
            let mut contents = blake3::Hasher::new();
            std::fs::File::open(&file)
                .and_then(|opened| contents.update_reader(opened).map(|_| ()))
                .map_err(|error| read_error(&file, error))?;
            part(contents.finalize().as_bytes());
        }
        for input in inputs {
            let bytes: Vec<u8> = input.iter().flat_map(|value| value.to_le_bytes()).collect();
            part(&bytes);
        }
        Ok(*hasher.finalize().as_bytes())
    }

    fn compile(&self, plan: Plan, console: &mut Console<'_>) -> Result<CompiledModel, CommandError> {
        let (graph, report) = plan.entry.trace(self.batch)?.load(&plan.weights)?;
        if !report.unused.is_empty() {
            console.warn(&format!(
                "{} tensors are not used: {}",
                report.unused.len(),
                report.unused.join(", ")
            ));
        }
        let parameters: usize = graph
            .parameters
            .iter()
            .map(|parameter| parameter.values.len())
            .sum();
        let (graph, reports) = optimize(graph, &plan.quantize.switches)?;
        let graph = if self.no_argmax {
            graph
        } else {
            graph.with_argmax()?
        };
        let count = plan.inputs.len();
        let progress = console.steps("calibrating", count);
        let inputs = plan.inputs.iter().cloned().inspect(|_| progress.inc(1));
        let calibration = Calibration::collect(&graph, inputs, self.range)?;
        progress.finish_and_clear();
        let mut network = console.spin("quantizing", || quantize(&graph, &calibration, &plan.quantize))?;
        let measured = console.spin("measuring passes", || {
            explain(&graph, &calibration, &plan.quantize, (&network, &plan.privacy))
        })?;
        let record = &mut network.record;
        record.passes = reports.into_iter().chain(measured).collect();
        record.preprocessing = Some(plan.preprocessing);
        record.classes = plan.classes;
        record.source = Some(plan.source);
        console.line(&format!(
            "{}: {parameters} parameters, {} nodes, calibrated on {count} inputs",
            plan.entry.name,
            network.graph.nodes.len(),
        ))?;
        describe(&network.record, console)?;
        measure((&graph, &network), &plan.inputs, plan.labels.as_deref(), console)?;
        console.answer("parameters", parameters);
        console.answer("calibration_samples", count);
        Ok(CompiledModel::new(plan.entry.name, network).with_privacy(plan.privacy))
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
        let (bits, error_budget) = match self.bits {
            Bits::Auto => (
                8,
                self.activation_bits
                    .is_none()
                    .then_some(QuantizeOptions::ERROR_BUDGET),
            ),
            Bits::Fixed(bits) => (bits, None),
        };
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

/// The samples, and the first ones again to fill up the last batch. Example: batches of 2 of the samples 0 to 2 are
/// (0, 1) and (2, 0).
fn filled(mut samples: Vec<Sample>, batch: usize) -> Vec<Sample> {
    let missing = samples.len().next_multiple_of(batch) - samples.len();
    let again: Vec<Sample> = samples.iter().cycle().take(missing).cloned().collect();
    samples.extend(again);
    samples
}

fn batches(
    samples: &[Sample],
    batch: usize,
    entry: &Entry,
    preprocessing: &Preprocessing,
) -> Result<Vec<ArrayD<f32>>, CommandError> {
    samples
        .chunks(batch)
        .map(|chunk| Ok(data::batch(chunk, &entry.input, Some(preprocessing))?))
        .collect()
}

/// Says what was chosen, and what is doubtful.
fn describe(record: &Record, console: &mut Console<'_>) -> Result<(), CommandError> {
    let error = record.error.map_or(String::new(), |error| {
        format!(", outputs off by {:.2} % on average", error * 100.0)
    });
    if let Some(method) = record.calibration {
        let bits = record.activation_bits;
        console.line(&format!(
            "calibration {method}, activations of {bits} bits{error}"
        ))?;
        console.answer("calibration", method.to_string());
    }
    console.answer("activation_bits", record.activation_bits);
    console.answer("calibration_error", record.error);
    let warnings: Vec<String> = record.warnings.iter().map(ToString::to_string).collect();
    for warning in &warnings {
        console.warn(warning);
    }
    console.answer("quantization_warnings", warnings);
    Ok(())
}

fn read_classes(path: &Path) -> Result<Vec<String>, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| read_error(path, error))?;
    Ok(text
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect())
}

fn read_error(path: &Path, error: std::io::Error) -> CommandError {
    CommandError::Read {
        path: path.to_path_buf(),
        error,
    }
}
