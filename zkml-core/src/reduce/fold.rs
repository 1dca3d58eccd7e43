//! Folding a column over some of its axes: `sum_{free} eq(z_free, free) column(free, kept)`.
//!
//! A column may be held as a view of a column with cells (the windows of a convolution). It is then folded through the
//! view's factors, one source axis after the other, so that it is never written out.

use std::borrow::Cow;

use crate::circuit::{Circuit, ColumnId, ColumnKind, Factor, FactorRole, Schedule, View};
use crate::field::{K, M61, from_i64, kernels};
use crate::int8::Int8Tensor;
use crate::poly;

use super::{Cells, Values};

/// A tensor on its way from cells to the folded result, axes named by where they end up.
enum Data<'a> {
    Base(&'a [M61]),
    Int8(Int8<'a>),
    Extension(Vec<K>),
}

/// Padded cells of a byte each.
#[derive(Clone, Copy)]
enum Int8<'a> {
    /// Activations.
    Cells(&'a [i8]),
    /// Weights, read where they are.
    Weights(&'a Int8Tensor),
}

impl<'a> Int8<'a> {
    fn len(self) -> usize {
        match self {
            Self::Cells(cells) => cells.len(),
            Self::Weights(tensor) => tensor.padded_len(),
        }
    }

    /// A multiple of `unit` cells from `start` on, at most `length`. The cells after them are zeros. All three are
    /// powers of two.
    fn piece(self, start: usize, length: usize, unit: usize) -> Cow<'a, [i8]> {
        match self {
            Self::Cells(cells) => Cow::Borrowed(&cells[start..start + length]),
            Self::Weights(tensor) => {
                let mut piece = tensor.padded_piece(start, length);
                if !piece.len().is_multiple_of(unit) {
                    let whole = piece.len().next_multiple_of(unit);
                    piece.to_mut().resize(whole, 0);
                }
                piece
            }
        }
    }

    /// How many cells are worth a piece.
    fn run(self) -> usize {
        match self {
            Self::Cells(cells) => cells.len(),
            Self::Weights(tensor) => tensor.padded_run(),
        }
    }
}

/// One step: `out[a, k, b] = sum_{(k, s, w)} w data[a, s, b]`.
struct Step {
    /// Padded length of the axes it consumes.
    source_len: usize,
    /// Padded length of the axes it produces.
    kept_len: usize,
    /// `(kept index, source index, weight)`, by kept index.
    entries: Vec<(usize, usize, K)>,
    /// Result axes, in order: `(axis, bits)`.
    kept: Vec<(usize, usize)>,
    /// Does it change nothing but names?
    rename: bool,
    /// Logical length of the axes it consumes, where they are renamed.
    logical: usize,
}

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
    let order: Vec<(usize, usize)> = steps.iter().flat_map(|step| step.kept.iter().copied()).collect();
    let wanted: Vec<(usize, usize)> = kept.iter().map(|&axis| (axis, shape.bits(axis))).collect();
    permute(result, &order, &wanted)
}

/// Steps for a column held as cells: runs of free axes are folded at once, kept axes stay.
fn own_steps(circuit: &Circuit, column: ColumnId, z: &[K], kept: &[usize]) -> Vec<Step> {
    let shape = &circuit[column].shape;
    let mut steps: Vec<Step> = Vec::new();
    let mut axis = 0;
    while axis < shape.rank() {
        if kept.contains(&axis) {
            let bits = shape.bits(axis);
            steps.push(Step {
                source_len: 1 << bits,
                kept_len: 1 << bits,
                entries: vec![],
                kept: vec![(axis, bits)],
                rename: true,
                logical: shape.size(axis),
            });
            axis += 1;
            continue;
        }
        let first = axis;
        while axis < shape.rank() && !kept.contains(&axis) {
            axis += 1;
        }
        let variables = shape.variable_range(first).start..shape.variable_range(axis - 1).end;
        let weights = kernels::eq_table(&z[variables]);
        steps.push(Step {
            source_len: weights.len(),
            kept_len: 1,
            entries: weights.iter().enumerate().map(|(s, &w)| (0, s, w)).collect(),
            kept: vec![],
            rename: false,
            logical: weights.len(),
        });
    }
    steps
}

/// Steps for a view of a column held as cells: one a factor.
fn view_steps(
    circuit: &Circuit,
    schedule: &Schedule,
    column: ColumnId,
    view: &View,
    z: &[K],
    kept: &[usize],
) -> Vec<Step> {
    let (shape, source) = (&circuit[column].shape, &circuit[view.source].shape);
    let zero_padded = schedule.zero_padded[view.source.index()];
    let mut factors: Vec<&Factor> = view.factors.iter().collect();
    // Broadcasts take no source axis; they may stand anywhere.
    factors.sort_by_key(|factor| factor.source_axes.first().copied());
    factors
        .into_iter()
        .map(|factor| {
            let axes: Vec<(usize, bool)> = factor
                .view_axes
                .iter()
                .map(|&axis| (axis.into(), kept.contains(&axis.into())))
                .collect();
            let own_kept: Vec<(usize, usize)> = axes
                .iter()
                .filter(|axis| axis.1)
                .map(|&(axis, _)| (axis, shape.bits(axis)))
                .collect();
            let kept_len = 1usize << own_kept.iter().map(|axis| axis.1).sum::<usize>();
            let source_len = 1usize << factor.source_variables(source);
            let rename = own_kept.len() == axes.len()
                && !axes.is_empty()
                && factor.role(shape, source, zero_padded) == FactorRole::Bitwise;
            let mut entries = Vec::new();
            if !rename {
                let weights: Vec<Vec<K>> = axes
                    .iter()
                    .map(|&(axis, is_kept)| {
                        if is_kept {
                            vec![]
                        } else {
                            poly::eq_table(&z[shape.variable_range(axis)])
                        }
                    })
                    .collect();
                factor.for_each_pair(shape, source, |index, _, flat| {
                    let (mut to, mut weight) = (0usize, K::from(1u64));
                    for ((&i, &(axis, is_kept)), weights) in index.iter().zip(&axes).zip(&weights) {
                        if is_kept {
                            to = to << shape.bits(axis) | i;
                        } else {
                            weight *= weights[i];
                        }
                    }
                    entries.push((to, flat, weight));
                });
                entries.sort_by_key(|&(to, from, _)| (to, from));
            }
            Step {
                source_len,
                kept_len,
                entries,
                kept: own_kept,
                rename,
                logical: source_len,
            }
        })
        .collect()
}

