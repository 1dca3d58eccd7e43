//! `zkml verify --transcript` and `zkml inspect --key` on the proofs of the test vectors.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use zkml_core::proof::{Proof, read_file, to_bytes};

use super::{assert_refused, text, zkml};

const CONTEXT: &str = "test vector";
const NAMES: [&str; 3] = ["plain", "zero-knowledge", "rotated"];

/// A file of the vectors.
fn vector(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol");
    folder.join(name).display().to_string()
}

/// The lines of the transcript of a proof, as the vectors have them.
fn expected(name: &str) -> Vec<String> {
    expected_of(name, "transcript")
}

fn expected_of(name: &str, transcript: &str) -> Vec<String> {
    let vectors = std::fs::read(vector("test-vectors.json")).unwrap();
    let vectors: Value = serde_json::from_slice(&vectors).unwrap();
    let whole = vectors["6 whole proofs"].as_array().unwrap();
    let proof = whole.iter().find(|proof| proof["name"] == name).unwrap();
    let items = proof[transcript]["items"].as_array().unwrap();
    items
        .iter()
        .map(|line| line.as_str().unwrap().to_owned())
        .collect()
}

/// `zkml verify` on a proof for the key of that name.
fn verify(name: &str, proof: &str, more: &[&str], folder: &Path) -> Output {
    let key = vector(&format!("test-vectors/{name}.vkey"));
    let arguments = ["verify", "--key", &key, "--proof", proof, "--context", CONTEXT];
    zkml(&[&arguments[..], more].concat(), folder)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn the_transcript_is_that_of_the_test_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in NAMES {
        let (expected, proof) = (expected(name), vector(&format!("test-vectors/{name}.proof")));
        let output = verify(name, &proof, &["--transcript", "-"], folder);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(lines(text(&output.stdout)), expected, "{name}");

        let output = verify(name, &proof, &["--transcript", "lines.txt"], folder);
        assert!(text(&output.stdout).starts_with("valid\n"), "{name}");
        let written = std::fs::read_to_string(folder.join("lines.txt")).unwrap();
        assert_eq!(lines(&written), expected, "{name}");
    }
    let proof = vector("test-vectors/plain.proof");
    let both = verify("plain", &proof, &["--transcript", "-", "--json"], folder);
    assert_eq!(both.status.code(), Some(2));
    let nowhere = verify("plain", &proof, &["--transcript", "missing/lines.txt"], folder);
    assert_refused(&nowhere, 2, &["cannot write missing/lines.txt"]);
}

#[test]
fn the_transcript_of_a_setup_proof_is_that_of_the_test_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in NAMES {
        let key = vector(&format!("test-vectors/{name}.vkey"));
        let output = zkml(&["verify-key", &key, "--transcript", "-"], folder);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let expected = expected_of(name, "transcript of the setup proof");
        assert_eq!(lines(text(&output.stdout)), expected, "{name}");
        let output = zkml(&["verify-key", &key, "--transcript", "lines.txt"], folder);
        assert!(text(&output.stdout).starts_with("valid\n"), "{name}");
        let written = std::fs::read_to_string(folder.join("lines.txt")).unwrap();
        assert_eq!(lines(&written), expected, "{name}");
    }
}

/// The proof of that name with other messages, in a file.
fn altered(name: &str, folder: &Path, alter: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut proof: Proof = read_file(vector(&format!("test-vectors/{name}.proof"))).unwrap();
    alter(&mut proof.messages);
    let path: PathBuf = folder.join("altered.proof");
    std::fs::write(&path, to_bytes(&proof).unwrap()).unwrap();
    path.display().to_string()
}

