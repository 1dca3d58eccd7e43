//! False cells of an argmax whose margins have 57 bits: they are written in digits, for whole limbs would wrap.
//!
//! The highest digit is virtual. So a lie about a margin has to show in a digit that is out of range, whichever one the
//! prover chooses.

use super::gadgets::violated;
use super::*;
use crate::argument::check;
use crate::circuit::Home;
use crate::field::P;
use crate::keys::ProveError;
use crate::prove::tests::conformance::wide_argmax;

/// Bits of a digit, and digits that are committed; the highest one has the other 9 bits.
const DIGIT: u32 = 16;
const LOW: usize = 3;

/// Rows of the operand, and their padded length.
const SIZE: usize = 5;
const PADDED: usize = 8;

/// Ties in the high part of row 0, which the low part breaks, and of row 1 in all of it.
fn scenes() -> [Scene; 2] {
    let rows = vec![3, -7, 3, 3, -127, 0, 0, 0, 0, 0];
    let input = ArrayD::from_shape_vec(vec![2, SIZE], rows).expect("rows");
    let scenes = Scene::both(&wide_argmax(&[2, SIZE], 1, 49, 8), 1);
    scenes.map(|scene| Scene {
        input: input.clone(),
        ..scene
    })
}

/// What the rows of the argmax hold, as it should be, and its answers.
fn rows(scene: &Scene) -> (Vec<Vec<i64>>, Vec<i64>) {
    let execution = scene
        .key
        .execute(core::slice::from_ref(&scene.input))
        .expect("execute");
    let graph = &scene.key.model.network.graph;
    let values: Vec<i64> = execution.values[graph.nodes.len() - 2].iter().copied().collect();
    let answers = execution.outputs(graph).next().expect("an output");
    (
        values.chunks(SIZE).map(<[i64]>::to_vec).collect(),
        answers.iter().copied().collect(),
    )
}

/// The residues of the margins of a row for some answer.
fn margins(row: &[i64], answer: usize) -> Vec<i128> {
    let margin = |(i, value): (usize, &i64)| {
        let margin = i128::from(row[answer]) - i128::from(*value) - i128::from(i < answer);
        margin.rem_euclid(i128::from(P))
    };
    row.iter().enumerate().map(margin).collect()
}

/// Says that another index is that of the maximum, and writes its margins in digits. `highest` chooses what the
/// highest digit is; the digit below takes what is left.
fn answers(lie: &mut Lie<'_>, row: (usize, &[i64]), answer: usize, highest: impl Fn(i128) -> i128) {
    let (number, values) = row;
    for (i, margin) in margins(values, answer).into_iter().enumerate() {
        let cell = number * PADDED + i;
        lie.cells("argmax/one_hot")[cell] = i64::from(i == answer);
        let top = highest(margin);
        let rest = margin - (top << (DIGIT * LOW as u32));
        for k in 0..LOW {
            let shifted = rest >> (DIGIT * k as u32);
            let digit = if k + 1 < LOW { shifted & 0xffff } else { shifted };
            let digit = i64::try_from(digit).expect("a digit");
            lie.cells(&format!("argmax/margin/digit.{k}"))[cell] = digit;
        }
    }
}

#[test]
fn only_the_first_maximum_has_margins_in_digits() {
    let scenes = scenes();
    let (values, indices) = rows(&scenes[0]);
    assert_eq!(values[1], [0; SIZE]);
    assert_eq!(indices[1], 0);
    // What the digits do not reach is not in question: the low part decides.
    let high = |value: &i64| value >> 40;
    assert!(
        values[0]
            .iter()
            .filter(|value| high(value) == high(&values[0][0]))
            .count()
            > 1
    );
    let honest = |margin: i128| margin >> (DIGIT * LOW as u32);
    // The largest digit that the table has.
    let largest = |margin: i128| honest(margin).min(511);
    for (number, row) in values.iter().enumerate() {
        for answer in 0..SIZE {
            let told = |lie: &mut Lie<'_>| answers(lie, (number, row), answer, honest);
            if answer as i64 == indices[number] {
                attack(&scenes[0], told).accepted();
                continue;
            }
            assert_eq!(violated(&scenes[0], told), "argmax/margin/digit.3");
            let moved = |lie: &mut Lie<'_>| answers(lie, (number, row), answer, largest);
            assert_eq!(violated(&scenes[0], moved), "argmax/margin/digit.2");
            if answer == (indices[number] as usize + 1) % SIZE {
                for scene in &scenes {
                    attack(scene, told).rejected_by("lookup.layer");
                    attack(scene, moved).rejected_by("lookup.layer");
                }
            }
        }
    }
}

/// Each committed cell, padding included, is 1 more and 1 less. Bits of padding count for nothing, as they stand beside
/// operands that are 0; no other cell has a second value.
#[test]
fn no_cell_of_a_wide_argmax_has_a_second_value() {
    let scenes = scenes();
    let statement = Statement::new(&scenes[0].key.verifying).expect("statement");
    let honest = Trace::generate(&scenes[0].key, &statement, &scenes[0].input).expect("trace");
    let circuit = statement.circuit();
    let columns: Vec<ColumnId> = circuit.tensors(Home::Trace).collect();
    let names = columns.iter().map(|id| circuit[*id].name.as_str());
    let expected = [
        "argmax/one_hot",
        "argmax/margin/digit.0",
        "argmax/margin/digit.1",
        "argmax/margin/digit.2",
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    for column in columns {
        let (name, shape) = (&circuit[column].name, &circuit[column].shape);
        let mut inside = vec![false; shape.padded_len()];
        shape.for_each_cell(|_, padded| inside[padded] = true);
        for (cell, inside) in inside.into_iter().enumerate() {
            for change in [1, -1] {
                let told = told(&statement, &honest, |lie| lie.cells(name)[cell] += change);
                let found = check(circuit, &told.trace.values);
                let harmless = !inside && name == "argmax/one_hot" && change == 1;
                assert_eq!(found.is_ok(), harmless, "cell {cell} of {name} by {change}");
            }
        }
        for scene in &scenes {
            let verdict = attack(scene, |lie| lie.cells(name)[1] += 1);
            assert!(verdict.result.is_err(), "{name}");
        }
    }
}

/// A margin of 58 bits is the widest that cannot wrap with its range; above it there is no circuit.
#[test]
fn margins_that_may_wrap_are_refused() {
    for (bits, limbs) in [(50, 8), (50, 4), (48, 8)] {
        let scene = Scene::new(wide_argmax(&[1, 3], 1, bits, limbs), 2);
        attack(&scene, |_| {}).accepted();
    }
    let error = setup(wide_argmax(&[1, 3], 1, 51, 8), &SetupOptions::default());
    let error = error.map(|_| ()).expect_err("59 bits");
    let overflow = |error: &ProveError| error.to_string().contains("difference of two values");
    assert!(overflow(&error), "{error}");
}
