//! What the commands say: objects for programs, numbers, lists, plurals, and pages for the shell.

use serde_json::Value;

use super::lenet::{DIGITS, WEIGHTS, answer, compile, keys};
use super::verify::{input, key};
use super::{assert_refused, text, zkml};
use zkml_core::privacy::Privacy;
use zkml_core::proof::write_file;

/// The one line that a failed command printed for programs.
fn failure(arguments: &[&str], code: i32) -> Value {
    let output = zkml(arguments, keys());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    assert_eq!(text(&output.stdout).lines().count(), 1, "{arguments:?}");
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["ok"], false, "{arguments:?}");
    assert!(!object["error"].as_str().unwrap().is_empty(), "{arguments:?}");
    assert!(!output.stderr.is_empty(), "{arguments:?}");
    object
}

#[test]
fn every_failure_is_an_object() {
    for arguments in [
        &["--json"][..],
        &["inspect", "--json"],
        &["prove", "--json", "--key", "a"],
        &["verify", "--key", "a", "--json", "--proof"],
        &[
            "compile",
            "lenet",
            "--json",
            "--bits",
            "3",
            "--weights",
            "w",
            "--calibration",
            "c",
        ],
        &["setup", "--json", "none"],
        &["models", "--json", "--threads", "0"],
        &["inspect", "--json", "none"],
        &["rotate-key", "none", "-o", "a", "--verifying-key", "b", "--json"],
    ] {
        failure(arguments, 2);
    }
    assert_eq!(
        failure(&["inspect", "--json", "seven.png"], 1)["valid"],
        Value::Null
    );
    // A file that is no key is refused; one that is not there was not checked.
    let verify = |key| ["verify", "--json", "--key", key, "--proof", "none"];
    assert_eq!(failure(&verify("seven.png"), 1)["valid"], false);
    assert_eq!(failure(&verify("none"), 2)["valid"], Value::Null);
    let error = failure(&["prove", "--json", "--kye", "a"], 2);
    assert!(error["error"].as_str().unwrap().contains("--kye"), "{error}");
    // Help is no failure.
    let output = zkml(&["inspect", "--json", "--help"], keys());
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("Usage: zkml inspect"));
}

#[test]
fn every_answer_is_ok_and_numbers_are_short() {
    let models = answer(&zkml(&["models", "--json"], keys()));
    assert_eq!(models["ok"], true);
    let mut listed = models["models"].as_array().unwrap().iter();
    let cifar = listed.find(|model| model["name"] == "vgg16_bn-cifar10").unwrap();
    let printed = cifar.to_string();
    assert!(
        !printed.contains("00000") && !printed.contains("99999"),
        "{printed}"
    );
    for file in ["lenet.model", "lenet.pkey", "lenet.vkey"] {
        assert_eq!(answer(&zkml(&["inspect", "--json", file], keys()))["ok"], true);
    }
    assert_eq!(
        answer(&zkml(&["verify-key", "--json", "lenet.vkey"], keys()))["ok"],
        true
    );
}

#[test]
fn a_network_that_is_no_classifier_answers_with_values() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    answer(&compile(folder, &["--json", "--no-argmax", "--public"]));
    answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    std::fs::copy(keys().join("seven.png"), folder.join("seven.png")).unwrap();
    let prove = ["prove", "--key", "lenet.pkey", "--input", "seven.png"];
    let output = zkml(&prove, folder);
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert!(lines[2].starts_with("output 0: "), "{lines:?}");
    let shown: Vec<f64> = lines[2]["output 0: ".len()..]
        .split(", ")
        .map(|value| value.parse().unwrap())
        .collect();
    let outputs: Value =
        serde_json::from_slice(&std::fs::read(folder.join("lenet.outputs.json")).unwrap()).unwrap();
    let values = outputs["outputs"][0]["values"].as_array().unwrap();
    assert_eq!(shown.len(), 10);
    for (shown, value) in shown.iter().zip(values) {
        assert!(
            (shown - value.as_f64().unwrap()).abs() <= 1e-6 * shown.abs(),
            "{shown} {value}"
        );
    }
    let proved = answer(&zkml(&[&prove[..], &["--json", "--force"]].concat(), folder));
    assert_eq!(proved["answers"][0]["values"], outputs["outputs"][0]["values"]);
    let verified = zkml(
        &["verify", "--key", "lenet.vkey", "--proof", "lenet.proof"],
        folder,
    );
    let line = format!("values   {}", &lines[2]["output 0: ".len()..]);
    assert!(
        text(&verified.stdout).contains(&line),
        "{}",
        text(&verified.stdout)
    );
}

