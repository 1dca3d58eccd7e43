//! VGG-16 on CIFAR-10: integer execution, the trace, and the whole proof with everything public.
//!
//! One thread: `RAYON_NUM_THREADS=1 cargo bench --bench vgg`. Setup takes some seconds.

#![allow(clippy::expect_used, reason = "a benchmark that cannot set up should stop")]

use std::error::Error;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::ArrayD;
use zkml::Privacy;
use zkml::argument::Statement;
use zkml::argument::Trace;
use zkml::execute::Executor;
use zkml::keys::CompiledModel;
use zkml::models::vgg::{VGG16, Vgg, VggConfig};
use zkml::nn::{Forward, Weights};
use zkml::optimize::{Switches, optimize};
use zkml::prove::prove;
use zkml::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};

const CONFIG: VggConfig = VggConfig::cifar10(VGG16).bn();

/// Multiply-adds of one image.
const MULTIPLY_ADDS: u64 = 313_463_808;

/// The compiled model, and an image as its input.
fn vgg() -> Result<(CompiledModel, ArrayD<i64>), Box<dyn Error>> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets");
    let weights = Weights::open(assets.join("vgg16_bn-cifar10.safetensors"))?;
    let graph = Vgg::new(CONFIG).trace_with_input(&CONFIG.input_shape(1))?;
    let (graph, _) = optimize(graph.load(&weights)?.0, &Switches::default())?;
    // A label and three planes of 32 by 32 for each image; roughly normalized, which is all that timing needs.
    let bytes = std::fs::read(assets.join("cifar10-test-first1000.bin"))?;
    let images: Vec<ArrayD<f32>> = bytes
        .chunks_exact(1 + 3 * 32 * 32)
        .take(8)
        .map(|image| {
            let pixels = image[1..].iter().map(|&pixel| f32::from(pixel) / 63.0 - 2.0);
            ArrayD::from_shape_vec(vec![1, 3, 32, 32], pixels.collect())
        })
        .collect::<Result<_, _>>()?;
    let calibration = Calibration::collect(&graph, images.iter().cloned(), CalibrationMethod::MinMax)?;
    let network = quantize(&graph, &calibration, &QuantizeOptions::default())?;
    let input = network.quantize_input(&images[0])?.integers;
    Ok((CompiledModel::new("vgg16", network), input))
}

fn stages(criterion: &mut Criterion) {
    zkml::memory::keep_freed();
    let (model, input) = vgg().expect("VGG-16 from examples/assets");
    let mut group = criterion.benchmark_group("vgg16");
    group.sample_size(20);

    let executor = Executor::new(&model.network.graph).expect("a valid network");
    group.throughput(Throughput::Elements(MULTIPLY_ADDS));
    group.bench_function("execute", |bencher| {
        bencher.iter(|| executor.run(&input).expect("an execution"));
    });
    drop(executor);

    let key = setup(model.with_privacy(Privacy::PUBLIC), &SetupOptions::default()).expect("keys");
    let statement = Statement::new(key.verifying()).expect("a statement");
    group.throughput(Throughput::Elements(1));
    group.bench_function("execute and fill the trace", |bencher| {
        bencher.iter(|| Trace::generate(&key, &statement, &input).expect("a trace"));
    });
    group.bench_function("prove, everything public", |bencher| {
        bencher.iter(|| prove(&key, &input, b"").expect("a proof"));
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
