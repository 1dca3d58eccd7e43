//! A network of your own: residual blocks with batch normalization, a branch that is concatenated, weights from a
//! safetensors file. The weights are random, so the answer means nothing; its proof is as good as any.
//!
//! `cargo run --release --example custom_layer`

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use ndarray::ArrayD;
use support::random::{Random, write_random_weights};
use zkml::nn::Weights;
use zkml::optimize::model::{OptimizeOptions, optimize};
use zkml::prelude::*;
use zkml::proof::{ReadableOutputs, to_bytes};
use zkml::prove::{CompiledModel, SetupOptions, prove, setup};
use zkml::quant::{Calibration, QuantizeOptions, quantize};
use zkml::verify::verify;

/// `relu(bn(conv(x)) + x)`.
#[zk_model]
struct Block {
    #[arg]
    channels: usize,
    #[layer(in_channels = channels, out_channels = channels, kernel_size = 3, padding = 1, bias = false)]
    conv: Conv2d,
    #[layer(num_features = channels)]
    bn: BatchNorm2d,
}

#[zk_model]
impl Block {
    fn forward(&self, x: Tensor) -> Tensor {
        relu(self.bn(self.conv(x)) + x)
    }
}

#[zk_model(input = [1, 3, 12, 12])]
struct Net {
    #[layer(in_channels = 3, out_channels = 8, kernel_size = 3, padding = 1)]
    stem: Conv2d,
    #[layer(repeat = 2, channels = 8)]
    blocks: Vec<Block>,
    #[layer(in_features = 16, out_features = 5)]
    head: Linear,
}

#[zk_model]
impl Net {
    fn forward(&self, x: Tensor) -> Tensor {
        let start = relu(self.stem(x));
        let mut x = start;
        for block in &self.blocks {
            x = block.forward(x);
        }
        let both = cat([max_pool2d(x, 2), avg_pool2d(start, 2)], 1);
        self.head(flatten(adaptive_avg_pool2d(both, 1), 1))
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut random = Random(2026);
    let graph = Net::new().trace()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("net.safetensors");
    write_random_weights(&graph, &mut random, &path)?;

    let (graph, report) = graph.load(&Weights::open(&path)?)?;
    println!("weights: {report}\n");
    let (graph, passes) = optimize(graph.with_argmax()?, &OptimizeOptions::default())?;
    for pass in &passes {
        println!("{pass}");
    }
    let mut image = || ArrayD::from_shape_simple_fn(vec![1, 3, 12, 12], || random.next());
    let samples: Vec<ArrayD<f32>> = (0..16).map(|_| image()).collect();
    let calibration = Calibration::collect(&graph, samples.iter().cloned(), CalibrationMethod::default())?;
    let network = quantize(&graph, &calibration, &QuantizeOptions::default())?;
    println!("\nthe integer network\n{}", network.graph);

    let key = setup(CompiledModel::new("custom", network), &SetupOptions::default())?;
    let start = Instant::now();
    let (public, proof) = prove(&key, &key.model.network.quantize_input(&image())?, b"")?;
    println!(
        "proved in {:.0?}, {} bytes",
        start.elapsed(),
        to_bytes(&proof)?.len()
    );
    let start = Instant::now();
    verify(&key.verifying, &public, &proof, b"")?;
    println!("verified in {:.1?}", start.elapsed());
    for output in ReadableOutputs::new(&key.verifying, &public)?
        .outputs
        .into_iter()
        .flatten()
    {
        println!("output {:?}: {:.3?}", output.shape, output.values);
    }
    Ok(())
}
