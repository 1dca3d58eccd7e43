//! The verifier's walk through steps 3 to 5: it reads the messages and states the checks.

use tracing::info_span;

use super::super::Statement;
use super::{equality_variables, multiplicity_claims, suffix};
use crate::circuit::{Circuit, ColumnId, ColumnKind};
use crate::field::K;
use crate::lookup;
use crate::pcs::ClaimPoint;
use crate::poly::Coordinate;
use crate::reduce::{Claims, Point, VerifierSide, reduce};
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
    let circuit = statement.circuit();
    let mut claims = Claims::<C::Scalar>::new(circuit);
    let mut side = VerifierSide { channel, public };
    let multiplicities = claim_lookups(&mut side, statement, &mut claims)?;
    claim_equalities(&mut side, circuit, &mut claims)?;
    let _span = info_span!("reduce").entered();
    reduce(&mut side, circuit, &statement.schedule, &mut claims)?;
    statement.opening_claims(&claims, &multiplicities)
}

/// Step 3: claims on looked-up columns, which are added, and on multiplicities, which are returned.
fn claim_lookups<C: VerifierChannel>(
    side: &mut VerifierSide<'_, C>,
    statement: &Statement<'_>,
    claims: &mut Claims<C::Scalar>,
) -> Result<Vec<(Point, C::Scalar)>, VerifyError> {
    let circuit = statement.circuit();
    let table_value = |table: usize, column: usize, point: &[K]| {
        let table = statement.tables.get(table);
        table.map_or(K::from(0u64), |table| table.evaluate(column, point))
    };
    let looked_up =
        info_span!("lookup").in_scope(|| lookup::verify(side.channel, &statement.lookups, &table_value))?;
    for (lookup, values) in circuit.lookups.iter().zip(looked_up.lookups) {
        for (&column, value) in lookup.columns.iter().zip(values) {
            let point = suffix(&looked_up.point, circuit[column].shape.variables());
            claims.add(side, circuit, column, point, value)?;
        }
    }
    Ok(multiplicity_claims(
        circuit,
        &looked_up.point,
        looked_up.multiplicities,
    ))
}

/// Step 4: claims on columns that must agree.
fn claim_equalities<C: VerifierChannel>(
    side: &mut VerifierSide<'_, C>,
    circuit: &Circuit,
    claims: &mut Claims<C::Scalar>,
) -> Result<(), VerifyError> {
    let point = side
        .channel
        .challenges("equality.point", equality_variables(circuit));
    for equality in &circuit.equalities {
        let point = suffix(&point, circuit[equality.left].shape.variables());
        let value = match circuit[equality.right].kind {
            ColumnKind::Public(_) => C::Scalar::from((side.public)(equality.right, &point)),
            _ => side.channel.read_scalar("equality.value")?,
        };
        for column in [equality.left, equality.right] {
            claims.add(side, circuit, column, point.clone(), value.clone())?;
        }
    }
    Ok(())
}
