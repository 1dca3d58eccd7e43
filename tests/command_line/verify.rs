//! `zkml verify` and `zkml inspect` on the files of a small model: one honest set, and every way to spoil it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use zkml::argument::Statement;
use zkml::keys::VerifyingKey;
use zkml::keys::{CompiledModel, ProvingKey};
use zkml::models::Mlp;
use zkml::nn::Weights;
use zkml::prelude::*;
use zkml::proof::{Proof, PublicValues};
use zkml::prove::prove;
use zkml::quant::{Calibration, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};
use zkml_core::proof::{Artifact, read_file, to_bytes, write_file};
use zkml_core::prove::{Input, prove_with_secrets};
use zkml_core::verify::ReadableOutputs;

use super::{assert_refused, text, zkml as run};

/// What the proofs are bound to.
const CONTEXT: &str = "nonce 7";

/// A perceptron of 12 inputs and 4 classes with fixed pseudo-random weights.
pub(crate) fn key(name: &str, seed: u64, folder: &Path, privacy: Privacy) -> ProvingKey {
    let graph = Mlp::new(12, 8, 4).trace_with_input(&[1, 12]).unwrap();
    let mut state = seed;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 23) as f32) - 1.0
    };
    let weights: Vec<(String, Vec<usize>, Vec<u8>)> = graph
        .parameters
        .iter()
        .map(|parameter| {
            let count = parameter.shape.iter().product();
            let bytes = (0..count).flat_map(|_: usize| random().to_le_bytes()).collect();
            (parameter.path.clone(), parameter.shape.clone(), bytes)
        })
        .collect();
    let views: HashMap<&str, TensorView<'_>> = weights
        .iter()
        .map(|(path, shape, bytes)| {
            (
                path.as_str(),
                TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
            )
        })
        .collect();
    let path = folder.join(format!("{name}.safetensors"));
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();

    let (graph, _) = graph.load(&Weights::open(&path).unwrap()).unwrap();
    let graph = graph.with_argmax().unwrap();
    let samples = (0..8).map(input);
    let calibration = Calibration::collect(&graph, samples, CalibrationMethod::default()).unwrap();
    let network = quantize(&graph, &calibration, &QuantizeOptions::default()).unwrap();
    let model = CompiledModel::new(name, network).with_privacy(privacy);
    let options = SetupOptions {
        proofs_per_key: 3,
        ..SetupOptions::default()
    };
    setup(model, &options).unwrap()
}

pub(crate) fn input(sample: usize) -> ndarray::ArrayD<f32> {
    let values = (0..12)
        .map(|index| ((index * 5 + sample * 7) % 13) as f32 / 6.0 - 1.0)
        .collect();
    ndarray::ArrayD::from_shape_vec(vec![1, 12], values).unwrap()
}

/// The folder with the honest files, made once: `small.*`, the same for `other`, and `second.*` of another input.
fn files() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("command_line");
        // Counters of keys from earlier runs.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let write_proof = |name: &str, key: &ProvingKey, sample: usize| {
            let input = key
                .model()
                .network
                .quantize_input(&input(sample))
                .unwrap()
                .integers;
            let proof = prove(key, &input, CONTEXT.as_bytes()).unwrap();
            write_file(folder.join(format!("{name}.proof")), &proof).unwrap();
            let outputs = ReadableOutputs::new(&Statement::of_proving(key).unwrap(), &proof.public).unwrap();
            std::fs::write(
                folder.join(format!("{name}.json")),
                serde_json::to_vec_pretty(&outputs).unwrap(),
            )
            .unwrap();
        };
        for (name, seed) in [("small", 1), ("other", 2)] {
            let key = key(name, seed, &folder, Privacy::PUBLIC);
            write_file(folder.join(format!("{name}.vkey")), key.verifying()).unwrap();
            write_file(folder.join(format!("{name}.model")), key.model()).unwrap();
            key.write_file(&folder.join(format!("{name}.pkey"))).unwrap();
            write_proof(name, &key, 3);
            if name == "small" {
                write_proof("second", &key, 4);
            }
        }
        folder
    })
}

/// Runs `zkml verify` on the honest files, some of them replaced.
fn verify_with(replaced: &[(&str, &Path)], more: &[&str]) -> Output {
    let folder = files();
    let mut arguments: Vec<String> = vec!["verify".into()];
    for (option, name) in [("--key", "small.vkey"), ("--proof", "small.proof")] {
        let other = replaced.iter().find(|(replaced, _)| *replaced == option);
        let path = other.map_or_else(|| folder.join(name), |(_, path)| path.to_path_buf());
        arguments.extend([option.into(), path.display().to_string()]);
    }
    if !more.contains(&"--context") {
        arguments.extend(["--context".into(), CONTEXT.into()]);
    }
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(&arguments, folder)
}