/// Cells as int8, if all of them fit: activations most often do.
fn to_int8(cells: &[M61]) -> Option<Vec<i8>> {
    // In [0, 256) exactly for cells in [-128, 128).
    let shifted = |cell: &M61| (*cell + M61::from_raw(128)).value;
    cells
        .chunks(1 << 10)
        .all(|cells| cells.iter().fold(0, |bits, cell| bits | shifted(cell)) < 256)
        .then(|| {
            cells
                .iter()
                .map(|cell| shifted(cell).wrapping_sub(128) as i8)
                .collect()
        })
}

/// A step over the last axis of int8 data: for each kept index one inner product with every row.
fn apply_to_rows(cells: Int8<'_>, step: &Step) -> Vec<K> {
    let mut out = vec![K::from(0u64); cells.len() / step.source_len * step.kept_len];
    let length = cells.run().max(step.source_len);
    for entries in step.entries.chunk_by(|a, b| a.0 == b.0) {
        let mut weights = vec![K::from(0u64); step.source_len];
        entries.iter().for_each(|&(_, s, weight)| weights[s] += weight);
        let kept = entries.first().map_or(0, |entry| entry.0);
        for start in (0..cells.len()).step_by(length) {
            let rows = cells.piece(start, length, step.source_len);
            let products = kernels::rows_dot_i8(&rows, step.source_len, &weights);
            let first = start / step.source_len * step.kept_len + kept;
            let places = out[first..].iter_mut().step_by(step.kept_len);
            places.zip(products).for_each(|(to, product)| *to = product);
        }
    }
    out
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

/// Takes a step over all `before` places of the axes before it; data at places that are padding are all zero.
fn apply(
    data: &Data<'_>,
    before: usize,
    step: &Step,
    after: usize,
    is_padding: &dyn Fn(usize) -> bool,
) -> Vec<K> {
    if let (Data::Int8(cells), 1) = (data, after)
        && step.source_len > 1
    {
        return apply_to_rows(*cells, step);
    }
    let dense = step.kept_len == 1
        && step.entries.len() == step.source_len
        && step
            .entries
            .iter()
            .enumerate()
            .all(|(index, entry)| entry.1 == index);
    if let (Data::Int8(cells), true) = (data, dense) {
        let weights: Vec<K> = step.entries.iter().map(|entry| entry.2).collect();
        let length = step.source_len * after;
        return (0..before)
            .flat_map(|place| {
                if is_padding(place) {
                    return vec![K::from(0u64); after];
                }
                let rows = cells.piece(place * length, length, after);
                match rows.len() / after {
                    0 => vec![K::from(0u64); after],
                    count => kernels::fold_rows_i8(&rows, after, &weights[..count]),
                }
            })
            .collect();
    }
    if let (Data::Base(cells), true, 1) = (data, dense, after) {
        let weights: Vec<K> = step.entries.iter().map(|entry| entry.2).collect();
        return cells
            .chunks_exact(step.source_len)
            .map(|row| kernels::dot_base(row, &weights))
            .collect();
    }
    let mut out = vec![K::from(0u64); before * step.kept_len * after];
    for a in 0..before {
        for &(k, s, weight) in &step.entries {
            let to = &mut out[(a * step.kept_len + k) * after..][..after];
            let from = (a * step.source_len + s) * after;
            match data {
                Data::Base(cells) if after >= 8 => {
                    kernels::add_scaled_base(to, weight, &cells[from..][..after])
                }
                Data::Extension(cells) if after >= 8 => {
                    kernels::add_scaled(to, weight, &cells[from..][..after])
                }
                Data::Base(cells) => to.iter_mut().zip(&cells[from..]).for_each(|(to, cell)| {
                    to.c0 += weight.c0 * cell;
                    to.c1 += weight.c1 * cell;
                }),
                Data::Extension(cells) => to
                    .iter_mut()
                    .zip(&cells[from..])
                    .for_each(|(to, cell)| *to += weight * cell),
                Data::Int8(cells) => {
                    let cells = cells.piece(from, after, 1);
                    to.iter_mut().zip(cells.iter()).for_each(|(to, &cell)| {
                        let cell = from_i64(cell.into());
                        to.c0 += weight.c0 * cell;
                        to.c1 += weight.c1 * cell;
                    });
                }
            }
        }
    }
    out
}

/// Reorders the axes of a padded tensor.
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
