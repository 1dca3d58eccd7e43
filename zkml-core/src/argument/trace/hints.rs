//! Fills columns from the execution, each as its [`Hint`] says.

use core::ops::Range;

use rayon::prelude::*;

use super::cells::{padded, padded_with, row_major};
use super::{mismatch, uncomputable};
use crate::circuit::{Block, Circuit, ColumnId, ColumnKind, Table};
use crate::execute::Execution;
use crate::field::{M61, from_i64, to_i64_centered};
use crate::graph::{Graph, NodeId};
use crate::keys::ProveError;
use crate::lower::Filled;
use crate::ops::{Hint, Int, IntOp, IntegerSite, Rescale};
use crate::poly::PaddedShape;
use crate::reduce::{Cells, Values};

/// What hints are computed from, and where the cells go.
#[derive(Clone, Copy)]
pub(super) struct Filler<'a, 'v> {
    pub(super) graph: &'a Graph<Int>,
    pub(super) lowered: &'a Filled,
    pub(super) circuit: &'a Circuit,
    pub(super) execution: &'a Execution,
    pub(super) values: &'a Values<'v>,
}

impl Filler<'_, '_> {
    /// Puts in the cells of a column, and of its blocks.
    fn set(&self, column: ColumnId, mut cells: Vec<M61>) {
        let shape = &self.circuit[column].shape;
        if self.is_in_blocks(column) {
            // A sum of blocks is 0 behind them, whatever a gadget has on padding.
            let logical: Block = shape.sizes().into_iter().map(|size| 0..size).collect();
            let mut whole = vec![M61::from(0u64); cells.len()];
            for row in rows(shape, &logical) {
                whole[row.clone()].copy_from_slice(&cells[row]);
            }
            cells = whole;
        }
        for (block, indices) in self.lowered.blocks.get(&column).into_iter().flatten() {
            let own = rows(shape, indices).into_iter().flat_map(|row| &cells[row]);
            self.values.set(*block, Cells::Base(own.copied().collect()));
        }
        self.values.set(column, Cells::Base(cells));
    }

    /// Is a column in blocks, or a sum of such columns, as a value is of its digits?
    fn is_in_blocks(&self, column: ColumnId) -> bool {
        let is_split = |column: &ColumnId| self.lowered.blocks.contains_key(column);
        let is_sum = match &self.circuit[column].kind {
            ColumnKind::Linear(sum) => {
                sum.constant == M61::from(0u64) && sum.terms.iter().all(|term| is_split(&term.column))
            }
            _ => false,
        };
        is_split(&column) || is_sum
    }

    /// The values of a node over the padded shape of a column.
    fn node(&self, node: NodeId, column: ColumnId, padding: i64) -> Vec<M61> {
        padded(
            self.circuit,
            column,
            row_major(&self.execution.values[node.0]),
            padding,
        )
    }

    /// Fills the columns of a hint.
    pub(super) fn fill(&self, hint: &Hint) -> Result<(), ProveError> {
        match hint {
            Hint::Rescale {
                node,
                value,
                output,
                limbs,
                bits,
            } => return self.rescale(*node, (*value, *output), limbs, *bits),
            Hint::Apply { table, input, output } => return self.apply(*table as usize, *input, *output),
            Hint::OneHot { index, axis, output } => self.one_hot(*index, *axis, *output),
            Hint::Input { node, output } => {
                let (minimum, maximum) = self.graph[*node].fact.range;
                self.set(*output, self.node(*node, *output, 0i64.max(minimum).min(maximum)));
                // The node's own column is 0 on padding.
                let column = self.lowered.nodes[node.0];
                self.set(column, self.node(*node, column, 0));
            }
            Hint::Advice { node, columns } => return self.advice(*node, columns),
            Hint::Value { node, output } => self.set(*output, self.node(*node, *output, 0)),
            Hint::Embedding { node, rows, scales } => return self.embedding(*node, *rows, *scales),
            Hint::Node { node, input, output } => {
                for column in [*input, *output] {
                    self.set(column, self.node(*node, column, 0));
                }
            }
            Hint::Copy { input, output } => self.set(*output, self.values.base(*input).to_vec()),
            Hint::Limbs { input, limbs, bits } => self.limbs(*input, limbs, *bits),
            Hint::Quotient {
                numerator,
                shift,
                output,
            } => self.quotient(numerator, *shift, *output),
            Hint::Remainder { input, bits, output } => {
                let lowest = (1i64 << bits) - 1;
                self.set_integers(*output, &self.integers(*input), |value| value & lowest);
            }
            Hint::Root { input, output } => {
                self.set_integers(*output, &self.integers(*input), |square| square.max(0).isqrt());
            }
            Hint::Reciprocal {
                numerator,
                input,
                output,
            } => {
                let divided = |divisor| numerator.checked_div(divisor).unwrap_or(0);
                self.set_integers(*output, &self.integers(*input), divided);
            }
            Hint::Digits {
                input,
                low,
                bits,
                top,
            } => self.digits(*input, low, *bits, *top),
        }
        Ok(())
    }

