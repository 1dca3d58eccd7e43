//! Every way of lying that we know of, each rejected by its check.

use super::*;
use crate::error::{CodeError, KeyError, RecursionError};
use crate::pcs::CircleCode;
use crate::transcript::Kind;

#[test]
fn false_values_are_rejected() {
    for parameters in [levels(&[(5, 8, 10), (3, 6, 7)]), levels(&[(4, 6, 5)])] {
        let scene = Scene::new(code(6, 32, 9, 7), parameters, 2);
        for claim in 0..9 {
            for change in [K::from(1u64), K::new(M61::from_raw(0), M61::from_raw(1))] {
                let (proof, _) = scene.prove_with(
                    |channel| commit(channel, &scene.parameters, &scene.message).unwrap(),
                    |values| values[claim] += change,
                );
                assert_check(scene.verify(&proof), "recursion.inner_product");
            }
        }
    }
}

#[test]
fn without_levels_the_vector_is_sent_and_each_claim_is_checked_alone() {
    let scene = Scene::new(code(7, 32, 10, 9), levels(&[]), 2);
    let (honest, events) = scene.prove();
    assert_eq!(scene.verify(&honest), Ok(()));
    let sent: Vec<&str> = events
        .iter()
        .filter(|event| event.kind.is_message())
        .map(|event| event.label)
        .collect();
    assert_eq!(sent, ["opening.combination", "values"]);
    for claim in 0..11 {
        let (proof, _) = scene.prove_with(
            |channel| commit(channel, &scene.parameters, &scene.message).unwrap(),
            |values| values[claim] += K::from(1u64),
        );
        assert_check(scene.verify(&proof), "opening.column");
    }
}

/// Parameters for 160 values that both sides refuse before they say anything.
fn refused_by_both_sides(scene: &Scene, bad: &RecursionParameters, check: impl Fn(VerifyError)) {
    let mut prover = ProverTranscript::new(DOMAIN);
    match commit(&mut prover, bad, &scene.message) {
        Err(PcsError::Parameters(error)) => check(error),
        other => panic!("{other:?}"),
    }
    assert!(prover.into_proof().is_empty());
    let mut verifier = VerifierTranscript::new(DOMAIN, &[]);
    check(read_vector(&mut verifier, bad, 160).unwrap_err());
}

#[test]
fn every_message_of_every_level_is_checked_by_the_check_that_should() {
    let scene = rich_scene();
    let (proof, events) = scene.prove();
    let mut seen = std::collections::BTreeMap::new();
    for event in events.iter().filter(|event| event.kind.is_message()) {
        for byte in [0, event.length / 2, event.length - 8] {
            let mut changed = proof.clone();
            // The lowest bit of a word: the element stays canonical.
            changed[event.offset + byte / 8 * 8] ^= 1;
            let name = match scene.verify(&changed) {
                Err(VerifyError::Check { name, .. }) => name,
                other => panic!("{event:?}: {other:?}"),
            };
            let expected: &[&str] = match event.label {
                "recursion.columns" | "recursion.path" => &["recursion.merkle"],
                "recursion.message" => &["recursion.inner_product"],
                // What comes next changes: mostly the work, if that holds by luck the columns.
                "values" | "recursion.root" | "recursion.rows" | "recursion.grind" => {
                    &["transcript.grind", "recursion.merkle", "recursion.inner_product"]
                }
                other => panic!("unknown message {other}"),
            };
            assert!(expected.contains(&name), "{event:?}: {name}");
            *seen.entry(event.label).or_insert(0) += 1;
        }
    }
    // Three roots; rounds of 5, 4 and 4 rows; a nonce and columns at each level.
    assert_eq!(seen["recursion.root"], 9);
    assert_eq!(seen["recursion.rows"], 3 * (3 + 2 + 2));
    assert_eq!(seen["recursion.grind"], 9);
    assert_eq!(seen["recursion.columns"], 9);
    assert_eq!(seen["recursion.message"], 3);
    assert!(seen["recursion.path"] > 9);
}

