//! `zkml compile`: from weights and sample inputs to the integer network that is proved.

use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::builder::RangedI64ValueParser;
use clap::{Args, ValueEnum};
use ndarray::ArrayD;
use zkml::data::{self, Sample};
use zkml::files;
use zkml::graph::Graph;
use zkml::keys::CompiledModel;
use zkml::models::forest::Forest;
use zkml::models::registry::{self, Entry};
use zkml::nn::{Weights, first_few};
use zkml::ops::Float;
use zkml::optimize::operation::per_channel_scales::PerChannelScales;
use zkml::optimize::{Level, Pass, Switches, all, optimize};
use zkml::proof::{read_file, write_file};
use zkml::quant::{Calibration, CalibrationMethod, Preprocessing, QuantizeOptions, Record, quantize};
use zkml::setup::explain_with;
use zkml::{Privacy, Visibility};

use super::CommandError;
use super::accuracy::{measure, show};
use super::console::{Console, Terminal};
use super::destination::Files;
use super::forest;
use super::input::paths;
use super::words::count;

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
    /// Sample inputs to measure value ranges on: images, .npy, .npz, .safetensors, .csv, CIFAR-10 .bin, MNIST idx, or
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

/// Bits that both weights and activations can have.
const BOTH_BITS: RangeInclusive<u32> = 4..=8;

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
        Ok(bits) if BOTH_BITS.contains(&bits) => Ok(Bits::Fixed(bits)),
        _ => Err("expected 4 to 8, or auto".into()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').trim_end().parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent),
        _ => Err("expected a percentage above 0 and up to 100".into()),
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
    fn path(&self) -> PathBuf {
        let default = || match forest::file(self.name()) {
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
        reads.extend(forest::file(self.name()));
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
        if let Some(file) = forest::file(self.name()) {
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

    /// As [`Self::run`], of a decision forest.
    fn run_forest(
        &self,
        file: &Path,
        path: &Path,
        existing: Option<CompiledModel>,
        mut console: Console<'_>,
    ) -> Result<(), CommandError> {
        let images = self.mean.is_some() || self.deviation.is_some() || self.pad.is_some();
        if images || self.weights.is_some() || self.strip_prefix.is_some() || !self.without.is_empty() {
            return Err(CommandError::Usage(format!(
                "{}: a decision forest has its weights in its file, takes no images and no passes: leave out --weights, \
                 --strip-prefix, --mean, --deviation, --pad and --without",
                file.display()
            )));
        }
        self.check_counts()?;
        let forest = console.spin("reading the forest", || Forest::open(file))?;
        let samples = filled(self.samples(&[forest.features()], &console)?, self.batch);
        let rows = forest::rows(&samples, forest.features(), self.batch)?;
        let classes = self.class_names()?;
        let privacy = self.privacy.privacy();
        let version = env!("CARGO_PKG_VERSION");
        let choices = format!("forest {version} {privacy:?} {classes:?} {}", self.batch);
        let source = digest(&choices, &[file.to_path_buf()], &rows)?;
        console.answer("model", self.name());
        if let Some(existing) = existing {
            if existing.network.record.source != Some(source) {
                return Err(CommandError::InTheWay {
                    path: path.to_path_buf(),
                });
            }
            console.kept("compiled model", path)?;
            return console.finish();
        }
        let (mut model, report) = forest::compile(file, &forest, &rows, self.batch, &mut console)?;
        if !classes.is_empty() && classes.len() != forest.targets() {
            return Err(CommandError::ClassNames {
                path: self.classes.clone().unwrap_or_default(),
                expected: forest.targets(),
                found: classes.len(),
            });
        }
        model.network.record.classes = classes;
        model.network.record.source = Some(source);
        show(&report, &mut console)?;
        let model = model.with_privacy(privacy);
        console.write("compiled model", path, |path| write_file(path, &model))?;
        console.line(&format!("next: zkml setup {}", path.display()))?;
        console.finish()
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
    fn samples(&self, shape: &[usize], console: &Console<'_>) -> Result<Vec<Sample>, CommandError> {
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
            samples.extend(data::samples(path, shape, wanted)?);
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
        let entry = registry::find(name)?;
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
        let samples = self.samples(&entry.input, console)?;
        let samples = filled(samples, self.batch);
        let labels = samples.iter().map(|sample| sample.label).collect();
        let inputs = batches(&samples, self.batch, entry, &preprocessing)?;
        let classes = self.class_names()?;
        let quantize = self.quantize_options()?;
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

/// Digest of all inputs and options. The model keeps it, so that a second run with the same ones does nothing.
fn digest(choices: &str, files: &[PathBuf], inputs: &[ArrayD<f32>]) -> Result<[u8; 32], CommandError> {
    let mut hasher = blake3::Hasher::new_derive_key("zkml compile: source of a model");
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(choices.as_bytes());
    for file in files {
        let mut contents = blake3::Hasher::new();
        files::open(file)
            .and_then(|(opened, _)| contents.update_reader(opened).map(|_| ()))
            .map_err(|error| read_error(file, error))?;
        part(contents.finalize().as_bytes());
    }
    for input in inputs {
        let bytes: Vec<u8> = input.iter().flat_map(|value| value.to_le_bytes()).collect();
        part(&bytes);
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Most bytes of the names of all classes.
const CLASSES_BYTES: u64 = 1 << 24;

/// Says what was chosen, and what is doubtful.
fn describe(record: &Record, console: &mut Console<'_>) -> Result<(), CommandError> {
    let error = record.error.map_or(String::new(), |error| {
        format!(", outputs off by {:.2} % on average", error * 100.0)
    });
    if let Some(method) = record.calibration {
        let bits = record.bits();
        console.line(&format!("calibration {method}, activations of {bits}{error}"))?;
        console.answer("calibration", method.to_string());
    }
    console.answer("activation_bits", record.activation_bits);
    let wider = record.wider.iter().cloned();
    console.answer("wider_activations", wider.collect::<serde_json::Value>());
    console.answer("calibration_error", record.error);
    let warnings: Vec<String> = record.warnings.iter().map(ToString::to_string).collect();
    for warning in &warnings {
        console.warn(warning);
    }
    console.answer("quantization_warnings", warnings);
    Ok(())
}

fn read_classes(path: &Path) -> Result<Vec<String>, CommandError> {
    let text = files::read_to_string(path, CLASSES_BYTES).map_err(|error| read_error(path, error))?;
    let lines = text.trim_start_matches('\u{feff}').lines();
    Ok(lines
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
