//! Lookup tables: ranges and functions of an integer.
//!
//! - [`Table`]: what a lookup names
//! - [`Function`], [`FunctionTable`]: a function with its domain and its range of results
//! - [`Curve`]: real functions, correctly rounded; [`Dyadic`]: their parameters
//! - [`DecayTable`]: the exponentials of a softmax, and a mark on that of 0
//! - [`Custom`]: explicit entries
//! - [`Cells`], [`EvaluatedTable`]: tables whose every entry is known

mod cells;
mod curve;
mod custom;
mod decay;
mod dyadic;
mod evaluated;
mod function;
#[cfg(test)]
mod tests;

pub use crate::error::TableError;
pub use cells::Cells;
pub use curve::{Curve, CurveKind};
pub use custom::Custom;
pub use decay::DecayTable;
pub use dyadic::Dyadic;
pub use evaluated::EvaluatedTable;
pub use function::{Function, FunctionTable};

use serde::{Deserialize, Serialize};

use crate::field::{K, M61};

/// A lookup table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Table {
    /// `[minimum, minimum + 2^bits)`, one column.
    Integers {
        /// Smallest value.
        minimum: i64,
        /// Number of bits.
        bits: u32,
    },
    /// `(v, f(v))`, two columns.
    Function(FunctionTable),
    /// `(d, e^-d, [d = 0])`, three columns.
    Decay(DecayTable),
}

impl Table {
    /// The integers of an int8: every weight stands in it.
    pub const INT8: Self = Self::Integers {
        minimum: -128,
        bits: 8,
    };

    /// `[0, 2^bits)`.
    pub const fn range(bits: u32) -> Self {
        Self::Integers { minimum: 0, bits }
    }

    /// Has it entries that must be computed?
    pub(crate) fn is_computed(&self) -> bool {
        match self {
            Self::Integers { .. } => false,
            Self::Function(table) => matches!(table.function, Function::Curve(_)),
            Self::Decay(_) => true,
        }
    }

    /// The number of entries that the fast computation leaves undecided.
    ///
    /// # Errors
    /// As [`Self::evaluated`].
    pub(crate) fn slow_entries(&self) -> Result<u32, TableError> {
        match self {
            Self::Integers { .. } => Ok(0),
            Self::Function(table) => table.slow_entries(),
            Self::Decay(table) => table.slow_entries(),
        }
    }

    /// Number of columns.
    pub fn arity(&self) -> usize {
        match self {
            Self::Integers { .. } => 1,
            Self::Function(_) => 2,
            Self::Decay(_) => 3,
        }
    }

    /// Variables: the table has `2^variables` rows.
    pub fn variables(&self) -> usize {
        match self {
            Self::Integers { bits, .. } => *bits as usize,
            Self::Function(table) => table.domain_bits as usize + 1,
            Self::Decay(table) => table.bits as usize,
        }
    }

    /// The integer in the first column of row 0.
    pub fn first(&self) -> i64 {
        match self {
            Self::Decay(_) => 0,
            Self::Function(table) => -(1i64 << table.domain_bits),
            Self::Integers { minimum, .. } => *minimum,
        }
    }

    /// The table with all its entries.
    ///
    /// # Errors
    /// Those of [`FunctionTable::cells`].
    pub fn evaluated(&self) -> Result<EvaluatedTable, TableError> {
        let cells = match self {
            Self::Function(table) => Some(table.cells()?),
            Self::Decay(table) => Some(table.cells()?),
            Self::Integers { .. } => None,
        };
        Ok(EvaluatedTable::new(self.first(), self.variables(), cells))
    }

    /// The cells of a column.
    ///
    /// # Errors
    /// As [`Self::evaluated`].
    pub fn column(&self, column: usize) -> Result<Vec<M61>, TableError> {
        Ok(self.evaluated()?.column(column))
    }

    /// The multilinear extension of a column at a point.
    ///
    /// # Errors
    /// As [`Self::evaluated`].
    pub fn evaluate(&self, column: usize, point: &[K]) -> Result<K, TableError> {
        Ok(self.evaluated()?.evaluate(column, point))
    }

    /// The row whose first column is `value`, if any.
    pub fn row_of(&self, value: i64) -> Option<usize> {
        let row = usize::try_from(value.checked_sub(self.first())?).ok()?;
        (row >> self.variables() == 0).then_some(row)
    }
}
