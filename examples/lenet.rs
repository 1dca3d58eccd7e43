//! Proves what a LeNet-5 says about handwritten digits, and verifies it.
//!
//! `cargo run --release --example lenet`; `-- --help` lists the options. Reads `examples/assets` alone.

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use ndarray::ArrayD;
use support::idx::{Images, read_images, read_labels};
use support::progress::{bar, spin};
use support::report::{Stages, duration, peak_memory, size};
use support::terminal::{Style, bars, image, probabilities};
use zkml::models::LeNet;
use zkml::prelude::*;
use zkml::proof::{ReadableOutputs, to_bytes, write_file};
use zkml::prove::Trace;
use zkml::quant::{AccuracyReport, Quantized};
use zkml::verify::{Statement, TrustedKey, soundness};

/// Prove what a LeNet-5 says about handwritten digits, and verify it.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many digits to prove
    #[arg(long, default_value_t = 3)]
    digits: usize,
    /// Index of the first digit to prove
    #[arg(long, default_value_t = 0)]
    first: usize,
    /// Number of threads; all that the machine has, unless given
    #[arg(long)]
    threads: Option<usize>,
    /// How many of the 1,000 digits accuracy is measured on; 0 for none
    #[arg(long, default_value_t = 1000)]
    samples: usize,
    /// Make everything public: smaller proofs that hide nothing
    #[arg(long)]
    public: bool,
    /// Folder for keys, proof and outputs
    #[arg(long, default_value = "target/zkml-lenet")]
    out: PathBuf,
}

/// How many digits activation ranges are measured on.
const CALIBRATION_DIGITS: usize = 64;
/// Bytes the proof is bound to besides the public values; a verifier would send a nonce.
const CONTEXT: &[u8] = b"";

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let digits = Digits::open()?;
    let chosen = digits.range("--first/--digits", arguments.first, arguments.digits)?;
    let samples = digits.range("--samples", 0, arguments.samples)?;
    if chosen.is_empty() {
        return Err("--digits: expected at least 1, found 0".into());
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads.unwrap_or(0))
        .build_global()?;
    println!("{} threads", rayon::current_num_threads());

    let mut stages = Stages::default();
    let (float, model) = stages.run("load and quantize", || compile(&digits))?;
    let privacy = if arguments.public {
        Privacy::PUBLIC
    } else {
        Privacy::default()
    };
    let model = model.with_privacy(privacy);
    if !samples.is_empty() {
        let report = stages.run("measure accuracy", || {
            spin("running both networks", || {
                accuracy(&digits, &float, &model.network, samples)
            })
        })?;
        stages.remark(format!("{} digits", report.samples));
        println!("\n{report}");
    }

    let key = stages.run("setup", || {
        spin("committing to the weights, proving their range", || {
            setup(model, &SetupOptions::default())
        })
    })?;
    describe(&key)?;
    let trusted = stages.run("check the key, once", || TrustedKey::new(&key.verifying))?;

    let mut proved = Vec::new();
    let mut times = Times::default();
    for index in chosen {
        proved.push(prove_digit(&digits, index, (&key, &trusted), &mut times)?);
    }
    let remark = format!("mean of {}", proved.len());
    for (name, total) in [
        ("execute, fill the trace", times.execute),
        ("prove (executes again)", times.prove),
        ("verify", times.verify),
    ] {
        stages.push(name, total / proved.len().max(1) as u32, remark.clone());
    }

    // Chosen is not empty, so there is a first.
    if let Some((public, proof)) = proved.first() {
        stages.run("write files", || write(&arguments.out, &key, public, proof))?;
        tamper(&trusted, public, proof)?;
    }
    println!("\n{stages}");
    if let Some(bytes) = peak_memory() {
        println!("peak memory {}", size(bytes));
    }
    Ok(())
}

/// The shipped MNIST digits.
struct Digits {
    images: Images,
    labels: Vec<u8>,
}

impl Digits {
    fn open() -> Result<Self, Box<dyn Error>> {
        let images = read_images(asset("mnist-t10k-first1000-images-idx3-ubyte.gz"))?;
        let labels = read_labels(asset("mnist-t10k-first1000-labels-idx1-ubyte"))?;
        if images.len() != labels.len() {
            return Err(format!(
                "expected one label a digit, found {} and {}",
                labels.len(),
                images.len()
            )
            .into());
        }
        Ok(Self { images, labels })
    }

    /// `count` digits from `first` on, if there are so many.
    fn range(&self, option: &str, first: usize, count: usize) -> Result<std::ops::Range<usize>, String> {
        let available = self.images.len();
        match first.checked_add(count) {
            Some(end) if end <= available => Ok(first..end),
            _ => Err(format!(
                "{option}: expected at most {available} digits, found {first} + {count}"
            )),
        }
    }

    fn pixels(&self, index: usize) -> &[u8] {
        self.images.get(index).unwrap_or_default()
    }

