//! The two sides of the reduction, and what they exchange.

use super::Point;
use crate::circuit::ColumnId;
use crate::field::K;
use crate::poly::Coordinate;
use crate::sumcheck::{Reduced, Shape};
use crate::transcript::{Check, Quadratic, Scalar, VerifyError};

/// One side of the argument: where values come from, and what happens to equations.
pub trait Side {
    /// A value of this side.
    type Scalar: Scalar;

    /// Why this side stops: a failed check, or for the prover also cells that cannot be read.
    type Error: From<VerifyError>;

    /// Draws challenges.
    fn challenges(&mut self, label: &'static str, count: usize) -> Vec<K>;

    /// The value of a term of a linear column at a point, sent by the prover.
    fn term(&mut self, column: ColumnId, point: &Point) -> Result<Self::Scalar, Self::Error>;

    /// Runs the batched sumcheck of one depth.
    fn sumcheck(
        &mut self,
        instances: &[Instance],
        claims: &[Self::Scalar],
    ) -> Result<Reduced<Self::Scalar>, Self::Error>;

    /// The value of an operand at the end of the last batched sumcheck, sent by the prover.
    fn operand(&mut self, instance: usize, operand: Operand) -> Result<Self::Scalar, Self::Error>;

    /// The value of a public column.
    fn public(&self, column: ColumnId, point: &[Coordinate]) -> Result<K, Self::Error>;

    /// States that `value` is 0.
    fn constrain_zero(&mut self, check: Check<'_>, value: Self::Scalar) -> Result<(), Self::Error>;

    /// States that a sum of products is 0.
    fn constrain_quadratic(
        &mut self,
        check: Check<'_>,
        sum: Quadratic<'_, Self::Scalar>,
    ) -> Result<(), Self::Error>;
}

/// Which operand of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// The left operand of a contraction, the source of a view.
    Left,
    /// The right operand of a contraction.
    Right,
}

/// One sumcheck instance: a claim on a contraction, or on a view that does more than rename bits.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The virtual column.
    pub column: ColumnId,
    /// The point of the claim.
    pub point: Point,
    /// Its size.
    pub shape: Shape,
}