#[test]
fn values_begin_with_a_hyphen_and_lists_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (weights, digits) = (WEIGHTS, DIGITS);
    // The name of the model stands behind a list of numbers, and behind one of samples.
    let arguments = ["compile", "--weights", weights, "--samples", "4", "--json"];
    let means = [
        "--mean",
        "-0.5",
        "--calibration",
        digits,
        "--deviation",
        "0.5",
        "lenet",
    ];
    answer(&zkml(&[&arguments[..], &means].concat(), folder));
    let inspected = answer(&zkml(&["inspect", "--json", "lenet.model"], folder));
    assert_eq!(inspected["content"]["images"]["mean"], serde_json::json!([-0.5]));
    let samples = ["-o", "b.model", "--calibration", digits, digits, "lenet"];
    answer(&zkml(&[&arguments[..], &samples].concat(), folder));
    let unnamed = zkml(
        &[&arguments[..5], &["--calibration", digits, digits]].concat(),
        folder,
    );
    assert_refused(
        &unnamed,
        2,
        &["expected the name of a model", "`zkml models` lists them"],
    );
    // A nonce may begin with a hyphen.
    let verify = ["verify", "--key", "a", "--proof", "b", "--context", "-7"];
    assert_refused(&zkml(&verify, folder), 2, &["a: no such file"]);
}

#[test]
fn one_proof_is_no_plural() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = key("small", 1, folder, Privacy::default());
    key.write_file(&folder.join("small.pkey")).unwrap();
    write_file(folder.join("small.vkey"), key.verifying()).unwrap();
    drop(key);
    ndarray_npy::write_npy(folder.join("input.npy"), &input(1)).unwrap();
    let left = || {
        let prove = ["prove", "--key", "small.pkey", "--input", "input.npy", "--force"];
        let output = zkml(&prove, folder);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout).lines().last().unwrap().to_owned()
    };
    let mut line = left();
    while line != "1 proof left with this key" {
        assert!(
            line.ends_with(" proofs left with this key") && !line.starts_with("0 "),
            "{line}"
        );
        line = left();
    }
    assert_eq!(left(), "0 proofs left with this key");
    // The words of `rotate-key` are those of `setup`.
    let rotate = [
        "rotate-key",
        "small.pkey",
        "-o",
        "new.pkey",
        "--verifying-key",
        "new.vkey",
    ];
    let output = zkml(&rotate, folder);
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert!(lines[0].starts_with("wrote new.pkey (proving key, "), "{lines:?}");
    assert!(
        lines[1].starts_with("wrote new.vkey (verifying key, "),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("key ") && lines[3].starts_with("good for "),
        "{lines:?}"
    );
    assert_eq!(lines[4], "next: zkml verify-key new.vkey --previous OLD.vkey");
    std::fs::remove_file(folder.join("new.vkey")).unwrap();
    let again = answer(&zkml(&[&rotate[..], &["--json"]].concat(), folder));
    assert_eq!(
        (&again["ok"], &again["files"][0]["kept"]),
        (&Value::from(true), &Value::from(true))
    );
    assert_eq!(again["files"][1]["path"], "new.vkey");
}

#[test]
fn completions_and_pages() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = zkml(&["completions", shell], folder.path());
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = text(&output.stdout);
        assert!(
            script.contains("rotate-key") && script.contains("calibration"),
            "{shell}"
        );
    }
    let page = zkml(&["man"], folder.path());
    assert!(text(&page.stdout).contains(".TH zkml 1") && text(&page.stdout).contains("zkml\\-setup(1)"));
    let codes = zkml(&["--help"], folder.path());
    let codes = text(&codes.stdout)
        .lines()
        .rev()
        .map_while(|line| line.split_whitespace().next());
    assert_eq!(codes.collect::<Vec<_>>(), ["130", "2", "1", "0", "Exit"]);
    let page = zkml(&["man", "setup"], folder.path());
    let page = text(&page.stdout);
    assert!(
        page.contains("[\\-\\-threads <THREADS>]") && page.contains(".SH \"EXIT STATUS\""),
        "{page}"
    );
    assert!(!page.contains("EXTRA"), "{page}");
    assert_refused(
        &zkml(&["man", "set"], folder.path()),
        2,
        &["expected one of models, compile, "],
    );
}
