//! Proves what a LeNet-5 says about handwritten digits, and verifies it: five lines from trained weights to a checked
//! answer. `cargo run --release --example lenet`; `lenet_report` shows pictures, tables, sizes and files, too.

// An example speaks to people.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use zkml::data::{batch, samples};
use zkml::models::LeNet;
use zkml::observe::{duration, size};
use zkml::prelude::*;
use zkml::proof::to_bytes;
use zkml::quant::Preprocessing;

fn main() -> Result<(), Box<dyn Error>> {
    zkml::memory::keep_freed();
    zkml::observe::show_progress();
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets");

    // Arrays of floats, [1, 1, 32, 32] each: digits of 28 x 28 bytes, padded with zeros and divided by 255.
    let preprocessing = Preprocessing {
        pad: 2,
        ..Preprocessing::default()
    };
    let digits = samples(
        &assets.join("mnist-t10k-first1000-images-idx3-ubyte.gz"),
        &[1, 32, 32],
        64,
    )?;
    let images = digits
        .chunks(1)
        .map(|digit| batch(digit, &[1, 32, 32], Some(&preprocessing)))
        .collect::<Result<Vec<_>, _>>()?;

    let model = LeNet::new()
        .load(assets.join("lenet5-mnist.safetensors"))?
        .classifier();
    let model = model.quantize(&images)?;
    println!("{}", model.report());
    let started = Instant::now();
    let (prover, verifier) = model.setup()?;
    println!("keys in {}\n", duration(started.elapsed()));
    for image in &images[..3] {
        let started = Instant::now();
        let answer = prover.prove(image, b"nonce")?;
        let proved = started.elapsed();
        let started = Instant::now();
        let verified = verifier.verify(answer.proof(), b"nonce")?;
        let (proved, checked) = (duration(proved), duration(started.elapsed()));
        println!("{verified}");
        let bytes = to_bytes(answer.proof())?.len() as u64;
        println!(
            "proved in {proved}, verified in {checked}, proof {}\n",
            size(bytes)
        );
    }
    if let Some(proofs) = prover.remaining()? {
        println!("{proofs} proofs left with these keys");
    }
    Ok(())
}
