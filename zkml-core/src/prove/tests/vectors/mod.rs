//! Test vectors of the protocol, for whoever writes a second verifier: `docs/protocol/test-vectors.json`, and beside it
//! a folder with the keys, public values and proofs it speaks of.
//!
//! The test computes everything again and compares. To write what it finds, after a change of the protocol:
//!
//! ```text
//! ZKML_WRITE_TEST_VECTORS=1 cargo test -p zkml-core --lib test_vectors
//! ```

mod parts;
mod rotated;
mod whole;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::field::{K, M61};
use crate::transcript::{Event, lines};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol")
}

/// Compares with the file of that name, or writes it.
fn settle(name: &str, bytes: &[u8]) {
    let path = folder().join(name);
    if std::env::var_os("ZKML_WRITE_TEST_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
        std::fs::write(&path, bytes).expect("write the vectors");
    }
    let written = std::fs::read(&path).unwrap_or_default();
    if written == bytes {
        return;
    }
    let place = written.iter().zip(bytes).position(|(a, b)| a != b);
    let place = place.unwrap_or(written.len().min(bytes.len()));
    let around = |bytes: &[u8]| {
        let part = &bytes[place.saturating_sub(120).min(bytes.len())..(place + 80).min(bytes.len())];
        String::from_utf8_lossy(part).into_owned()
    };
    panic!(
        "{name} differs from byte {place} on\nwritten: {}\nfound:   {}",
        around(&written),
        around(bytes)
    );
}

#[test]
fn test_vectors_are_what_the_code_computes() {
    let vectors = json!({
        "1 field": parts::field(),
        "2 transcript": parts::transcript(),
        "3 code": parts::code(),
        "4 hash": parts::hash(),
        "5 commitment and opening": parts::opening(),
        "6 whole proofs": whole::proofs(),
    });
    let mut text = serde_json::to_string_pretty(&vectors).expect("JSON");
    text.push('\n');
    assert!(text.len() < 300_000, "{} bytes", text.len());
    settle("test-vectors.json", text.as_bytes());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Elements of F as decimal strings.
fn base(values: &[M61]) -> Value {
    values.iter().map(|value| value.value.to_string()).collect()
}

/// An element of K: `c0 c1`, in decimal.
fn extension(value: K) -> String {
    format!("{} {}", value.c0.value, value.c1.value)
}

/// A transcript: its items, a line each, and the state at the end.
fn written(domain: &str, events: &[Event], state: [u8; 32]) -> Value {
    json!({ "domain": domain, "items": lines(events), "state at the end": hex(&state) })
}
