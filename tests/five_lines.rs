//! The five lines of the README on LeNet-5 with its trained weights: what they give, and what they refuse.

#![cfg(feature = "prover")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ndarray::{ArrayD, Axis};
use zkml::data::{batch, idx, samples};
use zkml::keys::VerifyingKey;
use zkml::keys::{CompiledModel, ProvingKey};
use zkml::models::LeNet;
use zkml::nn::{WeightError, Weights};
use zkml::optimize::{Switches, optimize};
use zkml::prelude::*;
use zkml::proof::{Artifact, read_file, to_bytes};
use zkml::prove::prove;
use zkml::quant::{Calibration, Preprocessing, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};
use zkml::transcript::VerifyError;
use zkml::{Error, verify};

/// What a verifier would send.
const NONCE: &[u8] = b"nonce";

/// Digits that the model is quantized with.
const SAMPLES: usize = 64;

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/assets")
        .join(name)
}

fn weights() -> PathBuf {
    asset("lenet5-mnist.safetensors")
}

/// Digits as the network takes them.
fn digits() -> &'static [ArrayD<f32>] {
    static DIGITS: OnceLock<Vec<ArrayD<f32>>> = OnceLock::new();
    DIGITS.get_or_init(|| {
        let preprocessing = Preprocessing {
            pad: 2,
            ..Preprocessing::default()
        };
        let file = asset("mnist-t10k-first1000-images-idx3-ubyte.gz");
        let digits = samples(&file, &[1, 32, 32], SAMPLES).unwrap();
        let tensor = |digit| batch(digit, &[1, 32, 32], Some(&preprocessing)).unwrap();
        digits.chunks(1).map(tensor).collect()
    })
}

fn labels() -> Vec<usize> {
    let labels = idx::read_labels(asset("mnist-t10k-first1000-labels-idx1-ubyte")).unwrap();
    labels.into_iter().map(usize::from).collect()
}

fn quantized() -> QuantizedModel {
    static MODEL: OnceLock<QuantizedModel> = OnceLock::new();
    let make = || {
        LeNet::new()
            .load(weights())
            .unwrap()
            .classifier()
            .quantize(digits())
    };
    MODEL.get_or_init(|| make().unwrap()).clone()
}

/// Keys with all choices as they are by default.
fn keys() -> &'static (Prover, Verifier) {
    static KEYS: OnceLock<(Prover, Verifier)> = OnceLock::new();
    KEYS.get_or_init(|| quantized().setup().unwrap())
}

/// The name of the check that refused a proof.
fn refused(result: Result<Verified, Error>) -> &'static str {
    match result {
        Err(Error::Verify {
            error: VerifyError::Check { name, .. },
        }) => name,
        other => panic!("expected a failed check, found {other:?}"),
    }
}

#[test]
fn digits_are_classified_proved_and_verified() {
    let (prover, verifier) = keys();
    for (digit, label) in digits().iter().zip(labels()).take(3) {
        let answer = prover.prove(digit, NONCE).unwrap();
        let verified = verifier.verify(answer.proof(), NONCE).unwrap();
        assert_eq!((answer.class(), verified.class()), (Some(label), Some(label)));
        assert_eq!(verified.outputs(), Some(answer.outputs()));
        let [scores, class] = answer.outputs() else {
            panic!("scores and class expected, found {:?}", answer.outputs())
        };
        assert_eq!((scores.shape(), class.shape()), (&[1, 10][..], &[1][..]));
        // The class that is proved is the one that is read from the scores.
        assert_eq!(class.integers(), [i64::try_from(label).unwrap()]);
        assert_eq!(answer.outputs(), quantized().run(digit).unwrap());
        assert_eq!((verified.input(), verified.privacy()), (None, Privacy::default()));
        assert!(
            verified.to_string().ends_with("private: input, weights"),
            "{verified}"
        );
    }
}

/// An input that was not divided by 255 is refused, and counts nothing; a prover that allows it says what was clipped.
#[test]
fn inputs_unlike_the_samples_are_refused() {
    let (prover, verifier) = quantized().public_weights().setup().unwrap();
    let raw = &digits()[0] * 255.0;
    let error = prover.prove(&raw, NONCE).unwrap_err();
    assert!(
        matches!(error, Error::Clipped { clipping } if clipping.clipped > 50),
        "{error}"
    );
    assert!(matches!(quantized().run(&raw), Err(Error::Clipped { .. })));
    let prover = prover.allow_clipping();
    let answer = prover.prove(&raw, NONCE).unwrap();
    assert!(answer.clipping().is_suspicious());
    assert_eq!(
        verifier.verify(answer.proof(), NONCE).unwrap().class(),
        answer.class()
    );
    assert_eq!(prover.prove(&digits()[0], NONCE).unwrap().clipping().clipped, 0);
}

