//! From claims on virtual columns to claims on given columns.
//!
//! ```text
//! claim            column(z) = y                                       z random, drawn after the commitment
//! linear           y = constant + sum_k c_k column_k(z)                the terms' values at z
//! view             y = scalar * source(z')                             if the map only renames bits
//!                  y = sum_j source(j) prod_f G_f(j_f)                 otherwise, by sumcheck
//! contraction      y = sum_{h,s} eq(z_h, h) left(z_l, h, s) right(z_r, h, s)
//! ```
//!
//! Prover and verifier take the same walk ([`reduce`]) over the circuit's [`Schedule`]. They differ in where a value
//! comes from ([`Side`]): the prover computes and sends it, the verifier reads it. Every claim made on the way is
//! carried on to its own reduction; none is dropped. At the end only committed and parameter columns have claims, and
//! these are opened.
//!
//! One rule says where the value of a column at a point comes from: both sides evaluate a public column, and a value that
//! is claimed there already is not sent again ([`Claims`]).
//!
//! Messages, per depth:
//!
//! - for every linear column (users first) the values `reduce.term` of its terms that are not known. One of them is not
//!   sent, since the equation determines it: the last virtual one, or the last one if none is virtual;
//! - one batched sumcheck `reduce.stage`, and for each of its instances `reduce.operand` for each operand that is not
//!   known.
//!
//! Checks: `reduce.linear` (a linear column all of whose terms are known), `reduce.stage` (end of a batched sumcheck);
//! and where a claim follows from another one, on a term or on the source of a view: `reduce.public` (its column is
//! public), `reduce.duplicate` (it is claimed already).
//!
//! Soundness: a wrong claim on a virtual column stays wrong through an equation. It stays wrong through a sumcheck
//! except with probability `degree * variables / |K|`, and `1 / |K|` for the batching.

#[cfg(feature = "prover")]
mod backend;
mod claims;
mod contraction;
#[cfg(feature = "prover")]
mod fold;
mod linear;
#[cfg(feature = "prover")]
mod prover;
mod route;
mod side;
mod stage;
#[cfg(feature = "prover")]
mod tables;
#[cfg(feature = "prover")]
mod values;
mod verifier;

#[cfg(feature = "prover")]
pub use backend::{Backend, Cpu, StageTable};
pub use claims::Claims;
#[cfg(feature = "prover")]
pub use prover::{ProverSide, ReduceError};
pub use side::{Instance, Operand, Side};
#[cfg(feature = "prover")]
pub use tables::Columns;
#[cfg(feature = "prover")]
pub use values::{Cells, Values};
pub use verifier::VerifierSide;

use std::sync::Arc;

use crate::circuit::{Circuit, ColumnKind, Schedule};
use crate::field::K;
use crate::poly::Coordinate;
use crate::sumcheck::Shape;
use linear::split_linear;
use route::{Route, pass_through};
use stage::conclude_stage;

/// A point at which a column is evaluated.
pub type Point = Arc<[Coordinate]>;

/// The values of a point's coordinates.
pub fn coordinates(point: &[Coordinate]) -> Vec<K> {
    point.iter().map(|coordinate| coordinate.value()).collect()
}

/// A point whose coordinates are all challenges.
pub fn challenge_point(challenges: &[K]) -> Point {
    challenges
        .iter()
        .map(|&challenge| Coordinate::Challenge(challenge))
        .collect()
}

/// Takes every claim on a virtual column down to committed and parameter columns.
pub fn reduce<D: Side>(
    side: &mut D,
    circuit: &Circuit,
    schedule: &Schedule,
    claims: &mut Claims<D::Scalar>,
) -> Result<(), D::Error> {
    for (depth, stage) in schedule.stages.iter().enumerate() {
        let _span = tracing::debug_span!("reduce depth", depth).entered();
        let mut instances = Vec::new();
        let mut values = Vec::new();
        for &column in stage {
            for (point, value) in claims.of(column).to_vec() {
                let instance = |variables, degree| Instance {
                    column,
                    point: Arc::clone(&point),
                    shape: Shape { variables, degree },
                };
                match &circuit[column].kind {
                    ColumnKind::Linear(_) => split_linear(side, circuit, claims, column, &point, value)?,
                    ColumnKind::View(view) => {
                        let route = Route::new(circuit, schedule, column, view, &point);
                        if route.general.is_empty() {
                            pass_through(side, circuit, claims, column, view, route, value)?;
                        } else {
                            instances.push(instance(route.variables(circuit, view), 2));
                            values.push(value);
                        }
                    }
                    ColumnKind::Contraction(contraction) => {
                        let left = &circuit[contraction.left].shape;
                        instances.push(instance(contraction.variables(left), contraction.degree(left)));
                        values.push(value);
                    }
                    ColumnKind::Committed { .. } | ColumnKind::Parameter { .. } | ColumnKind::Public(_) => {}
                }
            }
        }
        if !instances.is_empty() {
            conclude_stage(side, circuit, schedule, claims, depth, &instances, &values)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;
