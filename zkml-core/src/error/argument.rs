//! What is wrong with a circuit for the parts of the argument.

use thiserror::Error;

/// Why lookups and tables make no argument.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LookupError {
    /// A lookup into a table that is not there.
    #[error("lookup {lookup}: expected a table below {tables}, found {table}")]
    Table {
        /// Number of the lookup.
        lookup: usize,
        /// Number of its table.
        table: usize,
        /// How many there are.
        tables: usize,
    },
    /// A lookup of another number of columns than its table.
    #[error("lookup {lookup}: {found} columns into a table of {expected}")]
    Arity {
        /// Number of the lookup.
        lookup: usize,
        /// Its columns.
        found: usize,
        /// Columns of the table.
        expected: usize,
    },
    /// A table of nothing.
    #[error("table {table} has no columns")]
    NoColumns {
        /// Number of the table.
        table: usize,
    },
    /// More rows than the argument is sound for.
    #[error("lookups and tables have more than 2^{most} rows")]
    Rows {
        /// The most, `log2`.
        most: usize,
    },
}

/// Why a sumcheck is impossible.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SumcheckError {
    /// A round polynomial of too high a degree.
    #[error("{label}: degree {found} is above {most}")]
    Degree {
        /// Which sumcheck.
        label: &'static str,
        /// The degree.
        found: usize,
        /// The most.
        most: usize,
    },
}

/// Why the claims on columns cannot be reduced.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReductionError {
    /// A linear column has a term that says nothing.
    #[error("column `{column}` has a term with coefficient 0")]
    ZeroCoefficient {
        /// Name of the column.
        column: String,
    },
    /// Claims multiply without end.
    #[error("column `{column}`: more than {most} claims")]
    Claims {
        /// Name of the column that has one claim too many.
        column: String,
        /// The most.
        most: usize,
    },
}

crate::debug_as_display!(LookupError, SumcheckError, ReductionError);
