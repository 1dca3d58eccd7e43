//! Test vectors of the protocol, for whoever writes a second verifier: `docs/protocol/test-vectors.json`, and beside it
//! a folder with the keys, public values and proofs it speaks of.
//!
//! The test computes everything again and compares. To write what it finds, after a change of the protocol:
//!
//! ```text
//! ZKML_WRITE_TEST_VECTORS=1 cargo test -p zkml-core --lib test_vectors
//! ```

mod parts;
mod whole;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::fiat_shamir::work_bits;
use crate::field::{K, M61};
use crate::pcs::CodeParameters;
use crate::transcript::{Event, Kind, State};

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
    assert!(text.len() < 200_000, "{} bytes", text.len());
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

/// What a transcript needs to know besides the proof.
struct Replay<'a> {
    domain: &'a str,
    bound: Vec<Vec<u8>>,
    /// Number of sequential hashes.
    hardening: u64,
    code: &'a CodeParameters,
}

impl Replay<'_> {
    /// Everything that was absorbed and drawn, a line each, and the state at the end. Recomputed from the proof alone
    /// by the hash chain; that it is the verifier's is seen at the proof of work, which must hold.
    fn lines(&self, events: &[Event], proof: &[u8]) -> Value {
        let mut state = State::new(self.domain);
        let mut bound = self.bound.iter();
        let mut lines: Vec<String> = Vec::new();
        // Salts and nodes come by the hundred: one line for messages of one kind and label.
        let mut run: Option<(Event, usize)> = None;
        for event in events {
            let (label, kind) = (event.label, event.kind as u8);
            if let Some((first, count)) = run {
                if (first.kind, first.label) == (event.kind, label) {
                    run = Some((first, count + 1));
                } else {
                    lines.push(message(&first, count));
                    run = None;
                }
            }
            match event.kind {
                Kind::Absorb => {
                    let bytes = bound.next().expect("a bound item");
                    state.absorb(event.kind, label, bytes);
                    lines.push(format!("absorb {label} {}", hex(bytes)));
                }
                Kind::Challenge => {
                    lines.push(format!(
                        "challenge {label} = {}",
                        extension(state.challenge(label))
                    ));
                }
                Kind::Positions => {
                    let positions = state.positions(label, self.code.queries, self.code.codeword_length());
                    lines.push(format!("positions {label} = {positions:?}"));
                }
                Kind::Grind => {
                    let bits = work_bits(self.code, label);
                    state.begin_grind(label, bits);
                    lines.push(format!("grind {label} {bits} bits"));
                }
                Kind::Harden => {
                    state.harden(label, self.hardening);
                    lines.push(format!("harden {label} {} hashes", self.hardening));
                }
                _ => {
                    assert!(kind >= 2);
                    let bytes = &proof[event.offset..event.offset + event.length];
                    if event.kind == Kind::Nonce {
                        let nonce = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
                        assert!(state.nonce_works(nonce, work_bits(self.code, label)), "{label}");
                    }
                    state.absorb(event.kind, label, bytes);
                    run = run.or(Some((*event, 1)));
                }
            }
        }
        if let Some((first, count)) = run {
            lines.push(message(&first, count));
        }
        json!({ "domain": self.domain, "items": lines, "state at the end": hex(state.bytes()) })
    }
}

fn message(first: &Event, count: usize) -> String {
    let Event {
        kind,
        label,
        offset,
        length,
    } = first;
    let each = if count == 1 {
        String::new()
    } else {
        format!(", {count} of them")
    };
    format!(
        "message {label} kind {} offset {offset} bytes {length}{each}",
        *kind as u8
    )
}
