//! False advice of quotients, norms, rotary positions and embeddings. What can follow from the lie does: digits of
//! remainders are those of the false remainder, so that nothing but its range is wrong.

use super::super::gadgets::rope;
use super::super::network::Network;
use super::*;
use crate::argument::{Violation, check};
use crate::graph::{NodeId, ParameterRole};
use crate::ops;
use crate::privacy::Visibility;

const INPUT: NodeId = NodeId(0);

/// The lookup or equality that a lie violates first.
pub(super) fn violated(scene: &Scene, tell: impl FnOnce(&mut Lie<'_>)) -> String {
    let statement = Statement::new(&scene.key.verifying).expect("statement");
    let honest = Trace::generate(&scene.key, &statement, &scene.input).expect("trace");
    let told = told(&statement, &honest, tell);
    match check(statement.circuit(), &told.trace.values) {
        Err(Violation::Lookup { name, .. } | Violation::Equality { name, .. }) => name,
        other => panic!("{other:?}"),
    }
}

/// A lie is found by a name, and its proof is rejected with and without zero knowledge.
fn caught(scenes: &[Scene; 2], name: &str, tell: impl Fn(&mut Lie<'_>)) {
    assert_eq!(violated(&scenes[0], &tell), name);
    for scene in scenes {
        attack(scene, &tell).rejected_by("lookup.layer");
    }
}

/// A model without and with zero knowledge, whose honest proofs are accepted.
fn scenes(model: &CompiledModel) -> [Scene; 2] {
    let scenes = Scene::both(model, 6);
    for scene in &scenes {
        attack(scene, |_| {}).accepted();
    }
    scenes
}

fn requantized(shape: &[usize], (bits, shift): (u32, u32), multiplier: i64) -> CompiledModel {
    let mut n = Network::new(5, shape, (-127, 127));
    let fc = n.linear("fc", INPUT, 5, false);
    let mut shape = shape.to_vec();
    *shape.last_mut().expect("an axis") = 5;
    let op = ops::Requantize {
        multipliers: vec![multiplier],
        axes: vec![0],
        shift,
        bits,
        residual_shifts: Vec::new(),
    };
    let q = n.derived("q", op.into(), &[fc], shape);
    n.finish(&[q])
}

#[test]
fn a_quotient_that_is_off_by_one() {
    // The remainder is looked up as it is.
    let plain = scenes(&requantized(&[1, 7], (16, 10), 77));
    for change in [1, -1] {
        caught(&plain, "q/remainder", |lie| lie.cells("q")[2] += change);
    }
    // A remainder of 20 bits: its lowest digit stays, the one above is out of range.
    let digits = scenes(&requantized(&[1, 7], (20, 20), 77_777));
    let inside = |lie: &mut Lie<'_>| {
        let mut cells = lie.cells("q/digit.0").iter();
        let inside = cells.position(|digit| (1..0xffff).contains(digit));
        inside.expect("a digit that can be larger and smaller")
    };
    for change in [1, -1] {
        caught(&digits, "q/remainder/digit.1", |lie| {
            let cell = inside(lie);
            lie.cells("q/digit.0")[cell] += change;
        });
    }
    caught(&digits, "q/remainder/digit.1", |lie| {
        lie.cells("q/remainder/digit.0")[0] ^= 1
    });
    // Digits that borrow: the value is the same.
    caught(&digits, "q/digit.0", |lie| {
        let cell = inside(lie);
        lie.cells("q/digit.0")[cell] += 1 << 16;
        lie.cells("q/digit.1")[cell] -= 1;
    });
}

#[test]
fn a_quotient_in_the_padding() {
    let model = requantized(&[3, 7], (16, 10), 77);
    let tell = |lie: &mut Lie<'_>| {
        let padding = lie.padding_of("q");
        lie.cells("q")[padding] = 1;
    };
    let scenes = scenes(&model);
    assert_eq!(violated(&scenes[0], tell), "q/remainder");
    // Rows of padding are not stored: what is opened is not what was argued about.
    rejected_by_all(
        scenes.iter().map(|scene| attack(scene, tell)),
        &["lookup.layer", "opening.merge"],
    );
}

