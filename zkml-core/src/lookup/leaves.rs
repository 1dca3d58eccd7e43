//! The cells of the stack. They are not written out: any piece of them is made from the columns on demand.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};

use super::groups::{GroupedLevel, in_tree_order};
use super::layer::Level;
use super::{BlockKind, Compression, GROUP_VARIABLES, Stack, Statement, Witness};
use crate::field::kernels::{self, Backend};
use crate::field::{K, M61, k_from_base};

/// The fractions of a stack.
pub(super) struct Leaves<'a> {
    blocks: Vec<Cells<'a>>,
    /// Log2 of the number of cells, fillers included.
    pub(super) variables: usize,
    /// Number of cells without fillers, which come last.
    pub(super) filled: usize,
}

/// The cells of one block.
struct Cells<'a> {
    start: usize,
    length: usize,
    /// The part that all its denominators share.
    constant: K,
    /// Columns and how they enter the denominator.
    columns: Vec<(K, &'a [M61])>,
    /// Multiplicities of a table; the numerators of a lookup are 1.
    multiplicities: Option<&'a [M61]>,
}

impl<'a> Leaves<'a> {
    pub(super) fn new(
        statement: &Statement,
        stack: &Stack,
        compression: &Compression,
        witness: &Witness<'a>,
    ) -> Self {
        let mut start = 0;
        let cells = |block: &super::Block| {
            let (columns, table, multiplicities) = match block.kind {
                BlockKind::Lookup(index) => (&witness.lookups[index], statement.lookups[index].table, None),
                BlockKind::Table(index) => {
                    (&witness.tables[index], index, Some(witness.multiplicities[index]))
                }
            };
            let length = 1 << block.variables;
            start += length;
            Cells {
                start: start - length,
                length,
                constant: compression.constant(table),
                columns: compression.coefficients().zip(columns.iter().copied()).collect(),
                multiplicities,
            }
        };
        let blocks: Vec<Cells<'a>> = stack.blocks.iter().map(cells).collect();
        Self {
            filled: blocks.last().map_or(0, |block| block.start + block.length),
            blocks,
            variables: stack.variables,
        }
    }

    /// Cells of a group.
    pub(super) fn group_length(&self) -> usize {
        1 << self.variables.min(GROUP_VARIABLES)
    }

    /// Number of groups that are not fillers alone.
    pub(super) fn groups(&self) -> usize {
        self.filled.div_ceil(self.group_length())
    }

    /// Does a group hold other cells than those of lookups?
    pub(super) fn mixed(&self, group: usize) -> bool {
        let (start, end) = (group * self.group_length(), (group + 1) * self.group_length());
        let first = self
            .blocks
            .partition_point(|block| block.start + block.length <= start);
        let mut blocks = self.blocks[first..].iter().take_while(|block| block.start < end);
        end > self.filled || blocks.any(|block| block.multiplicities.is_some())
    }

    /// Calls `each(block, part of the block's cells, part of out)` for the blocks that have cells in
    /// `start .. start + out.len()`, and returns how many cells those are; the ones after them are fillers.
    fn for_blocks<T>(
        &self,
        start: usize,
        out: &mut [T],
        mut each: impl FnMut(&Cells<'a>, usize, &mut [T]),
    ) -> usize {
        let first = self
            .blocks
            .partition_point(|block| block.start + block.length <= start);
        let mut done = 0;
        for block in &self.blocks[first..] {
            if done == out.len() {
                break;
            }
            let from = start + done - block.start;
            let count = (block.length - from).min(out.len() - done);
            each(block, from, &mut out[done..done + count]);
            done += count;
        }
        done
    }

    /// `out[i] = lambda q + mu p` for the fraction `p/q` of cell `start + i`.
    pub(super) fn combination(&self, start: usize, lambda: K, mu: K, out: &mut [K]) {
        let done = self.for_blocks(start, out, |block, from, out| {
            let one = if block.multiplicities.is_none() {
                mu
            } else {
                K::ZERO
            };
            out.fill(block.constant * lambda + one);
            for (coefficient, column) in &block.columns {
                kernels::add_scaled_base(out, *coefficient * lambda, &column[from..from + out.len()]);
            }
            if let Some(multiplicities) = block.multiplicities
                && mu != K::ZERO
            {
                kernels::add_scaled_base(out, -mu, &multiplicities[from..from + out.len()]);
            }
        });
        out[done..].fill(lambda);
    }

    /// Writes the numerators from cell `start` on; false if all of them are 1.
    pub(super) fn numerators(&self, start: usize, out: &mut [K]) -> bool {
        let mut units = true;
        let done = self.for_blocks(start, out, |block, from, out| match block.multiplicities {
            None => out.fill(K::ONE),
            Some(counts) => {
                units = false;
                let counts = out.iter_mut().zip(&counts[from..]);
                counts.for_each(|(out, count)| *out = k_from_base(-*count));
            }
        });
        out[done..].fill(K::ZERO);
        !units || done < out.len()
    }

    /// All cells, in the order of the tree.
    pub(super) fn level(&self) -> Level {
        let mut cells = vec![K::ZERO; 1 << self.variables];
        let mut ordered = |filler: K, make: &dyn Fn(&mut [K])| {
            make(&mut cells);
            let groups = cells.chunks_exact(self.group_length());
            in_tree_order(groups, self.group_length(), self.variables, filler)
        };
        Level {
            numerators: ordered(K::ZERO, &|cells| {
                self.numerators(0, cells);
            }),
            denominators: ordered(K::ONE, &|cells| self.combination(0, K::ONE, K::ZERO, cells)),
        }
    }

    /// The levels above the leaves, down to groups of `last` fractions, the lowest first, which is left out unless
    /// `keep_first`.
    pub(super) fn levels(&self, last: usize, keep_first: bool) -> Vec<GroupedLevel> {
        let cells = self.group_length();
        let levels = Backend::best().fraction_groups_of(
            [self.groups(), cells, last],
            keep_first,
            |group, out| self.numerators(group * cells, out),
            |group, out| self.combination(group * cells, K::ONE, K::ZERO, out),
        );
        let groups = self.groups();
        let level = |(numerators, denominators): (Vec<K>, Vec<K>)| GroupedLevel {
            length: numerators.len() / groups,
            numerators,
            denominators,
        };
        levels.into_iter().map(level).collect()
    }
}
