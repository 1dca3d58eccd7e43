//! Every message of a proof altered, one element at a time and in every way of the [manifest]: rejected by the check
//! that should. Plain proofs, proofs in zero knowledge, and the setup proofs of their keys.
//!
//! A message that the manifest does not list, or a row of it that no proof has, fails the test: who adds a message to
//! the protocol says there where a wrong one is noticed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::case::Case;
use super::handed;
use crate::field::{M61, P, pack, packed_length, unpack};
use crate::transcript::{Event, Kind, VerifyError};

#[path = "manifest.rs"]
mod manifest;

use manifest::{MANIFEST, Part, Random, Subject, element_size, elements, labels, reject_all, tails};

/// Elements of each row that are altered in every way.
const SAMPLES: usize = 12;

/// Elements of each row that are altered in one way at least.
const MORE: usize = 150;

/// One in so many is handed to the second verifier.
const HANDED: usize = 31;

/// A case as the manifest sees it.
fn subject(case: &Case) -> Subject<'_> {
    let mut messages = case.events(case.proof);
    messages.retain(|event| event.kind.is_message());
    let tails = case.statement.masking.map_or_else(Vec::new, |masking| {
        tails(
            (0..masking.pairs()).map(|pair| masking.pads_in(pair)),
            masking.tail,
        )
    });
    Subject {
        name: case.name,
        proof: case.proof,
        hidden: case.is_hidden(),
        messages,
        tails,
        judge: Box::new(|messages| case.verdict_without_work(messages)),
    }
}

fn cases() -> Vec<Case> {
    let others = [Case::rotation()]
        .into_iter()
        .chain(Case::large())
        .chain(Case::chunked());
    Case::all().into_iter().chain(others).collect()
}

#[test]
fn every_byte_of_a_proof_belongs_to_one_labelled_message() {
    for case in cases() {
        let subject = subject(&case);
        let mut end = 0;
        for event in &subject.messages {
            assert_eq!(event.offset, end, "{}: {}", subject.name, event.label);
            assert!(
                match event.kind {
                    Kind::Base => event.length == packed_length(elements(event)),
                    _ => event.length == element_size(event) * elements(event),
                },
                "{}: {}",
                subject.name,
                event.label
            );
            end += event.length;
        }
        assert_eq!(end, subject.proof.len(), "{}", subject.name);
    }
}

#[test]
fn the_manifest_lists_the_labels_of_all_proofs_and_no_others() {
    let mut missing: Vec<(&str, bool)> = MANIFEST
        .iter()
        .flat_map(|row| {
            let plain = (!row.plain.is_empty()).then_some((row.label, false));
            let hidden = (!row.hidden.is_empty()).then_some((row.label, true));
            plain.into_iter().chain(hidden)
        })
        .collect();
    for case in cases() {
        let subject = subject(&case);
        let seen = labels(&subject);
        missing.retain(|(label, hidden)| {
            *hidden != subject.hidden || !seen.iter().any(|(listed, _)| listed == label)
        });
        let tails = subject
            .messages
            .iter()
            .find(|event| event.label == "closing.response");
        assert_eq!(tails.map_or(0, |event| event.length / 16), subject.tails.len());
    }
    assert!(missing.is_empty(), "no proof has {missing:?}");
    let parts = |part| MANIFEST.iter().filter(|row| row.part == part).count();
    assert_eq!((parts(Part::Pads), parts(Part::Tails)), (1, 1));
}

fn reject_all_of(case: &Case, more: usize, seed: u64) {
    // Some of all that is altered, for the second verifier.
    let (judged, kept) = (Cell::new(0), RefCell::new(Vec::new()));
    let mut subject = subject(case);
    subject.judge = Box::new(|messages| {
        judged.set(judged.get() + 1);
        if judged.get() % HANDED == 0 {
            kept.borrow_mut().push(messages.to_vec());
        }
        case.verdict_without_work(messages)
    });
    let start = std::time::Instant::now();
    let tally = reject_all(&subject, SAMPLES, more, &mut Random(seed));
    handed::case(case, &kept.borrow());
    let mut by_row: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
    for ((label, check), count) in &tally.checks {
        by_row.entry(label).or_default().push((check, *count));
    }
    // Shown with --nocapture.
    eprintln!(
        "{}: {} altered proofs rejected in {:.1?}: {by_row:?}",
        subject.name,
        tally.rejected,
        start.elapsed()
    );
    assert!(tally.rejected > 500, "{}: {}", subject.name, tally.rejected);
}

#[test]
fn every_altered_message_of_a_plain_proof_is_rejected_by_its_check() {
    reject_all_of(&Case::plain(), MORE, 7);
}

#[test]
fn every_altered_message_in_zero_knowledge_is_rejected_by_its_check() {
    reject_all_of(&Case::hidden(), MORE, 8);
}

#[test]
fn every_altered_message_with_everything_private_is_rejected_by_its_check() {
    reject_all_of(&Case::secret(), MORE, 6);
}

#[test]
fn every_altered_message_of_a_proof_with_work_before_the_lookups_is_rejected_by_its_check() {
    for (seed, case) in (20..).zip(Case::large()) {
        reject_all_of(&case, SAMPLES, seed);
    }
}

#[test]
fn every_altered_message_of_a_setup_proof_is_rejected_by_its_check() {
    let [_, _, _, plain, hidden] = Case::all();
    let [chunked, hidden_chunked] = Case::chunked();
    for (seed, case) in (9..).zip([plain, hidden, Case::rotation(), chunked, hidden_chunked]) {
        // Many commitments are opened: verifying takes longer.
        let more = if case.is_hidden() { MORE / 5 } else { MORE };
        reject_all_of(&case, more, seed);
    }
}

#[test]
fn a_proof_cut_anywhere_is_truncated() {
    for case in cases() {
        let subject = subject(&case);
        let total = subject.proof.len();
        let mut random = Random(8);
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for event in &subject.messages {
            let count = seen.entry(event.label).or_default();
            *count += 1;
            // The first messages of each label, some of the others.
            if *count > 2 && random.below(subject.messages.len()) > 20 {
                continue;
            }
            for cut in [event.offset.saturating_sub(1), event.offset, event.offset + 1] {
                let error = (subject.judge)(&subject.proof[..cut]).expect_err("a cut proof");
                let VerifyError::Truncated {
                    offset,
                    expected,
                    found,
                    ..
                } = error
                else {
                    panic!("{}: cut at {cut}: {error}", subject.name)
                };
                assert!(
                    found < expected && offset + found == cut,
                    "{}: cut at {cut}: {offset} {expected} {found}",
                    subject.name
                );
            }
        }
        for more in [1, 8, 16, 1000] {
            let mut bytes = subject.proof.to_vec();
            bytes.resize(total + more, 0);
            let expected = VerifyError::TrailingBytes {
                offset: total,
                found: more,
            };
            assert_eq!((subject.judge)(&bytes), Err(expected), "{}", subject.name);
        }
    }
}
