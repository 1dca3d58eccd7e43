//! What the tests prove, for a second verifier.
//!
//! With `ZKML_WRITE_PROOFS=folder` the tests leave there each kind of proof that they make:
//!
//! - `NAME.vkey`, `NAME.proof`, `NAME.context`: an answer; without `.proof` the setup proof of the key is meant;
//! - `NAME.chunk`: log2 of the most looked-up rows in a chunk of that setup proof, if it is not that of other keys;
//! - `NAME.altered.json`: altered messages of it, and the check that refuses each;
//! - `NAME.linked.json`: two proofs that speak of one tensor.
//!
//! `NAME` is that of the test, and a number where it makes several proofs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::case::Case;
use crate::keys::VerifyingKey;
use crate::proof::{Proof, write_file};
use crate::transcript::VerifyError;

fn folder() -> Option<PathBuf> {
    std::env::var_os("ZKML_WRITE_PROOFS").map(PathBuf::from)
}

/// A path in the folder for what the running test makes, each time another one.
fn next_path() -> Option<PathBuf> {
    static MADE: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
    let folder = folder()?;
    let thread = std::thread::current();
    let test = thread.name().expect("the thread of a test");
    let name = test.trim_start_matches("prove::tests::").replace("::", ".");
    let mut made = MADE.lock().expect("no test panics here");
    let count = made.entry(name.clone()).or_default();
    *count += 1;
    Some(folder.join(format!("{name}.{count}")))
}

fn with_ending(path: &std::path::Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", path.display()))
}

/// A valid answer. Its name, if it is written.
pub(super) fn answer(key: &VerifyingKey, proof: &Proof, context: &[u8]) -> Option<String> {
    let path = next_path()?;
    write_file(with_ending(&path, "vkey"), key).expect("write a key");
    write_file(with_ending(&path, "proof"), proof).expect("write a proof");
    std::fs::write(with_ending(&path, "context"), context).expect("write a context");
    Some(path.file_name()?.to_string_lossy().into_owned())
}

/// Two valid answers with the roots of the tensor that both speak of: the first one's output, the second one's input.
pub(super) fn linked(from: Option<String>, to: Option<String>) {
    if let (Some(path), Some(from), Some(to)) = (next_path(), from, to) {
        write_json(
            &with_ending(&path, "linked.json"),
            &json!({ "output of": from, "input of": to }),
        );
    }
}

/// A case, and altered messages of it.
pub(super) fn case(case: &Case, altered: &[Vec<u8>]) {
    let Some(path) = next_path() else { return };
    let mut key = case.key.verifying.clone();
    if let Some(proof) = case.honest() {
        write_file(with_ending(&path, "proof"), &proof).expect("write a proof");
        std::fs::write(with_ending(&path, "context"), super::fixture::CONTEXT).expect("write a context");
    } else {
        key.weights.setup_proof = case.proof.to_vec();
    }
    write_file(with_ending(&path, "vkey"), &key).expect("write a key");
    if let Some(chunk) = case.chunk {
        std::fs::write(with_ending(&path, "chunk"), chunk.to_string()).expect("write a size");
    }
    let altered = altered.iter().map(|messages| {
        let name = match case.verdict(messages) {
            Err(VerifyError::Check { name, .. }) => name,
            Err(VerifyError::NonCanonical { .. }) => "NonCanonical",
            Err(VerifyError::Truncated { .. }) => "Truncated",
            other => panic!("{}: {other:?}", case.name),
        };
        difference(case.proof, messages, name)
    });
    write_json(&with_ending(&path, "altered.json"), &altered.collect());
}

/// How altered messages differ from honest ones: these bytes are in the place of that many from `at` on.
fn difference(honest: &[u8], altered: &[u8], check: &str) -> Value {
    let alike = |(a, b): &(&u8, &u8)| a == b;
    let at = honest.iter().zip(altered).take_while(alike).count();
    let ends = honest[at..].iter().rev().zip(altered[at..].iter().rev());
    let end = ends.take_while(alike).count();
    let put = &altered[at..altered.len() - end];
    let put: String = put.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "at": at, "remove": honest.len() - end - at, "put": put, "check": check })
}

fn write_json(path: &std::path::Path, value: &Value) {
    let text = serde_json::to_string_pretty(value).expect("JSON");
    std::fs::write(path, text).expect("write");
}
