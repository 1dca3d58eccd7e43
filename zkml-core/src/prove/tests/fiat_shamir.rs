//! What is bound, in which order: every challenge depends on the whole statement and on every message before it.

use super::fixture::{CONTEXT, fixture, input_of, judge, outputs_of};
use crate::proof::{Proof, PublicValues};
use crate::transcript::{Event, Kind, VerifyError};
use crate::verify::{TrustedKey, VerifyingKey};

/// Every kind of item with its label, in the order in which it first occurs in the proof of the fixture. A change
/// of this list is a change of the protocol.
const PROTOCOL: &[(Kind, &str)] = &[
    (Kind::Absorb, "bind.key"),
    (Kind::Absorb, "bind.commitment"),
    (Kind::Absorb, "bind.input"),
    (Kind::Absorb, "bind.output"),
    (Kind::Absorb, "bind.context"),
    (Kind::Digest, "trace.root"),
    (Kind::Harden, "trace.harden"),
    (Kind::Challenge, "lookup.alpha"),
    (Kind::Challenge, "lookup.beta"),
    (Kind::Challenge, "lookup.gamma"),
    (Kind::Scalars, "lookup.root"),
    (Kind::Challenge, "lookup.lambda"),
    (Kind::Scalars, "lookup.layer"),
    (Kind::Challenge, "lookup.tau"),
    (Kind::Scalars, "lookup.round"),
    (Kind::Challenge, "lookup.round"),
    (Kind::Scalars, "lookup.columns"),
    (Kind::Scalars, "lookup.multiplicities"),
    (Kind::Challenge, "equality.point"),
    (Kind::Scalars, "equality.value"),
    (Kind::Scalars, "reduce.term"),
    (Kind::Challenge, "reduce.stage"),
    (Kind::Scalars, "reduce.stage"),
    (Kind::Scalars, "reduce.operand"),
    (Kind::Challenge, "opening.batch"),
    (Kind::Challenge, "opening.merge"),
    (Kind::Scalars, "opening.merge"),
    (Kind::Scalars, "opening.values"),
    (Kind::Challenge, "opening.combine"),
    (Kind::Extension, "opening.combination"),
    (Kind::Grind, "opening.grind"),
    (Kind::Nonce, "opening.grind"),
    (Kind::Positions, "opening.positions"),
    (Kind::Digest, "opening.salt"),
    (Kind::Base, "opening.columns"),
    (Kind::Digest, "opening.path"),
];

fn events() -> Vec<Event> {
    let f = fixture();
    TrustedKey::new(&f.key.verifying)
        .expect("a key")
        .verify_recording(&f.public, &f.proof, CONTEXT)
        .expect("the proof verifies")
}

#[test]
fn the_items_of_the_protocol_are_the_listed_ones_in_order() {
    let mut seen: Vec<(Kind, &str)> = Vec::new();
    for event in events() {
        if !seen.contains(&(event.kind, event.label)) {
            seen.push((event.kind, event.label));
        }
    }
    for (index, (found, listed)) in seen.iter().zip(PROTOCOL).enumerate() {
        assert_eq!(found, listed, "item {index}");
    }
    assert_eq!(seen.len(), PROTOCOL.len());
}

#[test]
fn the_statement_and_the_trace_are_bound_before_the_first_challenge() {
    let f = fixture();
    let events = events();
    let first = events
        .iter()
        .position(|event| matches!(event.kind, Kind::Challenge | Kind::Positions))
        .expect("one");
    let before: Vec<(&str, usize)> = events[..first]
        .iter()
        .map(|event| (event.label, event.length))
        .collect();
    let mut public = f.public.clone();
    let outputs = outputs_of(&mut public).clone();
    assert_eq!(
        before,
        [
            ("bind.key", 32),
            ("bind.commitment", 4),
            ("bind.input", 8 * input_of(&mut public).len()),
            ("bind.output", 8 * outputs[0].len()),
            ("bind.output", 8 * outputs[1].len()),
            ("bind.context", CONTEXT.len()),
            ("trace.root", 32),
            ("trace.harden", 0),
        ]
    );
}

