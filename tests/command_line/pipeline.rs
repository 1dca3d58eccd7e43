//! `zkml compile`, `setup`, `prove`, `verify`: the whole way on LeNet-5, and what stands in it.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use image::{GrayImage, ImageFormat, Luma, RgbImage};
use ndarray::ArrayD;
use serde_json::Value;
use zkml::data::idx::read_images;
use zkml_core::keys::VerifyingKey;
use zkml_core::proof::{read_file, write_file};

use super::{assert_refused, text, zkml};

pub(crate) fn asset(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/assets");
    format!("{folder}/{name}")
}

pub(crate) fn compile(folder: &Path, further: &[&str]) -> Output {
    let (weights, digits) = (
        asset("lenet5-mnist.safetensors"),
        asset("mnist-t10k-first1000-images-idx3-ubyte.gz"),
    );
    let mut arguments = vec![
        "compile",
        "lenet",
        "--weights",
        &weights,
        "--calibration",
        &digits,
    ];
    arguments.extend(["--samples", "16"]);
    arguments.extend(further);
    zkml(&arguments, folder)
}

pub(crate) fn answer(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The texts under `key` in a list of an answer.
fn each<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    let entries = list.as_array().unwrap().iter();
    entries.filter_map(|entry| entry[key].as_str()).collect()
}

/// The digit number 0 of the shipped ones, a seven, as a PNG.
pub(crate) fn write_digit(path: &Path) {
    let digits = read_images(asset("mnist-t10k-first1000-images-idx3-ubyte.gz")).unwrap();
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

/// A picture that was not divided by 255 is another picture once it is clipped. It is not proved, unless that is wanted.
#[test]
fn inputs_unlike_the_samples_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let images = read_images(asset("mnist-t10k-first1000-images-idx3-ubyte.gz")).unwrap();
    let digit = images.get(0).unwrap();
    let write = |name: &str, factor: f32| {
        let mut input = ArrayD::<f32>::zeros(vec![1, 1, 32, 32]);
        for (index, pixel) in digit.iter().enumerate() {
            input[[0, 0, index / 28 + 2, index % 28 + 2]] = f32::from(*pixel) * factor;
        }
        let path = folder.path().join(name);
        ndarray_npy::write_npy(&path, &input).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (name, factor) in [
        ("raw.npy", 1.0),
        ("large.npy", 10.0 / 255.0),
        ("negated.npy", -1.0 / 255.0),
    ] {
        let (out, output) = prove(&write(name, factor), &[]);
        assert_refused(
            &output,
            1,
            &["--input is unlike the calibration samples", "--allow-clipping"],
        );
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "{name}");
    }
    let input = write("raw.npy", 1.0);
    let (_out, output) = prove(&input, &["--allow-clipping", "--json"]);
    assert!(
        text(&output.stderr).contains("are clipped"),
        "{}",
        text(&output.stderr)
    );
    let clipping = &answer(&output)["input_clipping"];
    assert!(clipping["clipped"].as_u64().unwrap() > 50, "{clipping}");
    assert_eq!(clipping["values"], 1024);
    let (_out, output) = prove(&write("right.npy", 1.0 / 255.0), &["--json"]);
    assert_eq!(answer(&output)["input_clipping"]["outside_calibration"], 0);
}

