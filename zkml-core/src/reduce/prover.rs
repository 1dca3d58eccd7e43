//! The prover's side: values are computed and sent.

use thiserror::Error;
use tracing::debug_span;

use super::backend::{Backend, StageTable};
use super::tables::Columns;
use super::{Instance, Operand, Point, Side, coordinates};
use crate::circuit::ColumnId;
use crate::field::K;
use crate::pcs::PcsError;
use crate::poly::Coordinate;
use crate::sumcheck::{self, Reduced};
use crate::transcript::{Check, ProverChannel, Quadratic, VerifyError};

/// Why the prover cannot reduce its claims.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ReduceError {
    /// No verifier would accept the circuit either.
    #[error(transparent)]
    Invariant(#[from] VerifyError),
    /// The cells cannot be read.
    #[error(transparent)]
    Backend(#[from] PcsError),
}

/// Computes values from the cells of columns and sends them over a channel.
pub struct ProverSide<'a, 'v, B, C> {
    backend: &'a B,
    channel: &'a mut C,
    columns: Columns<'a, 'v>,
    /// For each instance of the last sumcheck its operands' values at the end.
    operands: Vec<[K; 2]>,
}

impl<'a, 'v, B: Backend, C: ProverChannel> ProverSide<'a, 'v, B, C> {
    /// A side that knows all cells.
    pub fn new(backend: &'a B, channel: &'a mut C, columns: Columns<'a, 'v>) -> Self {
        Self {
            backend,
            channel,
            columns,
            operands: Vec::new(),
        }
    }

    /// The value of a column at a point.
    ///
    /// # Errors
    /// [`ReduceError::Backend`].
    fn evaluate(&self, column: ColumnId, point: &[Coordinate]) -> Result<K, ReduceError> {
        let point = coordinates(point);
        Ok(self.backend.evaluate(&self.columns, column, &point)?)
    }
}

impl<B: Backend, C: ProverChannel> Side for ProverSide<'_, '_, B, C> {
    type Scalar = K;
    type Error = ReduceError;

    fn challenges(&mut self, label: &'static str, count: usize) -> Vec<K> {
        self.channel.challenges(label, count)
    }

    fn term(&mut self, column: ColumnId, point: &Point) -> Result<K, ReduceError> {
        let value = self.evaluate(column, point)?;
        self.channel.send_scalar("reduce.term", value);
        Ok(value)
    }

    fn sumcheck(&mut self, instances: &[Instance], claims: &[K]) -> Result<Reduced<K>, ReduceError> {
        let mut tables = self.backend.fold_stage(&self.columns, instances)?;
        let mut borrowed: Vec<_> = tables.iter_mut().map(StageTable::instance).collect();
        let span = debug_span!("sumcheck", instances = borrowed.len()).entered();
        let point = sumcheck::prove_batched(self.channel, "reduce.stage", &mut borrowed, claims);
        drop(span);
        drop(borrowed);
        let operands: Result<_, PcsError> = tables.iter().map(StageTable::operands).collect();
        self.operands = operands?;
        // The prover does not check its own equations: coefficients are not needed.
        Ok(Reduced {
            point,
            coefficients: vec![K::from(0u64); instances.len()],
            value: K::from(0u64),
        })
    }

    fn operand(&mut self, instance: usize, operand: Operand) -> Result<K, ReduceError> {
        let value = self.operands[instance][if operand == Operand::Left { 0 } else { 1 }];
        self.channel.send_scalar("reduce.operand", value);
        Ok(value)
    }

    fn public(&self, column: ColumnId, point: &[Coordinate]) -> Result<K, ReduceError> {
        self.evaluate(column, point)
    }

    /// Ignored: even for a false statement the prover makes a proof, which the verifier then rejects.
    fn constrain_zero(&mut self, _: Check<'_>, _: K) -> Result<(), ReduceError> {
        Ok(())
    }

    fn constrain_quadratic(&mut self, _: Check<'_>, _: Quadratic<'_, K>) -> Result<(), ReduceError> {
        Ok(())
    }
}
