//! The verifier's side: values are read from the proof.

use super::{Instance, Operand, Point, Side};
use crate::circuit::ColumnId;
use crate::field::K;
use crate::poly::Coordinate;
use crate::sumcheck::{self, Reduced, Shape};
use crate::transcript::{Check, Quadratic, VerifierChannel, VerifyError};

/// Reads values from a channel; `public` evaluates public columns.
pub struct VerifierSide<'a, C> {
    /// The channel from which messages are read.
    pub channel: &'a mut C,
    /// The value of a public column at a point.
    pub public: &'a dyn Fn(ColumnId, &[Coordinate]) -> K,
}

impl<C: VerifierChannel> Side for VerifierSide<'_, C> {
    type Scalar = C::Scalar;
    type Error = VerifyError;

    fn challenges(&mut self, label: &'static str, count: usize) -> Vec<K> {
        self.channel.challenges(label, count)
    }

    fn term(&mut self, _: ColumnId, _: &Point) -> Result<C::Scalar, VerifyError> {
        self.channel.read_scalar("reduce.term")
    }

    fn sumcheck(
        &mut self,
        instances: &[Instance],
        claims: &[C::Scalar],
    ) -> Result<Reduced<C::Scalar>, VerifyError> {
        let shapes: Vec<Shape> = instances.iter().map(|instance| instance.shape).collect();
        sumcheck::verify_batched(self.channel, "reduce.stage", &shapes, claims)
    }

    fn operand(&mut self, _: usize, _: Operand) -> Result<C::Scalar, VerifyError> {
        self.channel.read_scalar("reduce.operand")
    }

    fn public(&self, column: ColumnId, point: &[Coordinate]) -> Result<K, VerifyError> {
        Ok((self.public)(column, point))
    }

    fn constrain_zero(&mut self, check: Check<'_>, value: C::Scalar) -> Result<(), VerifyError> {
        self.channel.constrain_zero(check, value)
    }

    fn constrain_quadratic(
        &mut self,
        check: Check<'_>,
        sum: Quadratic<'_, C::Scalar>,
    ) -> Result<(), VerifyError> {
        self.channel.constrain_quadratic(check, sum)
    }
}
