//! False blocks of a matrix of weights, and of columns of the trace.

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

/// Blocks of the channels of a column of the trace.
const PARTS: [&str; 2] = ["[0:1, 0:32, 0:256]", "[0:1, 0:32, 256:320]"];

fn scenes_of_trace() -> [Scene; 2] {
    Scene::both(&super::super::trace_blocks::model(32), 8)
}

#[test]
fn a_false_cell_in_any_block_of_the_trace() {
    for scene in scenes_of_trace() {
        for column in ["relu", "relu/remainder.1", "wide/digit.0", "wide/digit.1"] {
            for part in PARTS {
                let verdict = attack(&scene, |lie| lie.cells(&format!("{column}{part}"))[5] ^= 1);
                verdict.rejected_by("lookup.layer");
            }
        }
    }
}

#[test]
fn a_digit_outside_of_its_table_in_any_block() {
    for scene in scenes_of_trace() {
        for part in PARTS {
            let verdict = attack(&scene, |lie| {
                let name = format!("wide/digit.0{part}");
                let mut lookups = lie.circuit.lookups.iter();
                let lookup = lookups.find(|lookup| lookup.name == name).expect("a lookup");
                let bits = lie.circuit.tables[lookup.table as usize].variables();
                // The value is the same, its digits are not.
                lie.cells(&name)[5] += 1 << bits;
                lie.cells(&format!("wide/digit.1{part}"))[5] -= 1;
            });
            verdict.rejected_by("lookup.layer");
        }
    }
}

#[test]
fn rounding_the_wrong_way_in_any_block() {
    for scene in scenes_of_trace() {
        for part in PARTS {
            let verdict = attack(&scene, |lie| {
                let output = lie.cells(&format!("relu{part}"));
                let unclamped = output.iter().position(|&value| 0 < value && value < 127);
                let cell = unclamped.expect("a cell");
                output[cell] += 1;
                // The equation holds, and the value is in the table.
                lie.cells(&format!("relu/remainder.1{part}"))[cell] -= 1 << 8;
            });
            verdict.rejected_by("lookup.layer");
        }
    }
}

#[test]
fn blocks_that_changed_places() {
    for scene in scenes_of_trace() {
        for part in PARTS {
            // Both limbs are in one table.
            let verdict = attack(&scene, |lie| {
                let limbs = [0, 1].map(|k| format!("relu/remainder.{k}{part}"));
                let low = lie.cells(&limbs[0]).clone();
                let high = core::mem::replace(lie.cells(&limbs[1]), low);
                *lie.cells(&limbs[0]) = high;
            });
            verdict.rejected_by("lookup.layer");
        }
        // The last channels instead of the first.
        let verdict = attack(&scene, |lie| {
            let last = lie.cells("relu[0:1, 0:32, 256:320]").clone();
            let first = lie.cells("relu[0:1, 0:32, 0:256]");
            for (row, last) in first.chunks_mut(256).zip(last.chunks(64)) {
                row[..64].copy_from_slice(last);
            }
        });
        verdict.rejected_by("lookup.layer");
    }
}

#[test]
fn a_value_that_moves_between_blocks_of_the_trace() {
    for scene in scenes_of_trace() {
        let mut count = 0;
        let honest = Hooks::message(|message| count += usize::from(message.label == "reduce.term"));
        depart(&scene, honest).accepted();
        assert!(count > 2);
        for lie in 0..count {
            let hooks = Hooks::message(|message| {
                if message.label == "reduce.term" && message.number == lie {
                    message.values[0] += K::from(1u64);
                }
            });
            // A block that is claimed at that point already is compared with its claim. At a point of another block its
            // view is 0. The residual is multiplied by constants, in a sumcheck.
            let verdict = depart(&scene, hooks);
            let checks = [
                "opening.merge",
                "reduce.duplicate",
                "reduce.outside",
                "reduce.stage",
            ];
            match (&verdict.result, &verdict.violated) {
                (Err(VerifyError::Check { name, .. }), None) => assert!(checks.contains(name), "{name}"),
                (Err(VerifyError::Check { name, .. }), Some(violated)) => {
                    assert_eq!(*name, "closing.constraints");
                    assert!(violated.iter().any(|name| checks.contains(name)), "{violated:?}");
                }
                (other, _) => panic!("the lie {lie} gave {other:?}"),
            }
        }
    }
}
