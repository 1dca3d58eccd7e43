//! Steps 3 to 5 of the argument, for both sides: lookups, equalities and reduction end in the claims to open.

mod prover;
mod verifier;

#[cfg(feature = "prover")]
pub use prover::claims_to_prove;
pub use verifier::claims_to_open;

use crate::circuit::Circuit;
use crate::field::K;
use crate::reduce::{Point, challenge_point};

/// The last `variables` coordinates of a point of challenges.
fn suffix(point: &[K], variables: usize) -> Point {
    let start = point.len().saturating_sub(variables);
    challenge_point(point.get(start..).unwrap_or_default())
}

/// The claims on the multiplicities of tables, at suffixes of the point at which the lookups end.
fn multiplicity_claims<S>(circuit: &Circuit, point: &[K], values: Vec<S>) -> Vec<(Point, S)> {
    let tables = circuit.tables.iter().zip(values);
    tables
        .map(|(table, value)| (suffix(point, table.variables()), value))
        .collect()
}

/// The number of coordinates of the random point at which equalities are claimed.
fn equality_variables(circuit: &Circuit) -> usize {
    let equalities = circuit.equalities.iter();
    let variables = equalities.map(|equality| circuit[equality.left].shape.variables());
    variables.max().unwrap_or(0)
}
