//! A network of your own: residual blocks with batch normalization, a branch that is concatenated, weights from a
//! safetensors file. The weights are random, so the answer means nothing; its proof is as good as any.
//!
//! `cargo run --release --example custom_layer`

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use ndarray::ArrayD;
use safetensors::tensor::{Dtype, TensorView};
use zkml::prelude::*;
use zkml::proof::{ReadableOutputs, to_bytes};

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

/// Uniform in [-1, 1), the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// What a training script would have saved: a tensor for every parameter, under its PyTorch name.
fn write_random_weights(
    graph: &Graph<Symbolic>,
    random: &mut Random,
    path: &Path,
) -> Result<(), Box<dyn Error>> {
    let mut tensors = BTreeMap::new();
    for parameter in &graph.parameters {
        let count: usize = parameter.shape.iter().product();
        // A variance is positive; weights shrink with the number of terms of their sum.
        let terms: usize = parameter.shape.iter().skip(1).product();
        let spread = 1.0 / (terms as f32).sqrt();
        let value = |x: f32| {
            if parameter.path.ends_with("running_var") {
                1.0 + x / 2.0
            } else {
                x * spread
            }
        };
        let bytes: Vec<u8> = (0..count)
            .flat_map(|_| value(random.next()).to_le_bytes())
            .collect();
        tensors.insert(parameter.path.clone(), (parameter.shape.clone(), bytes));
    }
    let views = tensors
        .iter()
        .map(|(path, (shape, bytes))| Ok((path, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    std::fs::write(path, safetensors::serialize(views, None)?)?;
    Ok(())
}