#[test]
fn a_mean_that_is_off_by_one() {
    let mut n = Network::new(9, &[3, 3], (-127, 127));
    let op = ops::IntegerCenter {
        exponents: vec![0, 2, 1],
        shift: 14,
        bits: 12,
    };
    let centered = n.derived("center", op.into(), &[INPUT], vec![3, 3]);
    let scenes = scenes(&n.finish(&[centered]));
    for change in [1, -1] {
        caught(&scenes, "center/mean/remainder", |lie| {
            lie.cells("center/mean")[1] += change;
        });
    }
    // A row of padding has a mean as well, which is 0.
    let tell = |lie: &mut Lie<'_>| {
        let padding = lie.padding_of("center/mean");
        lie.cells("center/mean")[padding] = 1;
    };
    assert_eq!(violated(&scenes[0], tell), "center/mean/remainder");
    rejected_by_all(
        scenes.iter().map(|scene| attack(scene, tell)),
        &["lookup.layer", "reduce.stage"],
    );
}

/// A norm of 3 channels whose roots have two digits of 16 bits.
fn normalized() -> CompiledModel {
    let mut n = Network::new(9, &[3, 3], (-127, 127));
    let op = ops::IntegerRmsNorm {
        exponents: vec![4, 6, 5],
        precision: 7,
        epsilon: 1,
        eps: None,
        numerator_bits: 45,
        root_bits: 29,
        reciprocal_bits: 30,
        bits: 16,
    };
    let normed = n.derived("norm", op.into(), &[INPUT], vec![3, 3]);
    n.finish(&[normed])
}

const NUMERATOR: i64 = 32_767 << 30;

/// The value of advice in two digits.
fn advice(lie: &mut Lie<'_>, name: &str, cell: usize) -> i64 {
    let digit = |lie: &mut Lie<'_>, k| lie.cells(&format!("{name}/digit.{k}"))[cell];
    digit(lie, 0) + (digit(lie, 1) << 16)
}

fn advise(lie: &mut Lie<'_>, name: &str, cell: usize, value: i64) {
    lie.cells(&format!("{name}/digit.0"))[cell] = value & 0xffff;
    lie.cells(&format!("{name}/digit.1"))[cell] = value >> 16;
}

/// The lowest digit of a value that is looked up; the one above it is what it is.
fn digit(lie: &mut Lie<'_>, name: &str, cell: usize, value: i64) {
    lie.cells(&format!("{name}/digit.0"))[cell] = value & 0xffff;
}

/// The operand, public or private.
fn operand(lie: &mut Lie<'_>, cell: usize) -> i64 {
    let is_private = lie
        .circuit
        .columns
        .iter()
        .any(|column| column.name == "input/raw");
    lie.cells(if is_private { "input/raw" } else { "input" })[cell]
}

/// `T` of a row, from the operand.
fn sum(lie: &mut Lie<'_>, row: usize) -> i64 {
    let x = [0, 1, 2].map(|channel| operand(lie, 4 * row + channel));
    let y = [x[0] << 4, x[1] << 6, x[2] << 5];
    (y.iter().map(|y| y * y).sum::<i64>() << 14) + (1 + (1 << 15)) * (1 + (1 << 15))
}

