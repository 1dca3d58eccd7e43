//! The whole way of an image classifier: weights, quantization, accuracy, setup, proofs, verification, files, and a
//! proof that was tampered with. The examples say which network and which images.

mod compile;
mod files;
mod proofs;

use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zkml::graph::Graph;
use zkml::keys::CompiledModel;
use zkml::nn::TraceError;
use zkml::ops::Symbolic;
use zkml::setup::SetupOptions;
use zkml::setup::setup;

use clap::Args;
use zkml::quant::{Preprocessing, Quantized};
use zkml::verify::TrustedKey;

use self::proofs::{Times, describe, tamper};
use super::images::LabelledImages;
use super::program::{make_folder, privacy, start_threads, thread_count};
use super::progress::spin;
use super::report::{Stages, print_peak_memory};
use super::trace::TraceFile;

/// What can be chosen on the command line for every network.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Index of the first image to prove
    #[arg(long, default_value_t = 0)]
    first: usize,
    /// Number of threads; all that the machine has, unless given
    #[arg(long, value_parser = thread_count())]
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

/// The context that a proof is bound to; a verifier would send a nonce.
const CONTEXT: &[u8] = b"";

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
        self.check_options()?;
        let out = self.folder();
        if !chosen.is_empty() {
            make_folder(&out)?;
        }
        start_threads(self.options.threads)?;
        let trace = TraceFile::start(self.options.trace_out.as_deref());
        let mut stages = Stages::default();
        let network = self.compile_and_measure(samples, &mut stages)?;
        if !chosen.is_empty() {
            self.prove_all(chosen, network, &out, &mut stages)?;
        }
        println!("\n{stages}");
        print_peak_memory();
        if let Some(trace) = trace {
            println!("{}", trace.write()?);
        }
        Ok(())
    }

    /// The integer network, and how its answers compare with those of the float network.
    fn compile_and_measure(
        &self,
        samples: Range<usize>,
        stages: &mut Stages,
    ) -> Result<Quantized, Box<dyn Error>> {
        let (float, network) = self.compile(stages)?;
        if !samples.is_empty() {
            let report = stages.run("measure accuracy", || self.accuracy(&float, &network, samples))?;
            stages.remark(format!(
                "{} {}s, float and integer",
                report
                    .classes
                    .as_ref()
                    .map_or(report.samples, |classes| classes.rows),
                self.noun
            ));
            println!("\n{report}");
        }
        Ok(network)
    }

    /// Keys, proofs of the chosen images, files, and a proof that is tampered with.
    fn prove_all(
        &self,
        chosen: Range<usize>,
        network: Quantized,
        out: &Path,
        stages: &mut Stages,
    ) -> Result<(), Box<dyn Error>> {
        let model = CompiledModel::new(self.name, network).with_privacy(privacy(self.options.public));
        let key = stages.run("setup", || {
            spin("committing to the weights, proving their range", || {
                setup(model, &SetupOptions::default())
            })
        })?;
        describe(&key)?;
        let trusted = stages.run("check the key, once", || {
            spin("checking the key", || TrustedKey::new(key.verifying()))
        })?;

        let mut proved = Vec::new();
        let mut times = Times::default();
        for first in chosen.step_by(self.batch) {
            proved.push(self.prove_batch(first, (&key, &trusted), out, &mut times)?);
        }
        times.report(proved.len(), self.batch, stages);
        // Chosen is not empty, so there is a first.
        if let Some(proof) = proved.first() {
            stages.run("write files", || self.write(out, &key, proof))?;
            tamper(&trusted, proof)?;
        }
        Ok(())
    }

    /// Options that cannot go together are refused before anything is done.
    fn check_options(&self) -> Result<(), String> {
        let (noun, count, batch, samples) = (self.noun, self.count, self.batch, self.samples);
        if !count.is_multiple_of(batch) {
            return Err(format!(
                "--{noun}s {count}, --batch {batch}: expected a number of {noun}s that is a multiple of the batch"
            ));
        }
        if (1..batch).contains(&samples) {
            return Err(format!(
                "--samples {samples}, --batch {batch}: expected at least one batch of samples, or 0 for none"
            ));
        }
        if count == 0 && samples == 0 {
            return Err(format!("--{noun}s 0, --samples 0: expected something to do"));
        }
        if let Some(folder) = self.options.trace_out.as_deref().and_then(Path::parent) {
            make_folder(if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            })?;
        }
        if count == 0 && self.options.out.is_some() {
            return Err(format!(
                "--{noun}s 0, --out: no files are written without a proof"
            ));
        }
        Ok(())
    }

    /// Where files go.
    fn folder(&self) -> PathBuf {
        let default = || PathBuf::from(format!("target/zkml-{}", self.name));
        self.options.out.clone().unwrap_or_else(default)
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
}
