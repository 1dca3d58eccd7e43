//! `zkml compile`, `setup`, `prove`, `verify`: the whole way on LeNet-5.

use image::GrayImage;
use serde_json::Value;
use zkml::data::idx::read_images;

use super::lenet::{DIGITS, WEIGHTS, answer, compile, prove, write_digit};
use super::{assert_refused, text, zkml};

/// The texts under `key` in a list of an answer.
fn each<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    let entries = list.as_array().unwrap().iter();
    entries.filter_map(|entry| entry[key].as_str()).collect()
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
    let (weights, digits) = (WEIGHTS, DIGITS);
    let run = |model: &str, weights: &str, samples: &str, further: &[&str]| {
        let arguments = ["compile", model, "--weights", weights, "--calibration", samples];
        zkml(&[&arguments[..], further].concat(), folder)
    };
    let other = run("mlp", weights, digits, &[]);
    assert_eq!(other.status.code(), Some(1));
    assert!(
        text(&other.stderr).contains("fc1.weight: expected [128, 784], found [120, 400]"),
        "{}",
        text(&other.stderr)
    );
    assert_refused(
        &run("lenet", "none.safetensors", digits, &[]),
        2,
        &["none.safetensors: "],
    );
    assert_refused(&run("lenet", weights, "none", &[]), 2, &["none: "]);
    assert_refused(
        &run("lenet", weights, digits, &["--pad", "1"]),
        1,
        &["number 0: expected 30 x 30 pixels"],
    );
    assert_refused(
        &run("lenet", weights, digits, &["--deviation", "0"]),
        2,
        &["--deviation", "above 0"],
    );
    assert_refused(
        &run("lenet", weights, digits, &["--without", "nothing"]),
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
    let compiled = answer(&compile(folder, &["--json", "--error-budget", "0.8"]));
    let wider = compiled["wider_activations"].as_object().unwrap();
    assert!(!wider.is_empty(), "{compiled}");
    assert!(
        wider
            .values()
            .all(|bits| (10..=14).contains(&bits.as_u64().unwrap()))
    );
    assert!(
        compiled["calibration_error"].as_f64().unwrap() <= 0.008,
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
    let digits = read_images(DIGITS).unwrap();
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
