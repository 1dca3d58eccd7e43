//! The whole way of an image classifier: weights, quantization, accuracy, setup, proofs, verification, files, and a proof
//! that was tampered with. The examples say which network and which images.

use std::error::Error;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use zkml::graph::{Float, Graph, Symbolic};
use zkml::nn::{LoadReport, TraceError, Weights};
use zkml::optimize::model::{OptimizeOptions, optimize};
use zkml::prelude::*;
use zkml::proof::{Proof, PublicValues, ReadableOutputs, to_bytes, write_file};
use zkml::prove::{CompiledModel, ProvingKey, SetupOptions, prove, setup};
use zkml::quant::{AccuracyReport, Calibration, Preprocessing, QuantizeOptions, Quantized, quantize};
use zkml::verify::{Statement, TrustedKey, soundness};
use zkml::witness::Executor;

use super::images::LabelledImages;
use super::progress::{bar, spin};
use super::report::{Stages, duration, peak_memory, size};
use super::terminal::{Style, bars, probabilities};
use super::trace::TraceFile;

/// What can be chosen on the command line for every network.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Index of the first image to prove
    #[arg(long, default_value_t = 0)]
    first: usize,
    /// Number of threads; all that the machine has, unless given
    #[arg(long)]
    threads: Option<usize>,
    /// Make everything public: smaller proofs that hide nothing
    #[arg(long)]
    public: bool,
    /// Folder for keys, proof, outputs and pictures; `target/zkml-` and the name of the network, unless given
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write where the time went, for a flame view
    #[arg(long, value_name = "FILE")]
    trace_out: Option<PathBuf>,
}

/// A network, its images, and what to do with them.
pub(crate) struct Task {
    /// Name of the model and of its files.
    pub(crate) name: &'static str,
    /// What an image is called: "digit".
    pub(crate) noun: &'static str,
    pub(crate) images: LabelledImages,
    pub(crate) preprocessing: Preprocessing,
    pub(crate) classes: &'static [&'static str],
    /// Trained weights.
    pub(crate) weights: PathBuf,
    /// The network on a batch of so many images.
    pub(crate) trace: fn(usize) -> Result<Graph<Symbolic>, TraceError>,
    /// How many images to prove; 0 to measure only.
    pub(crate) count: usize,
    /// How many images a proof is about.
    pub(crate) batch: usize,
    /// How many images accuracy is measured on; 0 for none.
    pub(crate) samples: usize,
    pub(crate) options: Options,
}

/// How many images activation ranges are measured on.
const CALIBRATION_IMAGES: usize = 64;
/// Bytes the proof is bound to besides the public values; a verifier would send a nonce.
/// Runs of the network that the time of one is the median of.
const INFERENCES: usize = 5;

const CONTEXT: &[u8] = b"";
/// Side of a pixel in the pictures that are written.
const PICTURE_SCALE: u32 = 8;

/// A file of `examples/assets`.
pub(crate) fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/assets")
        .join(name)
}

