//! Inputs and samples on another scale, files in the way, and names that are none: what a user does by mistake, and
//! what is said.

use ndarray::{Array3, Array4, ArrayD};
use ndarray_npy::write_npy;
use zkml::data::idx::read_images;

use super::lenet::{DIGITS, WEIGHTS, answer, asset, keys, write_digit};
use super::{assert_refused, text, zkml};

/// Digits as float arrays that nobody divided by 255, padded as the network takes them.
fn undivided(count: usize) -> ArrayD<f32> {
    let digits = read_images(DIGITS).unwrap();
    let pixel = |[n, _, y, x]: [usize; 4]| match (y.checked_sub(2), x.checked_sub(2)) {
        (Some(y), Some(x)) if y < 28 && x < 28 => f32::from(digits.get(n).unwrap().to_vec()[28 * y + x]),
        _ => 0.0,
    };
    Array4::from_shape_fn((count, 1, 32, 32), |(n, c, y, x)| pixel([n, c, y, x])).into_dyn()
}

#[test]
fn samples_on_another_scale_are_doubted_and_so_are_images_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_npy(folder.join("bytes.npy"), &undivided(8)).unwrap();
    write_digit(&folder.join("seven.png"));
    let weights = [
        "compile",
        "lenet",
        "--weights",
        WEIGHTS,
        "--public",
        "--calibration",
        "bytes.npy",
    ];
    let output = zkml(&weights, folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let warning = text(&output.stderr);
    assert!(
        warning.contains("arrays reach from 0 to 255") && warning.contains("uint8"),
        "{warning}"
    );
    answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    let output = zkml(&["prove", "--key", "lenet.pkey", "--input", "seven.png"], folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let warning = text(&output.stderr);
    assert!(
        warning.contains("the input reaches 0.39 % of what calibration saw"),
        "{warning}"
    );
}

/// What is wrong with a key or an input is said before a file of an earlier proof is.
#[test]
fn an_earlier_proof_hides_no_other_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("lenet.proof"), "earlier").unwrap();
    write_digit(&folder.join("seven.png"));
    let key = keys().join("lenet.pkey").display().to_string();
    let verifying = keys().join("lenet.vkey").display().to_string();
    let prove = |key: &str, input: &str| zkml(&["prove", "--key", key, "--input", input], folder);
    let output = prove(&verifying, "seven.png");
    assert!(
        text(&output.stderr).contains("expected a proving key"),
        "{}",
        text(&output.stderr)
    );
    let output = prove(&key, "nothere.png");
    assert!(
        text(&output.stderr).contains("nothere.png"),
        "{}",
        text(&output.stderr)
    );
    let output = prove(&key, "seven.png");
    assert_refused(
        &output,
        2,
        &["lenet.proof: exists already", "--name NAME", "--force"],
    );
}

#[test]
fn channels_at_the_end_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_npy(folder.join("last.npy"), &Array3::<u8>::zeros((28, 28, 1))).unwrap();
    let key = keys().join("lenet.pkey").display().to_string();
    let output = zkml(&["prove", "--key", &key, "--input", "last.npy"], folder);
    assert_refused(&output, 1, &["last.npy", "channels in front", "numpy.moveaxis"]);
}

#[test]
fn what_is_no_model_is_told_by_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let digits = asset("mnist-t10k-first1000-images-idx3-ubyte.gz");
    for (name, remedy) in [
        ("net.onnx", "zkml reads no graphs"),
        ("forest.joblib", "forest_to_json.py"),
        ("net.model", "zkml setup"),
        ("net.pth", "--weights"),
        ("llama3", "--example llama3"),
        ("SuperDuperNet", "of your own"),
    ] {
        let compile = ["compile", name, "--weights", WEIGHTS, "--calibration", &digits];
        assert_refused(&zkml(&compile, folder.path()), 2, &[name, remedy]);
    }
}