    fn rescale(
        &self,
        node: NodeId,
        (value, output): (ColumnId, ColumnId),
        limbs: &[ColumnId],
        bits: u32,
    ) -> Result<(), ProveError> {
        let (IntOp::Rescale(rescale), Some(before)) =
            (&self.graph[node].op, &self.execution.before_table[node.0])
        else {
            return Err(mismatch(&self.graph[node].name));
        };
        let Rescale {
            multipliers,
            axis,
            shift,
            table,
        } = rescale;
        let accumulator = &self.execution.values[self.graph[node].inputs[0].0];
        let half = 1i64 << (shift - 1);
        let inner: usize = accumulator.shape().iter().skip(axis + 1).product();
        let blocks = row_major(accumulator)
            .chunks(inner.max(1))
            .zip(multipliers.iter().cycle());
        // The remainder is the lowest `shift` bits of these numbers.
        let products: Vec<i64> = blocks
            .flat_map(|(block, &multiplier)| block.iter().map(move |&x| x * multiplier + half))
            .collect();
        for (k, &limb) in limbs.iter().enumerate() {
            let digit = |product: i64| product >> (bits as usize * k) & ((1 << bits) - 1);
            let cells = padded_with(self.circuit, limb, &products, digit(half), digit);
            self.set(limb, cells);
        }
        // Limbs in blocks are 0 on padding. The quotient is 1/2 there, and not looked up.
        let padding = match limbs.iter().any(|limb| self.lowered.blocks.contains_key(limb)) {
            true => ark_ff::Field::inverse(&from_i64(2)).unwrap_or_default(),
            false => M61::from(0u64),
        };
        let cells: Vec<M61> = row_major(before).iter().map(|&value| from_i64(value)).collect();
        self.set(value, self.circuit[value].shape.pad(&cells, padding));
        let entry_at_zero = table
            .apply(0)
            .map_err(|error| uncomputable(&self.graph[node].name, error))?;
        self.set(output, self.node(node, output, entry_at_zero));
        Ok(())
    }

    fn advice(&self, id: NodeId, columns: &[(ColumnId, i64)]) -> Result<(), ProveError> {
        let node = &self.graph[id];
        let values = &self.execution.values;
        let operands: Option<Vec<_>> = node.inputs.iter().map(|id| values.get(id.0)).collect();
        let operands = operands.ok_or_else(|| mismatch(&node.name))?;
        let site = IntegerSite {
            graph: self.graph,
            node,
            operands: &operands,
        };
        let advice = node.op.room().advice(&site)?;
        if advice.len() != columns.len() {
            return Err(mismatch(&node.name));
        }
        for (&(column, padding), cells) in columns.iter().zip(&advice) {
            if cells.len() != self.circuit[column].shape.logical_len() {
                return Err(mismatch(&self.circuit[column].name));
            }
            self.set(column, padded(self.circuit, column, cells, padding));
        }
        Ok(())
    }

    fn apply(&self, table: usize, input: ColumnId, output: ColumnId) -> Result<(), ProveError> {
        let Table::Function(function) = &self.circuit.tables[table] else {
            return Err(mismatch(&self.circuit[output].name));
        };
        let place = &self.circuit[output].name;
        let entries = function.cells().map_err(|error| uncomputable(place, error))?;
        let looked_up = self.values.cells(input).to_base();
        let results = looked_up.iter().map(|&cell| {
            let entry = entries.at(to_i64_centered(cell));
            entry.map(from_i64).ok_or_else(|| mismatch(place))
        });
        self.set(output, results.collect::<Result<_, _>>()?);
        Ok(())
    }