/// Runs the example and reports an error.
pub(crate) fn exit_code(outcome: Result<(), Box<dyn Error>>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Task {
    /// Everything, in order.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let chosen = self.range("the images to prove", self.options.first, self.count)?;
        let samples = self.range("--samples", 0, self.samples)?;
        if self.batch == 0 || !self.count.is_multiple_of(self.batch) {
            return Err(format!(
                "expected a number of {}s that is a multiple of the batch, found {} in batches of {}",
                self.noun, self.count, self.batch
            )
            .into());
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.options.threads.unwrap_or(0))
            .build_global()?;
        println!("{} threads", rayon::current_num_threads());
        let trace = TraceFile::start(self.options.trace_out.as_deref());
        let out = match &self.options.out {
            Some(folder) => folder.clone(),
            None => PathBuf::from(format!("target/zkml-{}", self.name)),
        };
        fs::create_dir_all(&out).map_err(|error| format!("cannot create {}: {error}", out.display()))?;

        let mut stages = Stages::default();
        let (float, network) = self.compile(&mut stages)?;
        if !samples.is_empty() {
            let report = stages.run("measure accuracy", || self.accuracy(&float, &network, samples))?;
            stages.remark(format!("{} {}s, float and integer", report.rows, self.noun));
            println!("\n{report}");
        }
        drop(float);
        if chosen.is_empty() {
            println!("{stages}");
            return Ok(());
        }
        let privacy = if self.options.public {
            Privacy::PUBLIC
        } else {
            Privacy::default()
        };
        let model = CompiledModel::new(self.name, network).with_privacy(privacy);
        let key = stages.run("setup", || {
            spin("committing to the weights, proving their range", || {
                setup(model, &SetupOptions::default())
            })
        })?;
        describe(&key)?;
        let trusted = stages.run("check the key, once", || {
            spin("checking the key", || TrustedKey::new(&key.verifying))
        })?;

        let mut proved = Vec::new();
        let mut times = Times::default();
        for first in chosen.step_by(self.batch) {
            proved.push(self.prove_batch(first, (&key, &trusted), &out, &mut times)?);
        }
        let remark = format!("mean of {}", proved.len());
        for (name, total) in [
            ("integer inference alone", times.infer),
            ("prove", times.prove),
            ("verify", times.verify),
        ] {
            let mut remark = remark.clone();
            if name == "prove" {
                let ratio = times.prove.as_secs_f64() / times.infer.as_secs_f64();
                remark = format!("{remark}, {ratio:.0} times the inference");
            }
            stages.push(name, total / proved.len().max(1) as u32, remark);
        }
        if self.batch > 1 {
            let each = times.prove / (proved.len() * self.batch) as u32;
            stages.push("prove, an image", each, format!("{} images a proof", self.batch));
        }

        // Chosen is not empty, so there is a first.
        if let Some((public, proof)) = proved.first() {
            stages.run("write files", || self.write(&out, &key, public, proof))?;
            tamper(&trusted, public, proof)?;
        }
        println!("\n{stages}");
        if let Some(bytes) = peak_memory() {
            println!("peak memory {}", size(bytes));
        }
        if let Some(trace) = trace {
            println!("{}", trace.write()?);
        }
        Ok(())
    }

    /// `count` images from `first` on, if there are so many.
    fn range(&self, what: &str, first: usize, count: usize) -> Result<Range<usize>, String> {
        let available = self.images.len();
        match first.checked_add(count) {
            Some(end) if end <= available => Ok(first..end),
            _ => Err(format!(
                "{what}: expected at most {available} {}s, found {first} + {count}",
                self.noun
            )),
        }
    }

    /// From the model's source and weights to the integer network that is proved.
    fn compile(&self, stages: &mut Stages) -> Result<(Graph<Float>, Quantized), Box<dyn Error>> {
        let load = |batch: usize| -> Result<(Graph<Float>, LoadReport), Box<dyn Error>> {
            let weights = Weights::open(&self.weights)?;
            let (graph, report) = (self.trace)(batch)?.load(&weights)?;
            let (graph, _) = optimize(graph, &OptimizeOptions::default())?;
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

    fn accuracy(
        &self,
        float: &Graph<Float>,
        network: &Quantized,
        range: Range<usize>,
    ) -> Result<AccuracyReport, Box<dyn Error>> {
        let batches = range.len() / self.batch;
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

    /// Shows the images of one batch, proves what the network says about them and verifies the proof.
    fn prove_batch(
        &self,
        first: usize,
        (key, trusted): (&ProvingKey, &TrustedKey<'_>),
        out: &Path,
        times: &mut Times,
    ) -> Result<(PublicValues, Proof), Box<dyn Error>> {
        let style = Style::of_stdout();
        let tensor = self.images.tensor(first, self.batch, &self.preprocessing)?;
        let input = key.model.network.quantize_input(&tensor)?;

        // The network alone, as the prover runs it: its weights are packed once a key, which is not counted.
        let mut inferences = spin("executing", || -> Result<Vec<Duration>, Box<dyn Error>> {
            let executor = Executor::new(&key.model.network.graph)?;
            let run = |_| -> Result<Duration, Box<dyn Error>> {
                let start = Instant::now();
                executor.run(&input)?;
                Ok(start.elapsed())
            };
            (0..INFERENCES).map(run).collect()
        })?;
        inferences.sort();
        times.infer += inferences[INFERENCES / 2];

        let start = Instant::now();
        let (public, proof) = spin("proving", || prove(key, &input, CONTEXT))?;
        let proving = start.elapsed();
        times.prove += proving;

        let start = Instant::now();
        trusted.verify(&public, &proof, CONTEXT)?;
        let verifying = start.elapsed();
        times.verify += verifying;

        let outputs = ReadableOutputs::new(&key.verifying, &public)?
            .outputs
            .unwrap_or_default();
        let [scores, classes] = outputs.as_slice() else {
            return Err("expected public scores and classes".into());
        };
        for (position, index) in (first..first + self.batch).enumerate() {
            println!(
                "\n{} {index}, labelled {}",
                self.noun,
                self.class(self.images.label(index))
            );
            let picture = out.join(format!("{}-{index}.png", self.noun));
            self.images
                .write_png(index, PICTURE_SCALE, &picture)
                .map_err(|error| format!("cannot write {}: {error}", picture.display()))?;
            print!("{}", self.images.text(index, style));
            let width = self.classes.len();
            let scores = scores.values.iter().skip(position * width).take(width);
            let logits: Vec<f32> = scores.map(|&value| value as f32).collect();
            print!("{}", bars(self.classes, &probabilities(&logits), style));
            let class = classes.integers.get(position).copied().unwrap_or(-1);
            println!("proved class: {}", self.class(class as usize));
        }
        println!(
            "proved in {}, verified in {}, proof {}, public values {}",
            duration(proving),
            duration(verifying),
            size(to_bytes(&proof)?.len() as u64),
            size(to_bytes(&public)?.len() as u64),
        );
        Ok((public, proof))
    }

    fn class(&self, index: usize) -> &'static str {
        self.classes.get(index).copied().unwrap_or("none")
    }

    /// Writes everything a prover and a verifier keep, and says how to verify it elsewhere.
    fn write(
        &self,
        folder: &Path,
        key: &ProvingKey,
        public: &PublicValues,
        proof: &Proof,
    ) -> Result<(), Box<dyn Error>> {
        let outputs = folder.join("outputs.json");
        let text = serde_json::to_string_pretty(&ReadableOutputs::new(&key.verifying, public)?)?;
        let paths = ["model", "pkey", "vkey", "proof", "public"]
            .map(|extension| folder.join(format!("{}.{extension}", self.name)));
        let [model_path, proving_path, verifying_path, proof_path, public_path] = &paths;
        let sizes = spin("writing files", || -> Result<_, Box<dyn Error>> {
            Ok([
                ("compiled model", model_path, write_file(model_path, &key.model)?),
                ("proving key", proving_path, key.write_file(proving_path)?),
                (
                    "verifying key",
                    verifying_path,
                    write_file(verifying_path, &key.verifying)?,
                ),
                ("proof", proof_path, write_file(proof_path, proof)?),
                ("public values", public_path, write_file(public_path, public)?),
            ])
        })?;
        fs::write(&outputs, text).map_err(|error| format!("cannot write {}: {error}", outputs.display()))?;
        println!("\nfiles of the first proof");
        for (name, path, bytes) in sizes {
            println!("  {name:14} {:>9}  {}", size(bytes), path.display());
        }
        println!("  {:14} {:>9}  {}", "outputs", "", outputs.display());
        println!(
            "  {:14} {:>9}  {}",
            "pictures",
            "",
            folder.join("*.png").display()
        );
        println!("\nverify them with\n  cargo run --release --bin zkml -- verify \\");
        println!(
            "    --key {} \\\n    --proof {} \\",
            verifying_path.display(),
            proof_path.display()
        );
        println!(
            "    --public {} \\\n    --outputs {}",
            public_path.display(),
            outputs.display()
        );
        Ok(())
    }
}

/// Sums over the proofs.
#[derive(Debug, Default)]
struct Times {
    infer: Duration,
    prove: Duration,
    verify: Duration,
}

fn describe(key: &ProvingKey) -> Result<(), Box<dyn Error>> {
    let statement = Statement::new(&key.verifying)?;
    let circuit = statement.circuit();
    println!(
        "circuit: {} columns, {} lookups, {} tables",
        circuit.columns.len(),
        circuit.lookups.len(),
        circuit.tables.len()
    );
    let bits = soundness(&statement).sum(&soundness(&Statement::of_setup(&key.verifying)?));
    println!("soundness: {bits:.1} bits, all terms proven in the random oracle model");
    let Privacy {
        input,
        output,
        weights,
        ..
    } = key.verifying.privacy;
    println!("privacy: {input} input, {output} output, {weights} weights");
    if let Some(budget) = key.budget() {
        println!("proofs: {} with this key, then rotate it", budget.proofs_left()?);
    }
    Ok(())
}

/// Changes one byte of the proof; it must be rejected.
fn tamper(trusted: &TrustedKey<'_>, public: &PublicValues, proof: &Proof) -> Result<(), Box<dyn Error>> {
    let mut altered = proof.clone();
    let place = altered.messages.len() / 2;
    altered.messages[place] ^= 1;
    match trusted.verify(public, &altered, CONTEXT) {
        Ok(_) => Err(format!("a proof with byte {place} altered was accepted").into()),
        Err(reason) => {
            println!("\none bit of byte {place} of the proof changed: rejected, {reason}");
            Ok(())
        }
    }
}