#[test]
fn a_nonce_without_its_work_is_rejected_before_the_challenge_of_the_rows() {
    let scene = scene_with_work();
    let (proof, events) = scene.prove();
    let nonces: Vec<&Event> = events
        .iter()
        .filter(|event| event.kind == Kind::Nonce && event.label == "recursion.rows.grind")
        .collect();
    // Three rounds at the first level, none with work at the second.
    assert_eq!(nonces.len(), 3);
    let mut tried = 0;
    for event in nonces {
        let range = event.offset..event.offset + event.length;
        let honest = u64::from_le_bytes(proof[range.clone()].try_into().unwrap());
        // The honest one is the least that carries the work.
        for nonce in 0..honest {
            let mut changed = proof.clone();
            changed[range.clone()].copy_from_slice(&nonce.to_le_bytes());
            let expected = VerifyError::Check {
                name: "transcript.grind",
                place: "recursion.rows.grind".into(),
            };
            assert_eq!(scene.verify(&changed), Err(expected));
            tried += 1;
        }
        // One that does carry it gives other challenges.
        let mut other = (honest + 1..).map(|nonce| {
            let mut changed = proof.clone();
            changed[range.clone()].copy_from_slice(&nonce.to_le_bytes());
            scene.verify(&changed)
        });
        let passes = |result: &Result<(), VerifyError>| !matches!(result, Err(VerifyError::Check { place, .. }) if place == "recursion.rows.grind");
        assert!(other.find(passes).unwrap().is_err());
        // Left out, the proof is read out of step.
        let mut shorter = proof.clone();
        shorter.drain(range);
        assert!(scene.verify(&shorter).is_err());
    }
    assert!(tried > 3, "{tried}");
}

#[test]
fn every_byte_of_a_proof_matters() {
    let scene = Scene::new(code(3, 4, 6, 3), levels(&[(2, 4, 3), (1, 3, 3)]), 1);
    let (proof, _) = scene.prove();
    every_byte_matters(&proof, |proof| scene.verify(proof));
    let mut longer = proof;
    longer.push(0);
    assert!(matches!(
        scene.verify(&longer),
        Err(VerifyError::TrailingBytes { .. })
    ));
}

#[test]
fn a_row_that_is_no_codeword_is_rejected() {
    let mut random = Random(5);
    for (shape, name) in [
        // With another level behind it the columns become claims; at the last one they are compared.
        (vec![(5, 8, 60)], "opening.column"),
        (vec![(5, 8, 60), (3, 6, 20)], "recursion.inner_product"),
    ] {
        let scene = Scene::new(code(7, 32, 10, 9), levels(&shape), 1);
        let first = scene.parameters.levels[0].clone();
        let word: Vec<M61> = (0..first.codeword_length())
            .map(|_| random.element().c0)
            .collect();
        let replaced = |row: usize, word: &[M61]| {
            scene.prove_with(
                |channel| {
                    // The root is sent after the change.
                    let mut committed = commit(
                        &mut ProverTranscript::new(DOMAIN),
                        &scene.parameters,
                        &scene.message,
                    )
                    .unwrap();
                    committed.first_level().replace_encoded_row(row, word);
                    let root = committed.first_level().root();
                    channel.send_digest("recursion.root", &root);
                    committed
                },
                |_| {},
            )
        };
        for row in [0, 3, 9] {
            assert_check(scene.verify(&replaced(row, &word).0), name);
        }
        // The codeword of another row: the columns are consistent, the folded message is not theirs.
        let other: Vec<M61> = scene.message[..32]
            .iter()
            .map(|value| value.c0 + value.c1)
            .collect();
        let encoded = CircleCode::new(&first).unwrap().encode(&other);
        assert_check(scene.verify(&replaced(3, &encoded).0), name);
        // The same with the true row: the tree is rebuilt and all is well, so it is the word that was refused.
        let own: Vec<M61> = scene.message[32..64].iter().map(|value| value.c1).collect();
        let encoded = CircleCode::new(&first).unwrap().encode(&own);
        assert_eq!(scene.verify(&replaced(3, &encoded).0), Ok(()));
    }
}

