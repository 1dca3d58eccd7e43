//! Steps 3 to 5 of the argument, written once: lookups, equalities and reduction end in the claims to open.
//!
//! The two sides run the lookup argument, each in its own way, and then take one [`walk`]. They differ in where a value
//! comes from ([`Side`]).

#[cfg(feature = "prover")]
mod prover;
mod verifier;

#[cfg(feature = "prover")]
pub use prover::claims_to_prove;
pub use verifier::claims_to_open;

use tracing::info_span;

use super::Statement;
use crate::circuit::{Circuit, ColumnId};
use crate::field::K;
use crate::lookup;
use crate::pcs::ClaimPoint;
use crate::reduce::{Claims, Point, Side, challenge_point, reduce};
use crate::transcript::Scalar;

/// From the claims that the lookups end in, and from equalities, to the claims to open.
///
/// # Errors
/// That of the side: a check that fails, or cells that cannot be read.
fn walk<D: Side>(
    side: &mut D,
    statement: &Statement<'_>,
    looked_up: Vec<lookup::Claims<D::Scalar>>,
) -> Result<Vec<(ClaimPoint, D::Scalar)>, D::Error> {
    let circuit = statement.circuit();
    let claiming = info_span!("claims of lookups and equalities").entered();
    let mut claims = Claims::<D::Scalar>::new(circuit);
    // The claims on the multiplicities of each chunk's tables, at suffixes of the point at which its lookups end.
    let mut multiplicities: Vec<(Point, D::Scalar)> = Vec::new();
    for (parts, chunk) in statement.chunks.parts.iter().zip(looked_up) {
        for (part, values) in parts.iter().zip(chunk.lookups) {
            let point = suffix(&chunk.point, part.variables);
            let lookup = circuit.lookups.get(part.lookup);
            let columns = lookup.map_or(&[][..], |lookup| &lookup.columns);
            for (&column, value) in columns.iter().zip(values) {
                let whole = part.point(circuit[column].shape.variables(), &point).into();
                claims.add(side, circuit, column, whole, value)?;
            }
        }
        let tables = circuit.tables.iter().zip(chunk.multiplicities);
        multiplicities.extend(tables.map(|(table, value)| (suffix(&chunk.point, table.variables()), value)));
    }
    claim_equalities(side, circuit, &mut claims)?;
    drop(claiming);
    info_span!("reduce").in_scope(|| reduce(side, circuit, &statement.schedule, &mut claims))?;
    Ok(statement.opening_claims(&claims, &multiplicities)?)
}

/// A column that must be 0 is claimed to be 0 at a suffix of one random point.
fn claim_equalities<D: Side>(
    side: &mut D,
    circuit: &Circuit,
    claims: &mut Claims<D::Scalar>,
) -> Result<(), D::Error> {
    let variables = |id: ColumnId| circuit[id].shape.variables();
    let most = circuit.equalities.iter().map(|&id| variables(id)).max();
    let point = side.challenges("equality.point", most.unwrap_or(0));
    for &id in &circuit.equalities {
        claims.add(
            side,
            circuit,
            id,
            suffix(&point, variables(id)),
            D::Scalar::zero(),
        )?;
    }
    Ok(())
}

/// The last `variables` coordinates of a point of challenges.
fn suffix(point: &[K], variables: usize) -> Point {
    let start = point.len().saturating_sub(variables);
    challenge_point(point.get(start..).unwrap_or_default())
}
