//! Setup proofs in chunks that are false in one of them, or mixed up.

use std::collections::BTreeSet;

use super::trace::linear;
use super::*;

/// Rows of a chunk, `log2`: a weight of `[5, 7]` has four chunks, and its bias, four digits of five, has two.
const CHUNK: usize = 4;

/// A setup proof in chunks, by a prover with hooks, of weights and multiplicities that may be lies. The prover may argue
/// about another statement.
fn judge_chunks<'h>(
    scene: &'h Scene,
    tell: impl Fn(&mut Lie<'_>),
    turn: impl Fn(&mut Statement<'_>),
    alter: impl FnMut(Message<'_>) + 'h,
) -> Verdict {
    let mut key = scene.key.verifying.weights.clone();
    let parameters = &scene.key.lowered.parameters;
    let matrices: Vec<CommittedMatrix> = {
        let statement = Statement::of_setup_in(&key, CHUNK).expect("statement");
        assert_eq!(statement.chunks.statements.len(), 6);
        let honest = Trace::of_weights(&statement, parameters).expect("a trace");
        let told = told(&statement, &honest, &tell);
        let copies = 1..=key.commitments.roots.len() as u8;
        copies
            .map(|seed| commit(&statement, &told.parameters, seed))
            .collect()
    };
    for (root, matrix) in key.commitments.roots.iter_mut().zip(&matrices) {
        *root = matrix.commitment().root;
    }
    let judge = Statement::of_setup_in(&key, CHUNK).expect("statement");
    let mut statement = judge.clone();
    turn(&mut statement);
    let honest = Trace::of_weights(&statement, parameters).expect("a trace");
    let told = told(&statement, &honest, &tell);
    let hooks = Hooks {
        judge: Some(&judge),
        message: Some(Box::new(alter)),
        ..Hooks::default()
    };
    let matrices: Vec<&CommittedMatrix> = matrices.iter().collect();
    prove_lying(&statement, &told.trace, &matrices, hooks)
}

fn lied(tell: impl Fn(&mut Lie<'_>)) -> [Verdict; 2] {
    scenes()
        .each_ref()
        .map(|scene| judge_chunks(scene, &tell, |_| {}, |_| {}))
}

fn scenes() -> [Scene; 2] {
    Scene::both(&linear(), 4)
}

#[test]
fn without_a_lie_the_proof_is_accepted() {
    lied(|_| {}).iter().for_each(Verdict::accepted);
}

#[test]
fn a_weight_out_of_range_in_any_chunk() {
    // The last cell of the logical shape in each chunk but those of padding alone.
    for (column, cell) in [
        ("fc.weight", 14),
        ("fc.weight", 30),
        ("fc.weight", 38),
        ("fc.bias", 12),
        ("fc.bias", 28),
    ] {
        for value in [128, -129] {
            let verdicts = lied(|lie| lie.cells(column)[cell] = value);
            rejected_by(verdicts, "lookup.layer");
        }
    }
}

#[test]
fn a_wrong_multiplicity_in_any_chunk() {
    for chunk in 0..6 {
        rejected_by(
            lied(|lie| lie.multiplicities.push((chunk, 128, 1))),
            "lookup.layer",
        );
    }
}

#[test]
fn multiplicities_that_are_right_for_all_chunks_together_alone() {
    // A weight out of range in one chunk, made up for by counts of another one: the sum of all fractions is not asked.
    let verdicts = lied(|lie| lie.multiplicities.extend([(0, 128, 1), (5, 128, -1)]));
    rejected_by(verdicts, "lookup.layer");
}

#[test]
fn chunks_in_another_order() {
    // All that the prover says is right, of the other chunk.
    for scene in &scenes() {
        for (one, other) in [(0, 1), (0, 2), (1, 3), (4, 5)] {
            let turned = |statement: &mut Statement<'_>| statement.chunks.parts.swap(one, other);
            let check = match scene.key.verifying.weights.visibility.is_private() {
                true => "closing.constraints",
                false => "opening.merge",
            };
            match judge_chunks(scene, |_| {}, turned, |_| {}).result {
                Err(VerifyError::Check { name, .. }) => assert_eq!(name, check, "{one} {other}"),
                verdict => panic!("{one} {other}: {verdict:?}"),
            }
        }
    }
}

#[test]
fn a_value_of_any_merged_chunk_that_is_another() {
    for scene in &scenes() {
        let values = |judged: &mut usize, place: Option<usize>| {
            judge_chunks(
                scene,
                |_| {},
                |_| {},
                |message| {
                    if message.label == "opening.values" {
                        *judged = message.values.len();
                        if let Some(place) = place {
                            message.values[place] += K::from(1u64);
                        }
                    }
                },
            )
        };
        let mut count = 0;
        values(&mut count, None).accepted();
        // A chunk has the value of a sum of rows of weights, in each commitment.
        assert!(count >= 6);
        for place in (0..count).step_by(1 + count / 24) {
            let verdict = values(&mut 0, Some(place));
            let found: BTreeSet<_> = verdict.violated.iter().flatten().copied().collect();
            assert!(verdict.violated.is_none() || found.contains("opening.merge"));
            assert!(verdict.result.is_err(), "{place}");
        }
    }
}

#[test]
fn a_claim_of_a_chunk_at_the_point_of_another_one() {
    // The columns of two chunks of one weight, exchanged after their arguments.
    for scene in &scenes() {
        let mut first = None;
        let verdict = judge_chunks(
            scene,
            |_| {},
            |_| {},
            |message| match (message.label, message.number) {
                ("lookup.columns", 0) => first = message.values.first().copied(),
                ("lookup.columns", 1) => message.values[0] = first.expect("a value"),
                _ => {}
            },
        );
        assert!(verdict.result.is_err());
        if let Some(violated) = &verdict.violated {
            assert!(violated.contains("lookup.denominator"), "{violated:?}");
        }
    }
}
