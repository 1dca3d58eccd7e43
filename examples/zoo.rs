//! What a proof of any network in `zkml::models` costs: times, sizes, memory. The weights and the images are random, so
//! the answers mean nothing; the proofs are as good, and take as long, as any.
//!
//! `cargo run --release --example zoo -- resnet18-cifar10`; without a name it lists the networks.

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use ndarray::ArrayD;
use support::classifier::exit_code;
use support::program::{at_least_one, privacy, start_threads, thread_count};
use support::progress::spin;
use support::random::{Random, write_random_weights};
use support::report::{Stages, duration, print_peak_memory, size};
use zkml::argument::{Statement, soundness};
use zkml::graph::Graph;
use zkml::keys::CompiledModel;
use zkml::models::registry::{MODELS, find};
use zkml::nn::Weights;
use zkml::ops::{Float, Symbolic};
use zkml::optimize::{Switches, multiply_adds, optimize};
use zkml::prelude::*;
use zkml::proof::to_bytes;
use zkml::prove::prove;
use zkml::quant::Quantized;
use zkml::quant::{Calibration, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};
use zkml::verify::TrustedKey;

/// Measure proofs of a network with random weights.
#[derive(Debug, Parser)]
struct Arguments {
    /// The network, such as `resnet18-cifar10`; none lists them
    model: Option<String>,
    /// How many proofs; times are medians
    #[arg(long, default_value_t = 5, requires = "model", value_parser = at_least_one())]
    proofs: usize,
    /// How many images one proof is about
    #[arg(long, default_value_t = 1, requires = "model", value_parser = at_least_one())]
    batch: usize,
    /// Number of threads; all that the machine has, unless given
    #[arg(long, requires = "model", value_parser = thread_count())]
    threads: Option<usize>,
    /// Make everything public: smaller proofs that hide nothing
    #[arg(long, requires = "model")]
    public: bool,
}

/// What a step gives, or why it cannot.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// How many images activation ranges are measured on.
const CALIBRATION_IMAGES: usize = 8;

fn main() -> ExitCode {
    zkml::memory::keep_freed();
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Outcome<()> {
    let Some(name) = &arguments.model else {
        for entry in MODELS {
            println!("{:24} {}", entry.name, entry.about);
        }
        return Ok(());
    };
    let setup = SetupOptions::default();
    if !arguments.public && arguments.proofs > setup.proofs_per_key as usize {
        return Err(format!(
            "--proofs {}: expected at most {}, which a key with private weights makes; --public has no limit",
            arguments.proofs, setup.proofs_per_key
        )
        .into());
    }
    start_threads(arguments.threads)?;
    let mut stages = Stages::default();
    let (network, images) = network(name, arguments.batch, &mut stages)?;
    let inputs = images
        .iter()
        .cycle()
        .take(arguments.proofs)
        .map(|image| network.quantize_input(image).map(|rounded| rounded.integers))
        .collect::<Result<Vec<_>, _>>()?;
    let model = CompiledModel::new(name.as_str(), network).with_privacy(privacy(arguments.public));
    measure(model, &inputs, arguments.batch, &mut stages)?;
    println!("{stages}");
    print_peak_memory();
    Ok(())
}

/// The network with random weights, calibrated on random images.
fn network(name: &str, batch: usize, stages: &mut Stages) -> Outcome<(Quantized, Vec<ArrayD<f32>>)> {
    let mut random = Random(2026);
    let graph = find(name)?.trace(batch)?;
    let graph = stages.run("draw weights", || {
        spin("drawing weights", || load(graph, &mut random))
    })?;
    let shape = &graph[graph.input].fact;
    let parameters = graph.parameters.iter().map(|parameter| parameter.values.len());
    println!(
        "{} weights, {} multiply-adds, input {shape:?}",
        parameters.sum::<usize>(),
        multiply_adds(&graph)
    );
    let mut image = || ArrayD::from_shape_simple_fn(shape.as_slice(), || random.next());
    let images: Vec<ArrayD<f32>> = (0..CALIBRATION_IMAGES).map(|_| image()).collect();
    let network = stages.run("calibrate, quantize", || -> Outcome<_> {
        spin("calibrating", || {
            let samples = images.iter().cloned();
            let calibration = Calibration::collect(&graph, samples, CalibrationMethod::default())?;
            Ok(quantize(&graph, &calibration, &QuantizeOptions::default())?)
        })
    })?;
    Ok((network, images))
}

/// Setup, and a proof of each input with its verification.
fn measure(model: CompiledModel, inputs: &[ArrayD<i64>], batch: usize, stages: &mut Stages) -> Outcome<()> {
    let key = stages.run("setup", || {
        spin("setup", || setup(model, &SetupOptions::default()))
    })?;
    let trusted = stages.run("check the key, once", || TrustedKey::new(key.verifying()))?;
    let setup = soundness(&Statement::of_setup(&key.verifying().weights)?);
    let bits = soundness(&Statement::new(key.verifying())?).sum(&setup);
    println!("soundness: {bits:.1} bits");

    let (mut proving, mut verifying, mut bytes) = (Vec::new(), Vec::new(), 0);
    for input in inputs {
        let start = Instant::now();
        let proof = spin("proving", || prove(&key, input, b""))?;
        proving.push(start.elapsed());
        let start = Instant::now();
        trusted.verify(&proof, b"")?;
        verifying.push(start.elapsed());
        bytes = to_bytes(&proof)?.len();
    }
    let remark = format!("median of {}", inputs.len());
    let prove = median(&mut proving);
    stages.push("prove", prove, remark.clone());
    stages.push("verify", median(&mut verifying), remark);
    let each = duration(prove / batch as u32);
    println!("proof {}, {each} an image\n", size(bytes as u64));
    Ok(())
}

/// The graph with random weights, optimized, with the class as an output.
fn load(graph: Graph<Symbolic>, random: &mut Random) -> Outcome<Graph<Float>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("weights.safetensors");
    write_random_weights(&graph, random, &path)?;
    let (graph, _) = graph.load(&Weights::open(&path)?)?;
    let (graph, _) = optimize(graph.with_argmax()?, &Switches::default())?;
    Ok(graph)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
