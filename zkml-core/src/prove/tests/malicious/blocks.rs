//! False blocks of a matrix of weights.

use super::weights::judge_key;
use super::*;

/// `fc.weight` is `[120, 300]`, in blocks of 256 and 44 inputs; 8 rows of both are padding, and 20 columns of the second.
const BLOCKS: [&str; 2] = ["fc.weight[0:120, 0:256]", "fc.weight[0:120, 256:300]"];

fn scenes() -> [Scene; 2] {
    let mut n = Network::new(43, &[1, 3, 300], (-127, 127));
    let fc = n.linear("fc", crate::graph::NodeId(0), 120, false);
    Scene::both(&n.finish(&[fc]), 3)
}

#[test]
fn blocks_of_other_weights() {
    for scene in scenes() {
        for block in BLOCKS {
            let alter = |lie: &mut Lie<'_>| lie.cells(block)[1] ^= 1;
            attack(&scene, alter).rejected_by("opening.merge");
            attack_with_own_weights(&scene, alter).rejected_by("opening.merkle");
        }
    }
}

#[test]
fn a_block_with_a_cell_in_its_padding() {
    for scene in scenes() {
        judge_key(&scene, false, |_, _| {}).accepted();
        // Behind the inputs; rows of padding are not stored.
        let block = BLOCKS[1];
        let verdict = judge_key(&scene, false, |_, lie| {
            let padding = lie.padding_of(block);
            lie.cells(block)[padding] = 1;
        });
        verdict.rejected_by("reduce.stage");
    }
}

#[test]
fn a_value_that_moves_from_one_block_to_another() {
    for scene in scenes() {
        // Of two terms one is sent, and the other follows from the sum, which holds.
        let mut sent = 0;
        let hooks = Hooks::message(|message| {
            if message.label == "reduce.term" {
                message.values[0] += K::from(1u64);
                sent += 1;
            }
        });
        depart(&scene, hooks).rejected_by("opening.merge");
        assert_eq!(sent, 1);
    }
}
