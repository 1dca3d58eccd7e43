//! Tables, the columns that are looked up in them, and those that are 0.

use super::expect::{expect, expect_magnitude};
use crate::circuit::{Circuit, CircuitError, ColumnId, DecayTable, FunctionTable, Lookup, Table};

/// Largest number of variables of a table.
pub(crate) const MAXIMUM_TABLE_VARIABLES: u32 = 20;

/// Largest number of rows of all tables together.
const MAXIMUM_TABLE_ROWS: usize = 1 << 24;

/// Largest number of entries, in all tables, that the fast computation leaves undecided: each may take a millisecond.
pub(crate) const MAXIMUM_SLOW_ENTRIES: u32 = 1024;

impl Circuit {
    pub(super) fn validate_tables(&self) -> Result<(), CircuitError> {
        for (index, table) in self.tables.iter().enumerate() {
            validate_table(index, table)?;
        }
        let rows: usize = self.tables.iter().map(|table| 1 << table.variables()).sum();
        expect(rows <= MAXIMUM_TABLE_ROWS, "tables", || {
            (
                format!("at most {MAXIMUM_TABLE_ROWS} rows in all"),
                rows.to_string(),
            )
        })?;
        self.validate_functions()
    }

    /// Can every table of a function be computed, in bounded time? Their rows are counted already.
    fn validate_functions(&self) -> Result<(), CircuitError> {
        let mut slow = 0u32;
        for (index, table) in self.tables.iter().enumerate() {
            let place = format!("table {index}");
            let entries = table.slow_entries().map_err(|error| CircuitError::Table {
                place: place.clone(),
                error,
            })?;
            slow = slow.saturating_add(entries);
            expect(slow <= MAXIMUM_SLOW_ENTRIES, &place, || {
                (
                    format!("at most {MAXIMUM_SLOW_ENTRIES} entries of all tables next to ties"),
                    slow.to_string(),
                )
            })?;
        }
        Ok(())
    }

    pub(super) fn validate_lookup(&self, lookup: &Lookup) -> Result<(), CircuitError> {
        let place = format!("lookup `{}`", lookup.name);
        let table = self
            .tables
            .get(lookup.table as usize)
            .ok_or_else(|| CircuitError::Malformed {
                place: place.clone(),
                expected: format!("a table below {}", self.tables.len()),
                found: lookup.table.to_string(),
            })?;
        expect(lookup.columns.len() == table.arity(), &place, || {
            (
                format!("{} columns", table.arity()),
                lookup.columns.len().to_string(),
            )
        })?;
        self.same_shape(&place, &lookup.columns)
    }

    pub(super) fn validate_equality(&self, column: ColumnId) -> Result<(), CircuitError> {
        self.same_shape("equality", &[column])
    }

    fn same_shape(&self, place: &str, columns: &[ColumnId]) -> Result<(), CircuitError> {
        for &id in columns {
            expect(id.index() < self.columns.len(), place, || {
                (format!("columns below {}", self.columns.len()), id.0.to_string())
            })?;
        }
        let variables = |id: ColumnId| &self[id].shape;
        expect(
            columns
                .windows(2)
                .all(|pair| variables(pair[0]) == variables(pair[1])),
            place,
            || {
                (
                    "columns of one shape".into(),
                    columns
                        .iter()
                        .map(|&id| variables(id).to_string())
                        .collect::<Vec<_>>()
                        .join(", "),
                )
            },
        )
    }
}

fn validate_table(index: usize, table: &Table) -> Result<(), CircuitError> {
    let place = format!("table {index}");
    let bits = match table {
        Table::Decay(DecayTable { bits, .. }) => *bits,
        Table::Integers { minimum, bits } => {
            expect_magnitude(*minimum, &place)?;
            expect_magnitude(minimum.saturating_add(1 << (*bits).min(62)), &place)?;
            *bits
        }
        Table::Function(FunctionTable {
            domain_bits,
            minimum,
            maximum,
            ..
        }) => {
            expect(
                minimum <= maximum && minimum.unsigned_abs().max(maximum.unsigned_abs()) < 1 << 60,
                &place,
                || {
                    (
                        "a range of results below 2^60".into(),
                        format!("[{minimum}, {maximum}]"),
                    )
                },
            )?;
            domain_bits.saturating_add(1)
        }
    };
    expect(bits <= MAXIMUM_TABLE_VARIABLES, &place, || {
        (
            format!("at most 2^{MAXIMUM_TABLE_VARIABLES} rows"),
            format!("2^{bits}"),
        )
    })
}