#[test]
fn the_whole_way_with_private_weights() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_digit(&folder.join("seven.png"));

    let compiled = answer(&compile(folder, &["--json"]));
    assert_eq!(compiled["ok"], true);
    assert_eq!(compiled["parameters"], 61_706);
    assert_eq!(compiled["files"][0]["path"], "lenet.model");
    let accuracy = &compiled["accuracy"];
    assert_eq!(
        (&accuracy["samples"], &accuracy["classes"]["agreement"]),
        (&16.into(), &16.into())
    );
    assert_eq!(accuracy["classes"]["float_correct"], 16);
    assert_eq!(accuracy["outputs"][0]["channels"].as_array().unwrap().len(), 10);
    assert!(accuracy["outputs"][0]["total"]["relative_rms"].as_f64().unwrap() < 0.05);
    let bytes = std::fs::metadata(folder.join("lenet.model")).unwrap().len();
    assert_eq!(compiled["files"][0]["bytes"], bytes);

    let made = answer(&zkml(
        &["setup", "lenet.model", "-o", "keys", "--proofs", "3", "--json"],
        folder,
    ));
    assert!(made["proofs"].as_u64().unwrap() >= 3);
    assert!(folder.join("keys/lenet.pkey").is_file() && folder.join("keys/lenet.vkey").is_file());

    let arguments = [
        "prove",
        "--key",
        "keys/lenet.pkey",
        "--input",
        "seven.png",
        "-o",
        "out",
    ];
    let further = [
        "--context",
        "nonce 1",
        "--trace-out",
        "trace.json",
        "--folded-out",
        "stacks",
        "--threads",
        "2",
        "--json",
    ];
    let proved = answer(&zkml(&[&arguments[..], &further].concat(), folder));
    assert_eq!(proved["answers"][0]["class"], 7);
    assert_eq!(
        proved["proofs_left"].as_u64().unwrap() + 1,
        made["proofs"].as_u64().unwrap()
    );
    let stages = each(&proved["stages"], "stage");
    assert!(
        stages.contains(&"prove;execute") && stages.contains(&"prove;lookup"),
        "{stages:?}"
    );
    let trace: Value = serde_json::from_slice(&std::fs::read(folder.join("trace.json")).unwrap()).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().len() > 20);
    assert!(
        std::fs::read_to_string(folder.join("stacks"))
            .unwrap()
            .contains("prove;execute;layer ")
    );

    let files = [
        "--proof",
        "out/lenet.proof",
        "--outputs",
        "out/lenet.outputs.json",
    ];
    let verify = |context: &'static str| {
        let key = [
            "verify",
            "--key",
            "keys/lenet.vkey",
            "--context",
            context,
            "--json",
        ];
        zkml(&[&key[..], &files].concat(), folder)
    };
    let verified = answer(&verify("nonce 1"));
    let traced = [
        "inspect",
        "keys/lenet.vkey",
        "--quiet",
        "--trace-out",
        "inspect.json",
    ];
    let output = zkml(&traced, folder);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
    assert!(folder.join("inspect.json").is_file());
    assert_eq!(verified["outputs"]["class"], 7);
    let refused = verify("nonce 2");
    assert_eq!(refused.status.code(), Some(1));

    // Nothing is overwritten, and no proof of the key is used up in vain.
    let again = zkml(&arguments, folder);
    assert_refused(&again, 2, &["lenet.proof: exists already", "--force"]);
    let forced = answer(&zkml(&[&arguments[..], &["--force", "--json"]].concat(), folder));
    assert_eq!(
        forced["proofs_left"].as_u64().unwrap() + 1,
        proved["proofs_left"].as_u64().unwrap()
    );
}

