//! LeNet-5 on MNIST as the tests use it: its files, and commands on them.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use image::GrayImage;
use serde_json::Value;
use zkml::data::idx::read_images;

use super::{text, zkml};

/// Weights of LeNet-5.
pub(crate) const WEIGHTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/assets/lenet5-mnist.safetensors"
);
/// The first 1,000 digits of MNIST's test images.
pub(crate) const DIGITS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/assets/mnist-t10k-first1000-images-idx3-ubyte.gz"
);

/// Compiles LeNet-5, calibrated on digits.
pub(crate) const COMPILE: [&str; 6] = ["compile", "lenet", "--weights", WEIGHTS, "--calibration", DIGITS];

pub(crate) fn asset(name: &str) -> String {
    format!("{}/examples/assets/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn compile(folder: &Path, further: &[&str]) -> Output {
    zkml(&[&COMPILE[..], &["--samples", "16"], further].concat(), folder)
}

pub(crate) fn answer(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The digit number 0 of the shipped ones, a seven, as a PNG.
pub(crate) fn write_digit(path: &Path) {
    let digits = read_images(DIGITS).unwrap();
    let pixels = digits.get(0).unwrap().to_vec();
    GrayImage::from_raw(28, 28, pixels).unwrap().save(path).unwrap();
}

/// A folder with `lenet.model` and its keys, made once: tests only read it, or copy what they change.
pub(crate) fn keys() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_path_buf();
        std::fs::write(
            path.join("labels.txt"),
            "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n",
        )
        .unwrap();
        // Public weights: any number of proofs by any number of tests.
        let output = compile(&path, &["--public-weights", "--classes", "labels.txt"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let output = zkml(&["setup", "lenet.model"], &path);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        write_digit(&path.join("seven.png"));
        (folder, path)
    });
    path
}

pub(crate) fn prove(input: &str, further: &[&str]) -> (tempfile::TempDir, Output) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let mut arguments = vec!["prove", "--key", "lenet.pkey", "--input", input, "-o", out];
    arguments.extend(further);
    let output = zkml(&arguments, keys());
    (folder, output)
}