/// Another root and reciprocal of a row, and all that follows from them.
fn argue(lie: &mut Lie<'_>, row: usize, root: i64, reciprocal: i64) {
    let sum = sum(lie, row);
    let remainder = NUMERATOR - root * reciprocal;
    advise(lie, "norm/root", row, root);
    digit(lie, "norm/root/excess", row, sum - root * root);
    digit(lie, "norm/root/gap", row, root * root + 2 * root - sum);
    advise(lie, "norm/reciprocal", row, reciprocal);
    digit(lie, "norm/reciprocal/remainder", row, remainder);
    digit(lie, "norm/reciprocal/gap", row, root - 1 - remainder);
    for channel in 0..3 {
        let cell = 4 * row + channel;
        let y = operand(lie, cell) << [4, 6, 5][channel];
        lie.cells("norm")[cell] = (y * reciprocal + (1 << 22)) >> 23;
        digit(
            lie,
            "norm/remainder",
            cell,
            (y * reciprocal + (1 << 22)) & ((1 << 23) - 1),
        );
    }
}

#[test]
fn roots_and_reciprocals_that_are_off_by_one() {
    let scenes = scenes(&normalized());
    for (root, reciprocal, name) in [
        (0, 0, ""),
        // The square is above the sum, or the next square is not.
        (1, 0, "norm/root/excess/digit.1"),
        (-1, 0, "norm/root/gap/digit.1"),
        // The remainder is negative, or as large as the root.
        (0, 1, "norm/reciprocal/remainder/digit.1"),
        (0, -1, "norm/reciprocal/gap/digit.1"),
    ] {
        // A row of the operand, and one of padding.
        for row in [1, 3] {
            let tell = |lie: &mut Lie<'_>| {
                let s = advice(lie, "norm/root", row) + root;
                let r = match root {
                    0 => advice(lie, "norm/reciprocal", row) + reciprocal,
                    _ => NUMERATOR / s,
                };
                argue(lie, row, s, r);
            };
            if name.is_empty() {
                // What is argued here is the truth.
                scenes.iter().for_each(|scene| attack(scene, tell).accepted());
            } else {
                caught(&scenes, name, tell);
            }
        }
    }
}

/// With another remainder there is a reciprocal in the field. Only its range is wrong, and what follows from it.
#[test]
fn a_reciprocal_out_of_range() {
    caught(&scenes(&normalized()), "norm/reciprocal/digit.1", |lie| {
        let row = 1;
        let root = advice(lie, "norm/root", row);
        let inverse = ark_ff::Field::inverse(&from_i64(root)).expect("a root above 0");
        let wanted = from_i64(NUMERATOR - 7) * inverse;
        let low = 5;
        let digits = ark_ff::Field::inverse(&from_i64(1 << 16)).expect("a power of two");
        lie.cells("norm/reciprocal/digit.0")[row] = low;
        lie.cells("norm/reciprocal/digit.1")[row] = to_i64_centered((wanted - from_i64(low)) * digits);
        digit(lie, "norm/reciprocal/remainder", row, 7);
        digit(lie, "norm/reciprocal/gap", row, root - 8);
    });
}

#[test]
fn a_result_of_a_norm_that_is_off_by_one() {
    let scenes = scenes(&normalized());
    for change in [1, -1] {
        caught(&scenes, "norm/remainder/digit.1", |lie| {
            lie.cells("norm")[1] += change
        });
    }
}

/// A layer, rotary positions and a quotient.
fn turned(base: f64) -> CompiledModel {
    let mut n = Network::new(12, &[1, 5, 3], (-127, 127));
    let fc = n.linear("fc", INPUT, 6, false);
    let turned = n.derived("rope", rope(1, 5, 6, base).into(), &[fc], vec![1, 5, 6]);
    let op = ops::Requantize {
        multipliers: vec![9],
        axes: vec![0],
        shift: 16,
        bits: 16,
        residual_shifts: Vec::new(),
    };
    let q = n.derived("q", op.into(), &[turned], vec![1, 5, 6]);
    n.finish(&[q])
}

