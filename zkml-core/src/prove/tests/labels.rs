//! The table of labels against the transcripts of real proofs, and against the page that is written from it.
//!
//! To write the page's table again, after a change of the protocol:
//!
//! ```text
//! ZKML_WRITE_LABELS=1 cargo test -p zkml-core --lib labels
//! ```

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use super::case::Case;
use super::fixture::CONTEXT;
use super::zero_knowledge::recursive;
use crate::prove::prove;
use crate::transcript::{Event, LABELS, Label, PROTOCOL_SETUP, VerifierTranscript};
use crate::verify::{TrustedKey, verify_setup_recording};

/// The items of a proof.
fn items(name: &str, events: &[Event]) -> BTreeSet<(u8, &'static str)> {
    for event in events {
        assert!(
            Label::find(event.kind, event.label).is_some(),
            "{name}: {event} is not in the table"
        );
    }
    events
        .iter()
        .map(|event| (event.kind as u8, event.label))
        .collect()
}

#[test]
fn every_item_of_a_proof_is_in_the_table_and_every_label_of_the_table_is_in_a_proof() {
    let cases = Case::all()
        .into_iter()
        .chain([Case::rotation()])
        .chain(Case::large());
    let mut seen = BTreeSet::new();
    for case in cases {
        seen.extend(items(case.name, &case.events(case.proof)));
    }
    let (key, input) = recursive();
    let proof = prove(&key, &input, CONTEXT).expect("a proof");
    let trusted = TrustedKey::new(&key.verifying).expect("a key");
    let events = trusted.verify_recording(&proof, CONTEXT).accepted();
    seen.extend(items("recursion", &events.expect("valid")));
    let weights = &key.verifying.weights;
    let mut transcript = VerifierTranscript::recording(PROTOCOL_SETUP, &weights.setup_proof);
    verify_setup_recording(weights, &mut transcript).expect("valid");
    seen.extend(items("recursive setup", transcript.events()));

    let listed: BTreeSet<_> = LABELS.iter().map(|item| (item.kind as u8, item.label)).collect();
    assert_eq!(listed.len(), LABELS.len(), "an item stands in the table twice");
    assert_eq!(seen, listed, "left: in proofs, right: in the table");
}

fn page(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/protocol")
        .join(name)
}

#[test]
fn the_page_of_each_label_speaks_of_it() {
    for item in LABELS {
        let name = item.page.split('#').next().expect("a page");
        let text = std::fs::read_to_string(page(name)).expect("a page");
        assert!(text.contains(item.label), "{} is not on {name}", item.label);
    }
}

const BEGIN: &str = "<!-- labels: written by a test, from zkml-core/src/transcript/label.rs -->\n";
const END: &str = "<!-- end of the labels -->\n";

#[test]
fn the_table_of_labels_is_that_of_the_code() {
    let mut table =
        "| label | item | from | in proofs with | what | page |\n|---|---|---|---|---|---|\n".to_owned();
    for item in LABELS {
        let Label {
            kind,
            label,
            occurs,
            what,
            page,
        } = item;
        let kind = match kind.is_message() {
            true => format!("message, kind {}", *kind as u8),
            false => kind.word().to_owned(),
        };
        let (speaker, occurs) = (item.kind.speaker(), occurs.words());
        let name = page.split(".md").next().expect("a page");
        writeln!(
            table,
            "| `{label}` | {kind} | {speaker} | {occurs} | {what} | [{name}]({page}) |"
        )
        .expect("text");
    }
    let path = page("transcript.md");
    let text = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = text.split_once(BEGIN).expect("the table begins");
    let (found, after) = rest.split_once(END).expect("the table ends");
    if std::env::var_os("ZKML_WRITE_LABELS").is_some() {
        std::fs::write(&path, [before, BEGIN, &table, END, after].concat()).expect("write the page");
    } else {
        assert_eq!(found, table);
    }
}
