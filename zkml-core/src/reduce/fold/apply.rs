//! One step of a fold, by the kernel that fits the data.

use super::data::{Data, Int8};
use super::steps::Step;
use crate::field::{K, M61, from_i64, kernels};

/// Applies a step at each of the `before` indices of the axes before it. Data at indices of padding are all zero.
pub(super) fn apply(
    data: &Data<'_>,
    before: usize,
    step: &Step,
    after: usize,
    is_padding: &dyn Fn(usize) -> bool,
) -> Vec<K> {
    let dense = step.kept_len == 1
        && step
            .entries
            .iter()
            .enumerate()
            .all(|(index, entry)| entry.1 == index);
    match (data, after) {
        (Data::Int8(cells), 1) if step.source_len > 1 => apply_to_rows(*cells, step),
        (Data::Int8(cells), _) if dense => fold_int8(*cells, before, step, after, is_padding),
        (Data::Base(cells), 1) if dense => {
            let weights = step.weights();
            let rows = cells.chunks_exact(step.source_len);
            rows.map(|row| kernels::dot_base(row, &weights)).collect()
        }
        _ => apply_entries(data, before, step, after),
    }
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

/// A dense step over int8 data: a weight for each source index, 0 for those behind the last entry, and a single kept
/// index.
fn fold_int8(
    cells: Int8<'_>,
    before: usize,
    step: &Step,
    after: usize,
    is_padding: &dyn Fn(usize) -> bool,
) -> Vec<K> {
    let weights = step.weights();
    // At a point that begins with bits most weights are 0.
    let used = |weight: &K| *weight != K::from(0u64);
    let first = weights.iter().position(used).unwrap_or(0);
    let end = weights.iter().rposition(used).map_or(0, |last| last + 1);
    let length = step.source_len * after;
    (0..before)
        .flat_map(|place| {
            if is_padding(place) {
                return vec![K::from(0u64); after];
            }
            let rows = cells.piece(place * length, length, after);
            let end = end.min(rows.len() / after);
            match end.checked_sub(first) {
                None | Some(0) => vec![K::from(0u64); after],
                Some(_) => {
                    kernels::fold_rows_i8(&rows[first * after..end * after], after, &weights[first..end])
                }
            }
        })
        .collect()
}

/// A step entry by entry.
fn apply_entries(data: &Data<'_>, before: usize, step: &Step, after: usize) -> Vec<K> {
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
                Data::Base(cells) => add_base(to, weight, cells[from..].iter().copied()),
                Data::Extension(cells) => to
                    .iter_mut()
                    .zip(&cells[from..])
                    .for_each(|(to, cell)| *to += weight * cell),
                Data::Int8(cells) => {
                    let cells = cells.piece(from, after, 1);
                    add_base(to, weight, cells.iter().map(|&cell| from_i64(cell.into())));
                }
            }
        }
    }
    out
}

/// Adds multiples of cells of the base field.
fn add_base(to: &mut [K], weight: K, cells: impl Iterator<Item = M61>) {
    to.iter_mut().zip(cells).for_each(|(to, cell)| {
        to.c0 += weight.c0 * cell;
        to.c1 += weight.c1 * cell;
    });
}
