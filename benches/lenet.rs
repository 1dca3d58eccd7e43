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
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use flate2::read::GzDecoder;
use ndarray::ArrayD;
use zkml::argument::Statement;
use zkml::argument::Trace;
use zkml::keys::{CompiledModel, ProvingKey};
use zkml::models::LeNet;
use zkml::nn::{Forward, Weights};
use zkml::optimize::{Switches, optimize};
use zkml::prove::prove;
use zkml::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};
use zkml::verify::TrustedKey;
use zkml::{Privacy, Visibility};

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

/// The compiled model, and a digit as its input.
fn lenet() -> Result<(CompiledModel, ArrayD<i64>), Box<dyn Error>> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets");
    let (graph, _) = LeNet::new()
        .trace()?
        .load(&Weights::open(assets.join("lenet5-mnist.safetensors"))?)?;
    let (graph, _) = optimize(graph, &Switches::default())?;
    let graph = graph.with_argmax()?;
    let images = digits(&assets, 64)?;
    let calibration = Calibration::collect(&graph, images.iter().cloned(), CalibrationMethod::MinMax)?;
    let network = quantize(&graph, &calibration, &QuantizeOptions::default())?;
    let input = network.quantize_input(&images[0])?.integers;
    Ok((CompiledModel::new("lenet", network), input))
}

fn key(model: &CompiledModel, privacy: Privacy) -> ProvingKey {
    setup(model.clone().with_privacy(privacy), &SetupOptions::default()).expect("keys")
}

/// A key that is replaced, outside of what is timed, when it has made its proofs.
struct Keys<'a> {
    model: &'a CompiledModel,
    privacy: Privacy,
    key: ProvingKey,
}

impl Keys<'_> {
    fn with_proofs_left(&mut self) -> &ProvingKey {
        let left = self
            .key
            .budget()
            .map_or(1, |budget| budget.proofs_left().expect("a count"));
        if left == 0 {
            self.key = key(self.model, self.privacy);
        }
        &self.key
    }
}

/// Everything public, each part private alone, and the default: private input and weights.
fn privacies() -> [(&'static str, Privacy); 4] {
    let private = Visibility::Private;
    [
        ("plain", Privacy::PUBLIC),
        (
            "private_input",
            Privacy {
                input: private,
                ..Privacy::PUBLIC
            },
        ),
        (
            "private_weights",
            Privacy {
                weights: private,
                ..Privacy::PUBLIC
            },
        ),
        ("zero_knowledge", Privacy::default()),
    ]
}

fn whole_model(criterion: &mut Criterion) {
    zkml::memory::keep_freed();
    let (model, input) = lenet().expect("LeNet-5 from examples/assets");
    let mut group = criterion.benchmark_group("lenet");
    for (name, privacy) in privacies() {
        let mut keys = Keys {
            model: &model,
            privacy,
            key: key(&model, privacy),
        };
        let proof = prove(&keys.key, &input, b"").expect("a proof");
        let statement = Statement::new(keys.key.verifying()).expect("a statement");
        println!(
            "{name}: proof {} bytes, {} commitments to the weights, setup proof {} bytes, {:?}, {} trace rows, {:?}",
            proof.messages.len(),
            keys.key.verifying().weights.commitments.roots.len(),
            keys.key.verifying().weights.setup_proof.len(),
            keys.key.verifying().weights.code,
            statement.trace_rows(),
            statement.masking,
        );
        let trusted_key = keys.key.verifying().clone();
        let trusted = TrustedKey::new(&trusted_key).expect("a key");
        group.bench_function(format!("trace/{name}"), |bencher| {
            bencher.iter(|| Trace::generate(&keys.key, &statement, &input).expect("a trace"))
        });
        drop(statement);
        group.bench_function(format!("prove/{name}"), |bencher| {
            bencher.iter_custom(|iterations| {
                (0..iterations)
                    .map(|_| {
                        let key = keys.with_proofs_left();
                        let start = Instant::now();
                        let proof = prove(key, &input, b"").expect("a proof");
                        let time = start.elapsed();
                        drop(proof);
                        time
                    })
                    .sum()
            })
        });
        group.bench_function(format!("verify/{name}"), |bencher| {
            bencher.iter(|| trusted.verify(&proof, b"").expect("a valid proof"));
        });
    }
    group.finish();
}

fn keys(criterion: &mut Criterion) {
    let (model, _) = lenet().expect("LeNet-5 from examples/assets");
    let mut group = criterion.benchmark_group("lenet_key");
    group.sample_size(10);
    for (name, privacy) in privacies() {
        group.bench_function(format!("setup/{name}"), |bencher| {
            bencher.iter(|| key(&model, privacy));
        });
        let key = key(&model, privacy);
        group.bench_function(format!("check/{name}"), |bencher| {
            bencher.iter(|| TrustedKey::new(key.verifying()).expect("a key"));
        });
    }
    group.finish();
}

criterion_group!(benches, whole_model, keys);
criterion_main!(benches);