    /// What the network was trained on: zero-padded to 32 x 32, divided by 255.
    fn tensor(&self, index: usize) -> ArrayD<f32> {
        let (height, width) = (self.images.height, self.images.width);
        let mut tensor = ArrayD::zeros(vec![1, 1, height + 4, width + 4]);
        for (at, &pixel) in self.pixels(index).iter().enumerate() {
            tensor[[0, 0, 2 + at / width, 2 + at % width]] = f32::from(pixel) / 255.0;
        }
        tensor
    }
}

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/assets")
        .join(name)
}

/// From the model's source and weights to the integer network that is proved.
fn compile(digits: &Digits) -> Result<(Graph<Float>, CompiledModel), Box<dyn Error>> {
    let weights = Weights::open(asset("lenet5-mnist.safetensors"))?;
    let (graph, report) = LeNet::new().trace()?.load(&weights)?;
    println!("weights: {report}");
    let (graph, _) = optimize(graph, &OptimizeOptions::default())?;
    let graph = graph.with_argmax()?;

    let progress = bar("calibrating", CALIBRATION_DIGITS);
    let samples = (0..CALIBRATION_DIGITS)
        .map(|index| digits.tensor(index))
        .inspect(|_| progress.inc(1));
    let calibration = Calibration::collect(&graph, samples, CalibrationMethod::default())?;
    progress.finish_and_clear();
    let network = quantize(&graph, &calibration, &QuantizeOptions::default())?;
    Ok((graph, CompiledModel::new("lenet", network)))
}

fn accuracy(
    digits: &Digits,
    float: &Graph<Float>,
    network: &Quantized,
    range: std::ops::Range<usize>,
) -> Result<AccuracyReport, Box<dyn Error>> {
    let images: Vec<ArrayD<f32>> = range.clone().map(|index| digits.tensor(index)).collect();
    let labels: Vec<usize> = digits.labels[range]
        .iter()
        .map(|&label| usize::from(label))
        .collect();
    Ok(AccuracyReport::measure(float, network, &images, Some(&labels))?)
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

/// Sums over the digits.
#[derive(Debug, Default)]
struct Times {
    execute: Duration,
    prove: Duration,
    verify: Duration,
}

/// Shows one digit, proves what the network says about it and verifies the proof.
fn prove_digit(
    digits: &Digits,
    index: usize,
    (key, trusted): (&ProvingKey, &TrustedKey<'_>),
    times: &mut Times,
) -> Result<(PublicValues, Proof), Box<dyn Error>> {
    let style = Style::of_stdout();
    println!("\ndigit {index}, labelled {}", digits.labels[index]);
    print!("{}", image(digits.pixels(index), digits.images.width, style));
    let input = key.model.network.quantize_input(&digits.tensor(index))?;

    let start = Instant::now();
    drop(Trace::generate(key, &Statement::new(&key.verifying)?, &input)?);
    times.execute += start.elapsed();

    let start = Instant::now();
    let (public, proof) = spin("proving", || prove(key, &input, CONTEXT))?;
    let proving = start.elapsed();
    times.prove += proving;

    let start = Instant::now();
    trusted.verify(&public, &proof, CONTEXT)?;
    let verifying = start.elapsed();
    times.verify += verifying;

    let outputs = ReadableOutputs::new(&key.verifying, &public)?;
    let logits: Vec<f32> = outputs
        .outputs
        .iter()
        .flatten()
        .take(1)
        .flat_map(|o| &o.values)
        .map(|&v| v as f32)
        .collect();
    let labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    print!("{}", bars(&labels, &probabilities(&logits), style));
    let class = outputs.class.map_or("none".to_owned(), |class| class.to_string());
    println!(
        "class {class}: proved in {}, verified in {}, proof {}",
        duration(proving),
        duration(verifying),
        size(to_bytes(&proof)?.len() as u64)
    );
    Ok((public, proof))
}

/// Writes everything a prover and a verifier keep, and says how to verify it elsewhere.
fn write(
    folder: &Path,
    key: &ProvingKey,
    public: &PublicValues,
    proof: &Proof,
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let outputs = folder.join("outputs.json");
    let text = serde_json::to_string_pretty(&ReadableOutputs::new(&key.verifying, public)?)?;
    let paths = [
        "lenet.model",
        "lenet.pkey",
        "lenet.vkey",
        "lenet.proof",
        "lenet.public",
    ]
    .map(|name| folder.join(name));
    let [model_path, proving_path, verifying_path, proof_path, public_path] = &paths;
    let sizes = [
        ("compiled model", model_path, write_file(model_path, &key.model)?),
        ("proving key", proving_path, key.write_file(proving_path)?),
        (
            "verifying key",
            verifying_path,
            write_file(verifying_path, &key.verifying)?,
        ),
        ("proof", proof_path, write_file(proof_path, proof)?),
        ("public values", public_path, write_file(public_path, public)?),
    ];
    fs::write(&outputs, text).map_err(|error| format!("cannot write {}: {error}", outputs.display()))?;
    println!("\nfiles of the first digit");
    for (name, path, bytes) in sizes {
        println!("  {name:14} {:>9}  {}", size(bytes), path.display());
    }
    println!("  {:14} {:>9}  {}", "outputs", "", outputs.display());
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
