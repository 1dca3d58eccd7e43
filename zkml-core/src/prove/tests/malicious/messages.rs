//! False messages of the argument, told so that the next equations still hold; and words that are no codewords.

use ark_ff::Field;

use super::trace::two_layers;
use super::*;
use crate::secret::Seed;

/// Two linear layers with a rescale between them, without and with zero knowledge.
fn scenes() -> [Scene; 2] {
    Scene::both(&two_layers(60, false), 3)
}

/// Verdicts on honest traces whose messages are altered.
fn told_in(scenes: &[Scene; 2], alter: impl Fn(Message<'_>)) -> [Verdict; 2] {
    scenes
        .each_ref()
        .map(|scene| depart(scene, Hooks::message(&alter)))
}

fn odd() -> K {
    K::new(M61::from(3u64), M61::from(5u64))
}

#[test]
fn without_a_lie_the_proof_is_accepted() {
    told_in(&scenes(), |_| {}).iter().for_each(Verdict::accepted);
}

#[test]
fn a_claim_split_wrongly_between_two_factors() {
    // The product of an activation and a weight is right, neither of them is.
    let verdicts = told_in(&scenes(), |message| match (message.label, message.number) {
        ("reduce.operand", 0) => message.values[0] *= odd(),
        ("reduce.operand", 1) => message.values[0] *= odd().inverse().expect("not 0"),
        _ => {}
    });
    rejected_by(verdicts, "opening.merge");
}

#[test]
fn a_claim_split_wrongly_between_two_terms() {
    // What a layer's product is, and what its bias: the one that is not sent follows from the sum, and is wrong by as
    // much. Both are sums again.
    let scenes = Scene::both(&two_layers(60, true), 3);
    for number in 0..2 {
        let verdicts = told_in(&scenes, |message| {
            if (message.label, message.number) == ("reduce.term", number) {
                message.values[0] += odd();
            }
        });
        rejected_by(verdicts, "reduce.stage");
    }
}

#[test]
fn a_wrong_round_polynomial() {
    // g(0) + g(1) is the claim whatever is sent: only the last equation knows better.
    let scenes = scenes();
    for (label, check) in [
        ("lookup.round", "lookup.layer"),
        ("reduce.stage", "reduce.stage"),
        ("opening.merge", "opening.merge"),
    ] {
        for (number, element) in [(0, 0), (1, 1), (2, 0)] {
            let verdicts = told_in(&scenes, |message| {
                if (message.label, message.number) == (label, number) {
                    message.values[element] += odd();
                }
            });
            rejected_by(verdicts, check);
        }
    }
}

#[test]
fn a_wrong_row_combination_with_the_right_value() {
    let verdicts = told_in(&scenes(), |message| {
        if message.label != "opening.combination" {
            return;
        }
        // The last rounds of the merge are the point: eq is 0 at it along this direction.
        let merged = |(label, _): &&(&str, K)| *label == "opening.merge";
        let last = message.drawn.iter().rfind(merged).expect("a merge").1;
        message.values[0] += last;
        message.values[1] -= K::from(1u64) - last;
    });
    rejected_by(verdicts, "opening.column");
}

#[test]
fn a_wrong_row_combination_with_another_value() {
    let verdicts = told_in(&scenes(), |message| {
        if message.label == "opening.combination" {
            message.values[0] += odd();
        }
    });
    rejected_by(verdicts, "opening.inner_product");
}

#[test]
fn a_row_combination_with_another_random_tail() {
    // No value depends on the tail: the columns alone know it.
    let [_, scene] = scenes();
    let hooks = Hooks::message(|message| {
        if let ("opening.combination", Some(last)) = (message.label, message.values.last_mut()) {
            *last += odd();
        }
    });
    depart(&scene, hooks).rejected_by("opening.column");
}

#[test]
fn a_row_that_is_not_near_the_code() {
    for scene in scenes() {
        let statement = Statement::new(&scene.key.verifying).expect("statement");
        let mut rows = vec![0, statement.trace.rows - 1];
        if let Some(masking) = statement.masking {
            // A pad, a mask of the closing check, the mask of the row combination.
            let of = [
                masking.pad_rows(0),
                masking.mask_rows(0),
                masking.combination_rows(),
            ];
            rows.extend(of.map(|rows| rows.first_row));
        }
        let mut word = vec![M61::from(0u64); statement.key.code.codeword_length()];
        Seed::from_bytes([1; 32]).fill_row(0, &mut word);
        for row in rows {
            let hooks = Hooks {
                commitment: Some(Box::new(|trace| trace.replace_encoded_row(row, &word))),
                ..Hooks::default()
            };
            depart(&scene, hooks).rejected_by("opening.column");
        }
    }
}

/// Every message that hides something, and the constraints that a false one may violate.
const HIDDEN: &[(&str, &[&str])] = &[
    ("lookup.root", &["lookup.denominator_nonzero", "lookup.layer"]),
    (
        "lookup.layer",
        &["lookup.layer", "lookup.numerator", "lookup.denominator"],
    ),
    ("lookup.round", &["lookup.layer"]),
    (
        "lookup.columns",
        &[
            "lookup.denominator",
            "reduce.duplicate",
            "opening.merge",
            "reduce.stage",
        ],
    ),
    ("lookup.multiplicities", &["lookup.numerator", "opening.merge"]),
    ("reduce.term", &["reduce.stage", "opening.merge"]),
    ("reduce.stage", &["reduce.stage"]),
    ("reduce.operand", &["reduce.stage", "opening.merge"]),
    ("opening.merge", &["opening.merge"]),
    ("opening.values", &["opening.merge", "opening.inner_product"]),
    ("opening.proximity", &["opening.inner_product"]),
    ("opening.mask", &["opening.inner_product"]),
    ("opening.combination", &["opening.inner_product"]),
];

#[test]
fn every_false_message_violates_a_constraint_that_should_see_it() {
    let scene = Scene::new(two_layers(60, true).with_privacy(Privacy::default()), 3);
    for (wanted, allowed) in HIDDEN {
        let mut told = 0;
        for (number, element) in [(0, 0), (0, 1), (0, 2), (1, 3), (2, 0), (4, 1)] {
            let mut found = false;
            let hooks = Hooks::message(|message| {
                if (message.label, message.number) == (*wanted, number) {
                    let element = element % message.values.len();
                    message.values[element] += odd();
                    found = true;
                }
            });
            let verdict = depart(&scene, hooks);
            if !found {
                verdict.accepted();
                continue;
            }
            told += 1;
            let violated = verdict.violated.as_ref().expect("zero knowledge");
            assert!(
                !violated.is_empty() && violated.iter().all(|name| allowed.contains(name)),
                "{wanted} {number} {element}: {violated:?}"
            );
            closing_fails(&verdict);
        }
        assert!(told > 0, "no message {wanted}");
    }
}

#[track_caller]
fn closing_fails(verdict: &Verdict) {
    match &verdict.result {
        Err(VerifyError::Check {
            name: "closing.constraints",
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn false_messages_of_the_closing_check() {
    let [_, scene] = scenes();
    let tell = |label: &'static str, alter: fn(&mut [K])| {
        let hooks = Hooks::message(move |message| {
            if message.label == label {
                alter(message.values);
            }
        });
        depart(&scene, hooks)
    };
    let last = |values: &mut [K]| *values.last_mut().expect("some") += odd();
    // What was hidden is right: the prover's replay finds nothing, the verifier does.
    for verdict in [
        tell("closing.masked", |values| values[0] += odd()),
        tell("closing.masked", |values| values[1] += odd()),
        tell("closing.response", |values| values[0] += odd()),
    ] {
        assert!(verdict.violated.as_ref().is_some_and(BTreeSet::is_empty));
        closing_fails(&verdict);
    }
    // The tails of the answer are in no constraint: the columns know them.
    tell("closing.response", last).rejected_by("opening.column");
}
