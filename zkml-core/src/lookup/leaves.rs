//! The cells of the stack. They are not written out: any piece of them is made from the columns on demand.

#![cfg(feature = "prover")]

use std::borrow::Cow;

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use super::groups::{GroupedLevel, put_in_tree_order};
use super::layer::Level;
use super::small::{SmallGroup, minima};
use super::{Block, BlockKind, Compression, GROUP_VARIABLES, LookedUp, Stack, Statement, Witness};
use crate::field::kernels::{self, Backend, Below, SmallLeaves};
use crate::field::{K, M61, k_from_base};

/// The fractions of a stack.
pub(super) struct Leaves<'a> {
    blocks: Vec<Cells<'a>>,
    /// Log2 of the number of cells, fillers included.
    pub(super) variables: usize,
    /// Number of cells without fillers, which come last.
    pub(super) filled: usize,
    /// The groups of small integers, in their order.
    pub(super) small: Vec<SmallGroup>,
    /// The numbers of all other groups that are not fillers alone.
    pub(super) others: Vec<usize>,
}

/// The cells of one block.
struct Cells<'a> {
    start: usize,
    length: usize,
    /// The part that all its denominators share.
    constant: K,
    /// Columns and how they enter the denominator.
    columns: Vec<(K, LookedUp<'a>)>,
    /// Multiplicities of a table; the numerators of a lookup are 1.
    multiplicities: Option<&'a [M61]>,
    /// The lookup, if it is one.
    lookup: Option<usize>,
}

impl<'a> Leaves<'a> {
    pub(super) fn new(
        statement: &Statement,
        stack: &Stack,
        compression: &Compression,
        witness: &Witness<'a>,
    ) -> Self {
        let mut start = 0;
        let cells = |block: &Block| {
            let (columns, table, lookup) = match block.kind {
                BlockKind::Lookup(index) => (
                    &witness.lookups[index],
                    statement.lookups[index].table,
                    Some(index),
                ),
                BlockKind::Table(index) => (&witness.tables[index], index, None),
            };
            let length = 1 << block.variables;
            start += length;
            Cells {
                start: start - length,
                length,
                constant: compression.constant(table),
                columns: compression.coefficients().zip(columns.iter().copied()).collect(),
                multiplicities: lookup.is_none().then(|| witness.multiplicities[table]),
                lookup,
            }
        };
        let blocks: Vec<Cells<'a>> = stack.blocks.iter().map(cells).collect();
        let mut leaves = Self {
            filled: blocks.last().map_or(0, |block| block.start + block.length),
            blocks,
            variables: stack.variables,
            small: vec![],
            others: vec![],
        };
        if leaves.variables >= GROUP_VARIABLES {
            let minima = minima(witness);
            let groups = (0..leaves.groups()).into_par_iter();
            let small = groups.filter_map(|group| {
                let rows = leaves.rows_of_lookups(group)?;
                SmallGroup::new(group, &rows, statement, compression, witness, &minima)
            });
            leaves.small = small.collect();
        }
        let mut small = leaves.small.iter().map(|small| small.group).peekable();
        leaves.others = (0..leaves.groups())
            .filter(|group| small.next_if_eq(group).is_none())
            .collect();
        leaves
    }

    /// Cells of a group.
    pub(super) fn group_length(&self) -> usize {
        1 << self.variables.min(GROUP_VARIABLES)
    }

    /// Number of groups that are not fillers alone.
    pub(super) fn groups(&self) -> usize {
        self.filled.div_ceil(self.group_length())
    }

    /// The numbers of the groups of small integers.
    pub(super) fn small_members(&self) -> Vec<usize> {
        self.small.iter().map(|small| small.group).collect()
    }

    /// Their leaves.
    pub(super) fn small_leaves(&self) -> Vec<&SmallLeaves> {
        self.small.iter().map(|small| &small.leaves).collect()
    }

    /// The first cell of each of the `lookups`.
    pub(super) fn starts_of_lookups(&self, lookups: usize) -> Vec<usize> {
        let mut starts = vec![0; lookups];
        for block in &self.blocks {
            if let Some(start) = block.lookup.and_then(|lookup| starts.get_mut(lookup)) {
                *start = block.start;
            }
        }
        starts
    }

    /// A group of small integers, if this is one.
    pub(super) fn small_group(&self, group: usize) -> Option<&SmallGroup> {
        let found = self.small.binary_search_by_key(&group, |small| small.group);
        found.ok().and_then(|index| self.small.get(index))
    }

