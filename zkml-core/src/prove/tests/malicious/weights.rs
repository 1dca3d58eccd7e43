//! Commitments to weights that are none: the setup proof of such a key is rejected, by the constraint that should.

use super::trace::linear;
use super::*;

/// A copy of the parameters in a key: which of its commitments, or the one of the key before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    Number(usize),
    Previous,
}

/// The verdict on a key whose commitments hold what `tell` makes of the weights, in each copy. Its setup proof argues
/// honestly about the first one.
pub(super) fn judge_key(scene: &Scene, rotated: bool, tell: impl Fn(Copy, &mut Lie<'_>)) -> Verdict {
    let mut key = scene.key.verifying.weights.clone();
    key.previous = rotated.then_some([0; 32]);
    let parameters = &scene.key.lowered.parameters;
    let copies: Vec<Copy> = (0..key.commitments.roots.len())
        .map(Copy::Number)
        .chain(rotated.then_some(Copy::Previous))
        .collect();
    let mut matrices = Vec::new();
    {
        let statement = Statement::of_setup(&key).expect("statement");
        let honest = Trace::of_weights(&statement, parameters).expect("a trace");
        for (index, &copy) in copies.iter().enumerate() {
            let told = told(&statement, &honest, |lie| tell(copy, lie));
            matrices.push(commit(&statement, &told.parameters, 1 + index as u8));
        }
    }
    for (copy, matrix) in copies.iter().zip(&matrices) {
        let root = matrix.commitment().root;
        match copy {
            Copy::Number(number) => key.commitments.roots[*number] = root,
            Copy::Previous => key.previous = Some(root),
        }
    }
    let statement = Statement::of_setup(&key).expect("statement");
    let honest = Trace::of_weights(&statement, parameters).expect("a trace");
    let told = told(&statement, &honest, |lie| tell(copies[0], lie));
    let matrices: Vec<&CommittedMatrix> = matrices.iter().collect();
    prove_lying(&statement, &told.trace, &matrices, Hooks::default())
}

fn scenes() -> [Scene; 2] {
    Scene::both(&linear(), 4)
}

#[test]
fn weights_in_range_with_zero_padding_are_accepted() {
    for scene in scenes() {
        judge_key(&scene, false, |_, _| {}).accepted();
        judge_key(&scene, false, |_, lie| lie.cells("fc.weight")[0] = -128).accepted();
    }
}

#[test]
fn weights_out_of_range() {
    for scene in scenes() {
        for value in [128, -129, 1 << 50] {
            let verdict = judge_key(&scene, false, |_, lie| lie.cells("fc.weight")[0] = value);
            verdict.rejected_by("lookup.layer");
        }
    }
}

#[test]
fn weights_in_the_padding() {
    for scene in scenes() {
        for column in ["fc.weight", "fc.bias"] {
            let verdict = judge_key(&scene, false, |_, lie| {
                let padding = lie.padding_of(column);
                lie.cells(column)[padding] = 1;
            });
            verdict.rejected_by("reduce.stage");
        }
    }
}

#[test]
fn one_of_several_commitments_that_holds_other_weights() {
    let [_, scene] = scenes();
    let copies = scene.key.verifying.weights.commitments.roots.len();
    assert!(copies > 1);
    for number in 0..copies {
        let verdict = judge_key(&scene, false, |copy, lie| {
            if copy == Copy::Number(number) {
                lie.cells("fc.weight")[0] ^= 1;
            }
        });
        verdict.rejected_by("opening.merge");
        // In its padding it would be other weights too.
        let verdict = judge_key(&scene, false, |copy, lie| {
            let padding = lie.padding_of("fc.weight");
            if copy == Copy::Number(number) {
                lie.cells("fc.weight")[padding] = 1;
            }
        });
        // The argument is about the first one.
        match number {
            0 => verdict.rejected_by_all(&["opening.merge", "reduce.stage"]),
            _ => verdict.rejected_by("opening.merge"),
        }
    }
}

#[test]
fn a_rotation_to_other_weights() {
    let [_, scene] = scenes();
    let same = judge_key(&scene, true, |_, _| {});
    same.accepted();
    let other = judge_key(&scene, true, |copy, lie| {
        if copy != Copy::Previous {
            lie.cells("fc.weight")[0] ^= 1;
        }
    });
    other.rejected_by("opening.merge");
    // Without the claim to replace a key the same commitments are weights like any others.
    let fresh = judge_key(&scene, false, |_, lie| lie.cells("fc.weight")[0] ^= 1);
    fresh.accepted();
}
