//! The steps of a fold, one for each run of axes of the source.

use crate::circuit::{Circuit, ColumnId, Factor, FactorRole, Schedule, View};
use crate::field::{K, kernels};
use crate::poly::{self, PaddedShape};

/// One step: `out[a, k, b] = sum_{(k, s, w)} w data[a, s, b]`.
pub(super) struct Step {
    /// Padded length of the axes it consumes.
    pub(super) source_len: usize,
    /// Padded length of the axes it produces.
    pub(super) kept_len: usize,
    /// `(kept index, source index, weight)`, by kept index.
    pub(super) entries: Vec<(usize, usize, K)>,
    /// Result axes, in order: `(axis, bits)`.
    pub(super) kept: Vec<(usize, usize)>,
    /// Whether it only renames axes and leaves the data as they are.
    pub(super) rename: bool,
    /// Of a block of a kept axis: its number, and the bits of the axis. The data become cells of the axis at the end.
    pub(super) block: Option<(usize, usize)>,
    /// Logical length of the axes it consumes, where they are renamed.
    pub(super) logical: usize,
}

impl Step {
    /// The weights of its entries, 0 at indices of the source that have none.
    pub(super) fn weights(&self) -> Vec<K> {
        let mut weights: Vec<K> = self.entries.iter().map(|entry| entry.2).collect();
        weights.resize(self.source_len.max(weights.len()), K::from(0u64));
        weights
    }
}

/// Steps for a column held as cells: runs of free axes are folded at once, kept axes stay.
pub(super) fn own_steps(circuit: &Circuit, column: ColumnId, z: &[K], kept: &[usize]) -> Vec<Step> {
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
                block: None,
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
            block: None,
            logical: weights.len(),
        });
    }
    steps
}

/// Steps for a view of a column held as cells: a step for each factor.
pub(super) fn view_steps(
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
    // A broadcast has no source axis, so its step may stand anywhere.
    factors.sort_by_key(|factor| factor.source_axes.first().copied());
    factors
        .into_iter()
        .map(|factor| {
            let axes: Vec<(usize, bool)> = factor
                .view_axes
                .iter()
                .map(|&axis| (axis.into(), kept.contains(&axis.into())))
                .collect();
            let mut own_kept: Vec<(usize, usize)> = axes
                .iter()
                .filter(|axis| axis.1)
                .map(|&(axis, _)| (axis, shape.bits(axis)))
                .collect();
            let source_len = 1usize << factor.source_variables(source);
            let kept_all = own_kept.len() == axes.len() && !axes.is_empty();
            let (rename, block) = match factor.role(shape, source, zero_padded) {
                FactorRole::Bitwise => (kept_all, None),
                FactorRole::Block if kept_all => {
                    let bits: usize = own_kept.iter().map(|axis| axis.1).sum();
                    own_kept
                        .iter_mut()
                        .for_each(|axis| axis.1 = factor.source_variables(source));
                    let number = factor.block(shape, source, zero_padded);
                    (true, number.map(|number| (number, bits)))
                }
                _ => (false, None),
            };
            Step {
                source_len,
                kept_len: 1usize << own_kept.iter().map(|axis| axis.1).sum::<usize>(),
                entries: match rename {
                    true => Vec::new(),
                    false => factor_entries(factor, (shape, source), &axes, z),
                },
                kept: own_kept,
                rename,
                block,
                logical: source_len,
            }
        })
        .collect()
}

/// The entries of a factor's step, where `axes` says which of its view axes are kept.
fn factor_entries(
    factor: &Factor,
    (shape, source): (&PaddedShape, &PaddedShape),
    axes: &[(usize, bool)],
    z: &[K],
) -> Vec<(usize, usize, K)> {
    let weights: Vec<Vec<K>> = axes
        .iter()
        .map(|&(axis, is_kept)| match is_kept {
            true => vec![],
            false => poly::eq_table(&z[shape.variable_range(axis)]),
        })
        .collect();
    let mut entries = Vec::new();
    factor.for_each_pair(shape, source, |index, _, flat| {
        let (mut to, mut weight) = (0usize, K::from(1u64));
        for ((&i, &(axis, is_kept)), weights) in index.iter().zip(axes).zip(&weights) {
            if is_kept {
                to = to << shape.bits(axis) | i;
            } else {
                weight *= weights[i];
            }
        }
        entries.push((to, flat, weight));
    });
    entries.sort_by_key(|&(to, from, _)| (to, from));
    entries
}
