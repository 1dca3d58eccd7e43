//! The statement of a lookup argument, and where its blocks lie in the hypercube.

use ark_ff::Field;

use crate::error::LookupError;
use crate::field::K;
use crate::transcript::VerifyError;

/// The most variables a stack may have: the number of lookups stays far below the characteristic, as LogUp needs.
pub const MAX_VARIABLES: usize = 48;

/// Log2 of the number of cells in a group: the stack is cut into groups of so many cells, and the tree first adds the
/// fractions inside each group. A smaller stack is one group.
pub const GROUP_VARIABLES: usize = 13;

/// A point with its coordinates in the order of the stack, `(group, inner)`, from the order of the tree,
/// `(inner, group)`.
pub(super) fn of_stack(mut point: Vec<K>) -> Vec<K> {
    let inner = point.len().min(GROUP_VARIABLES);
    point.rotate_left(inner);
    point
}

/// A lookup: each of the `2^variables` rows `(columns[0][i], columns[1][i], ..)` is a row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LookupShape {
    /// Log2 of the number of rows, padded rows included.
    pub variables: usize,
    /// Number of columns.
    pub arity: usize,
    /// Index of the table in [`Statement::tables`].
    pub table: usize,
}

/// A table of `2^variables` rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableShape {
    /// Log2 of the number of rows.
    pub variables: usize,
    /// Number of columns.
    pub arity: usize,
}

/// All lookups of a circuit and the tables they look into. Both sides derive it from the circuit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Statement {
    /// The lookups.
    pub lookups: Vec<LookupShape>,
    /// The tables.
    pub tables: Vec<TableShape>,
}

impl Statement {
    /// Whether an argument for this statement makes sense: tables exist, arities agree, sizes are in bounds.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Key`] naming the first lookup or table that does not fit.
    pub fn validate(&self) -> Result<(), VerifyError> {
        let refuse = |error: LookupError| Err(VerifyError::from(error));
        for (index, lookup) in self.lookups.iter().enumerate() {
            let Some(table) = self.tables.get(lookup.table) else {
                return refuse(LookupError::Table {
                    lookup: index,
                    table: lookup.table,
                    tables: self.tables.len(),
                });
            };
            if lookup.arity != table.arity || lookup.arity == 0 {
                return refuse(LookupError::Arity {
                    lookup: index,
                    found: lookup.arity,
                    expected: table.arity,
                });
            }
        }
        if let Some(index) = self.tables.iter().position(|table| table.arity == 0) {
            return refuse(LookupError::NoColumns { table: index });
        }
        let mut variables = self.block_variables().map(|(_, variables)| variables);
        let rows = variables.try_fold(0u64, |rows, variables| {
            rows.checked_add(1u64.checked_shl(u32::try_from(variables).ok()?)?)
        });
        match rows {
            Some(rows) if rows <= 1 << MAX_VARIABLES => Ok(()),
            _ => refuse(LookupError::Rows { most: MAX_VARIABLES }),
        }
    }

    /// Kind and variables of every block, lookups first.
    fn block_variables(&self) -> impl Iterator<Item = (BlockKind, usize)> {
        let lookups = self
            .lookups
            .iter()
            .enumerate()
            .map(|(i, lookup)| (BlockKind::Lookup(i), lookup.variables));
        let tables = self
            .tables
            .iter()
            .enumerate()
            .map(|(i, table)| (BlockKind::Table(i), table.variables));
        lookups.chain(tables)
    }

    /// Number of rows of all lookups and tables; exact for a statement that validates.
    pub fn rows(&self) -> u64 {
        self.block_variables().fold(0, |rows, (_, variables)| {
            rows.saturating_add(1u64 << variables.min(MAX_VARIABLES))
        })
    }
}

/// What a block of the stack holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// The rows of the lookup of this index.
    Lookup(usize),
    /// The rows of the table of this index.
    Table(usize),
}

/// The rows of one lookup or table, aligned in the stack: the cells whose first bits are a fixed prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// What it holds.
    pub kind: BlockKind,
    /// Log2 of its number of cells.
    pub variables: usize,
    /// Its first cell, a multiple of `2^variables`.
    pub offset: u64,
}

impl Block {
    /// `eq(prefix, first coordinates of point)`: the weight with which the block's own multilinear extension, at the
    /// suffix of the point, enters that of the stack. 1 for a point no longer than the block's.
    pub fn weight(&self, point: &[K]) -> K {
        let prefix_length = point.len().saturating_sub(self.variables);
        let prefix = self.offset.checked_shr(self.variables as u32).unwrap_or(0);
        let bit = |index: usize| {
            prefix
                .checked_shr((prefix_length - 1 - index) as u32)
                .unwrap_or(0)
                & 1
                == 1
        };
        let factor = |(index, z): (usize, &K)| if bit(index) { *z } else { K::ONE - z };
        point.iter().take(prefix_length).enumerate().map(factor).product()
    }
}

/// All blocks of a statement in one hypercube, one after the other: the largest first, then lookups before tables, then
/// by index. So each block is aligned at a multiple of its size. The cells after the last block are fillers, the
/// fraction `0/1`. Example: blocks of 4, 2 and 1 rows begin at cells 0, 4 and 6, and cell 7 is a filler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Number of variables of the hypercube.
    pub variables: usize,
    /// The blocks, in the order of their offsets.
    pub blocks: Vec<Block>,
}

impl Stack {
    /// Lays out the blocks of a statement that [validates](Statement::validate).
    pub fn new(statement: &Statement) -> Self {
        let mut sizes: Vec<(BlockKind, usize)> = statement.block_variables().collect();
        // The sort is stable: blocks of one size stay in their order.
        sizes.sort_by_key(|(_, variables)| core::cmp::Reverse(*variables));
        let mut end = 0u64;
        let blocks = sizes
            .into_iter()
            .map(|(kind, variables)| {
                let offset = end;
                end = end.saturating_add(1u64 << variables.min(MAX_VARIABLES));
                Block {
                    kind,
                    variables,
                    offset,
                }
            })
            .collect();
        // A stack without blocks is one filler cell.
        let variables = end.max(1).checked_next_power_of_two().map_or(64, u64::ilog2) as usize;
        Self { variables, blocks }
    }
}
