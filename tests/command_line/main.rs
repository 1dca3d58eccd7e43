//! The binary `zkml`, as a user runs it: output, error text and exit code.

// Helpers of tests are tests, too, but the lints only see the functions marked so.
#![allow(clippy::expect_used, clippy::unwrap_used)]

#[cfg(feature = "prover")]
mod destination;
#[cfg(feature = "prover")]
mod documents;
#[cfg(feature = "prover")]
mod files;
#[cfg(all(feature = "prover", target_os = "linux"))]
mod forests;
mod hosts;
#[cfg(feature = "prover")]
mod inputs;
#[cfg(feature = "prover")]
mod inspect;
#[cfg(all(feature = "prover", unix))]
mod interruption;
#[cfg(feature = "prover")]
mod keys;
#[cfg(feature = "prover")]
mod lenet;
#[cfg(feature = "prover")]
mod llm;
#[cfg(feature = "prover")]
mod pipeline;
mod scales;
#[cfg(all(feature = "prover", unix))]
mod terminal;
mod transcript;
#[cfg(feature = "prover")]
mod verify;
#[cfg(feature = "prover")]
mod words;

use std::path::Path;
use std::process::{Command, Output};

use zkml_core::proof::{Proof, PublicValues, to_bytes};

fn proof(public: PublicValues) -> Proof {
    Proof {
        key: [0xab; 32],
        opening: 3,
        lengths: None,
        public,
        messages: vec![0; 5],
    }
}

fn values() -> PublicValues {
    PublicValues {
        input: Some(vec![1, 2, 300]),
        outputs: Some(vec![vec![-4]]),
    }
}

fn zkml(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zkml"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("ZKML_TRUSTED_KEYS", folder.join("trusted"))
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Checks that a run is refused with this exit code, nothing on stdout and one line on stderr with `words`.
fn assert_refused(output: &Output, code: i32, words: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(error.lines().count(), 1, "{error}");
    for word in words {
        assert!(error.contains(word), "no {word:?} in {error:?}");
    }
}

#[test]
fn inspect_tells_kind_version_and_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = to_bytes(&proof(values())).unwrap();
    std::fs::write(folder.path().join("a.proof"), bytes).unwrap();

    let output = zkml(&["inspect", "a.proof"], folder.path());
    assert_eq!(output.status.code(), Some(0));
    let expected = "\
file           a.proof
kind           proof
version        5
payload        50 bytes
size           102 bytes
checksum       ok
key digest     DIGEST
opening        3
input          3 integers: 1, 2, 300
output 0       1 integer: -4
messages       5 bytes
labels         (--key KEY lists the messages; for a proof bound to a context add --context TEXT)
";
    assert_eq!(text(&output.stdout), expected.replace("DIGEST", &"ab".repeat(32)));

    let output = zkml(&["inspect", "--json", "a.proof"], folder.path());
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["kind"], "proof");
    assert_eq!(json["version"], 5);
    assert_eq!(json["bytes"], 102);
    assert_eq!(json["content"]["output_0"]["first"], serde_json::json!([-4]));
}

#[test]
fn inspect_says_what_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let private = PublicValues {
        input: None,
        outputs: None,
    };
    std::fs::write(folder.path().join("a.proof"), to_bytes(&proof(private)).unwrap()).unwrap();
    let output = zkml(&["inspect", "a.proof"], folder.path());
    assert!(text(&output.stdout).contains("input          (private)\noutputs        (private)\n"));
    let output = zkml(&["inspect", "--json", "a.proof"], folder.path());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["content"]["input"]["private"], true);
}

#[test]
fn inspect_refuses_damaged_files() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = to_bytes(&proof(values())).unwrap();
    let refused = |bytes: &[u8], words: &[&str]| {
        std::fs::write(folder.path().join("a.proof"), bytes).unwrap();
        assert_refused(&zkml(&["inspect", "a.proof"], folder.path()), 1, words);
    };
    let mut altered = bytes.clone();
    altered[21] ^= 1;
    refused(&altered, &["error: a.proof: ", "checksum"]);
    refused(
        &bytes[..30],
        &["a.proof: truncated: expected 102 bytes, found 30"],
    );
    refused(&[&bytes[..], b"more"].concat(), &["4 bytes follow", "offset 102"]);
    refused(b"{\"json\": true}", &["not a zkml file"]);
    refused(b"", &["truncated"]);
}

#[test]
fn what_cannot_be_read_is_not_called_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(
        &zkml(&["inspect", "missing"], folder.path()),
        2,
        &["missing: no such file"],
    );
    assert_refused(
        &zkml(&["inspect", "."], folder.path()),
        2,
        &["cannot read .: expected a regular file, found a folder"],
    );
}

#[test]
fn wrong_usage_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["inspect"][..],
        &["prove-it"],
        &["inspect", "a", "b"],
        &["verify", "--key", "a"],
        &[],
    ] {
        let output = zkml(arguments, folder.path());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("Usage: zkml"), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
    for arguments in [&["--help"][..], &["inspect", "--help"], &["verify", "--help"]] {
        let output = zkml(arguments, folder.path());
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("Exit codes:"), "{arguments:?}");
    }
}