/// The trace of another model for the keys of a model.
pub(super) fn trace_of(model: &CompiledModel, other: &CompiledModel) -> [Verdict; 2] {
    let (scenes, others) = (Scene::both(model, 3), Scene::both(other, 3));
    core::array::from_fn(|mode| {
        let (scene, other) = (&scenes[mode], &others[mode]);
        let statement = Statement::new(&scene.key.verifying).expect("statement");
        let its = Statement::new(&other.key.verifying).expect("statement");
        let trace = Trace::generate(&other.key, &its, &other.input).expect("trace");
        // The argument is about the angles of the model.
        lie_about(scene, &statement, &trace, |lie| {
            for id in lie.circuit.ids() {
                if let ColumnKind::Public(Public::Constant(cells)) = &lie.circuit[id].kind {
                    lie.cells.insert(id, lie.circuit[id].shape.pad(cells, 0));
                }
            }
        })
    })
}

#[test]
fn other_positions_or_another_base() {
    let right = turned(10_000.0);
    trace_of(&right, &turned(10_000.0))
        .iter()
        .for_each(Verdict::accepted);
    rejected_by(trace_of(&right, &turned(500_000.0)), "lookup.layer");
    let mut shifted = turned(10_000.0);
    if let ops::IntOp::IntegerRope(op) = &mut shifted.network.graph.nodes[2].op {
        let later = rope(1, 6, 6, 10_000.0);
        let ops::Angles::Custom { cos, sin } = later.angles else {
            panic!("explicit angles");
        };
        op.angles = ops::Angles::Custom {
            cos: cos[6..].to_vec(),
            sin: sin[6..].to_vec(),
        };
    }
    rejected_by(trace_of(&right, &shifted), "lookup.layer");
    // Angles are part of the key.
    let digest = |model: &CompiledModel| {
        let key = setup(model.clone(), &SetupOptions::default()).expect("setup");
        (key.verifying.digest(), key.lowered.circuit.columns)
    };
    assert_ne!(digest(&right), digest(&turned(500_000.0)));
    assert_ne!(digest(&right), digest(&shifted));
}

/// Public ids, and a quotient of their rows.
fn embedded() -> CompiledModel {
    let mut n = Network::new(13, &[5], (0, 10));
    let weight = n.parameter("table".into(), ParameterRole::Weight, &[11, 3]);
    let op = ops::IntegerEmbedding {
        weight,
        multipliers: (20..31).collect(),
    };
    let rows = n.derived("embedding", op.into(), &[INPUT], vec![5, 3]);
    let op = ops::Requantize {
        multipliers: vec![9],
        axes: vec![0],
        shift: 3,
        bits: 16,
        residual_shifts: Vec::new(),
    };
    let q = n.derived("q", op.into(), &[rows], vec![5, 3]);
    n.finish(&[q])
}

#[test]
fn the_rows_of_other_ids() {
    let with_private_weights = Privacy {
        weights: Visibility::Private,
        ..Privacy::PUBLIC
    };
    for privacy in [Privacy::PUBLIC, with_private_weights] {
        let scene = Scene::new(embedded().with_privacy(privacy), 2);
        attack(&scene, |_| {}).accepted();
        // The values are those of the ids before: they are no quotients of the rows of the new ones.
        let other = |lie: &mut Lie<'_>| {
            let ids = lie.cells("input");
            ids[1] = if ids[1] == 0 { 1 } else { ids[1] - 1 };
            let (ids, hot) = (ids.clone(), lie.cells("embedding/one_hot"));
            for (cell, hot) in hot.iter_mut().enumerate() {
                let (row, column) = (cell / 16, cell % 16);
                *hot = i64::from(row < 5 && ids[row] == column as i64);
            }
        };
        attack(&scene, other).rejected_by("lookup.layer");
        // The argument speaks of another row than the statement: what the rule gives is not what was summed.
        let lies = attack(&scene, |lie| {
            let hot = lie.cells("embedding/one_hot");
            let from = hot[..16].iter().position(|bit| *bit == 1).expect("a one");
            (hot[from], hot[(from + 1) % 11]) = (0, 1);
        });
        assert!(lies.result.is_err());
    }
}