#[test]
fn integers_are_close_to_floats() {
    let model = quantized();
    let report = model.report();
    assert_eq!(report.samples, SAMPLES);
    assert!(
        report.classes.as_ref().unwrap().agreement >= SAMPLES - 1,
        "{report}"
    );
    assert!(report.outputs[0].total().relative_rms() < 0.05, "{report}");
    let float = LeNet::new().load(weights()).unwrap().run(&digits()[0]).unwrap();
    let integer = model.run(&digits()[0]).unwrap();
    assert_eq!(float.len(), 1);
    let largest = float[0].iter().fold(0f32, |largest, x| largest.max(x.abs()));
    for (float, integer) in float[0].iter().zip(integer[0].to_array().iter()) {
        assert!((float - integer).abs() < largest / 10.0, "{float} and {integer}");
    }
}

/// With nothing private there is no randomness: each lie is found by the same check in every run.
#[test]
fn another_nonce_and_altered_proofs_are_refused_by_name() {
    let (prover, verifier) = quantized().public().setup().unwrap();
    let answer = prover.prove(&digits()[0], NONCE).unwrap();
    let proof = answer.proof();
    verifier.verify(proof, NONCE).unwrap();
    let altered = |alter: fn(&mut Proof)| {
        let mut altered = proof.clone();
        alter(&mut altered);
        refused(verifier.verify(&altered, NONCE))
    };
    let found = [
        refused(verifier.verify(proof, b"another nonce")),
        // The root of the trace, which all challenges are drawn after.
        altered(|proof| proof.messages[0] ^= 1),
        // One bit of the last message.
        altered(|proof| *proof.messages.last_mut().unwrap() ^= 1),
        // An output that was not computed.
        altered(|proof| proof.public.outputs.as_mut().unwrap()[0][0] ^= 1),
    ];
    assert_eq!(
        found,
        ["lookup.layer", "lookup.layer", "recursion.merkle", "lookup.layer"]
    );
    let report = format!("{:?}", verifier.verify(proof, b"another nonce").unwrap_err());
    assert!(
        report.contains(&format!("check `{}` failed", found[0])),
        "{report}"
    );
}

#[test]
fn hidden_proofs_are_refused_for_another_nonce_and_another_key() {
    let (prover, verifier) = keys();
    let answer = prover.prove(&digits()[0], NONCE).unwrap();
    // Which check it is depends on what is drawn: that of the proof of work in nearly every run.
    refused(verifier.verify(answer.proof(), b"another nonce"));

    // The same model, set up once more.
    let (_, stranger) = quantized().setup().unwrap();
    let error = stranger.verify(answer.proof(), NONCE).unwrap_err();
    let other = matches!(
        error,
        Error::Verify {
            error: VerifyError::OtherKey { .. }
        }
    );
    assert!(other, "{error}");
}