#[test]
fn a_last_message_that_fits_the_claim_but_not_the_columns_is_rejected() {
    // One level without rounds to speak of: the message is changed where the running claim does not look.
    let scene = Scene::new(code(3, 0, 6, 1), levels(&[(2, 5, 20)]), 0);
    let mut channel = ProverTranscript::new(DOMAIN);
    let committed = commit(&mut channel, &scene.parameters, &scene.message).unwrap();
    let level = {
        let mut committed = committed.clone();
        committed.first_level().clone()
    };
    let drawn = channel.positions("positions", 1, 64);
    let functional = Functional::Position(drawn[0]);
    let value = scene.values(core::slice::from_ref(&functional));
    channel.send_extension("values", &value);
    let lambda = channel.challenge("recursion.batch");
    let weights: Vec<K> = dense(&scene.base, &functional)
        .iter()
        .map(|w| *w * lambda)
        .collect();
    let (low, high) = scene.message.split_at(4);
    let (weights_low, weights_high) = weights.split_at(4);
    let constant = inner_product(low, weights_low);
    let step = |low: &[K], high: &[K]| -> Vec<K> { low.iter().zip(high).map(|(a, b)| *b - a).collect() };
    let square = inner_product(&step(low, high), &step(weights_low, weights_high));
    channel.send_extension("recursion.rows", &[constant, square]);
    let r = channel.challenge("recursion.rows");
    let fold =
        |low: &[K], high: &[K]| -> Vec<K> { low.iter().zip(high).map(|(a, b)| *a + r * (*b - a)).collect() };
    let (mut message, weights) = (fold(low, high), fold(weights_low, weights_high));
    // Orthogonal to the weights: <d, w> = w_1 w_0 - w_0 w_1.
    message[0] += weights[1];
    message[1] -= weights[0];
    channel.send_extension("recursion.message", &message);
    channel.grind("recursion.grind", 3);
    let positions = channel.positions("recursion.positions", 20, 32);
    channel.send_base("recursion.columns", &level.columns(&positions));
    for node in level.path(&positions) {
        channel.send_digest("recursion.path", &node);
    }
    assert_check(scene.verify(&channel.into_proof()), "opening.column");
    assert_eq!(scene.verify(&scene.prove().0), Ok(()));
}

#[test]
fn the_root_binds_the_layout() {
    // The same columns as of a code with another number of queries are the same matrix; of another length they are not.
    let scene = rich_scene();
    let (proof, _) = scene.prove();
    type Change = fn(&mut RecursionParameters);
    let changes: [Change; 4] = [
        |p| p.levels[0].log_codeword = 9,
        |p| p.levels[0].queries -= 1,
        |p| p.levels[0].grinding_bits += 1,
        |p| p.levels.truncate(2),
    ];
    for change in changes {
        let mut other = rich_scene();
        change(&mut other.parameters);
        assert!(other.verify(&proof).is_err());
        assert_eq!(other.verify(&other.prove().0), Ok(()));
    }
}

