//! Lookup tables: ranges and functions of one integer.

use serde::{Deserialize, Serialize};

use crate::field::{K, M61, from_i64};
use crate::poly;

/// A function of an integer, applied through a lookup table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Function {
    /// `v`
    Identity,
    /// `max(v, 0)`
    Relu,
}

/// The table `{ (v, clamp(f(v), minimum, maximum)) : -2^domain_bits <= v < 2^domain_bits }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionTable {
    /// `f`
    pub function: Function,
    /// The domain is `[-2^domain_bits, 2^domain_bits)`; proving fails outside of it.
    pub domain_bits: u32,
    /// Smallest result.
    pub minimum: i64,
    /// Largest result.
    pub maximum: i64,
}

impl FunctionTable {
    /// `f(v)`, clamped. The domain is the caller's business.
    pub fn apply(&self, v: i64) -> i64 {
        let y = match self.function {
            Function::Identity => v,
            Function::Relu => v.max(0),
        };
        y.max(self.minimum).min(self.maximum)
    }
}

/// A lookup table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Table {
    /// `[0, 2^bits)`, one column.
    Range {
        /// Number of bits.
        bits: u32,
    },
    /// `(v, f(v))`, two columns.
    Function(FunctionTable),
    /// `[minimum, minimum + 2^bits)`, one column.
    Integers {
        /// Smallest value.
        minimum: i64,
        /// Number of bits.
        bits: u32,
    },
}

impl Table {
    /// The integers of an int8: every weight stands in it.
    pub const INT8: Self = Self::Integers {
        minimum: -128,
        bits: 8,
    };

    /// Number of columns.
    pub fn arity(&self) -> usize {
        match self {
            Self::Range { .. } | Self::Integers { .. } => 1,
            Self::Function(_) => 2,
        }
    }

    /// Variables: the table has `2^variables` rows.
    pub fn variables(&self) -> usize {
        match self {
            Self::Range { bits } | Self::Integers { bits, .. } => *bits as usize,
            Self::Function(table) => table.domain_bits as usize + 1,
        }
    }

    /// The integer in the first column of row 0.
    pub fn first(&self) -> i64 {
        match self {
            Self::Range { .. } => 0,
            Self::Function(table) => -(1i64 << table.domain_bits),
            Self::Integers { minimum, .. } => *minimum,
        }
    }

    /// The cells of a column.
    pub fn column(&self, column: usize) -> Vec<M61> {
        let first = self.first();
        let rows = 0..1i64 << self.variables();
        match self {
            Self::Function(table) if column == 1 => rows.map(|i| from_i64(table.apply(first + i))).collect(),
            _ => rows.map(|i| from_i64(first + i)).collect(),
        }
    }

    /// The multilinear extension of a column at a point: closed form for the first column, `O(2^variables)` otherwise.
    pub fn evaluate(&self, column: usize, point: &[K]) -> K {
        match self {
            Self::Function(_) if column == 1 => poly::evaluate_base(&self.column(1), point),
            _ => {
                point.iter().fold(K::from(0u64), |index, bit| index + index + bit)
                    + K::new(from_i64(self.first()), M61::from(0u64))
            }
        }
    }

    /// The row whose first column is `value`, if any.
    pub fn row_of(&self, value: i64) -> Option<usize> {
        let row = usize::try_from(value.checked_sub(self.first())?).ok()?;
        (row >> self.variables() == 0).then_some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_equal_the_cells() {
        let tables = [
            Table::Range { bits: 5 },
            Table::INT8,
            Table::Integers { minimum: -7, bits: 3 },
            Table::Integers {
                minimum: 1000,
                bits: 0,
            },
            Table::Function(FunctionTable {
                function: Function::Relu,
                domain_bits: 4,
                minimum: 0,
                maximum: 7,
            }),
            Table::Function(FunctionTable {
                function: Function::Identity,
                domain_bits: 3,
                minimum: -5,
                maximum: 5,
            }),
        ];
        for table in tables {
            let point: Vec<K> = (0..table.variables() as u64)
                .map(|i| K::new(M61::from(1234567 * i + 99), M61::from(987 * i * i + 5)))
                .collect();
            for column in 0..table.arity() {
                assert_eq!(
                    table.evaluate(column, &point),
                    poly::evaluate_base(&table.column(column), &point)
                );
            }
            assert_eq!(table.row_of(table.first()), Some(0));
            assert_eq!(table.row_of(table.first() - 1), None);
            assert_eq!(table.row_of(table.first() + (1 << table.variables())), None);
        }
    }
}
