//! What each pass of the optimizer is worth: the network without it, against the network with all of them.
//!
//! `cargo bench --bench ablation` for LeNet-5; `-- vgg16` for VGG-16, `-- --runs 9` for more proofs a row. Prints the
//! table of `docs/performance.md`. With `--test`, and under `cargo test --benches`, one pass is left out once, on
//! LeNet-5.

// A benchmark speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ndarray::ArrayD;
use zkml::data::{self, Sample};
use zkml::keys::CompiledModel;
use zkml::models::registry;
use zkml::nn::Weights;
use zkml::observe::{duration, size};
use zkml::optimize::{Pass, all, optimize, sizes};
use zkml::prelude::*;
use zkml::proof::to_bytes;
use zkml::prove::prove;
use zkml::quant::{AccuracyReport, Calibration, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};

/// A network and the data it is measured on.
struct Subject {
    model: &'static str,
    weights: &'static str,
    data: &'static str,
    calibration: usize,
    accuracy: usize,
}

const LENET: Subject = Subject {
    model: "lenet",
    weights: "lenet5-mnist.safetensors",
    data: "mnist-t10k-first1000-images-idx3-ubyte.gz",
    calibration: 64,
    accuracy: 300,
};

const VGG16: Subject = Subject {
    model: "vgg16_bn-cifar10",
    weights: "vgg16_bn-cifar10.safetensors",
    data: "cifar10-test-first1000.bin",
    calibration: 8,
    accuracy: 16,
};

fn main() -> ExitCode {
    zkml::memory::keep_freed();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().any(|argument| argument == name);
    // As criterion has it: `cargo bench` says so, `cargo test --benches` does not.
    let test = given("--test") || !given("--bench");
    let subject = if given("vgg16") { VGG16 } else { LENET };
    let runs = arguments
        .iter()
        .position(|argument| argument == "--runs")
        .and_then(|place| arguments.get(place + 1)?.parse().ok());
    let runs = if test { 1 } else { runs.unwrap_or(5) };
    match run(&subject, runs, test) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The measurements of one row.
struct Row {
    sizes: [(&'static str, u64); 5],
    setup: Duration,
    prove: Duration,
    verify: Duration,
    proof: u64,
    agreement: f64,
}

fn run(subject: &Subject, runs: usize, test: bool) -> Result<(), Box<dyn Error>> {
    let entry = registry::find(subject.model)?;
    let samples = data::samples(
        &asset(subject.data),
        &entry.input,
        subject.accuracy.max(subject.calibration),
    )?;
    let inputs = samples
        .iter()
        .map(|sample: &Sample| sample.tensor(&entry.input, Some(&entry.preprocessing())))
        .collect::<Result<Vec<_>, _>>()?;
    println!(
        "{}, {} threads, fastest of {runs} proofs, zero knowledge, private weights\n",
        subject.model,
        rayon::current_num_threads()
    );
    println!(
        "| without | committed cells | looked-up rows | setup | prove (processor time) | proof | verify | same class as float |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let mut passes: Vec<Option<&str>> = vec![None];
    passes.extend(all().map(Pass::name).map(Some));
    if test {
        passes.truncate(2);
    }
    for pass in passes {
        let name = pass.unwrap_or("(nothing)");
        match measure(subject, &inputs, pass, runs) {
            Ok(row) => println!("{}", line(name, &row)),
            Err(error) => println!("| {name} | does not compile: {error} |||||||"),
        }
    }
    Ok(())
}

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/assets")
        .join(name)
}

fn measure(
    subject: &Subject,
    inputs: &[ArrayD<f32>],
    without: Option<&str>,
    runs: usize,
) -> Result<Row, Box<dyn Error>> {
    let options = match without {
        Some(pass) => QuantizeOptions::default().without(pass)?,
        None => QuantizeOptions::default(),
    };
    let weights = Weights::open(asset(subject.weights))?;
    let (float, _) = registry::find(subject.model)?.trace(1)?.load(&weights)?;
    let (graph, _) = optimize(float, &options.switches)?;
    let graph = graph.with_argmax()?;
    let calibrating = inputs.iter().take(subject.calibration).cloned();
    let calibration = Calibration::collect(&graph, calibrating, CalibrationMethod::default())?;
    let network = quantize(&graph, &calibration, &options)?;
    let accuracy = AccuracyReport::measure(&graph, &network, &inputs[..subject.accuracy], None)?;
    let model = CompiledModel::new(subject.model, network);
    let sizes = sizes(&model.lower()?.circuit);

    let start = Instant::now();
    let setup_options = SetupOptions {
        proofs_per_key: runs as u32 + 1,
        ..SetupOptions::default()
    };
    let key = setup(model, &setup_options)?;
    let setup = start.elapsed();
    let input = key.model().network.quantize_input(&inputs[0])?.integers;
    let trusted = zkml::verify::TrustedKey::new(key.verifying())?;
    let (mut proving, mut verifying, mut bytes) = (Vec::new(), Vec::new(), 0);
    // The first one warms up.
    for run in 0..=runs {
        let start = (Instant::now(), processor_time());
        let proof = prove(&key, &input, b"")?;
        let proved = match start.1.zip(processor_time()) {
            Some((before, after)) => after - before,
            None => start.0.elapsed(),
        };
        let start = Instant::now();
        trusted.verify(&proof, b"")?;
        if run > 0 {
            verifying.push(start.elapsed());
            proving.push(proved);
        }
        bytes = to_bytes(&proof)?.len() as u64;
    }
    Ok(Row {
        sizes,
        setup,
        prove: fastest(&proving),
        verify: fastest(&verifying),
        proof: bytes,
        agreement: accuracy.classes.map_or(1.0, |classes| classes.agreement_rate()),
    })
}

/// The time that processors spent on this program, where the system tells (Linux): other programs disturb it less than
/// they disturb the time that passes.
fn processor_time() -> Option<Duration> {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        sum += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(sum))
}

/// The time that other programs disturbed least.
fn fastest(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

fn line(name: &str, row: &Row) -> String {
    let [(_, cells), (_, rows), ..] = row.sizes;
    format!(
        "| {name} | {cells} | {rows} | {} | {} | {} | {} | {:.1} % |",
        duration(row.setup),
        duration(row.prove),
        size(row.proof),
        duration(row.verify),
        row.agreement * 100.0
    )
}
