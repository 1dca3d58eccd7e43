//! The claims that are still to be reduced or opened, by column.

use std::sync::Arc;

use super::{Point, Side};
use crate::circuit::{Circuit, ColumnId, ColumnKind};
use crate::error::ReductionError;
use crate::transcript::{Check, Scalar, VerifyError};

/// Claims by column.
#[derive(Debug, Clone)]
pub struct Claims<S> {
    by_column: Vec<Vec<(Point, S)>>,
    count: usize,
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

    pub(super) fn find(&self, column: ColumnId, point: &Point) -> Option<&S> {
        self.of(column)
            .iter()
            .find(|(at, _)| Arc::ptr_eq(at, point) || at == point)
            .map(|(_, value)| value)
    }

    /// Adds a claim. A claim on a public column is checked at once; so is a second claim at the same point.
    pub fn add<D: Side<Scalar = S>>(
        &mut self,
        side: &mut D,
        circuit: &Circuit,
        column: ColumnId,
        point: Point,
        value: S,
    ) -> Result<(), D::Error> {
        let place = &circuit[column].name;
        if matches!(circuit[column].kind, ColumnKind::Public(_)) {
            let difference = value - S::from(side.public(column, &point)?);
            return side.constrain_zero(
                Check {
                    name: "reduce.public",
                    place,
                },
                difference,
            );
        }
        match self.find(column, &point) {
            Some(known) => {
                let difference = value - known;
                side.constrain_zero(
                    Check {
                        name: "reduce.duplicate",
                        place,
                    },
                    difference,
                )
            }
            None => {
                if self.count == MAXIMUM_CLAIMS {
                    let (column, most) = (place.to_owned(), MAXIMUM_CLAIMS);
                    return Err(VerifyError::from(ReductionError::Claims { column, most }).into());
                }
                self.count += 1;
                self.by_column[column.index()].push((point, value));
                Ok(())
            }
        }
    }
}
