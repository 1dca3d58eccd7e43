//! LeNet-5 on MNIST, whole: execution and trace, proof, verification. `RAYON_NUM_THREADS=1` for one thread.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot set up should stop"
)]

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use flate2::read::GzDecoder;
use ndarray::ArrayD;
use zkml::models::LeNet;
use zkml::nn::{Forward, Weights};
use zkml::optimize::model::{OptimizeOptions, optimize};
use zkml::prove::{CompiledModel, ProvingKey, SetupOptions, Trace, prove, setup};
use zkml::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};
use zkml::verify::{Statement, verify};

/// The first `count` test digits, padded to 32 by 32, in `[0, 1]`.
fn digits(assets: &Path, count: usize) -> Result<Vec<ArrayD<f32>>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(
        assets.join("mnist-t10k-first1000-images-idx3-ubyte.gz"),
    )?)
    .read_to_end(&mut bytes)?;
    let pixels = bytes.split_off(16);
    Ok(pixels
        .chunks_exact(28 * 28)
        .take(count)
        .map(|digit| {
            ArrayD::from_shape_fn(vec![1, 1, 32, 32], |index| {
                let inside = |i: usize| (2..30).contains(&i).then(|| i - 2);
                inside(index[2])
                    .zip(inside(index[3]))
                    .map_or(0.0, |(y, x)| f32::from(digit[28 * y + x]) / 255.0)
            })
        })
        .collect())
}

fn lenet() -> Result<(ProvingKey, ArrayD<i64>), Box<dyn Error>> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets");
    let (graph, _) = LeNet::new()
        .trace()?
        .load(&Weights::open(assets.join("lenet5-mnist.safetensors"))?)?;
    let (graph, _) = optimize(graph, &OptimizeOptions::default())?;
    let graph = graph.with_argmax()?;
    let images = digits(&assets, 64)?;
    let calibration = Calibration::collect(&graph, images.iter().cloned(), CalibrationMethod::MinMax)?;
    let network = quantize(&graph, &calibration, &QuantizeOptions::default())?;
    let input = network.quantize_input(&images[0])?;
    Ok((
        setup(CompiledModel::new("lenet", network), &SetupOptions::default())?,
        input,
    ))
}

fn whole_model(criterion: &mut Criterion) {
    let (key, input) = lenet().expect("LeNet-5 from examples/assets");
    let (public, proof) = prove(&key, &input, b"").expect("a proof");
    println!(
        "proof: {} bytes, code {:?}",
        proof.messages.len(),
        key.verifying.code
    );
    let statement = Statement::new(&key.verifying).expect("a statement");
    let mut group = criterion.benchmark_group("lenet");
    group.bench_function("trace", |bencher| {
        bencher.iter(|| Trace::generate(&key, &statement, &input).expect("a trace"))
    });
    group.bench_function("prove", |bencher| {
        bencher.iter(|| prove(&key, &input, b"").expect("a proof"))
    });
    group.bench_function("verify", |bencher| {
        bencher.iter(|| verify(&key.verifying, &public, &proof, b"").expect("a valid proof"));
    });
    group.finish();
}

criterion_group!(benches, whole_model);
criterion_main!(benches);