#[test]
fn people_are_told_what_was_written_and_how_large() {
    let (folder, output) = prove("seven.png", &["--name", "first"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert!(
        lines[0].starts_with("wrote ")
            && lines[0].contains("first.proof (proof, ")
            && lines[0].ends_with(" kB)"),
        "{lines:?}"
    );
    assert!(lines[2].starts_with("class 7 seven: seven "), "{lines:?}");
    assert!(lines[3].starts_with("proved in "), "{lines:?}");
    assert!(folder.path().join("first.outputs.json").is_file());

    let (_folder, output) = prove("seven.png", &["--quiet"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", ""));
}

#[test]
fn an_array_of_floats_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let digits = read_images(asset("mnist-t10k-first1000-images-idx3-ubyte.gz")).unwrap();
    let pixels = digits.get(0).unwrap();
    let array = ArrayD::from_shape_fn(vec![1, 32, 32], |index| {
        let inside = (2..30).contains(&index[1]) && (2..30).contains(&index[2]);
        if inside {
            f32::from(pixels[(index[1] - 2) * 28 + index[2] - 2]) / 255.0
        } else {
            0.0
        }
    });
    let path = folder.path().join("seven.npy");
    ndarray_npy::write_npy(&path, &array).unwrap();
    let (_out, from_array) = prove(path.to_str().unwrap(), &["--json"]);
    let (_out, from_image) = prove("seven.png", &["--json"]);
    assert_eq!(answer(&from_array)["answers"], answer(&from_image)["answers"]);

    let mut tensors = Vec::new();
    let bytes: Vec<u8> = array.iter().flat_map(|value| value.to_le_bytes()).collect();
    let view =
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1, 1, 32, 32], &bytes).unwrap();
    tensors.push(("input", view));
    let path = folder.path().join("seven.safetensors");
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let (_out, from_tensor) = prove(path.to_str().unwrap(), &["--json"]);
    assert_eq!(answer(&from_tensor)["answers"], answer(&from_image)["answers"]);
}

#[test]
fn inputs_that_do_not_fit_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let refused = |name: &str, code: i32, words: &[&str]| {
        let (out, output) = prove(&path(name), &[]);
        assert_refused(&output, code, words);
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "{name}");
    };
    GrayImage::new(30, 28).save(path("wide.png")).unwrap();
    refused(
        "wide.png",
        1,
        &[
            "wide.png: expected 28 x 28 pixels (the model adds 2 on each side)",
            "found 28 x 30",
        ],
    );

    RgbImage::from_fn(28, 28, |x, _| image::Rgb([x as u8, 0, 0]))
        .save(path("red.png"))
        .unwrap();
    refused(
        "red.png",
        1,
        &["red.png: expected a grey image, found a coloured pixel at row 0, column 1"],
    );

    let mut bytes = std::io::Cursor::new(Vec::new());
    GrayImage::from_pixel(28, 28, Luma([9]))
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    let bytes = bytes.into_inner();
    std::fs::write(path("cut.png"), &bytes[..bytes.len() - 20]).unwrap();
    refused("cut.png", 1, &["cut.png: expected a whole image"]);

    let mut array = ArrayD::<f32>::zeros(vec![1, 32, 32]);
    array[[0, 3, 4]] = f32::NAN;
    ndarray_npy::write_npy(path("nan.npy"), &array).unwrap();
    refused(
        "nan.npy",
        1,
        &["nan.npy: expected finite numbers, found NaN at [0, 3, 4]"],
    );
    let complex =
        b"\x93NUMPY\x01\x00\x38\x00{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}\n12345678";
    std::fs::write(path("complex.npy"), complex).unwrap();
    refused(
        "complex.npy",
        1,
        &["complex.npy: expected numbers of 8 to 64 bits, integers, floats or bool, found '<c8'"],
    );
    ndarray_npy::write_npy(path("small.npy"), &ArrayD::<f32>::zeros(vec![1, 28, 28])).unwrap();
    refused(
        "small.npy",
        1,
        &["small.npy: expected numbers of shape [1, 32, 32] or [N, 1, 32, 32], found [1, 28, 28]"],
    );
    ndarray_npy::write_npy(path("two.npy"), &ArrayD::<f32>::zeros(vec![2, 1, 32, 32])).unwrap();
    refused(
        "two.npy",
        2,
        &[
            "--input: expected 1 input for one proof of this model, found 2 or more",
            "`FILE#7`",
        ],
    );

    std::fs::write(path("notes.txt"), "no image").unwrap();
    refused("notes.txt", 2, &["notes.txt: expected a folder, .png"]);
    refused("missing.png", 2, &["missing.png: "]);
}

#[test]
fn missing_keys_and_existing_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_digit(&folder.join("seven.png"));
    let output = zkml(&["prove", "--key", "none.pkey", "--input", "seven.png"], folder);
    assert_refused(&output, 2, &["none.pkey: no such file"]);
    let output = zkml(&["setup", "none.model"], folder);
    assert_refused(&output, 2, &["none.model: no such file"]);
    let output = zkml(&["setup", "none.model", "--json"], folder);
    assert_eq!(output.status.code(), Some(2));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["error"], "none.model: no such file or folder");
    let output = zkml(&["setup", "seven.png"], folder);
    assert_refused(&output, 1, &["seven.png: ", "not a zkml file"]);
}

