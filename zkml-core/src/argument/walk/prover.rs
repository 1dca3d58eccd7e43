//! The prover's walk through steps 3 to 5: it computes the same messages from the trace and sends them.

#![cfg(feature = "prover")]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the prover's side"
)]

use tracing::info_span;

use super::super::{Statement, Trace};
use super::{equality_variables, multiplicity_claims, suffix};
use crate::circuit::ColumnKind;
use crate::field::K;
use crate::lookup;
use crate::pcs::Claim;
use crate::reduce::{Backend, Claims, Columns, Point, ProverSide, ReduceError, reduce};
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
    let circuit = statement.circuit();
    let looked_up = lookup::prove(channel, &statement.lookups, |compression| {
        backend.fractions(&statement.lookups, compression, trace.lookup_witness(statement))
    })?;
    let claiming = info_span!("claims of lookups and equalities").entered();
    let mut claims = Claims::<K>::new(circuit);
    let columns = Columns {
        circuit,
        schedule: &statement.schedule,
        values: &trace.values,
    };
    let mut side = ProverSide::new(backend, channel, columns);
    for (lookup, values) in circuit.lookups.iter().zip(&looked_up.lookups) {
        for (&column, &value) in lookup.columns.iter().zip(values) {
            let point = suffix(&looked_up.point, circuit[column].shape.variables());
            claims.add(&mut side, circuit, column, point, value)?;
        }
    }
    let multiplicities = multiplicity_claims(circuit, &looked_up.point, looked_up.multiplicities);
    claim_equalities(&mut side, statement, &mut claims)?;
    drop(claiming);
    info_span!("reduce").in_scope(|| reduce(&mut side, circuit, &statement.schedule, &mut claims))?;
    let opened = statement.opening_claims(&claims, &multiplicities)?;
    let claim = |(point, value)| Claim { point, value };
    Ok(opened.into_iter().map(claim).collect())
}

/// Step 4: claims on columns that must agree.
fn claim_equalities<B: Backend, C: ProverChannel>(
    side: &mut ProverSide<'_, '_, B, C>,
    statement: &Statement<'_>,
    claims: &mut Claims<K>,
) -> Result<(), ReduceError> {
    let circuit = statement.circuit();
    let point = side
        .channel()
        .challenges("equality.point", equality_variables(circuit));
    for equality in &circuit.equalities {
        let point: Point = suffix(&point, circuit[equality.left].shape.variables());
        let value = side.evaluate(equality.right, &point)?;
        if !matches!(circuit[equality.right].kind, ColumnKind::Public(_)) {
            side.channel().send_scalar("equality.value", value);
        }
        for column in [equality.left, equality.right] {
            claims.add(side, circuit, column, point.clone(), value)?;
        }
    }
    Ok(())
}
