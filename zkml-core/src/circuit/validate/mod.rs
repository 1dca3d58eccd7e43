//! Checks that a circuit is well-formed. All other code that reads circuits relies on it.
//!
//! - `columns`: shapes, operands, constants, contractions
//! - `degree`: how often what the prover chooses is multiplied between two cuts
//! - `views`: the factors of views
//! - `padding`: sums over padding, sizes of the tables that are written out
//! - `selectors`: public columns that a rule gives
//! - `tables`: tables, lookups and equalities
//! - `expect`: the errors

mod columns;
mod degree;
mod expect;
mod padding;
mod selectors;
mod tables;
#[cfg(test)]
mod tests;
mod views;

use self::expect::expect;
use super::{Circuit, CircuitError};

pub(crate) use self::columns::check_shape;
pub(crate) use self::expect::MAXIMUM_MAGNITUDE;
pub(crate) use self::tables::{MAXIMUM_SLOW_ENTRIES, MAXIMUM_TABLE_VARIABLES};

/// Largest number of columns, tables, lookups and equalities, each.
pub(crate) const MAXIMUM_COUNT: usize = 1 << 20;

impl Circuit {
    /// Checks that every part fits the others, that sums over padding are sound, and that sizes are sane.
    ///
    /// # Errors
    /// The first part that does not fit, by name.
    pub fn validate(&self) -> Result<(), CircuitError> {
        for (what, count) in [
            ("columns", self.columns.len()),
            ("tables", self.tables.len()),
            ("lookups", self.lookups.len()),
            ("equalities", self.equalities.len()),
        ] {
            expect(count <= MAXIMUM_COUNT, what, || {
                (format!("at most {MAXIMUM_COUNT}"), count.to_string())
            })?;
        }
        for id in self.ids() {
            self.validate_shape(id)?;
        }
        for id in self.ids() {
            self.validate_column(id)?;
        }
        self.validate_degrees()?;
        self.validate_padding()?;
        self.validate_public()?;
        self.validate_tables()?;
        self.lookups
            .iter()
            .try_for_each(|lookup| self.validate_lookup(lookup))?;
        self.equalities
            .iter()
            .try_for_each(|&column| self.validate_equality(column))
    }
}
