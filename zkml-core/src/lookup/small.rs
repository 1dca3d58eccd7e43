//! The groups of a stack whose cells are small integers: rows of lookups into one table.
//!
//! They are most of a large stack. Their columns are copied once, 4 bytes a cell, and the lowest levels of the tree are
//! computed from the copies wherever they are needed; see [`SmallLeaves`]. Groups with tables, fillers, rows of several
//! tables or large values are treated as levels of fractions.

#![cfg(feature = "prover")]

use core::ops::Range;

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use super::{Compression, LookedUp, Statement, Witness};
use crate::field::kernels::{self, SMALL_COLUMNS, SmallLeaves};
use crate::field::{K, M61, k_from_base, to_i64_centered};

/// A group of small integers.
pub(super) struct SmallGroup {
    /// Its number in the stack.
    pub(super) group: usize,
    /// What its cells have been made smaller by, for each column.
    pub(super) minima: Vec<M61>,
    /// Its cells, less the smallest of their column in the table.
    pub(super) leaves: SmallLeaves,
}

/// The smallest integer in each column of each table.
pub(super) fn minima(witness: &Witness<'_>) -> Vec<Vec<M61>> {
    let minimum = |column: &LookedUp<'_>| {
        let cells = column.piece(0..column.len());
        let cells = cells.iter().copied();
        cells
            .min_by_key(|cell| to_i64_centered(*cell))
            .unwrap_or_default()
    };
    let of_table = |columns: &Vec<LookedUp<'_>>| columns.par_iter().map(minimum).collect();
    witness.tables.par_iter().map(of_table).collect()
}

impl SmallGroup {
    /// A group that the `rows` of these lookups fill, if it is one of small integers.
    pub(super) fn new(
        group: usize,
        rows: &[(usize, Range<usize>)],
        statement: &Statement,
        compression: &Compression,
        witness: &Witness<'_>,
        minima: &[Vec<M61>],
    ) -> Option<Self> {
        let table = statement.lookups[rows.first()?.0].table;
        let arity = statement.tables[table].arity;
        let one_table = rows
            .iter()
            .all(|(lookup, _)| statement.lookups[*lookup].table == table);
        if !one_table || arity > SMALL_COLUMNS {
            return None;
        }
        let length: usize = rows.iter().map(|(_, rows)| rows.len()).sum();
        let mut columns = Vec::with_capacity(arity * length);
        let mut constant = compression.constant(table);
        for ((column, minimum), coefficient) in
            minima[table].iter().enumerate().zip(compression.coefficients())
        {
            for (lookup, rows) in rows {
                let cells = &witness.lookups[*lookup][column];
                if !cells.narrow(rows.clone(), *minimum, &mut columns) {
                    return None;
                }
            }
            constant += coefficient * k_from_base(*minimum);
        }
        let leaves = SmallLeaves::new(columns, arity, constant, compression.beta)?;
        Some(Self {
            group,
            minima: minima[table].clone(),
            leaves,
        })
    }

    /// The sum of a column's cells, each with its weight. The weights add up to 1.
    pub(super) fn value(&self, column: usize, eq: &[K]) -> K {
        let minimum = self
            .minima
            .get(column)
            .map_or(K::ZERO, |minimum| k_from_base(*minimum));
        let cells = self.leaves.columns().nth(column).unwrap_or_default();
        minimum + kernels::dot_small(cells, eq)
    }
}