#[test]
fn steps_that_are_done_are_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    answer(&compile(folder, &["--json", "--public", "-o", "a.model"]));
    let bytes = std::fs::read(folder.join("a.model")).unwrap();
    let again = answer(&compile(folder, &["--json", "--public", "-o", "a.model"]));
    assert_eq!(again["files"][0]["kept"], true);
    let other = compile(folder, &["--public", "-o", "a.model", "--multiplier-bits", "14"]);
    assert_refused(
        &other,
        2,
        &["a.model: exists already and was made from something else"],
    );
    assert_eq!(std::fs::read(folder.join("a.model")).unwrap(), bytes);

    answer(&zkml(&["setup", "a.model", "--json"], folder));
    let key = std::fs::read(folder.join("a.vkey")).unwrap();
    let again = answer(&zkml(&["setup", "a.model", "--json"], folder));
    assert_eq!(again["files"][1]["kept"], true);
    // As if it had been interrupted between the two.
    std::fs::remove_file(folder.join("a.vkey")).unwrap();
    let resumed = answer(&zkml(&["setup", "a.model", "--json"], folder));
    assert_eq!(resumed["files"][0]["kept"], true);
    assert_eq!(resumed["files"][1]["kept"], Value::Null);
    assert_eq!(std::fs::read(folder.join("a.vkey")).unwrap(), key);

    answer(&compile(
        folder,
        &[
            "--json",
            "--public",
            "-o",
            "a.model",
            "--multiplier-bits",
            "14",
            "--force",
        ],
    ));
    assert_refused(
        &zkml(&["setup", "a.model"], folder),
        2,
        &["a.pkey: exists already", "--force"],
    );
    // Nothing but what was asked for: no temporary files.
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a.model", "a.pkey", "a.vkey"]);
}

#[test]
fn models_are_known_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let output = zkml(
        &["compile", "lenett", "--weights", "w", "--calibration", "c"],
        folder.path(),
    );
    assert_refused(
        &output,
        2,
        &["`lenett`; did you mean `lenet`?", "`zkml models` lists them"],
    );
    let listed = answer(&zkml(&["models", "--json"], folder.path()));
    let names = each(&listed["models"], "name");
    assert!(
        names.contains(&"lenet") && names.contains(&"vgg16_bn-cifar10"),
        "{names:?}"
    );
    let output = zkml(&["models"], folder.path());
    assert!(text(&output.stdout).starts_with("lenet"));
}

#[test]
fn weights_and_samples_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (weights, digits) = (
        asset("lenet5-mnist.safetensors"),
        asset("mnist-t10k-first1000-images-idx3-ubyte.gz"),
    );
    let run = |model: &str, weights: &str, samples: &str, further: &[&str]| {
        let arguments = ["compile", model, "--weights", weights, "--calibration", samples];
        zkml(&[&arguments[..], further].concat(), folder)
    };
    let other = run("mlp", &weights, &digits, &[]);
    assert_eq!(other.status.code(), Some(1));
    assert!(
        text(&other.stderr).contains("fc1.weight: expected [128, 784], found [120, 400]"),
        "{}",
        text(&other.stderr)
    );
    assert_refused(
        &run("lenet", "none.safetensors", &digits, &[]),
        2,
        &["none.safetensors: "],
    );
    assert_refused(&run("lenet", &weights, "none", &[]), 2, &["none: "]);
    assert_refused(
        &run("lenet", &weights, &digits, &["--pad", "1"]),
        1,
        &["number 0: expected 30 x 30 pixels"],
    );
    assert_refused(
        &run("lenet", &weights, &digits, &["--deviation", "0"]),
        2,
        &["--deviation", "above 0"],
    );
    assert_refused(
        &run("lenet", &weights, &digits, &["--without", "nothing"]),
        2,
        &["--without: expected identity, ", "found `nothing`"],
    );
    assert!(std::fs::read_dir(folder).unwrap().next().is_none());
}

