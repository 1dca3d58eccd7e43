//! A claim on a linear column becomes claims on its terms.

use std::sync::Arc;

use super::{Claims, Point, Side};
use crate::circuit::{Circuit, ColumnId, ColumnKind, Term};
use crate::error::ReductionError;
use crate::field::{K, M61};
use crate::transcript::{Check, VerifyError};

/// Reduces `y = constant + sum_k c_k column_k(z)`. The prover sends the values that are not known at `z`, except for one:
/// the equation determines it.
pub(super) fn split_linear<D: Side>(
    side: &mut D,
    circuit: &Circuit,
    claims: &mut Claims<D::Scalar>,
    column: ColumnId,
    point: &Point,
    value: D::Scalar,
) -> Result<(), D::Error> {
    let ColumnKind::Linear(linear) = &circuit[column].kind else {
        return Ok(());
    };
    let mut rest = value - D::Scalar::from(lift(linear.constant));
    let mut unknown = Vec::new();
    for term in &linear.terms {
        match claims.known(side, circuit, term.column, point)? {
            Some(known) => rest = rest - known.scalar() * lift(term.coefficient),
            None => unknown.push(term),
        }
    }
    if unknown.is_empty() {
        let check = Check {
            name: "reduce.linear",
            place: &circuit[column].name,
        };
        return side.constrain_zero(check, rest);
    }
    let derived = unknown.remove(derived_term(circuit, &unknown));
    for term in unknown {
        let value = claims.value(side, circuit, term.column, point, |side| {
            side.term(term.column, point)
        })?;
        rest = rest - value.scalar() * lift(term.coefficient);
    }
    let Some(inverse) = ark_ff::Field::inverse(&derived.coefficient) else {
        let column = circuit[column].name.clone();
        return Err(VerifyError::from(ReductionError::ZeroCoefficient { column }).into());
    };
    let value = rest * lift(inverse);
    claims.add(side, circuit, derived.column, Arc::clone(point), value)
}

/// The term whose value follows from the equation: the last virtual term, which saves an evaluation of a virtual
/// column; else the last term.
fn derived_term(circuit: &Circuit, unknown: &[&Term]) -> usize {
    let is_virtual = |id: ColumnId| {
        !matches!(
            circuit[id].kind,
            ColumnKind::Committed { .. } | ColumnKind::Parameter { .. }
        )
    };
    unknown
        .iter()
        .rposition(|term| is_virtual(term.column))
        .unwrap_or(unknown.len().saturating_sub(1))
}

fn lift(value: M61) -> K {
    K::new(value, M61::from(0u64))
}