#[test]
fn parameters_out_of_range_are_refused_by_both_sides() {
    let good = rich_scene().parameters;
    assert_eq!(good.validate(160), Ok(()));
    type Change = fn(&mut RecursionParameters);
    let code = |level, error| RecursionError::Code { level, error };
    let log_row = |found| CodeError::LogRow { found, most: 26 };
    let queries = |found, most| CodeError::Queries { found, most };
    let rows = |level, row, length| RecursionError::Rows { level, row, length };
    let changes: [(Change, RecursionError); 12] = [
        (
            |p| p.levels[0].tail = 1,
            RecursionError::Tail { level: 0, found: 1 },
        ),
        (
            |p| p.levels[2].tail = 2,
            RecursionError::Tail { level: 2, found: 2 },
        ),
        (|p| p.levels[0].log_row = 6, rows(0, 64, 160)),
        (|p| p.levels[1].log_row = 5, rows(1, 32, 32)),
        (|p| p.levels[2].log_row = 0, code(2, log_row(0))),
        (|p| p.levels[0].log_row = 27, code(0, log_row(27))),
        (|p| p.levels[1].log_row = u32::MAX, code(1, log_row(u32::MAX))),
        (
            |p| p.levels[1].log_codeword = 3,
            code(
                1,
                CodeError::LogCodeword {
                    found: 3,
                    most: 30,
                    points: 9,
                },
            ),
        ),
        (|p| p.levels[1].queries = 0, code(1, queries(0, 64))),
        (
            |p| p.levels[1].queries = usize::MAX,
            code(1, queries(usize::MAX, 64)),
        ),
        (
            |p| p.levels[2].grinding_bits = 41,
            code(2, CodeError::GrindingBits { found: 41, most: 40 }),
        ),
        (|p| p.levels.push(p.levels[2].clone()), rows(3, 2, 2)),
    ];
    let scene = rich_scene();
    for (change, expected) in changes {
        let mut bad = good.clone();
        change(&mut bad);
        let check = |error| assert_eq!(error, VerifyError::from(expected.clone()));
        check(bad.validate(160).unwrap_err());
        refused_by_both_sides(&scene, &bad, check);
    }
    // Lengths that are no whole number of rows, or one row.
    for length in [0, 1, 31, 32, 33, 159, usize::MAX] {
        assert!(matches!(
            good.validate(length),
            Err(VerifyError::Key(KeyError::Recursion(RecursionError::Rows {
                level: 0,
                ..
            })))
        ));
    }
    // Nothing of this overflows on hostile input.
    let mut hostile = good.clone();
    hostile.levels[0].log_row = 63;
    let _ = (hostile.cost(usize::MAX), hostile.padded_length(usize::MAX));
    let _ = soundness::recursion_terms(&hostile, usize::MAX);
}

#[test]
fn functionals_and_codes_that_do_not_fit_are_refused_by_both_sides() {
    let scene = rich_scene();
    let bad = [
        Functional::Eq(vec![K::ZERO; 6]),
        Functional::Eq(vec![K::ZERO; 8]),
        Functional::Position(1024),
        Functional::Position(usize::MAX),
    ];
    let longer = CodeParameters {
        tail: 64,
        ..scene.base.clone()
    };
    let longer_length = longer.message_length();
    let other_levels = levels(&[(5, 9, 10), (3, 6, 7), (1, 4, 6)]);
    let cases = bad
        .into_iter()
        .map(|functional| (scene.base.clone(), scene.parameters.clone(), functional))
        .chain([
            (longer, scene.parameters.clone(), Functional::Position(0)),
            (scene.base.clone(), levels(&[]), Functional::Position(0)),
            (scene.base.clone(), other_levels, Functional::Position(0)),
        ]);
    for (index, (base, parameters, functional)) in cases.enumerate() {
        let mut prover = ProverTranscript::new(DOMAIN);
        let committed = commit(&mut prover, &scene.parameters, &scene.message).unwrap();
        let result = prove(
            &mut prover,
            &parameters,
            &base,
            committed,
            core::slice::from_ref(&functional),
        );
        let proof = prover.into_proof();
        let mut verifier = VerifierTranscript::new(DOMAIN, &proof);
        let vector = read_vector(&mut verifier, &scene.parameters, 160).unwrap();
        let claims = vec![(functional, K::ZERO)];
        let verified = verify(&mut verifier, &parameters, &base, vector, claims);
        match index {
            0..=4 => {
                let expected = match index {
                    0..=3 => VerifyError::from(RecursionError::Claim { claim: 0 }),
                    _ => VerifyError::from(RecursionError::Length {
                        found: 160,
                        expected: longer_length,
                    }),
                };
                assert_eq!(result, Err(PcsError::Parameters(expected.clone())), "{index}");
                assert!(
                    index == 4 && verified.is_err() || verified == Err(expected),
                    "{index}"
                );
            }
            _ => {
                assert_eq!(result, Err(PcsError::OtherCode { matrix: 0 }));
                assert!(verified.is_err());
            }
        }
    }
}
