//! The cells of columns, as the prover holds them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::circuit::{Axis, Circuit, ColumnId, ColumnKind, Contraction, Public, View};
use crate::field::{K, M61, from_i64};
use crate::int8::Int8Tensor;
use crate::poly::{self, PaddedShape};

/// The padded cells of a column.
#[derive(Clone)]
pub enum Cells<'a> {
    /// Field elements.
    Base(Vec<M61>),
    /// Weights, read in place; their padding is 0.
    Int8(&'a Int8Tensor),
}

crate::debug_without_values!(Cells<'_>, self => "{}", match self {
    Self::Base(cells) => format!("Base({} cells)", cells.len()),
    Self::Int8(tensor) => format!("Int8({:?})", tensor.shape()),
});

impl Cells<'_> {
    /// As field elements.
    pub fn to_base(&self) -> Cow<'_, [M61]> {
        match self {
            Self::Base(cells) => Cow::Borrowed(cells),
            Self::Int8(tensor) => {
                let length = tensor.padded_len();
                let cells = tensor.padded_piece(0, length);
                let mut cells: Vec<M61> = cells.iter().map(|&cell| from_i64(cell.into())).collect();
                cells.resize(length, M61::from(0u64));
                Cow::Owned(cells)
            }
        }
    }
}

/// The cells of all columns: given ones are put in, virtual ones are computed when first asked for.
///
/// A virtual column is computed straight from its definition, so tests use this as the reference. The prover puts in
/// the columns whose definition is slow: results of contractions, which the integer execution has.
pub struct Values<'a> {
    circuit: &'a Circuit,
    cells: Vec<OnceLock<Cells<'a>>>,
    /// Weights as field elements, once something has asked for them.
    converted: Vec<OnceLock<Vec<M61>>>,
    /// Folds of blocks of weights, whose values are asked for later.
    folds: Mutex<HashMap<ColumnId, Vec<Folded>>>,
}

/// A column folded over some of its axes.
pub(super) struct Folded {
    /// The axes that are left, in the order of the table.
    pub(super) kept: Vec<usize>,
    /// The point at which the others were folded; coordinates of kept axes do not matter.
    pub(super) point: Vec<K>,
    /// The result.
    pub(super) table: Vec<K>,
}

impl<'a> Values<'a> {
    /// Nothing known but the constants.
    pub fn new(circuit: &'a Circuit) -> Self {
        Self {
            circuit,
            cells: circuit.columns.iter().map(|_| OnceLock::new()).collect(),
            converted: circuit.columns.iter().map(|_| OnceLock::new()).collect(),
            folds: Mutex::default(),
        }
    }

    /// Keeps a fold of a column.
    pub(super) fn remember(&self, column: ColumnId, fold: Folded) {
        let mut folds = self.folds.lock().unwrap_or_else(PoisonError::into_inner);
        folds.entry(column).or_default().push(fold);
    }

    /// The value of a column at a point, from a fold that was kept.
    pub(super) fn recall(&self, column: ColumnId, point: &[K]) -> Option<K> {
        let shape = &self.circuit[column].shape;
        let folds = self.folds.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |fold: &&Folded| {
            let mut free = (0..shape.rank()).filter(|axis| !fold.kept.contains(axis));
            free.all(|axis| {
                let variables = shape.variable_range(axis);
                fold.point.get(variables.clone()) == point.get(variables)
            })
        };
        let fold = folds.get(&column)?.iter().find(same)?;
        let kept = fold.kept.iter().flat_map(|&axis| shape.variable_range(axis));
        let rest: Vec<K> = kept.filter_map(|variable| point.get(variable).copied()).collect();
        Some(poly::evaluate(&fold.table, &rest))
    }

    /// Puts in the padded cells of a column; the first one put in stays.
    pub fn set(&self, column: ColumnId, cells: Cells<'a>) {
        let _ = self.cells[column.index()].set(cells);
    }

    /// Are the cells known without computing them?
    pub fn is_known(&self, column: ColumnId) -> bool {
        self.cells[column.index()].get().is_some()
    }

