//! Every way of lying that we know of, each rejected by its check.

use super::*;
use crate::error::{ClaimError, OpeningError};
use crate::poly::Coordinate;
use crate::secret::Seed;

#[test]
fn false_values_are_rejected() {
    for one_point in [true, false] {
        let shapes: &[&[usize]] = if one_point {
            &[&[6, 4, 5], &[5]]
        } else {
            &[&[6, 2, 4, 0, 5], &[5, 3]]
        };
        let scene = Scene::new(code(4, 3, 7, 20), shapes, one_point);
        for claim in 0..scene.columns.len() {
            let (proof, _) = scene.prove(|claims| claims[claim].value += K::ONE);
            assert_check(scene.verify(&proof), "opening.merge");
            // Two that are false by as much: at one point they are merged as one claim, each with its coefficient.
            let (proof, _) = scene.prove(|claims| {
                let other = (claim + 1) % claims.len();
                claims[claim].value += K::ONE;
                claims[other].value -= K::ONE;
            });
            assert_check(scene.verify(&proof), "opening.merge");
        }
    }
}

#[test]
fn two_values_of_one_column_at_one_point_are_both_checked() {
    // The same claim twice, once right and once wrong: the wrong one must not hide behind the other.
    let mut scene = Scene::new(code(4, 0, 7, 20), &[&[5]], true);
    scene.columns.push(scene.columns[0].clone());
    for claim in 0..2 {
        let (proof, _) = scene.prove(|claims| claims[claim].value += K::ONE);
        assert_check(scene.verify(&proof), "opening.merge");
    }
    let (proof, _) = scene.prove(|_| {});
    assert_eq!(scene.verify(&proof), Ok(()));
}

/// Changes one byte of each message with this label in turn and returns the results.
pub(super) fn tamper(scene: &Scene, label: &str) -> Vec<Result<(), VerifyError>> {
    let (proof, events) = scene.prove(|_| {});
    let messages: Vec<&Event> = events
        .iter()
        .filter(|event| event.label == label && event.kind.is_message())
        .collect();
    assert!(!messages.is_empty(), "no message {label}");
    let mut results = Vec::new();
    for message in messages {
        for byte in [0, message.length / 2, message.length - 8] {
            let mut changed = proof.clone();
            // The lowest bit of a word: the element stays canonical.
            changed[message.offset + byte / 8 * 8] ^= 1;
            results.push(scene.verify(&changed));
        }
    }
    results
}

#[test]
fn every_message_is_checked_by_the_check_that_should() {
    let narrow = CodeParameters {
        log_stride: 2,
        ..code(5, 4, 8, 20)
    };
    every_message_is_checked(&rich_scene());
    every_message_is_checked(&Scene::new(narrow, &[&[6, 2, 3, 0, 5], &[6, 3]], false));
}

fn every_message_is_checked(scene: &Scene) {
    for (label, check) in [
        ("values", "opening.merge"),
        ("opening.merge", "opening.merge"),
        ("opening.values", "opening.merge"),
        ("opening.salt", "opening.merkle"),
        ("opening.columns", "opening.merkle"),
        ("opening.path", "opening.merkle"),
    ] {
        for result in tamper(scene, label) {
            assert_check(result, check);
        }
    }
    // Of the row combination the data part is bound by the claims, the tail only by the columns; the
    // positions depend on both.
    let combination = tamper(scene, "opening.combination");
    assert_eq!(combination.len(), 3);
    for (result, in_tail) in combination.into_iter().zip([false, false, true]) {
        match result {
            Err(VerifyError::Check {
                name: "opening.inner_product",
                ..
            }) => assert!(!in_tail),
            Err(VerifyError::Check {
                name: "transcript.grind" | "opening.merkle",
                ..
            }) => assert!(in_tail),
            other => panic!("{other:?}"),
        }
    }
    // The value of the random fold is part of what the coefficients' work is done over.
    for label in [
        "opening.proximity.grind",
        "opening.proximity",
        "opening.combine.grind",
    ] {
        for result in tamper(scene, label) {
            assert!(matches!(
                result,
                Err(VerifyError::Check {
                    name: "transcript.grind" | "opening.inner_product",
                    ..
                })
            ));
        }
    }
    for result in tamper(scene, "opening.grind") {
        // Another nonce may work by luck; then other positions are asked for.
        assert!(matches!(
            result,
            Err(VerifyError::Check {
                name: "transcript.grind" | "opening.merkle",
                ..
            })
        ));
    }
    // Another root: other challenges, so the claimed values are wrong before the tree is looked at.
    for result in tamper(scene, "root") {
        assert!(result.is_err());
    }
}

#[test]
fn every_byte_of_a_proof_matters() {
    let narrow = CodeParameters {
        log_stride: 1,
        ..code(3, 2, 6, 4)
    };
    every_byte_matters(&Scene::new(code(2, 1, 5, 4), &[&[3, 1], &[2]], false));
    every_byte_matters(&Scene::new(narrow, &[&[3, 1], &[3]], false));
}

