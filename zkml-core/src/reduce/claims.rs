//! The claims that are still to be reduced or opened, by column.

use std::sync::Arc;

use super::{Point, Side};
use crate::circuit::{Circuit, ColumnId, ColumnKind};
use crate::error::ReductionError;
use crate::field::K;
use crate::transcript::{Check, Scalar, VerifyError};

/// Claims by column.
#[derive(Debug, Clone)]
pub struct Claims<S> {
    by_column: Vec<Vec<(Point, S)>>,
    count: usize,
}

/// The value of a column at a point.
pub(super) enum Value<S> {
    /// Both sides evaluate a public column.
    Public(K),
    /// A claim.
    Claimed(S),
}

impl<S: Scalar> Value<S> {
    pub(super) fn scalar(self) -> S {
        match self {
            Self::Public(value) => S::from(value),
            Self::Claimed(value) => value,
        }
    }
}

/// Most claims there may be in all: views of views at different points could otherwise multiply without end.
const MAXIMUM_CLAIMS: usize = 1 << 16;

impl<S: Scalar> Claims<S> {
    /// No claims.
    pub fn new(circuit: &Circuit) -> Self {
        Self {
            by_column: vec![Vec::new(); circuit.columns.len()],
            count: 0,
        }
    }

    /// The claims on a column, in the order they were made.
    pub fn of(&self, column: ColumnId) -> &[(Point, S)] {
        &self.by_column[column.index()]
    }

    /// The value of a column that is public, or claimed at this point already.
    pub(super) fn known<D: Side<Scalar = S>>(
        &self,
        side: &D,
        circuit: &Circuit,
        column: ColumnId,
        point: &Point,
    ) -> Result<Option<Value<S>>, D::Error> {
        if matches!(circuit[column].kind, ColumnKind::Public(_)) {
            return Ok(Some(Value::Public(side.public(column, point)?)));
        }
        let same = |(at, _): &&(Point, S)| Arc::ptr_eq(at, point) || at == point;
        let claim = self.of(column).iter().find(same);
        Ok(claim.map(|(_, value)| Value::Claimed(value.clone())))
    }

    /// The value of a column. If it is not known the prover sends it, and it becomes a claim.
    pub(super) fn value<D: Side<Scalar = S>>(
        &mut self,
        side: &mut D,
        circuit: &Circuit,
        column: ColumnId,
        point: &Point,
        send: impl FnOnce(&mut D) -> Result<S, D::Error>,
    ) -> Result<Value<S>, D::Error> {
        if let Some(known) = self.known(side, circuit, column, point)? {
            return Ok(known);
        }
        let sent = send(side)?;
        self.push(circuit, column, Arc::clone(point), sent.clone())?;
        Ok(Value::Claimed(sent))
    }

    /// Adds a claim that is not sent as the value of a term or an operand. It must agree with what is known.
    pub fn add<D: Side<Scalar = S>>(
        &mut self,
        side: &mut D,
        circuit: &Circuit,
        column: ColumnId,
        point: Point,
        value: S,
    ) -> Result<(), D::Error> {
        let place = &circuit[column].name;
        let (check, known) = match self.known(side, circuit, column, &point)? {
            None => return Ok(self.push(circuit, column, point, value)?),
            Some(Value::Public(known)) => {
                let check = Check {
                    name: "reduce.public",
                    place,
                };
                (check, S::from(known))
            }
            Some(Value::Claimed(known)) => {
                let check = Check {
                    name: "reduce.duplicate",
                    place,
                };
                (check, known)
            }
        };
        side.constrain_zero(check, value - known)
    }

    fn push(
        &mut self,
        circuit: &Circuit,
        column: ColumnId,
        point: Point,
        value: S,
    ) -> Result<(), VerifyError> {
        if self.count == MAXIMUM_CLAIMS {
            let (column, most) = (circuit[column].name.clone(), MAXIMUM_CLAIMS);
            return Err(VerifyError::from(ReductionError::Claims { column, most }));
        }
        self.count += 1;
        self.by_column[column.index()].push((point, value));
        Ok(())
    }
}