    fn one_hot(&self, index: NodeId, axis: usize, output: ColumnId) {
        let indices: Vec<i64> = self.execution.values[index.0].iter().copied().collect();
        let shape = self.circuit[output].shape.sizes();
        let inner: usize = shape[axis + 1..].iter().product();
        let hot = (0..self.circuit[output].shape.logical_len()).map(|cell| {
            let (outer, along, within) = (
                cell / inner / shape[axis],
                cell / inner % shape[axis],
                cell % inner,
            );
            i64::from(indices[outer * inner + within] == along as i64)
        });
        let hot: Vec<i64> = hot.collect();
        self.set(output, padded(self.circuit, output, &hot, 0));
    }

    fn embedding(&self, node: NodeId, rows: ColumnId, scales: Option<ColumnId>) -> Result<(), ProveError> {
        let inner = &self.graph[node];
        let IntOp::IntegerEmbedding(embedding) = &inner.op else {
            return Err(mismatch(&inner.name));
        };
        let ids = &self.execution.values[inner.inputs[0].0];
        let site = IntegerSite {
            graph: self.graph,
            node: inner,
            operands: &[ids],
        };
        let found = embedding.rows(&site).ok_or_else(|| mismatch(&inner.name))?;
        let weights: Vec<i64> = found.into_iter().flatten().map(i64::from).collect();
        self.set(rows, padded(self.circuit, rows, &weights, 0));
        if let Some(scales) = scales {
            let multipliers = ids.iter().map(|&id| embedding.multiplier(id));
            let multipliers: Option<Vec<i64>> = multipliers.collect();
            let multipliers = multipliers.ok_or_else(|| mismatch(&inner.name))?;
            self.set(scales, padded(self.circuit, scales, &multipliers, 0));
        }
        Ok(())
    }

    /// The cells of a column as integers.
    fn integers(&self, column: ColumnId) -> Vec<i64> {
        let cells = self.values.cells(column).to_base();
        cells.par_iter().map(|&cell| to_i64_centered(cell)).collect()
    }

    fn set_integers(&self, column: ColumnId, integers: &[i64], map: impl Fn(i64) -> i64 + Sync) {
        let cells = integers.par_iter().map(|&integer| from_i64(map(integer)));
        self.set(column, cells.collect());
    }

    fn quotient(&self, numerator: &[(i64, ColumnId)], shift: u32, output: ColumnId) {
        let half = 1i64 << (shift - 1);
        let mut sum = vec![half; self.circuit[output].shape.padded_len()];
        for &(coefficient, column) in numerator {
            let cells = self.values.cells(column).to_base();
            let pairs = sum.par_iter_mut().zip(cells.par_iter());
            // Range analysis keeps the sum, and each term of it, below 2^60.
            pairs.for_each(|(sum, &cell)| *sum += coefficient * to_i64_centered(cell));
        }
        self.set_integers(output, &sum, |sum| sum >> shift);
    }

    fn digits(&self, input: ColumnId, low: &[ColumnId], bits: u32, top: Option<ColumnId>) {
        let integers = self.integers(input);
        for (k, &column) in low.iter().enumerate() {
            let digit = |value: i64| value >> (bits as usize * k) & ((1 << bits) - 1);
            self.set_integers(column, &integers, digit);
        }
        if let Some(top) = top {
            let above = bits as usize * low.len();
            self.set_integers(top, &integers, |value| value >> above);
        }
    }

    fn limbs(&self, input: ColumnId, limbs: &[ColumnId], bits: u32) {
        let cells = self.values.cells(input).to_base();
        let cells: Vec<i64> = cells.iter().map(|&cell| to_i64_centered(cell)).collect();
        for (k, &limb) in limbs.iter().enumerate() {
            let digit = |value: i64| from_i64(value >> (bits as usize * k) & ((1 << bits) - 1));
            self.set(limb, cells.iter().map(|&cell| digit(cell)).collect());
        }
    }
}

/// The padded cells of a block, a range for each of its rows.
fn rows(shape: &PaddedShape, block: &[Range<usize>]) -> Vec<Range<usize>> {
    // An empty shape has one cell.
    let mut rows = core::iter::once(0..1).collect::<Vec<_>>();
    for (axis, indices) in block.iter().enumerate() {
        let size = 1 << shape.bits(axis);
        let below = rows.into_iter().flatten();
        let below = below.map(|index| index * size + indices.start..index * size + indices.end);
        rows = below.collect();
    }
    rows
}
