//! The account of soundness and the challenges of real proofs cover each other.

use std::collections::BTreeSet;

use super::case::Case;
use super::fixture::CONTEXT;
use super::zero_knowledge::recursive;
use crate::argument::{Statement, soundness};
use crate::prove::prove;
use crate::transcript::{Event, Kind, PROTOCOL_SETUP, VerifierTranscript};
use crate::verify::{TrustedKey, verify_setup_recording};

/// Labels of everything random that a proof draws.
fn drawn(events: &[Event]) -> BTreeSet<&'static str> {
    let random = events
        .iter()
        .filter(|event| matches!(event.kind, Kind::Challenge | Kind::Positions));
    random.map(|event| event.label).collect()
}

/// Every drawn challenge is in a term, and every term has a drawn challenge.
fn assert_covered(name: &str, statement: &Statement<'_>, events: &[Event]) {
    let (report, drawn) = (soundness(statement), drawn(events));
    let covered: BTreeSet<&str> = report
        .terms
        .iter()
        .flat_map(|term| term.rule.covers)
        .copied()
        .collect();
    for label in &drawn {
        assert!(covered.contains(label), "{name}: no term covers `{label}`");
    }
    for term in &report.terms {
        let covers = term.rule.covers;
        assert!(
            covers.iter().any(|label| drawn.contains(label)),
            "{name}: `{}` has no challenge",
            term.name
        );
        let (page, _) = term.rule.page.split_once('#').unwrap_or((term.rule.page, ""));
        let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol");
        assert!(std::path::Path::new(pages).join(page).is_file(), "{page}");
        assert!(!term.rule.formula.is_empty());
    }
}

#[test]
fn terms_and_challenges_cover_each_other() {
    let cases = Case::all()
        .into_iter()
        .chain([Case::rotation()])
        .chain(Case::large())
        .chain(Case::chunked());
    for case in cases {
        assert_covered(case.name, case.statement, &case.events(case.proof));
    }
}

#[test]
fn terms_and_challenges_of_a_recursion_cover_each_other() {
    let (key, input) = recursive();
    let proof = prove(&key, &input, CONTEXT).expect("a proof");
    let trusted = TrustedKey::new(&key.verifying).expect("a key");
    let events = trusted
        .verify_recording(&proof, CONTEXT)
        .accepted()
        .expect("valid");
    assert!(drawn(&events).contains("recursion.rows"));
    assert_covered("recursion", trusted.statement(), &events);
    let weights = &key.verifying.weights;
    let mut transcript = VerifierTranscript::recording(PROTOCOL_SETUP, &weights.setup_proof);
    verify_setup_recording(weights, &mut transcript).expect("valid");
    assert_covered(
        "recursive setup",
        &Statement::of_setup(weights).expect("a statement"),
        transcript.events(),
    );
}

/// The stages that the account counts are those of the protocol: a coefficient for each claim, a message for each
/// round.
#[test]
fn the_account_counts_the_claims_of_the_protocol() {
    for case in Case::all() {
        let events = case.events(case.proof);
        let of = |kind: Kind| {
            events
                .iter()
                .filter(move |event| event.kind == kind && event.label == "reduce.stage")
        };
        let stages = &case.statement.stages;
        let batched: usize = stages
            .iter()
            .map(|stage| stage.claims)
            .filter(|claims| *claims > 1)
            .sum();
        let rounds: usize = stages.iter().map(|stage| stage.rounds).sum();
        assert_eq!(of(Kind::Scalars).count(), rounds, "{}", case.name);
        assert_eq!(of(Kind::Challenge).count(), rounds + batched, "{}", case.name);
    }
}
