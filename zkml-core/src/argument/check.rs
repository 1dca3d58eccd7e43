//! Checks a trace against the circuit, cell by cell: the obvious reference for what the argument shows.

#![cfg(feature = "prover")]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the prover's side"
)]

use std::collections::HashMap;

use thiserror::Error;

use crate::circuit::{Circuit, ColumnId, ColumnKind, Table, TableError};
use crate::field::to_i64_centered;
use crate::reduce::Values;

/// The first constraint that does not hold.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// A row of looked-up columns is not in the table.
    #[error("lookup `{name}`: row {row}, {cells:?}, is not in its table")]
    Lookup {
        /// Name of the lookup.
        name: String,
        /// Padded row.
        row: usize,
        /// The cells, as centred integers.
        cells: Vec<i64>,
    },
    /// The table cannot be computed.
    #[error("lookup `{lookup}`: {error}")]
    Table {
        /// Name of the lookup.
        lookup: String,
        /// Why.
        error: TableError,
    },
    /// Two columns differ.
    #[error("equality `{name}`: cell {cell} is {found}, not 0")]
    Equality {
        /// Name of the column that is their difference.
        name: String,
        /// Padded cell.
        cell: usize,
        /// The cell, as a centred integer.
        found: i64,
    },
    /// A cell outside the logical shape is not zero although the circuit relies on it.
    #[error("padding of `{column}`: cell {cell} is {found}, not 0")]
    Padding {
        /// Name of the column.
        column: String,
        /// Padded cell.
        cell: usize,
        /// The cell, as a centred integer.
        found: i64,
    },
}

crate::debug_as_display!(Violation);

/// Checks every lookup, every equality and every column that the circuit takes to be zero-padded.
///
/// # Errors
/// The first [`Violation`], by name.
pub fn check(circuit: &Circuit, values: &Values<'_>) -> Result<(), Violation> {
    check_lookups(circuit, values)?;
    check_equalities(circuit, values)?;
    check_padding(circuit, values)
}

fn check_lookups(circuit: &Circuit, values: &Values<'_>) -> Result<(), Violation> {
    for lookup in &circuit.lookups {
        let table = &circuit.tables[lookup.table as usize];
        let mut rows: HashMap<i64, i64> = HashMap::new();
        let entries = match table {
            Table::Function(function) => Some(function.cells()),
            Table::Decay(decay) => Some(decay.cells()),
            Table::Integers { .. } => None,
        };
        if let Some(entries) = entries {
            let entries = entries.map_err(|error| Violation::Table {
                lookup: lookup.name.clone(),
                error,
            })?;
            let values = table.first()..table.first() + (1i64 << table.variables());
            rows.extend(values.filter_map(|v| Some((v, entries.at(v)?))));
        }
        let columns = lookup.columns.iter();
        let columns: Vec<_> = columns.map(|&column| values.cells(column).to_base()).collect();
        for row in 0..columns[0].len() {
            let cells = columns.iter().map(|column| to_i64_centered(column[row]));
            let cells: Vec<i64> = cells.collect();
            let found = match table {
                Table::Integers { .. } => table.row_of(cells[0]).is_some(),
                Table::Function(_) => rows.get(&cells[0]) == Some(&cells[1]),
                Table::Decay(_) => {
                    rows.get(&cells[0]) == Some(&cells[1]) && cells[2] == i64::from(cells[0] == 0)
                }
            };
            if !found {
                return Err(Violation::Lookup {
                    name: lookup.name.clone(),
                    row,
                    cells,
                });
            }
        }
    }
    Ok(())
}

fn check_equalities(circuit: &Circuit, values: &Values<'_>) -> Result<(), Violation> {
    for &equality in &circuit.equalities {
        let cells = values.cells(equality).to_base();
        if let Some(cell) = cells.iter().position(|cell| cell.value != 0) {
            return Err(Violation::Equality {
                name: circuit[equality].name.clone(),
                cell,
                found: to_i64_centered(cells[cell]),
            });
        }
    }
    Ok(())
}

/// Checks the given columns that the circuit takes to be zero-padded.
fn check_padding(circuit: &Circuit, values: &Values<'_>) -> Result<(), Violation> {
    let zero_padded = circuit.zero_padded();
    let checked = |id: &ColumnId| zero_padded[id.index()] && matters(&circuit[*id].kind);
    for id in circuit.ids().filter(checked) {
        let cells = values.cells(id).to_base();
        let mut inside = vec![false; cells.len()];
        circuit[id].shape.for_each_cell(|_, padded| inside[padded] = true);
        let mut places = cells.iter().zip(&inside);
        if let Some(cell) = places.position(|(cell, inside)| !inside && cell.value != 0) {
            let (column, found) = (circuit[id].name.clone(), to_i64_centered(cells[cell]));
            return Err(Violation::Padding { column, cell, found });
        }
    }
    Ok(())
}

/// Given columns; the padding of virtual ones follows from theirs.
fn matters(kind: &ColumnKind) -> bool {
    matches!(
        kind,
        ColumnKind::Committed { .. } | ColumnKind::Parameter { .. } | ColumnKind::Public(_)
    )
}
