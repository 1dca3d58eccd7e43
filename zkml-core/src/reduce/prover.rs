//! The prover's side: values are computed and sent.

use rayon::prelude::*;
use tracing::debug_span;

use super::tables::{Folder, Table};
use super::{Instance, Operand, Point, Side, Values, coordinates};
use crate::circuit::{Circuit, ColumnId, Schedule};
use crate::field::K;
use crate::poly::Coordinate;
use crate::sumcheck::{self, Reduced};
use crate::transcript::{Check, ProverChannel, VerifyError};

/// Computes values from the columns' cells and sends them over a channel.
pub struct ProverSide<'a, 'v, C> {
    channel: &'a mut C,
    folder: Folder<'a, 'v>,
    /// For each instance of the last sumcheck its operands' values at the end.
    operands: Vec<[K; 2]>,
}

impl<'a, 'v, C: ProverChannel> ProverSide<'a, 'v, C> {
    /// A side that knows all cells.
    pub fn new(
        channel: &'a mut C,
        circuit: &'a Circuit,
        schedule: &'a Schedule,
        values: &'a Values<'v>,
    ) -> Self {
        Self {
            channel,
            folder: Folder {
                circuit,
                schedule,
                values,
            },
            operands: Vec::new(),
        }
    }

    /// The value of a column at a point.
    pub fn evaluate(&self, column: ColumnId, point: &[K]) -> K {
        self.folder.evaluate(column, point)
    }
}

impl<C: ProverChannel> Side for ProverSide<'_, '_, C> {
    type Scalar = K;

    fn value(&mut self, column: ColumnId, point: &Point) -> Result<K, VerifyError> {
        let value = self.evaluate(column, &coordinates(point));
        self.channel.send_scalar("reduce.term", value);
        Ok(value)
    }

    fn sumcheck(&mut self, instances: &[Instance], claims: &[K]) -> Result<Reduced<K>, VerifyError> {
        let folder = self.folder;
        let mut tables: Vec<Table> = instances
            .par_iter()
            .with_max_len(1)
            .map(|instance| folder.table(instance))
            .collect();
        let mut borrowed: Vec<_> = tables.iter_mut().map(Table::instance).collect();
        let span = debug_span!("sumcheck", instances = borrowed.len()).entered();
        let point = sumcheck::prove_batched(self.channel, "reduce.stage", &mut borrowed, claims);
        drop(span);
        drop(borrowed);
        self.operands = tables.iter().map(Table::operands).collect();
        // The prover does not check its own equations: coefficients are not needed.
        Ok(Reduced {
            point,
            coefficients: vec![K::from(0u64); instances.len()],
            value: K::from(0u64),
        })
    }

    fn operand(&mut self, instance: usize, operand: Operand) -> Result<K, VerifyError> {
        let value = self.operands[instance][if operand == Operand::Left { 0 } else { 1 }];
        self.channel.send_scalar("reduce.operand", value);
        Ok(value)
    }

    fn public(&self, column: ColumnId, point: &[Coordinate]) -> K {
        self.evaluate(column, &coordinates(point))
    }

    /// Not looked at: the prover of a false statement must get as far as a proof that is rejected.
    fn constrain_zero(&mut self, _: Check<'_>, _: K) -> Result<(), VerifyError> {
        Ok(())
    }

    fn constrain_quadratic(&mut self, _: Check<'_>, _: &[(K, &K, &K)], _: K) -> Result<(), VerifyError> {
        Ok(())
    }
}