fn every_byte_matters(scene: &Scene) {
    let (proof, _) = scene.prove(|_| {});
    super::every_byte_matters(&proof, |proof| scene.verify(proof));
}

#[test]
fn a_combination_that_fits_a_false_value_is_caught_at_the_columns() {
    let code = code(4, 0, 7, 20);
    let mut random = Random(3);
    let (matrix, cells) = four_rows(&code, &mut random);
    let honest = prove_one(&code, &matrix, &cells, |_| {});
    assert_eq!(verify_one(&code, matrix.commitment(), &honest), Ok(()));

    // Claim the value of another matrix, and send the combination of its rows: consistent with the claim, not
    // with the columns.
    let mut other = cells.clone();
    other[21] += M61::ONE;
    let lying = CommittedMatrix::commit(Rows::Field(other.clone()), &code, random.seed()).unwrap();
    let proof = {
        let mut channel = ProverTranscript::new(DOMAIN);
        channel.absorb("root", &matrix.commitment().root);
        let combination = send_combined(&mut channel, &code, &lying, &other);
        channel.send_extension("opening.combination", &combination);
        send_columns(&mut channel, &matrix, &code);
        channel.into_proof()
    };
    assert_check(verify_one(&code, matrix.commitment(), &proof), "opening.column");
}

#[test]
fn a_false_tail_of_the_combination_is_caught_at_the_columns() {
    let code = code(4, 2, 7, 20);
    let mut random = Random(4);
    let (matrix, cells) = four_rows(&code, &mut random);
    assert_eq!(
        verify_one(
            &code,
            matrix.commitment(),
            &prove_one(&code, &matrix, &cells, |_| {})
        ),
        Ok(())
    );
    // The tail is no part of the inner product; only the columns know it.
    let proof = prove_one(&code, &matrix, &cells, |combination| combination[17] += K::ONE);
    assert_check(verify_one(&code, matrix.commitment(), &proof), "opening.column");
}

#[test]
fn a_row_that_is_no_codeword_is_rejected() {
    let code = code(4, 0, 7, 20);
    let mut random = Random(5);
    let (mut matrix, cells) = four_rows(&code, &mut random);
    let word = random.fields(128);
    matrix.replace_encoded_row(2, &word);
    let proof = prove_one(&code, &matrix, &cells, |_| {});
    assert_check(verify_one(&code, matrix.commitment(), &proof), "opening.column");

    // The same with the true row: the tree is rebuilt and all is well, so it is the word that was refused.
    let row = CircleCode::new(&code).unwrap().encode(&cells[32..48]);
    matrix.replace_encoded_row(2, &row);
    let proof = prove_one(&code, &matrix, &cells, |_| {});
    assert_eq!(verify_one(&code, matrix.commitment(), &proof), Ok(()));
}

#[test]
fn claims_that_do_not_fit_are_refused_by_both_sides() {
    let code = code(2, 0, 5, 4);
    let mut random = Random(8);
    let matrix = CommittedMatrix::commit(Rows::Field(random.fields(24)), &code, random.seed()).unwrap();
    let x = Coordinate::Challenge(K::new(random.field(), random.field()));
    let y = Coordinate::Challenge(K::new(random.field(), random.field()));
    let low = vec![K::ZERO; 2];
    let good = ClaimPoint {
        matrix: 0,
        first_row: 2,
        stored: StoredRows::full(2).unwrap(),
        high: vec![x, y],
        low: low.clone(),
    };
    let bits = ClaimPoint {
        high: vec![Coordinate::Bit(true), Coordinate::Bit(true)],
        ..good.clone()
    };
    let bad = [
        ClaimPoint {
            matrix: 1,
            ..good.clone()
        },
        ClaimPoint {
            first_row: 3,
            ..good.clone()
        },
        ClaimPoint {
            first_row: usize::MAX,
            ..good.clone()
        },
        ClaimPoint {
            high: vec![x, Coordinate::Bit(true), y],
            ..good.clone()
        },
        ClaimPoint {
            stored: StoredRows::full(3).unwrap(),
            ..good.clone()
        },
        ClaimPoint {
            high: vec![Coordinate::Bit(true); 64],
            ..good.clone()
        },
        ClaimPoint {
            low: vec![K::ZERO; 3],
            ..good.clone()
        },
        // One challenge for two row variables.
        ClaimPoint {
            high: vec![x, x],
            ..good.clone()
        },
    ];
    for point in [&good, &bits] {
        assert_eq!(
            claim::check_points(&code, &[matrix.commitment()], [point]),
            Ok(())
        );
    }
    let rows = |first| ClaimError::Rows {
        first,
        count: 4,
        rows: 6,
    };
    let high = |found, expected| ClaimError::High { found, expected };
    let errors = [
        ClaimError::Matrix {
            found: 1,
            matrices: 1,
        },
        rows(3),
        rows(usize::MAX),
        high(3, 2),
        high(2, 3),
        high(64, 2),
        ClaimError::Low {
            found: 3,
            expected: 2,
        },
        ClaimError::RepeatedChallenge,
    ];
    for (point, error) in bad.into_iter().zip(errors) {
        let expected = OpeningError::Claim { claim: 0, error };
        let claim = Claim {
            point: point.clone(),
            value: K::ZERO,
        };
        let mut prover = ProverTranscript::new(DOMAIN);
        assert_eq!(
            prove_opening(
                &mut prover,
                (&code, &RecursionParameters::default()),
                &[&matrix],
                &[claim]
            ),
            Err(PcsError::from(expected.clone()))
        );
        let mut verifier = VerifierTranscript::new(DOMAIN, &[]);
        assert_eq!(
            verify_opening(
                &mut verifier,
                (&code, &RecursionParameters::default()),
                &[matrix.commitment()],
                &[(point, K::ZERO)]
            ),
            Err(VerifyError::from(expected))
        );
    }
}