    /// Does a group hold other cells than those of lookups?
    pub(super) fn mixed(&self, group: usize) -> bool {
        self.rows_of_lookups(group).is_none()
    }

    /// The lookups that have cells in a group, and which of their rows these are, in their order. Nothing if there are
    /// other cells in it.
    fn rows_of_lookups(&self, group: usize) -> Option<Vec<(usize, core::ops::Range<usize>)>> {
        let mut rows = Some(vec![]);
        let mut place = vec![(); self.group_length()];
        let done = self.for_blocks(group * self.group_length(), &mut place, |block, from, out| {
            rows = block.lookup.and_then(|lookup| {
                let mut rows = rows.take()?;
                rows.push((lookup, from..from + out.len()));
                Some(rows)
            });
        });
        rows.filter(|_| done == place.len())
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
                kernels::add_scaled_base(out, *coefficient * lambda, &column.piece(from..from + out.len()));
            }
            if let Some(multiplicities) = block.multiplicities
                && mu != K::ZERO
            {
                kernels::add_scaled_base(out, -mu, &multiplicities[from..from + out.len()]);
            }
        });
        out[done..].fill(lambda);
    }

    /// Writes the numerators from cell `start` on.
    pub(super) fn numerators(&self, start: usize, out: &mut [K]) {
        let done = self.for_blocks(start, out, |block, from, out| match block.multiplicities {
            None => out.fill(K::ONE),
            Some(counts) => {
                let counts = out.iter_mut().zip(&counts[from..]);
                counts.for_each(|(out, count)| *out = k_from_base(-*count));
            }
        });
        out[done..].fill(K::ZERO);
    }

    /// All cells, in the order of the tree.
    pub(super) fn level(&self) -> Level {
        let mut cells = vec![K::ZERO; 1 << self.variables];
        let mut ordered = |make: &dyn Fn(&mut [K])| {
            make(&mut cells);
            let mut out = vec![K::ZERO; cells.len()];
            for (group, cells) in cells.chunks_exact(self.group_length()).enumerate() {
                put_in_tree_order(group, cells, &mut out);
            }
            out
        };
        Level {
            numerators: ordered(&|cells| self.numerators(0, cells)),
            denominators: ordered(&|cells| self.combination(0, K::ONE, K::ZERO, cells)),
        }
    }

    /// The two levels above the leaves, the lower one first, of the groups that do not hold small integers.
    pub(super) fn low_levels_of_others(&self) -> [GroupedLevel; 2] {
        let cells = self.group_length();
        let others = &self.others;
        let mut levels = levels([others.len(), cells / 2, cells / 4], |index| {
            let group = others[index];
            let table = |make: &dyn Fn(&mut [K])| {
                let mut table = vec![K::ZERO; cells];
                make(&mut table);
                Cow::Owned(table)
            };
            let mixed = self.mixed(group);
            Below::Fractions(
                mixed.then(|| table(&|out| self.numerators(group * cells, out))),
                table(&|out| self.combination(group * cells, K::ONE, K::ZERO, out)),
            )
        })
        .into_iter();
        [(); 2].map(|()| levels.next().unwrap_or_default())
    }

    /// The levels from the third above the leaves on, to groups of `last` fractions, the lowest first. `second` is the
    /// second level of the groups that do not hold small integers.
    pub(super) fn levels(&self, last: usize, second: &GroupedLevel) -> Vec<GroupedLevel> {
        let small = self
            .small
            .iter()
            .map(|small| (small.group, Below::Small(&small.leaves)));
        let [p, q] =
            [&second.numerators, &second.denominators].map(|table| table.chunks(second.length.max(1)));
        let others = self.others.iter().zip(p.zip(q));
        let others = others.map(|(group, (p, q))| (*group, Below::Fractions(Some(p.into()), q.into())));
        let mut below: Vec<(usize, Below<'_>)> = small.chain(others).collect();
        below.sort_by_key(|(group, _)| *group);
        levels([self.groups(), self.group_length() / 8, last], |group| {
            below[group].1.clone()
        })
    }
}

/// Levels of `groups` groups; see [`Backend::fraction_groups_of`].
fn levels<'b>(
    [groups, length, last]: [usize; 3],
    below: impl Fn(usize) -> Below<'b> + Sync,
) -> Vec<GroupedLevel> {
    let levels = Backend::best().fraction_groups_of([groups, length, last], below);
    let level = |(numerators, denominators): (Vec<K>, Vec<K>)| GroupedLevel {
        length: numerators.len() / groups.max(1),
        numerators,
        denominators,
    };
    levels.into_iter().map(level).collect()
}