#[test]
fn claims_are_fixed_before_the_challenges_that_judge_them() {
    let events = events();
    let position = |kind, label| {
        events
            .iter()
            .position(|event| (event.kind, event.label) == (kind, label))
            .expect(label)
    };
    let last = |kind, label| {
        events
            .iter()
            .rposition(|event| (event.kind, event.label) == (kind, label))
            .expect(label)
    };
    for (message, challenge) in [
        ((Kind::Digest, "trace.root"), (Kind::Challenge, "lookup.alpha")),
        (
            (Kind::Scalars, "lookup.columns"),
            (Kind::Challenge, "equality.point"),
        ),
        (
            (Kind::Scalars, "lookup.multiplicities"),
            (Kind::Challenge, "equality.point"),
        ),
        (
            (Kind::Scalars, "equality.value"),
            (Kind::Challenge, "reduce.stage"),
        ),
        ((Kind::Scalars, "reduce.term"), (Kind::Challenge, "opening.batch")),
        (
            (Kind::Scalars, "reduce.operand"),
            (Kind::Challenge, "opening.batch"),
        ),
        (
            (Kind::Scalars, "opening.values"),
            (Kind::Challenge, "opening.combine"),
        ),
        (
            (Kind::Extension, "opening.combination"),
            (Kind::Positions, "opening.positions"),
        ),
        (
            (Kind::Nonce, "opening.grind"),
            (Kind::Positions, "opening.positions"),
        ),
    ] {
        assert!(
            last(message.0, message.1) < position(challenge.0, challenge.1),
            "{message:?} {challenge:?}"
        );
    }
    // In every round the polynomial comes before its challenge.
    for label in ["lookup.round", "opening.merge"] {
        let turns: Vec<Kind> = events
            .iter()
            .filter(|event| event.label == label)
            .map(|event| event.kind)
            .collect();
        let rounds = &turns[turns
            .iter()
            .position(|kind| *kind == Kind::Scalars)
            .expect("a message")..];
        assert!(
            rounds
                .chunks(2)
                .all(|turn| turn == [Kind::Scalars, Kind::Challenge]),
            "{label}"
        );
    }
}

/// The first equation that a challenge enters (layer 0 of the lookup has none) fails when the challenges are others.
fn challenges_differ(key: &VerifyingKey, public: &PublicValues, proof: &Proof, context: &[u8], what: &str) {
    let error = judge(key, public, proof, context).expect_err(what);
    let expected = VerifyError::Check {
        name: "lookup.layer",
        place: "layer 1".into(),
    };
    assert_eq!(error, expected, "{what}");
}

#[test]
fn every_bound_item_changes_the_challenges() {
    let f = fixture();
    let (key, public, proof) = (&f.key.verifying, &f.public, &f.proof);
    for context in [&b""[..], b"Context", b"context\0", b"contex"] {
        challenges_differ(key, public, proof, context, "context");
    }
    let mut altered = public.clone();
    let cell = &mut input_of(&mut altered)[5];
    *cell = 0i64.max(-*cell) - 1;
    challenges_differ(key, &altered, proof, CONTEXT, "input");
    let mut altered = public.clone();
    outputs_of(&mut altered)[0][3] += 1;
    challenges_differ(key, &altered, proof, CONTEXT, "output");
    let mut altered = public.clone();
    let class = &mut outputs_of(&mut altered)[1][0];
    *class = (*class + 1) % 10;
    challenges_differ(key, &altered, proof, CONTEXT, "second output");
    let mut altered = proof.clone();
    altered.messages[17] ^= 4;
    challenges_differ(key, public, &altered, CONTEXT, "trace root");

    // Of the key, what nothing else would notice: names, the weights' root, what the integers mean, the work.
    type Alter<'a> = (&'a str, &'a dyn Fn(&mut VerifyingKey));
    let alterations: [Alter<'_>; 6] = [
        ("name", &|key| key.name.push('x')),
        ("column name", &|key| key.circuit.columns[0].name.push('x')),
        ("weight root", &|key| key.weights.roots[0][0] ^= 1),
        ("scale", &|key| key.interface.output_scales[0] *= 2.0),
        ("hardening", &|key| key.hardening += 1),
        ("grinding", &|key| key.code.grinding_bits += 1),
    ];
    for (what, alter) in alterations {
        let mut altered = key.clone();
        alter(&mut altered);
        let proof = Proof {
            key: altered.digest().expect("digest"),
            commitment: proof.commitment,
            messages: proof.messages.clone(),
        };
        challenges_differ(&altered, public, &proof, CONTEXT, what);
    }
}

#[test]
fn values_cannot_move_between_input_and_outputs() {
    // The same bytes cut otherwise are other statements: lengths are bound, and the circuit implies them.
    let f = fixture();
    let mut moved = f.public.clone();
    let value = outputs_of(&mut moved)[0].remove(0);
    input_of(&mut moved).push(value);
    let error = judge(&f.key.verifying, &moved, &f.proof, CONTEXT);
    assert!(matches!(error, Err(VerifyError::PublicValue { .. })), "{error:?}");
}
