//! Proves what a VGG-16 of 15 million parameters says about CIFAR-10 images, and verifies it.
//!
//! `cargo run --release --example vgg16`; `-- --help` lists the options. Reads `examples/assets` alone;
//! `scripts/train_vgg16.py` trains such weights.

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use support::classifier::{Options, Task, asset, exit_code};
use support::images::LabelledImages;
use support::program::at_least_one;
use zkml::models::vgg::{VGG16, Vgg, VggConfig};
use zkml::prelude::*;
use zkml::quant::Preprocessing;

/// Prove what a VGG-16 of 15 million parameters says about CIFAR-10 images, and verify it.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many images to prove; 0 to measure only [default: one batch]
    #[arg(long)]
    images: Option<usize>,
    /// How many images one proof is about; divides the number of images
    #[arg(long, default_value_t = 1, value_parser = at_least_one())]
    batch: usize,
    /// How many of the 1,000 images accuracy is measured on; 0 for none
    #[arg(long, default_value_t = 300)]
    samples: usize,
    #[command(flatten)]
    options: Options,
}

const CLASSES: &[&str] = &[
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

const CONFIG: VggConfig = VggConfig::cifar10(VGG16).bn();

fn main() -> ExitCode {
    zkml::memory::keep_freed();
    exit_code(run(Arguments::parse()))
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let task = Task {
        name: "vgg16",
        noun: "image",
        images: LabelledImages::open(&asset("cifar10-test-first1000.bin"), None, [3, 32, 32])?,
        preprocessing: Preprocessing {
            pad: 0,
            mean: vec![0.4914, 0.4822, 0.4465],
            deviation: vec![0.2470, 0.2435, 0.2616],
        },
        classes: CLASSES,
        weights: asset("vgg16_bn-cifar10.safetensors"),
        trace: |batch| Vgg::new(CONFIG).trace_with_input(&CONFIG.input_shape(batch)),
        count: arguments.images.unwrap_or(arguments.batch),
        batch: arguments.batch,
        samples: arguments.samples,
        options: arguments.options,
    };
    task.run()
}
