//! The prover's side of the walk: it computes values from the trace and sends them.

#![allow(clippy::indexing_slicing, reason = "the prover's side")]

use super::super::{Statement, Trace};
use super::walk;
use crate::lookup;
use crate::pcs::Claim;
use crate::reduce::{Backend, Columns, ProverSide, ReduceError};
use crate::transcript::ProverChannel;

/// Steps 3 to 5: what must be opened, with its values.
///
/// # Errors
/// [`ReduceError`]: a circuit that no verifier would accept, cells that cannot be read.
pub fn claims_to_prove<B: Backend, C: ProverChannel>(
    backend: &B,
    channel: &mut C,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
) -> Result<Vec<Claim>, ReduceError> {
    let statements = &statement.chunks.statements;
    let looked_up = lookup::prove(channel, statements, |chunk, compression| {
        let witness = trace.lookup_witness(statement, chunk);
        backend.fractions(&statements[chunk], compression, witness)
    })?;
    let columns = Columns {
        circuit: statement.circuit(),
        schedule: &statement.schedule,
        values: &trace.values,
    };
    let mut side = ProverSide::new(backend, channel, columns);
    let opened = walk(&mut side, statement, looked_up)?;
    let claim = |(point, value)| Claim { point, value };
    Ok(opened.into_iter().map(claim).collect())
}
