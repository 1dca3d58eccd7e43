//! A claim on a linear column becomes claims on its terms.

use std::sync::Arc;

use super::{Claims, Point, Side};
use crate::circuit::{Circuit, ColumnId, ColumnKind, Linear, Term};
use crate::error::ReductionError;
use crate::field::{K, M61};
use crate::transcript::{Check, VerifyError};

/// Reduces `y = constant + sum_k c_k column_k(z)`. Values known at `z` are used. The prover sends the others, except
/// for one value: the equation determines it.
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
    let (mut rest, mut unknown) = subtract_known(side, circuit, claims, linear, point, value)?;
    if unknown.is_empty() {
        let check = Check {
            name: "reduce.linear",
            place: &circuit[column].name,
        };
        return side.constrain_zero(check, rest);
    }
    let derived = unknown.remove(derived_term(circuit, &unknown));
    for term in unknown {
        // The same column may stand in two terms: its value is sent once.
        let sent = match claims.find(term.column, point) {
            Some(known) => known.clone(),
            None => {
                let sent = side.value("reduce.term", term.column, point)?;
                claims.add(side, circuit, term.column, Arc::clone(point), sent.clone())?;
                sent
            }
        };
        rest = rest - sent * lift(term.coefficient);
    }
    let Some(inverse) = ark_ff::Field::inverse(&derived.coefficient) else {
        let column = circuit[column].name.clone();
        return Err(VerifyError::from(ReductionError::ZeroCoefficient { column }).into());
    };
    let value = rest * lift(inverse);
    claims.add(side, circuit, derived.column, Arc::clone(point), value)
}

/// The value minus the constant and the known terms, and the unknown terms.
fn subtract_known<'c, D: Side>(
    side: &D,
    circuit: &Circuit,
    claims: &Claims<D::Scalar>,
    linear: &'c Linear,
    point: &Point,
    value: D::Scalar,
) -> Result<(D::Scalar, Vec<&'c Term>), D::Error> {
    let mut rest = value - D::Scalar::from(lift(linear.constant));
    let mut unknown = Vec::new();
    for term in &linear.terms {
        if matches!(circuit[term.column].kind, ColumnKind::Public(_)) {
            rest = rest - D::Scalar::from(side.public(term.column, point)? * lift(term.coefficient));
        } else if let Some(known) = claims.find(term.column, point) {
            rest = rest - known.clone() * lift(term.coefficient);
        } else {
            unknown.push(term);
        }
    }
    Ok((rest, unknown))
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