#[test]
fn the_transcript_of_a_rejected_proof_ends_where_it_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // The third proof has work before the lookups, which another root does not fit.
    for name in &NAMES[..2] {
        let expected = expected(name);
        // The message after the root of the trace is missing.
        let message = |line: &&String| line.starts_with("message trace.root");
        let root = expected.iter().position(|line| message(&line)).unwrap();
        let roots = expected[root..]
            .iter()
            .take_while(|line| line.starts_with("message"))
            .count();
        let proof = altered(name, folder, |messages| messages.truncate(32 * roots));
        let output = verify(name, &proof, &["--transcript", "-"], folder);
        let found = lines(text(&output.stdout));
        let next = expected
            .iter()
            .position(|line| line.starts_with("message lookup.root"));
        assert_eq!(found, expected[..next.unwrap()], "{name}");
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).contains("rejected: proof is truncated"),
            "{name}"
        );

        // The root is another one: the first lines are the same, challenges are not, and the last line is before the end.
        let proof = altered(name, folder, |messages| messages[0] ^= 1);
        let output = verify(name, &proof, &["--transcript", "-"], folder);
        let found = lines(text(&output.stdout));
        let equal = found.iter().zip(&expected).take_while(|(a, b)| a == b).count();
        assert!(
            expected[equal].starts_with("challenge lookup.alpha"),
            "{name}: {equal}"
        );
        assert!(found.len() > equal && found.len() < expected.len(), "{name}");
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("rejected: "), "{name}");
    }
}

#[test]
fn a_proof_is_listed_by_label_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in NAMES {
        let (key, proof) = (
            vector(&format!("test-vectors/{name}.vkey")),
            vector(&format!("test-vectors/{name}.proof")),
        );
        let arguments = ["inspect", &proof, "--key", &key, "--context", CONTEXT];
        let output = zkml(&arguments, folder);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let answer = text(&output.stdout);
        for word in [
            "\nlabels         label",
            "trace.root",
            "root of the trace",
            " %  node of a tree",
        ] {
            assert!(answer.contains(word), "no {word:?} in {answer}");
        }
        let output = zkml(&[&arguments[..], &["--json"]].concat(), folder);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let content = &answer["content"];
        let rows = content["labels"].as_array().unwrap();
        let bytes: u64 = rows.iter().map(|row| row["bytes"].as_u64().unwrap()).sum();
        assert_eq!(content["messages"], bytes, "{name}: every byte is listed");
        assert_eq!(content["read"]["bytes"], bytes);
        assert_eq!(content["read"]["error"], Value::Null);
        // As many messages as the vectors have.
        let count = |line: &String| match line.split_once(", ") {
            Some((_, many)) => many.strip_suffix(" of them").unwrap().parse::<u64>().unwrap(),
            None => 1,
        };
        let messages = expected(name);
        let messages = messages.iter().filter(|line| line.starts_with("message "));
        let listed: u64 = rows.iter().map(|row| row["messages"].as_u64().unwrap()).sum();
        assert_eq!(listed, messages.map(count).sum::<u64>(), "{name}");
    }
    let (key, proof) = (
        vector("test-vectors/plain.vkey"),
        vector("test-vectors/plain.proof"),
    );
    let output = zkml(&["inspect", &proof, "--key", &key, "--context", CONTEXT], folder);
    let answer = text(&output.stdout);
    for word in [
        "\ninput          [1, 4], 4 integers: 3, -1",
        "\noutput 0       [1, 3], 3 integers: ",
    ] {
        assert!(answer.contains(word), "no {word:?} in {answer}");
    }

    // Bound to another context, and of another key: what could be read, and why no more.
    let output = zkml(&["inspect", &proof, "--key", &key], folder);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text(&output.stdout).contains("then: "),
        "{}",
        text(&output.stdout)
    );
    let other = vector("test-vectors/zero-knowledge.vkey");
    let output = zkml(&["inspect", &proof, "--key", &other], folder);
    assert_refused(&output, 1, &["expected at most 0 values of the input, found 4"]);
    assert_refused(
        &zkml(&["inspect", &key, "--key", &key], folder),
        2,
        &["--key: expected a proof, found a verifying key"],
    );
}
