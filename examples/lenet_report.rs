//! Proves what a LeNet-5 says about handwritten digits, and shows all there is to see on the way: pictures, scores,
//! accuracy, times, sizes, files. `lenet` is the same in five lines.
//!
//! `cargo run --release --example lenet_report`; `-- --help` lists the options. Reads `examples/assets` alone.

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use support::classifier::{Options, Task, asset, exit_code};
use support::images::LabelledImages;
use zkml::models::LeNet;
use zkml::prelude::*;
use zkml::quant::Preprocessing;

/// Prove what a LeNet-5 says about handwritten digits, and verify it.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many digits to prove; 0 to measure only
    #[arg(long, default_value_t = 3)]
    digits: usize,
    /// How many of the 1,000 digits accuracy is measured on; 0 for none
    #[arg(long, default_value_t = 1000)]
    samples: usize,
    #[command(flatten)]
    options: Options,
}

const CLASSES: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

fn main() -> ExitCode {
    zkml::memory::keep_freed();
    exit_code(run(Arguments::parse()))
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let task = Task {
        name: "lenet",
        noun: "digit",
        images: LabelledImages::open(
            &asset("mnist-t10k-first1000-images-idx3-ubyte.gz"),
            Some(&asset("mnist-t10k-first1000-labels-idx1-ubyte")),
            [1, 32, 32],
        )?,
        // What the network was trained on: zero-padded to 32 x 32, divided by 255.
        preprocessing: Preprocessing {
            pad: 2,
            ..Preprocessing::default()
        },
        classes: CLASSES,
        weights: asset("lenet5-mnist.safetensors"),
        trace: |batch| LeNet::new().trace_with_input(&[batch, 1, 32, 32]),
        count: arguments.digits,
        batch: 1,
        samples: arguments.samples,
        options: arguments.options,
    };
    task.run()
}