#[test]
fn what_is_no_input_uses_up_no_proof() {
    let (prover, _) = quantized().setup().unwrap();
    let before = prover.remaining().unwrap().unwrap();
    assert!(before >= 64, "{before}");
    let without_batch = digits()[0].index_axis(Axis(0), 0).to_owned();
    let mut not_finite = digits()[0].clone();
    not_finite[[0, 0, 7, 9]] = f32::NAN;
    for (input, words) in [
        (
            without_batch,
            "expected shape [1, 1, 32, 32], found [1, 32, 32]. The batch comes first",
        ),
        (not_finite, "value NaN at index [0, 0, 7, 9] is not finite"),
    ] {
        let error = prover.prove(&input, NONCE).unwrap_err();
        assert!(matches!(error, Error::Input { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(prover.remaining().unwrap(), Some(before));
    // A proof that nobody gets counts.
    drop(prover.prove(&digits()[0], NONCE).unwrap());
    assert_eq!(prover.remaining().unwrap(), Some(before - 1));
}

#[test]
fn what_is_saved_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (prover, verifier) = quantized().setup().unwrap();
    prover.save(at("digits.pkey")).unwrap();
    verifier.save(at("digits.vkey")).unwrap();
    let first = prover.prove(&digits()[1], NONCE).unwrap();
    let left = prover.remaining().unwrap();
    drop(prover);

    // The counter is on disk.
    let prover = Prover::open(at("digits.pkey")).unwrap();
    assert_eq!(prover.remaining().unwrap(), left);
    let answer = prover.prove(&digits()[1], NONCE).unwrap();
    assert_eq!(answer.outputs(), first.outputs());
    answer.proof().save(at("digits.v2.proof")).unwrap();
    let proof = Proof::open(at("digits.v2.proof")).unwrap();
    assert_eq!(&proof, answer.proof());
    let opened = Verifier::open(at("digits.vkey")).unwrap();
    assert_eq!(opened.open_proof(at("digits.v2.proof")).unwrap(), proof);
    assert_eq!(opened.digest(), verifier.digest());
    assert_eq!(opened.verify(&proof, NONCE).unwrap().class(), answer.class());

    // The same files for the command line and for the functions of the modules.
    let key: VerifyingKey = read_file(at("digits.vkey")).unwrap();
    verify::verify(&key, &proof, NONCE).unwrap();
    assert!(ProvingKey::read_file(&at("digits.pkey")).is_ok());
    let output = Command::new(env!("CARGO_BIN_EXE_zkml"))
        .current_dir(folder.path())
        .env("ZKML_TRUSTED_KEYS", at("trusted"))
        .args(["verify", "--key", "digits.vkey", "--proof", "digits.v2.proof"])
        .args(["--context", "nonce"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("valid\n"), "{text}");

    let missing = Verifier::open(at("missing.vkey")).unwrap_err();
    assert!(
        format!("{missing:?}").contains("missing.vkey: no such file"),
        "{missing}"
    );
}

/// With nothing private there is no randomness: the same bytes.
#[test]
fn five_lines_do_what_the_functions_of_the_modules_do() {
    let (prover, verifier) = quantized().public().setup().unwrap();
    let answer = prover.prove(&digits()[2], NONCE).unwrap();

    let weights = Weights::open(weights()).unwrap();
    let (graph, _) = LeNet::new().trace().unwrap().load(&weights).unwrap();
    let (graph, _) = optimize(graph, &Switches::default()).unwrap();
    let graph = graph.with_argmax().unwrap();
    let samples = digits().iter().cloned();
    let calibration = Calibration::collect(&graph, samples, CalibrationMethod::default()).unwrap();
    let network = quantize(&graph, &calibration, &QuantizeOptions::default()).unwrap();
    let model = CompiledModel::new("LeNet", network).with_privacy(Privacy::PUBLIC);
    let key = setup(model, &SetupOptions::default()).unwrap();
    let input = key.model().network.quantize_input(&digits()[2]).unwrap().integers;
    let proof = prove(&key, &input, NONCE).unwrap();

    fn same<T: Artifact>(a: &T, b: &T) {
        assert!(to_bytes(a).unwrap() == to_bytes(b).unwrap(), "{}", T::KIND);
    }
    same(verifier.key(), key.verifying());
    same(answer.proof(), &proof);
    assert_eq!(prover.remaining().unwrap(), None);
    let verified = verifier.verify(answer.proof(), NONCE).unwrap();
    assert!(verified.to_string().ends_with("private: nothing"), "{verified}");
}

#[test]
fn choices_reach_the_keys() {
    let model = quantized().public_input().private_output().public_weights();
    let (prover, verifier) = model.setup().unwrap();
    let answer = prover.prove(&digits()[0], NONCE).unwrap();
    assert_eq!(prover.remaining().unwrap(), None);
    assert_eq!(answer.class(), Some(labels()[0]));
    let verified = verifier.verify(answer.proof(), NONCE).unwrap();
    assert_eq!((verified.outputs(), verified.class()), (None, None));
    // Logs print by `Debug`: nothing private is in it.
    let (value, integer) = (answer.outputs()[0].values()[0], answer.outputs()[0].integers()[0]);
    let written = format!("{answer:?} {:?} {prover:?}", answer.outputs());
    assert!(
        !written.contains(&value.to_string()) && !written.contains(&integer.to_string()),
        "{written}"
    );
    assert!(verified.classes().is_empty() && verified.commitments().output.is_some());
    assert!(verified.to_string().ends_with("private: outputs"), "{verified}");
    let input = verified.input().expect("a public input").to_array();
    assert!(
        input
            .iter()
            .zip(&digits()[0])
            .all(|(found, asked)| (found - asked).abs() < 0.01),
        "{input}"
    );

    let (many, _) = quantized().favour(Favour::Speed).proofs(200).setup().unwrap();
    assert!(many.remaining().unwrap() >= Some(200), "{many:?}");
    let speed = &many.key().verifying().weights.code;
    assert_ne!(speed, &keys().0.key().verifying().weights.code);
}

#[test]
fn names_of_classes_are_those_of_the_answer() {
    const NAMES: [&str; 10] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ];
    let model = || LeNet::new().load(weights()).unwrap().named("digits");
    let error = model()
        .with_classes(["even", "odd"])
        .quantize(digits())
        .unwrap_err();
    let expected = matches!(
        error,
        Error::ClassNames {
            expected: 10,
            found: 2
        }
    );
    assert!(expected, "{error}");

    let model = model().with_classes(NAMES).bits(6).quantize(digits()).unwrap();
    let (prover, verifier) = model.setup().unwrap();
    let answer = prover.prove(&digits()[0], NONCE).unwrap();
    let verified = verifier.verify(answer.proof(), NONCE).unwrap();
    assert_eq!((answer.label(), verified.label()), (Some("seven"), Some("seven")));
    assert_eq!(verified.model(), "digits");

    let (rotated, verifier) = prover.rotate().unwrap();
    let again = rotated.prove(&digits()[0], NONCE).unwrap();
    assert_eq!(
        verifier.verify(again.proof(), NONCE).unwrap().label(),
        Some("seven")
    );
}

/// The first layers of LeNet alone.
#[zk_model(input = [1, 1, 32, 32])]
struct FirstLayers {
    #[layer(in_channels = 1, out_channels = 6, kernel_size = 5)]
    conv1: Conv2d,
}

#[zk_model]
impl FirstLayers {
    fn forward(&self, x: Tensor) -> Tensor {
        self.conv1(x)
    }
}

/// A network that LeNet's weights do not fit.
#[zk_model]
struct Wider {
    #[layer(in_channels = 1, out_channels = 7, kernel_size = 5)]
    conv1: Conv2d,
}

#[zk_model]
impl Wider {
    fn forward(&self, x: Tensor) -> Tensor {
        self.conv1(x)
    }
}

#[test]
fn weights_of_another_network_are_refused() {
    let error = FirstLayers::new().load(weights()).unwrap_err();
    let report = format!("{error:?}");
    assert!(
        matches!(&error, Error::UnusedWeights { unused, .. } if unused.len() == 8),
        "{error}"
    );
    for words in [
        "`FirstLayers`",
        "lenet5-mnist.safetensors",
        "conv2.bias, conv2.weight, fc1.bias, fc1.weight and 4 more",
        "Model::from_graph",
    ] {
        assert!(report.contains(words), "no {words:?} in {report}");
    }
    // Left out on purpose.
    let (graph, _) = FirstLayers::new()
        .trace()
        .unwrap()
        .load(&Weights::open(weights()).unwrap())
        .unwrap();
    let model = Model::from_graph("first", graph).unwrap();
    assert_eq!(model.run(&digits()[0]).unwrap()[0].shape(), [1, 6, 28, 28]);

    let error = Wider::new().load(weights()).unwrap_err();
    assert!(matches!(error, Error::Trace { .. }), "{error}");
    assert!(error.to_string().contains("load_with_input"), "{error}");
    let error = Wider::new()
        .load_with_input(weights(), &[1, 1, 32, 32])
        .unwrap_err();
    let Error::Weights { error: inner, .. } = &error else {
        panic!("{error}")
    };
    assert!(matches!(**inner, WeightError::Mismatch(_)), "{error}");
    let words = "conv1.weight: expected [7, 1, 5, 5], found [6, 1, 5, 5]";
    assert!(error.to_string().contains(words), "{error}");
}

/// `main() -> Result<(), Box<dyn Error>>` prints `Debug`, of the errors of the modules too.
#[test]
fn debug_of_errors_is_the_report_for_people() {
    let errors: [Box<dyn std::error::Error>; 5] = [
        Wider::new().trace().unwrap_err().into(),
        Weights::open("missing.safetensors").unwrap_err().into(),
        read_file::<VerifyingKey>("missing.vkey").unwrap_err().into(),
        quantized()
            .network()
            .quantize_input(&ArrayD::zeros(vec![2]))
            .unwrap_err()
            .into(),
        LeNet::new()
            .load(weights())
            .unwrap()
            .quantize(&[])
            .unwrap_err()
            .into(),
    ];
    for error in errors {
        assert_eq!(format!("{error:?}"), error.to_string());
        assert_eq!(format!("{error:#?}"), error.to_string());
    }
}