#[test]
fn fewer_bits_are_asked_for_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (flag, bits, expected) in [
        ("--bits", "3", "4 to 8, or auto"),
        ("--weight-bits", "9", "2..=8"),
        ("--activation-bits", "15", "4..=14"),
        ("--error-budget", "0", "above 0"),
    ] {
        let output = compile(folder, &[flag, bits]);
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        assert!(error.contains(flag) && error.contains(expected), "{error}");
    }
    let output = compile(folder, &["--bits", "8", "--error-budget", "1"]);
    assert_refused(&output, 2, &["--error-budget 1", "leave out one of them"]);
    assert!(std::fs::read_dir(folder).unwrap().next().is_none());

    write_digit(&folder.join("seven.png"));
    answer(&compile(
        folder,
        &["--json", "--public", "--bits", "4", "--activation-bits", "6"],
    ));
    // Other bits are another model.
    let output = compile(folder, &["--public", "--bits", "4"]);
    assert_refused(&output, 2, &["lenet.model: exists already"]);
    answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    let arguments = ["prove", "--key", "lenet.pkey", "--json", "--input", "seven.png"];
    let proved = answer(&zkml(&arguments, folder));
    assert_eq!(proved["answers"][0]["class"], 7);
    let verify = ["verify", "--key", "lenet.vkey", "--proof", "lenet.proof"];
    let output = zkml(&verify, folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// A budget that 8 bits do not keep: some activations have more, and the network is still the one of that name.
#[test]
fn more_bits_follow_from_an_error_budget() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_digit(&folder.join("seven.png"));
    let compiled = answer(&compile(folder, &["--json", "--error-budget", "0.3"]));
    let wider = compiled["wider_activations"].as_object().unwrap();
    assert!(!wider.is_empty(), "{compiled}");
    assert!(
        wider
            .values()
            .all(|bits| (10..=14).contains(&bits.as_u64().unwrap()))
    );
    assert!(
        compiled["calibration_error"].as_f64().unwrap() <= 0.003,
        "{compiled}"
    );
    answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    let arguments = ["prove", "--key", "lenet.pkey", "--json", "--input", "seven.png"];
    assert_eq!(answer(&zkml(&arguments, folder))["answers"][0]["class"], 7);
    let verify = ["verify", "--key", "lenet.vkey", "--proof", "lenet.proof"];
    assert_eq!(zkml(&verify, folder).status.code(), Some(0));
    let output = zkml(&["verify-key", "lenet.vkey", "--network", "lenet"], folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_batch_is_one_proof() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let digits = read_images(asset("mnist-t10k-first1000-images-idx3-ubyte.gz")).unwrap();
    for number in 0..2 {
        let pixels = digits.get(number).unwrap().to_vec();
        let image = GrayImage::from_raw(28, 28, pixels).unwrap();
        image.save(folder.join(format!("{number}.png"))).unwrap();
    }
    answer(&compile(folder, &["--json", "--public", "--batch", "2"]));
    answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    let arguments = [
        "prove",
        "--key",
        "lenet.pkey",
        "--json",
        "--input",
        "0.png",
        "1.png",
    ];
    let proved = answer(&zkml(&arguments, folder));
    let classes: Vec<u64> = proved["answers"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|a| a["class"].as_u64())
        .collect();
    assert_eq!(classes, [7, 2]);
    let arguments = ["verify", "--key", "lenet.vkey", "--proof", "lenet.proof"];
    assert_eq!(zkml(&arguments, folder).status.code(), Some(0));
}

#[cfg(unix)]
#[test]
fn an_interruption_leaves_whole_files_or_none() {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::copy(keys().join("lenet.model"), folder.join("lenet.model")).unwrap();
    let mut interrupted = 0;
    for delay in [5, 10, 15, 20, 30, 40, 60, 90, 120, 160] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_zkml"))
            .args(["setup", "lenet.model", "--force", "--quiet"])
            .current_dir(folder)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        let signal = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        let code = child.wait().unwrap().code();
        // Before its handler stands, the signal itself ends it.
        assert!(matches!(code, Some(0 | 130) | None), "{code:?}, {signal}");
        interrupted += usize::from(code == Some(130));
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_str().unwrap();
            assert!(!name.ends_with(".partial"), "{name}");
            let inspected = zkml(&["inspect", name], folder);
            assert_eq!(inspected.status.code(), Some(0), "{}", text(&inspected.stderr));
        }
    }
    assert!(interrupted > 0, "no run was long enough to be interrupted");
    // What is missing is made.
    let made = answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    assert_eq!(made["ok"], true);
    assert!(folder.join("lenet.pkey").is_file() && folder.join("lenet.vkey").is_file());
}

#[test]
fn inspect_prints_the_scales_of_the_key() {
    let key: VerifyingKey = read_file(keys().join("lenet.vkey")).unwrap();
    let inspected = answer(&zkml(&["inspect", "--json", "lenet.vkey"], keys()));
    let content = &inspected["content"];
    let scales = |name: &str| serde_json::from_value(content[name]["scale"].clone()).ok();
    assert_eq!(
        scales("input").as_ref(),
        key.network.input_scales.first(),
        "{content}"
    );
    assert!(key.network.output_scales.len() > 1);
    for (index, scale) in key.network.output_scales.iter().cloned().enumerate() {
        let name = format!("output_{index}");
        assert_eq!(scales(&name), Some(scale), "{name}: {content}");
    }
}

