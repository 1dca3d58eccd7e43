//! False cells of softmaxes, and operands with something on their padding.
//!
//! As in `attention`, a lie about one cell is made consistent with all that follows from it.

use std::sync::LazyLock;

use super::super::tensors::{gram, narrow, small_softmax, softmax};
use super::attention::only_violates;
use super::gadgets::{trace_of, violated};
use super::*;
use crate::circuit::Cells as TableCells;
use crate::graph::NodeId;
use crate::ops::{self, IntegerSoftmax};

/// Sizes of the operand, `[ROWS, TERMS]`, and of its padded rows.
const ROWS: usize = 3;
const TERMS: usize = 5;
const PADDED: usize = 8;

fn scenes() -> &'static [Scene; 2] {
    static SCENES: LazyLock<[Scene; 2]> =
        LazyLock::new(|| Scene::both(&softmax(&[ROWS, TERMS], (-127, 127), small_softmax()), 1));
    &SCENES
}

/// What follows from committed cells of a softmax.
struct Softmaxes {
    op: IntegerSoftmax,
    table: TableCells,
    scores: Vec<i64>,
}

impl Softmaxes {
    fn new() -> Self {
        let op = small_softmax();
        Self {
            table: op.decay.cells().expect("a table"),
            op,
            scores: scenes()[0].input.iter().copied().collect(),
        }
    }

    /// Says that a row's maximum is another one.
    fn move_maximum(&self, lie: &mut Lie<'_>, row: usize, by: i64) {
        let scores = &self.scores[row * TERMS..][..TERMS];
        let maximum = scores.iter().max().expect("a score") + by;
        lie.cells("softmax/maximum")[row] = maximum;
        for (index, score) in scores.iter().enumerate() {
            let (cell, distance) = (row * PADDED + index, maximum - score);
            let weight = self.table.at(distance.max(0));
            lie.cells("softmax/weight")[cell] = weight.expect("a weight");
            lie.cells("softmax/mark")[cell] = i64::from(distance == 0);
        }
        self.settle(lie, row, 0);
    }

    /// Recomputes what follows from the weights of a row. The reciprocal is off by `by`.
    fn settle(&self, lie: &mut Lie<'_>, row: usize, by: i64) {
        let weights = lie.cells("softmax/weight")[row * PADDED..][..TERMS].to_vec();
        let sum: i64 = weights.iter().sum();
        let reciprocal = (1i64 << self.op.reciprocal_bits) / sum + by;
        lie.cells("softmax/reciprocal")[row] = reciprocal;
        let shift = self.op.reciprocal_bits - self.op.output_bits;
        for (index, weight) in weights.iter().enumerate() {
            let rounded = weight * reciprocal + (1 << (shift - 1));
            let cell = row * PADDED + index;
            lie.cells("softmax")[cell] = rounded >> shift;
            lie.cells("softmax/remainder/digit.0")[cell] = rounded & 0xffff;
        }
    }
}

