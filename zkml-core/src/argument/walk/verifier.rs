//! The verifier's side of the walk: it reads values and states the checks.

use tracing::info_span;

use super::super::Statement;
use super::walk;
use crate::circuit::ColumnId;
use crate::field::K;
use crate::lookup;
use crate::pcs::ClaimPoint;
use crate::poly::Coordinate;
use crate::reduce::VerifierSide;
use crate::transcript::{VerifierChannel, VerifyError};

/// Steps 3 to 5: what must be opened. `public` evaluates public columns.
///
/// # Errors
/// [`VerifyError`], naming the check that failed.
pub fn claims_to_open<C: VerifierChannel>(
    channel: &mut C,
    statement: &Statement<'_>,
    public: &dyn Fn(ColumnId, &[Coordinate]) -> K,
) -> Result<Vec<(ClaimPoint, C::Scalar)>, VerifyError> {
    // Of tables that the circuit has, so there is always one.
    let table_value = |table: usize, column: usize, point: &[K]| {
        let table = statement.tables.get(table);
        table.map_or(K::from(0u64), |table| table.evaluate(column, point))
    };
    let looked_up = info_span!("lookup")
        .in_scope(|| lookup::verify(channel, &statement.chunks.statements, &table_value))?;
    walk(&mut VerifierSide { channel, public }, statement, looked_up)
}
