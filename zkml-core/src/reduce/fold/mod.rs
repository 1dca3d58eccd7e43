//! Folding a column over some of its axes: `sum_{free} eq(z_free, free) column(free, kept)`.
//!
//! A column may be held as a view of a column with cells (the windows of a convolution). It is then folded through the
//! view's factors, one source axis after the other, so that it is never written out. A sum of views of weights, the
//! blocks of a matrix, is the sum of their folds; these are kept, since the prover sends the value of each block next.

mod apply;
mod data;
mod steps;

use super::values::Folded;
use super::{Cells, Values};
use crate::circuit::{Circuit, ColumnId, ColumnKind, Schedule, Term};
use crate::field::{K, M61, from_i64};
use apply::apply;
use data::{Data, Int8, to_int8};
use steps::{Step, own_steps, view_steps};

/// Folds `column` at `z` over the axes not in `kept`; the result has the axes `kept`, in that order. `z` has the
/// coordinates of all axes; the coordinates of kept axes are not used.
pub(crate) fn fold(
    circuit: &Circuit,
    schedule: &Schedule,
    values: &Values<'_>,
    column: ColumnId,
    z: &[K],
    kept: &[usize],
) -> Vec<K> {
    let shape = &circuit[column].shape;
    if let Some(blocks) = blocks(circuit, values, column) {
        let length = kept.iter().map(|&axis| shape.bits(axis)).sum::<usize>();
        let mut sum = vec![K::from(0u64); 1 << length];
        for block in blocks {
            let folded = fold(circuit, schedule, values, block.column, z, kept);
            let coefficient = K::new(block.coefficient, M61::from(0u64));
            let pairs = sum.iter_mut().zip(&folded);
            pairs.for_each(|(sum, value)| *sum += coefficient * value);
            let folded = Folded {
                kept: kept.to_vec(),
                point: z.to_vec(),
                table: folded,
            };
            values.remember(block.column, folded);
        }
        return sum;
    }
    let (source, steps) = match &circuit[column].kind {
        ColumnKind::View(view) if !values.is_known(column) => {
            (view.source, view_steps(circuit, schedule, column, view, z, kept))
        }
        _ => (column, own_steps(circuit, column, z, kept)),
    };
    let narrow;
    let mut data = match values.cells(source) {
        Cells::Base(cells) => {
            narrow = if source == column { None } else { to_int8(cells) };
            narrow
                .as_deref()
                .map_or(Data::Base(cells), |cells| Data::Int8(Int8::Cells(cells)))
        }
        Cells::Int8(tensor) => Data::Int8(Int8::Weights(tensor)),
    };
    let mut before = circuit[source].shape.padded_len();
    let mut after = 1;
    // From the last axis to the first: contiguous cells shrink first.
    for (index, step) in steps.iter().enumerate().rev() {
        before /= step.source_len;
        if !step.rename {
            let earlier = if schedule.zero_padded[source.index()] {
                &steps[..index]
            } else {
                &[]
            };
            data = Data::Extension(apply(&data, before, step, after, &|place| {
                is_padding(earlier, place)
            }));
        }
        after *= step.kept_len;
    }
    let result = match data {
        Data::Extension(result) => result,
        Data::Base(cells) => cells.iter().map(|&cell| K::new(cell, M61::from(0u64))).collect(),
        Data::Int8(cells) => cells
            .piece(0, cells.len(), cells.len())
            .iter()
            .map(|&cell| K::new(from_i64(cell.into()), M61::from(0u64)))
            .collect(),
    };
    let result = placed(result, &steps);
    let order: Vec<(usize, usize)> = steps
        .iter()
        .flat_map(|step| step.kept.iter().copied())
        .map(|(axis, _)| (axis, shape.bits(axis)))
        .collect();
    let wanted: Vec<(usize, usize)> = kept.iter().map(|&axis| (axis, shape.bits(axis))).collect();
    permute(result, &order, &wanted)
}

/// The terms of an unknown column that is a sum of views of weights.
fn blocks<'c>(circuit: &'c Circuit, values: &Values<'_>, column: ColumnId) -> Option<&'c [Term]> {
    let ColumnKind::Linear(linear) = &circuit[column].kind else {
        return None;
    };
    let of_weights = |term: &Term| match &circuit[term.column].kind {
        ColumnKind::View(view) => {
            let known = !values.is_known(term.column) && values.is_known(view.source);
            known && matches!(values.cells(view.source), Cells::Int8(_))
        }
        _ => false,
    };
    let sums = !values.is_known(column) && linear.constant == M61::from(0u64);
    (sums && linear.terms.iter().all(of_weights)).then_some(&linear.terms)
}

/// Gives the axes of blocks their full length: 0 outside the block.
fn placed(data: Vec<K>, steps: &[Step]) -> Vec<K> {
    let mut result = data;
    let mut after = 1;
    for step in steps.iter().rev() {
        let Some((number, bits)) = step.block else {
            after *= step.kept_len;
            continue;
        };
        let (block, axis) = (step.source_len * after, after << bits);
        let mut wider = vec![K::from(0u64); result.len() / block * axis];
        for (to, from) in wider.chunks_exact_mut(axis).zip(result.chunks_exact(block)) {
            to[number * block..][..block].copy_from_slice(from);
        }
        result = wider;
        after = axis;
    }
    result
}

/// Does an index over the axes of the steps lie outside the logical size of a kept axis?
fn is_padding(steps: &[Step], place: usize) -> bool {
    let mut rest = place;
    steps.iter().rev().any(|step| {
        let index = rest % step.source_len;
        rest /= step.source_len;
        index >= step.logical
    })
}

/// Reorders the axes of a padded tensor; `from` and `to` list them as `(axis, bits)`.
fn permute(data: Vec<K>, from: &[(usize, usize)], to: &[(usize, usize)]) -> Vec<K> {
    let named = |axes: &[(usize, usize)]| axes.iter().filter(|axis| axis.1 > 0).copied().collect::<Vec<_>>();
    let (from, to) = (named(from), named(to));
    if from == to {
        return data;
    }
    let shift_in_source = |axis: usize| -> usize {
        from.iter()
            .rev()
            .take_while(|entry| entry.0 != axis)
            .map(|entry| entry.1)
            .sum()
    };
    let shifts: Vec<(usize, usize)> = to
        .iter()
        .map(|&(axis, bits)| (bits, shift_in_source(axis)))
        .collect();
    (0..data.len())
        .map(|index| {
            let mut rest = index;
            let source = shifts.iter().rev().fold(0usize, |source, &(bits, shift)| {
                let i = rest & ((1 << bits) - 1);
                rest >>= bits;
                source | i << shift
            });
            data[source]
        })
        .collect()
}