/// The lie violates these lookups alone, and its proofs are rejected.
#[track_caller]
fn rejected(names: &[&str], tell: impl Fn(&mut Lie<'_>)) {
    only_violates(&scenes()[0], names, &tell);
    for scene in scenes() {
        attack(scene, &tell).rejected_by("lookup.layer");
    }
}

const ROW: usize = 1;

#[test]
fn an_honest_softmax_is_accepted() {
    let softmaxes = Softmaxes::new();
    for scene in scenes() {
        attack(scene, |_| {}).accepted();
        // What the tests recompute is what the prover computes.
        let again = |lie: &mut Lie<'_>| (0..ROWS).for_each(|row| softmaxes.move_maximum(lie, row, 0));
        only_violates(scene, &[], again);
        attack(scene, again).accepted();
    }
}

#[test]
fn a_maximum_that_no_score_has() {
    let softmaxes = Softmaxes::new();
    rejected(&["softmax/more_marks"], |lie| {
        softmaxes.move_maximum(lie, ROW, 1);
    });
    // The largest score has no row of the table; the marks, which are none, are missed as well.
    rejected(&["softmax/weight", "softmax/more_marks"], |lie| {
        softmaxes.move_maximum(lie, ROW, -1);
    });
}

#[test]
fn a_cell_of_padding_is_given_weight() {
    let softmaxes = Softmaxes::new();
    for (column, cell) in [("softmax/weight", 5), ("softmax/mark", 1)] {
        rejected(&["softmax/weight"], |lie| {
            lie.cells(column)[ROW * PADDED + TERMS] = cell;
            if column == "softmax/weight" {
                // It counts for no sum; its product with the reciprocal is a probability.
                let product = cell * lie.cells("softmax/reciprocal")[ROW] + (1 << 16);
                let (at, p) = (ROW * PADDED + TERMS, product >> 17);
                lie.cells("softmax")[at] = p;
                lie.cells("softmax/remainder/digit.0")[at] = product & 0xffff;
            }
            softmaxes.settle(lie, ROW, 0);
        });
    }
}

#[test]
fn a_reciprocal_that_is_off_by_one() {
    let softmaxes = Softmaxes::new();
    let (remainder, gap) = ("softmax/reciprocal/remainder", "softmax/reciprocal/gap");
    for (by, names) in [(1, [remainder, gap]), (-1, [gap, remainder])] {
        rejected(&names, |lie| softmaxes.settle(lie, ROW, by));
    }
}

#[test]
fn a_reciprocal_out_of_its_range() {
    let op = small_softmax();
    rejected(&["softmax/reciprocal", "softmax/remainder/digit.1"], |lie| {
        let sum: i64 = lie.cells("softmax/weight")[ROW * PADDED..][..TERMS].iter().sum();
        let honest = (1i64 << op.reciprocal_bits) % sum;
        let remainder = if honest == 0 { 1 } else { honest - 1 };
        let dividend = from_i64((1i64 << op.reciprocal_bits) - remainder);
        let inverse = ark_ff::Field::inverse(&from_i64(sum)).expect("not 0");
        lie.cells("softmax/reciprocal")[ROW] = to_i64_centered(dividend * inverse);
    });
}

#[test]
fn a_probability_that_is_off_by_one() {
    for by in [1, -1] {
        rejected(&["softmax/remainder/digit.1"], |lie| {
            lie.cells("softmax")[ROW * PADDED] += by
        });
        // On padding, where the output is 0 as well.
        let padded = |lie: &mut Lie<'_>| lie.cells("softmax")[ROW * PADDED + TERMS] += by;
        assert_eq!(violated(&scenes()[0], padded), "softmax/remainder/digit.1");
        let verdicts = scenes().iter().map(|scene| attack(scene, padded));
        rejected_by_all(verdicts, &["lookup.layer", "opening.merge"]);
    }
}

#[test]
fn the_maximum_of_a_padded_row_changes_nothing() {
    let change = |lie: &mut Lie<'_>| lie.cells("softmax/maximum")[ROWS] = 77;
    for scene in scenes() {
        only_violates(scene, &[], change);
        attack(scene, change).accepted();
    }
}

/// A private operand may hold anything of its range on its padding: sums have the terms of the logical shape alone.
#[test]
fn padding_of_a_private_operand_is_no_term() {
    let [_, product] = Scene::both(&gram(&[3, 5], (-127, 127), (16, 6)), 2);
    let [_, softmaxes] = scenes();
    for scene in [&product, softmaxes] {
        let change = |lie: &mut Lie<'_>| {
            let padding = lie.padding_of("input/raw");
            lie.cells("input/raw")[padding] = 101;
        };
        only_violates(scene, &[], change);
        attack(scene, change).accepted();
    }
}

/// Three rows from `start` on, and a quotient of them.
fn part(start: usize) -> CompiledModel {
    let mut n = Network::new(48, &[6, 3], (-127, 127));
    let rows = narrow(&mut n, "rows", NodeId(0), (0, start, 3));
    let op = ops::Requantize {
        multipliers: vec![9],
        axes: vec![],
        shift: 3,
        bits: 16,
        residual_shifts: Vec::new(),
    };
    let q = n.derived("q", op.into(), &[rows], vec![3, 3]);
    n.finish(&[q])
}

#[test]
fn another_range_of_indices() {
    trace_of(&part(1), &part(1)).iter().for_each(Verdict::accepted);
    rejected_by(trace_of(&part(1), &part(2)), "lookup.layer");
}

#[test]
fn a_product_that_is_off_by_one() {
    for scene in Scene::both(&gram(&[3, 5], (-127, 127), (16, 6)), 2) {
        for by in [1, -1] {
            let tell = |lie: &mut Lie<'_>| lie.cells("q")[0] += by;
            only_violates(&scene, &["q/remainder"], tell);
            attack(&scene, tell).rejected_by("lookup.layer");
        }
    }
}