#[test]
fn data_that_makes_no_matrix_is_refused() {
    let code = code(2, 0, 5, 4);
    for cells in [0, 3, 7] {
        let result = CommittedMatrix::commit(
            Rows::Int8(vec![1; cells].into()),
            &code,
            Seed::from_bytes([0; 32]),
        );
        assert_eq!(result.map(|_| ()), Err(PcsError::Shape { cells, row_length: 4 }));
    }
    let matrix =
        CommittedMatrix::commit(Rows::Int8(vec![1; 4].into()), &code, Seed::from_bytes([0; 32])).unwrap();
    let other = CodeParameters {
        log_codeword: 6,
        ..code
    };
    let result = prove_opening(
        &mut ProverTranscript::new(DOMAIN),
        (&other, &RecursionParameters::default()),
        &[&matrix],
        &[],
    );
    assert_eq!(result, Err(PcsError::OtherCode { matrix: 0 }));
}

#[test]
fn matrices_of_other_strides_are_refused_by_both_sides() {
    let code = CodeParameters {
        log_stride: 2,
        ..code(5, 8, 8, 20)
    };
    let scene = Scene::new(code.clone(), &[&[6, 3], &[6]], false);
    let (proof, _) = scene.prove(|_| {});
    for (matrix, log_stride) in [(0, 1), (1, 1), (1, 6), (0, u32::MAX)] {
        let mut channel = VerifierTranscript::new(DOMAIN, &proof);
        let mut commitments = scene.commitments();
        commitments[matrix].log_stride = log_stride;
        let parameters = (&scene.code, &scene.recursion);
        let claims: Vec<(ClaimPoint, K)> = scene
            .points(|| K::ONE)
            .into_iter()
            .map(|(point, _)| (point, K::ONE))
            .collect();
        let expected = OpeningError::Stride {
            matrix,
            found: log_stride,
            expected: 2,
        };
        assert_eq!(
            verify_opening(&mut channel, parameters, &commitments, &claims),
            Err(VerifyError::from(expected))
        );
    }
    // A row that is narrow in another code, on the prover's side; and a claim between its places.
    let other = CodeParameters {
        log_stride: 1,
        ..code.clone()
    };
    let matrices: Vec<&CommittedMatrix> = scene.matrices.iter().collect();
    let mut channel = ProverTranscript::new(DOMAIN);
    let parameters = (&other, &scene.recursion);
    let expected = OpeningError::Stride {
        matrix: 0,
        found: 2,
        expected: 1,
    };
    assert_eq!(
        prove_opening(&mut channel, parameters, &matrices, &[]),
        Err(PcsError::from(expected))
    );
    let (mut point, _) = scene.points(|| K::ONE).remove(0);
    *point.low.last_mut().unwrap() = K::ONE;
    let between = Claim { point, value: K::ONE };
    let expected = OpeningError::Claim {
        claim: 0,
        error: ClaimError::NarrowRow,
    };
    assert_eq!(
        prove_opening(&mut channel, (&code, &scene.recursion), &matrices, &[between]),
        Err(PcsError::from(expected))
    );
}

#[test]
fn nodes_that_are_cut_are_checked_like_whole_ones() {
    for digest_bytes in [26, 29] {
        let code = CodeParameters {
            digest_bytes,
            ..code(4, 3, 7, 20)
        };
        let scene = Scene::new(code, &[&[6, 2, 4, 0, 5], &[5, 3]], false);
        let (proof, events) = scene.prove(|_| {});
        assert_eq!(scene.verify(&proof), Ok(()));
        let nodes: Vec<&Event> = events
            .iter()
            .filter(|event| event.label == "opening.path")
            .collect();
        assert!(!nodes.is_empty());
        for node in nodes {
            assert_eq!(node.length, digest_bytes as usize);
            let mut changed = proof.clone();
            changed[node.offset + node.length - 1] ^= 1;
            assert_check(scene.verify(&changed), "opening.merkle");
        }
    }
}