/// As [`verify_with`], with one file of other bytes.
fn verify_bytes(option: &str, bytes: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed");
    std::fs::write(&path, bytes).unwrap();
    verify_with(&[(option, &path)], &[])
}

fn changed<T: Artifact>(name: &str, change: impl FnOnce(&mut T)) -> Vec<u8> {
    let mut artifact: T = read_file(files().join(name)).unwrap();
    change(&mut artifact);
    to_bytes(&artifact).unwrap()
}

#[test]
fn an_honest_proof_is_valid() {
    let output = verify_with(&[], &["--outputs", "small.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let answer = text(&output.stdout);
    assert!(answer.starts_with("valid\nkey      "), "{answer}");
    for shown in [
        "\ninput    12 integers: ",
        "\noutput 0 4 integers: ",
        "\noutput 1 1 integer: ",
    ] {
        assert!(answer.contains(shown), "no {shown:?} in {answer}");
    }

    let output = verify_with(&[], &["--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let outputs: ReadableOutputs =
        serde_json::from_slice(&std::fs::read(files().join("small.json")).unwrap()).unwrap();
    assert_eq!(answer["valid"], true);
    assert_eq!(answer["outputs"]["class"], outputs.class.unwrap());
    assert_eq!(answer["input"].as_array().map(Vec::len), Some(12));
    let logits = &outputs.outputs.as_ref().unwrap()[0].integers;
    let class = outputs.class.unwrap() as usize;
    assert_eq!(logits.iter().max(), Some(&logits[class]));
}

#[test]
fn the_input_that_was_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asked.npy");
    let ask = |asked: &ndarray::ArrayD<f32>| {
        ndarray_npy::write_npy(&path, asked).unwrap();
        verify_with(&[], &["--input", path.to_str().unwrap()])
    };
    assert_eq!(ask(&input(3)).status.code(), Some(0));
    // The last of twelve integers differs.
    let mut other = input(3);
    other[[0, 11]] = -other[[0, 11]];
    assert_refused(
        &ask(&other),
        1,
        &[
            "rejected: ",
            "integer 11 of the proof's input is",
            "that of --input is",
        ],
    );
    // Far outside: it is clipped to what the proof is about. That is said, and counted.
    let clipped = input(3).mapv(|value| if value.abs() >= 1.0 { value * 1000.0 } else { value });
    let output = ask(&clipped);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(clipped.iter().filter(|value| value.abs() > 100.0).count(), 2);
    let line = "clipped  2 values of --input: the proof is about the clipped input\n";
    assert!(text(&output.stdout).contains(line), "{}", text(&output.stdout));
    let output = verify_with(&[], &["--input", path.to_str().unwrap(), "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["input_clipped"], 2);
    assert!(!text(&ask(&input(3)).stdout).contains("clipped"));

    let wrong = ndarray::ArrayD::zeros(vec![2, 12]);
    assert_refused(&ask(&wrong), 2, &["--input: expected 1 input"]);
}

#[test]
fn files_that_are_none_of_the_kind() {
    let folder = files();
    for option in ["--key", "--proof"] {
        let missing = verify_with(&[(option, Path::new("missing"))], &[]);
        assert_refused(&missing, 2, &["missing: no such file"]);
        assert_refused(
            &verify_bytes(option, b"{\"json\": 1}"),
            1,
            &["changed: not a zkml file", "found \"{\\\"js\""],
        );
        assert_refused(&verify_bytes(option, b""), 1, &["changed: truncated"]);
    }
    let wrong = verify_with(&[("--key", &folder.join("small.proof"))], &[]);
    assert_refused(
        &wrong,
        1,
        &["small.proof: expected a verifying key, found a proof"],
    );
    let wrong = verify_with(&[("--proof", &folder.join("small.vkey"))], &[]);
    assert_refused(
        &wrong,
        1,
        &["small.vkey: expected a proof, found a verifying key"],
    );
}

#[test]
fn altered_and_truncated_files() {
    for (option, name) in [("--key", "small.vkey"), ("--proof", "small.proof")] {
        let bytes = std::fs::read(files().join(name)).unwrap();
        let mut altered = bytes.clone();
        altered[bytes.len() / 2] ^= 1;
        assert_refused(
            &verify_bytes(option, &altered),
            1,
            &["changed: the checksum does not match"],
        );
        let sizes = format!(
            "truncated: expected {} bytes, found {}",
            bytes.len(),
            bytes.len() / 2
        );
        assert_refused(&verify_bytes(option, &bytes[..bytes.len() / 2]), 1, &[&sizes]);
    }
}

#[test]
fn another_key() {
    let other = files().join("other.vkey");
    assert_refused(
        &verify_with(&[("--key", &other)], &[]),
        1,
        &["rejected: ", "another model: expected key", "found"],
    );
    let other = files().join("other.proof");
    assert_refused(
        &verify_with(&[("--proof", &other)], &[]),
        1,
        &["rejected: ", "another model: expected key"],
    );
    // A key with the name of the model changed, and the proof made to speak of it.
    let mut key: VerifyingKey = read_file(files().join("small.vkey")).unwrap();
    key.network.name.push('!');
    let digest = key.digest().unwrap();
    let proof = changed("small.proof", |proof: &mut Proof| proof.key = digest);
    let folder = tempfile::tempdir().unwrap();
    let (key_path, proof_path) = (folder.path().join("vkey"), folder.path().join("proof"));
    write_file(&key_path, &key).unwrap();
    std::fs::write(&proof_path, proof).unwrap();
    let output = verify_with(&[("--key", &key_path), ("--proof", &proof_path)], &[]);
    assert_refused(&output, 1, &["rejected: ", "check `"]);
    // Keys that describe no argument, or a weak one.
    let broken = changed("small.vkey", |key: &mut VerifyingKey| {
        key.network.graph.nodes[1].inputs.clear()
    });
    assert_refused(&verify_bytes("--key", &broken), 1, &["verifying key: "]);
    let weak = changed("small.vkey", |key: &mut VerifyingKey| {
        key.weights.code.queries = 20
    });
    assert_refused(
        &verify_bytes("--key", &weak),
        1,
        &["verifying key: ", "bits of soundness"],
    );
}

#[test]
fn altered_messages_in_an_intact_file() {
    let length = read_file::<Proof>(files().join("small.proof"))
        .unwrap()
        .messages
        .len();
    for place in [0, 40, length / 4, length / 2, length - 1] {
        let altered = changed("small.proof", |proof: &mut Proof| proof.messages[place] ^= 1);
        assert_refused(&verify_bytes("--proof", &altered), 1, &["rejected: "]);
    }
    let short = changed("small.proof", |proof: &mut Proof| {
        proof.messages.truncate(length / 2)
    });
    assert_refused(
        &verify_bytes("--proof", &short),
        1,
        &["rejected: proof is truncated: message `", "offset"],
    );
    let long = changed("small.proof", |proof: &mut Proof| proof.messages.push(0));
    assert_refused(
        &verify_bytes("--proof", &long),
        1,
        &["rejected: proof has 1 bytes after its last message"],
    );
}

#[test]
fn other_public_values() {
    fn output(public: &mut PublicValues, index: usize) -> &mut Vec<i64> {
        &mut public.outputs.as_mut().unwrap()[index]
    }
    let refused = |change: fn(&mut PublicValues), words: &[&str]| {
        assert_refused(
            &verify_bytes(
                "--proof",
                &changed("small.proof", |proof: &mut Proof| change(&mut proof.public)),
            ),
            1,
            words,
        );
    };
    // Those of another proof by the same key.
    refused(
        |public| *public = read_file::<Proof>(files().join("second.proof")).unwrap().public,
        &["rejected: ", "check `"],
    );
    refused(
        |public| public.input.as_mut().unwrap()[5] ^= 1,
        &["rejected: ", "check `"],
    );
    refused(|public| output(public, 0)[1] += 1, &["rejected: ", "check `"]);
    refused(
        |public| output(public, 1)[0] = (output(public, 1)[0] + 1) % 4,
        &["rejected: ", "check `"],
    );
    refused(
        |public| output(public, 1)[0] = 4,
        &["output.1[0]: expected a value in [0, 3], found 4"],
    );
    refused(
        |public| public.input.as_mut().unwrap().push(0),
        &["changed: expected at most 12 values of the input, found 13"],
    );
    refused(
        |public| public.input.as_mut().unwrap().clear(),
        &["input: expected 12 values", "found 0"],
    );
    refused(
        |public| public.input = None,
        &["input: expected public values, found none (private)"],
    );
    refused(
        |public| public.outputs = None,
        &["outputs: expected public values, found none (private)"],
    );
    refused(
        |public| public.outputs.as_mut().unwrap().truncate(1),
        &["outputs: expected 2 tensors, found 1 tensors"],
    );
    assert_refused(
        &verify_with(&[], &["--context", "nonce 8"]),
        1,
        &["rejected: ", "check `"],
    );
}

#[test]
fn other_readable_outputs() {
    let honest: Value = serde_json::from_slice(&std::fs::read(files().join("small.json")).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outputs.json");
    let refused = |text: &str, words: &[&str]| {
        std::fs::write(&path, text).unwrap();
        assert_refused(
            &verify_with(&[], &["--outputs", path.to_str().unwrap()]),
            1,
            words,
        );
    };
    let changes: [(&str, Value); 4] = [
        ("/class", Value::from(7)),
        ("/model", Value::from("large")),
        ("/outputs/0/integers/2", Value::from(1_000_000)),
        ("/outputs/0/values/1", Value::from(0.125)),
    ];
    let places = [
        "class: ",
        "model: ",
        "outputs[0].integers[2]: ",
        "outputs[0].values[1]: ",
    ];
    for ((pointer, value), place) in changes.into_iter().zip(places) {
        let mut altered = honest.clone();
        *altered.pointer_mut(pointer).unwrap() = value;
        refused(
            &altered.to_string(),
            &["outputs.json: ", place, "the public values give", "found"],
        );
    }
    let mut unknown = honest;
    unknown["probability"] = Value::from(1);
    refused(
        &unknown.to_string(),
        &[
            "outputs.json: expected the outputs of a proof as JSON",
            "probability",
        ],
    );
    refused(
        "valid",
        &["outputs.json: expected the outputs of a proof as JSON"],
    );
    assert_refused(
        &verify_with(&[], &["--outputs", "missing.json"]),
        2,
        &["missing.json: no such file"],
    );
}

#[test]
fn a_rejection_as_json() {
    let other = files().join("other.proof");
    let output = verify_with(&[("--proof", &other)], &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["valid"], false);
    assert!(
        answer["error"].as_str().unwrap().starts_with("rejected: "),
        "{answer}"
    );
}

#[test]
fn inspect_shows_what_is_in_each_kind() {
    let lines = |name: &str| {
        let output = run(&["inspect", name], files());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    let expected: [(&str, &[&str]); 4] = [
        (
            "small.vkey",
            &[
                "name           small",
                "columns",
                "lookups",
                "opened",
                "privacy        public input, public output, public weights",
                "[1, 12], integers in",
                "bits in all",
            ],
        ),
        (
            "small.model",
            &[
                "name           small",
                "parameters     212 in 6 tensors",
                "fc1",
                "argmax",
            ],
        ),
        (
            "small.pkey",
            &["kind           proving key", "name           small", "fc3"],
        ),
        (
            "small.proof",
            &[
                "key digest",
                "opening        0",
                "input          12 integers: ",
                "output 0       4 integers: ",
                "output 1       1 integer: ",
                "messages",
            ],
        ),
    ];
    for (name, words) in expected {
        let answer = lines(name);
        words
            .iter()
            .for_each(|word| assert!(answer.contains(word), "no {word:?} in {answer}"));
    }
    let json = |name: &str| -> Value {
        serde_json::from_slice(&run(&["inspect", "--json", name], files()).stdout).unwrap()
    };
    let key = json("small.vkey");
    assert_eq!(
        key["content"]["digest"],
        json("small.proof")["content"]["key_digest"]
    );
    assert_eq!(key["content"]["output_1"]["maximum"], 3);
    assert!(key["content"]["soundness"]["bits"].as_f64().unwrap() >= 100.0);
}

#[test]
fn commitments_to_private_outputs_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let privacy = Privacy {
        output: Visibility::Private,
        ..Privacy::PUBLIC
    };
    let key = key("private", 5, folder.path(), privacy);
    let input = key.model().network.quantize_input(&input(2)).unwrap().integers;
    let proven = prove_with_secrets(&key, Input::Values(&input), b"").unwrap();
    write_file(folder.path().join("vkey"), key.verifying()).unwrap();
    write_file(folder.path().join("proof"), &proven.proof).unwrap();
    let arguments = ["verify", "--key", "vkey", "--proof", "proof"];
    let output = run(&arguments, folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let commitment = proven.output.unwrap().commitment();
    let answer = text(&output.stdout);
    assert!(
        answer.contains(&format!("output   committed as {commitment}\n")),
        "{answer}"
    );

    let output = run(&[&arguments[..], &["--json"]].concat(), folder.path());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let root: String = commitment.root.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(answer["committed"]["output"]["root"], root);
    assert_eq!(
        answer["committed"]["output"]["tail"],
        key.verifying().weights.code.tail
    );
    assert_eq!(answer["committed"]["input"], Value::Null);
}