/// A network from a file is checked before anything reads it.
#[test]
fn a_key_with_a_malformed_network_is_not_explained() {
    let folder = tempfile::tempdir().unwrap();
    let mut key: VerifyingKey = read_file(keys().join("lenet.vkey")).unwrap();
    key.network.graph.nodes[1].inputs[0].0 = 999;
    write_file(folder.path().join("bad.vkey"), &key).unwrap();
    for arguments in [
        &["inspect", "bad.vkey"][..],
        &["inspect", "--explain", "bad.vkey"],
    ] {
        assert_refused(
            &zkml(arguments, folder.path()),
            1,
            &["operand number 999 is not an earlier node"],
        );
    }
}

#[test]
fn what_the_optimizer_did_is_explained() {
    let explained = answer(&zkml(&["inspect", "--explain", "--json", "lenet.model"], keys()));
    let content = &explained["content"];
    let cells = |pass: usize| content["circuit_level"][pass]["effect"][0].clone();
    assert_eq!(content["circuit_level"][3]["pass"], "shifted_convolution");
    assert!(cells(3)["without"].as_u64().unwrap() > 2 * cells(3)["with"].as_u64().unwrap());
    assert_eq!(content["operation_level"][0]["pass"], "activation_fusion");
    assert_eq!(
        content["operation_level"][0]["changes"].as_array().unwrap().len(),
        4
    );
    assert_eq!(content["model_level"].as_array().unwrap().len(), 11);
    let output = zkml(&["inspect", "--explain", "lenet.model"], keys());
    assert!(text(&output.stdout).contains("`relu` is the table of the rescale of `conv1`"));
    for key in ["lenet.pkey", "lenet.vkey"] {
        let output = zkml(&["inspect", "--explain", key], keys());
        assert!(text(&output.stdout).contains("multiplicities of tables"), "{key}");
    }
    let (out, _) = prove("seven.png", &[]);
    let proof = out.path().join("lenet.proof");
    let output = zkml(&["inspect", "--explain", proof.to_str().unwrap()], keys());
    assert_refused(
        &output,
        2,
        &["--explain: expected a compiled model or a key, found proof"],
    );

    let folder = tempfile::tempdir().unwrap();
    answer(&compile(
        folder.path(),
        &["--json", "--without", "table_sharing,relu_hoisting"],
    ));
    let explained = answer(&zkml(
        &["inspect", "--explain", "--json", "lenet.model"],
        folder.path(),
    ));
    let enabled = |level: &str, name: &str| {
        let passes = explained["content"][level].as_array().unwrap();
        let pass = passes.iter().find(|pass| pass["pass"] == name).unwrap();
        pass["enabled"].as_bool().unwrap()
    };
    assert!(!enabled("circuit_level", "table_sharing"));
    assert!(!enabled("model_level", "relu_hoisting"));
    assert!(enabled("model_level", "max_pool_order") && enabled("circuit_level", "code_choice"));
}

#[test]
fn a_key_is_compared_with_a_known_model() {
    let output = zkml(&["verify-key", "lenet.vkey", "--network", "lenet"], keys());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let found = text(&output.stdout);
    assert!(
        found.contains("network       the same architecture, with 8 bits, a batch of 1 and the class as an output as in the key; "),
        "{found}"
    );
    let found = answer(&zkml(
        &["verify-key", "lenet.vkey", "--network", "lenet", "--json"],
        keys(),
    ));
    assert_eq!(found["network"]["compared"], serde_json::json!(["architecture"]));
    let other = zkml(&["verify-key", "lenet.vkey", "--network", "mlp"], keys());
    assert_refused(&other, 1, &["rejected: another network: "]);
}

#[test]
fn inspect_prints_the_network_as_pytorch_does() {
    let output = zkml(&["inspect", "lenet.vkey"], keys());
    let found = text(&output.stdout);
    for line in [
        "(conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))",
        "Linear(in_features=400, out_features=120)",
        "MaxPool2d(kernel_size=(2, 2), stride=(2, 2))",
        "Rescale(Relu, ",
        "images         (byte / 255 - [0.0]) / [1.0], 2 zero pixels around",
        "-> output 0",
    ] {
        assert!(found.contains(line), "{line}: {found}");
    }
    let circuit = zkml(&["inspect", "lenet.vkey", "--circuit"], keys());
    let circuit: serde_json::Value = serde_json::from_slice(&circuit.stdout).unwrap();
    assert!(circuit["columns"].as_array().unwrap().len() > 50);
    assert_refused(
        &zkml(&["inspect", "lenet.pkey", "--circuit"], keys()),
        2,
        &["expected a verifying key, found a proving key"],
    );
}
