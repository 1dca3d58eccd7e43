//! The argument up to the claims that are opened, as a verifier reads it.

use tracing::info_span;

use super::Statement;
use crate::circuit::{ColumnId, ColumnKind};
use crate::field::K;
use crate::lookup;
use crate::pcs::ClaimPoint;
use crate::poly::Coordinate;
use crate::reduce::{Claims, VerifierSide, challenge_point, reduce};
use crate::transcript::{VerifierChannel, VerifyError};

/// Steps 3 to 5: what must be opened. `public` evaluates public columns.
pub fn claims_to_open<C: VerifierChannel>(
    channel: &mut C,
    statement: &Statement<'_>,
    public: &dyn Fn(ColumnId, &[Coordinate]) -> K,
) -> Result<Vec<(ClaimPoint, C::Scalar)>, VerifyError> {
    let circuit = statement.circuit();
    let table_value = |table: usize, column: usize, point: &[K]| {
        statement
            .tables
            .get(table)
            .map_or(K::from(0u64), |table| table.evaluate(column, point))
    };
    let looked_up =
        info_span!("lookup").in_scope(|| lookup::verify(channel, &statement.lookups, &table_value))?;
    let suffix = |point: &[K], variables: usize| {
        challenge_point(
            point
                .get(point.len().saturating_sub(variables)..)
                .unwrap_or_default(),
        )
    };

    let mut claims = Claims::<C::Scalar>::new(circuit);
    for (lookup, values) in circuit.lookups.iter().zip(looked_up.lookups) {
        for (&column, value) in lookup.columns.iter().zip(values) {
            let point = suffix(&looked_up.point, circuit[column].shape.variables());
            let mut side = VerifierSide {
                channel: &mut *channel,
                public,
            };
            claims.add(&mut side, circuit, column, point, value)?;
        }
    }
    let multiplicities: Vec<_> = circuit
        .tables
        .iter()
        .zip(looked_up.multiplicities)
        .map(|(table, value)| (suffix(&looked_up.point, table.variables()), value))
        .collect();

    let variables = circuit
        .equalities
        .iter()
        .map(|equality| circuit[equality.left].shape.variables())
        .max();
    let point = channel.challenges("equality.point", variables.unwrap_or(0));
    for equality in &circuit.equalities {
        let point = suffix(&point, circuit[equality.left].shape.variables());
        let value = match circuit[equality.right].kind {
            ColumnKind::Public(_) => C::Scalar::from(public(equality.right, &point)),
            _ => channel.read_scalar("equality.value")?,
        };
        let mut side = VerifierSide {
            channel: &mut *channel,
            public,
        };
        for column in [equality.left, equality.right] {
            claims.add(&mut side, circuit, column, point.clone(), value.clone())?;
        }
    }

    let _span = info_span!("reduce").entered();
    reduce(
        &mut VerifierSide { channel, public },
        circuit,
        &statement.schedule,
        &mut claims,
    )?;
    statement.opening_claims(&claims, &multiplicities)
}