    /// The padded cells of a column. A committed column that was never put in is all zero.
    pub fn cells(&self, column: ColumnId) -> &Cells<'a> {
        self.cells[column.index()].get_or_init(|| Cells::Base(self.compute(column)))
    }

    /// The padded cells of a column as field elements; weights are converted once and kept.
    pub fn base(&self, column: ColumnId) -> &[M61] {
        match self.cells(column) {
            Cells::Base(cells) => cells,
            cells @ Cells::Int8(_) => {
                self.converted[column.index()].get_or_init(|| cells.to_base().into_owned())
            }
        }
    }

    fn compute(&self, id: ColumnId) -> Vec<M61> {
        let column = &self.circuit[id];
        let zero = M61::from(0u64);
        match &column.kind {
            ColumnKind::Committed { .. }
            | ColumnKind::Parameter { .. }
            | ColumnKind::Public(Public::Input { .. } | Public::Output { .. }) => {
                vec![zero; column.shape.padded_len()]
            }
            ColumnKind::Public(Public::Constant(cells)) => {
                let cells: Vec<M61> = cells.iter().map(|&cell| from_i64(cell)).collect();
                column.shape.pad(&cells, zero)
            }
            ColumnKind::Public(Public::Selector(rule)) => {
                let ids = rule.ids().map(|ids| (self.base(ids), &self.circuit[ids].shape));
                rule.cells(&column.shape, ids)
            }
            ColumnKind::Linear(linear) => {
                let mut sum = vec![linear.constant; column.shape.padded_len()];
                for term in &linear.terms {
                    let cells = self.cells(term.column).to_base();
                    let pairs = sum.iter_mut().zip(cells.iter());
                    if term.coefficient == M61::from(1u64) {
                        pairs.for_each(|(sum, cell)| *sum += cell);
                    } else if term.coefficient == -M61::from(1u64) {
                        pairs.for_each(|(sum, cell)| *sum -= cell);
                    } else {
                        pairs.for_each(|(sum, cell)| *sum += term.coefficient * cell);
                    }
                }
                sum
            }
            ColumnKind::View(view) => self.compute_view(&column.shape, view),
            ColumnKind::Contraction(contraction) => self.compute_contraction(&column.shape, contraction),
        }
    }

    fn compute_view(&self, shape: &PaddedShape, view: &View) -> Vec<M61> {
        let source_shape = &self.circuit[view.source].shape;
        let source = self.cells(view.source).to_base();
        // The map is a product: first the pairs of all factors but the last are combined, then the pairs of the last
        // are added.
        let mut pairs = vec![(0usize, 0usize)];
        let mut last = vec![(0usize, 0usize)];
        for factor in &view.factors {
            pairs = combined(&pairs, &last).collect();
            last.clear();
            factor.for_each_pair(shape, source_shape, |index, _, flat| {
                let to = factor
                    .view_axes
                    .iter()
                    .zip(index)
                    .map(|(&axis, &i)| i << shift(shape, axis))
                    .sum::<usize>();
                last.push((to, spread(source_shape, &factor.source_axes, flat)));
            });
        }
        let mut cells = vec![M61::from(0u64); shape.padded_len()];
        for (to, from) in combined(&pairs, &last) {
            cells[to] = source[from];
        }
        cells
    }

    fn compute_contraction(&self, shape: &PaddedShape, contraction: &Contraction) -> Vec<M61> {
        let (left_shape, right_shape) = (
            &self.circuit[contraction.left].shape,
            &self.circuit[contraction.right].shape,
        );
        let left = self.cells(contraction.left).to_base();
        let right = self.cells(contraction.right).to_base();
        // Of each axis its padded size, and how far one step along it is in left operand, right operand and result.
        let steps = |axis: &Axis| {
            let size = match (axis.left, axis.right) {
                (Some(axis), _) => left_shape.padded_sizes()[usize::from(axis)],
                (None, Some(axis)) => right_shape.padded_sizes()[usize::from(axis)],
                (None, None) => 1,
            };
            let step = |shape: &PaddedShape, axis: Option<u8>| axis.map_or(0, |axis| 1 << shift(shape, axis));
            let strides = [
                step(left_shape, axis.left),
                step(right_shape, axis.right),
                step(shape, axis.out),
            ];
            (size, strides)
        };
        let axes: Vec<(usize, [usize; 3])> = contraction.axes.iter().map(steps).collect();
        // The last axis is a loop; the indices of all others are written out.
        let (inner, outer) = axes
            .split_last()
            .map_or((&(1, [0; 3]), &[][..]), |(last, all)| (last, all));
        let mut indices = vec![[0usize; 3]];
        for &(size, strides) in outer {
            let moved = |at: &[usize; 3], i: usize| core::array::from_fn(|t| at[t] + i * strides[t]);
            indices = indices
                .iter()
                .flat_map(|at| (0..size).map(move |i| moved(at, i)))
                .collect();
        }
        let (size, strides) = *inner;
        let mut cells = vec![M61::from(0u64); shape.padded_len()];
        for [l, r, o] in indices {
            for i in 0..size {
                cells[o + i * strides[2]] += left[l + i * strides[0]] * right[r + i * strides[1]];
            }
        }
        cells
    }
}

/// All pairs of a product of two maps.
fn combined<'a>(
    first: &'a [(usize, usize)],
    second: &'a [(usize, usize)],
) -> impl Iterator<Item = (usize, usize)> + 'a {
    first
        .iter()
        .flat_map(move |&(to, from)| second.iter().map(move |&(t, f)| (to | t, from | f)))
}

/// By how many bits an index of `axis` is shifted in the padded row-major index: in shape `[2, 3]`, axis 0 by 2.
fn shift(shape: &PaddedShape, axis: u8) -> usize {
    shape.variables() - shape.variable_range(axis.into()).end
}

/// A flat index over consecutive padded `axes`, as part of the whole padded index.
fn spread(shape: &PaddedShape, axes: &[u8], flat: usize) -> usize {
    axes.last().map_or(0, |&axis| flat << shift(shape, axis))
}
