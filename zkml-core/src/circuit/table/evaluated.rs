//! The columns of a lookup table: their cells, and their multilinear extensions.

use super::Cells;
use crate::field::{K, M61, from_i64};
use crate::poly::{self, eq_at_index};

/// A [`Table`](super::Table) whose every entry is known: what prover and verifier compute with.
#[derive(Debug, Clone)]
pub struct EvaluatedTable {
    first: i64,
    variables: usize,
    /// The second column.
    cells: Option<Cells>,
}

impl EvaluatedTable {
    pub(super) fn new(first: i64, variables: usize, cells: Option<Cells>) -> Self {
        Self {
            first,
            variables,
            cells,
        }
    }

    /// The cells of a column. The third one marks the first row.
    pub fn column(&self, column: usize) -> Vec<M61> {
        let values = self.first..self.first + (1i64 << self.variables);
        if column == 2 {
            return values.map(|v| M61::from(u64::from(v == self.first))).collect();
        }
        match &self.cells {
            // The domain is that of the table: every value has an entry.
            Some(cells) if column == 1 => values.filter_map(|v| cells.at(v)).map(from_i64).collect(),
            _ => values.map(from_i64).collect(),
        }
    }

    /// The multilinear extension of a column at a point: `O(2^variables)` for the second column, in closed form
    /// for the others.
    pub fn evaluate(&self, column: usize, point: &[K]) -> K {
        if self.cells.is_some() && column == 1 {
            return poly::evaluate_base(&self.column(1), point);
        }
        if column == 2 {
            return eq_at_index(point, 0);
        }
        point.iter().fold(K::from(0u64), |index, bit| index + index + bit)
            + K::new(from_i64(self.first), M61::from(0u64))
    }
}
