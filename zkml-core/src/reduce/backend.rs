//! Where the prover's data lies, and where the loops over it run.
//!
//! Prover code asks a backend for a few large things: to multiply with the weights of a layer, to commit to a matrix
//! and to open it ([`MatrixOracle`]), to add the fractions of the lookups ([`FractionTree`]), to fold the operands of a
//! stage, to evaluate a column. It never hands it single cells, and never calls it from inside a parallel loop: how the
//! work is shared out among threads, devices or machines is the backend's own.
//!
//! There is one backend, [`Cpu`]: the memory and the threads of this process, with vector instructions chosen at run
//! time.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::Instance;
use super::tables::{Columns, Table};
use crate::circuit::ColumnId;
use crate::execute::in_process;
use crate::field::K;
use crate::lookup::{self, Compression, FractionTree, Fractions, Witness};
use crate::ops::{IntegerLayer, Layer};
use crate::pcs::{CommitmentScheme, CommittedMatrix, MatrixOracle, PcsError, Scheme, Uncommitted};
use crate::sumcheck;

/// Storage and kernels of the prover.
///
/// What a backend computes is exact, so any two backends make the same proof from the same randomness.
pub trait Backend: Clone + Send + Sync {
    /// A committed matrix where this backend keeps it.
    type Matrix: MatrixOracle;

    /// The weights of a convolution or linear layer, laid out where this backend keeps them.
    type Layer: Send + Sync;

    /// The fractions of all lookups, added up where this backend keeps them.
    type Fractions<'a>: FractionTree<PcsError>;

    /// The tables of one instance of a stage where this backend keeps them.
    type Table: StageTable;

    /// Lays out the weights of all layers of a network, once for all executions; nothing for a layer that does not fit
    /// together.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn lay_out(&self, layers: &[IntegerLayer<'_>]) -> Result<Vec<Option<Self::Layer>>, PcsError>;

    /// A layer on its operand, exact in integers; the result has the given shape. Nothing where the operand does not
    /// fit.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn multiply(
        &self,
        layer: &Self::Layer,
        operand: &ArrayD<i64>,
        shape: &[usize],
    ) -> Result<Option<ArrayD<i64>>, PcsError>;

    /// Encodes the rows, hashes the columns and keeps what an opening needs.
    ///
    /// # Errors
    /// [`PcsError::Shape`] where the cells do not make whole rows; [`PcsError::Backend`].
    fn commit(&self, data: Uncommitted) -> Result<Self::Matrix, PcsError>;

    /// The tree of the fractions that the cells of lookups and tables make under the challenges.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn fractions<'a>(
        &self,
        statement: &lookup::Statement,
        compression: &Compression,
        cells: Witness<'a>,
    ) -> Result<Self::Fractions<'a>, PcsError>;

    /// The operands of all instances of a stage, each folded at its claim's point to the axes that the sumcheck runs
    /// over.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn fold_stage(
        &self,
        columns: &Columns<'_, '_>,
        instances: &[Instance],
    ) -> Result<Vec<Self::Table>, PcsError>;

    /// The value of a column at a point.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn evaluate(&self, columns: &Columns<'_, '_>, column: ColumnId, point: &[K]) -> Result<K, PcsError>;
}

/// The tables of one instance of a stage.
pub trait StageTable {
    /// As an instance of the batched sumcheck.
    fn instance(&mut self) -> Box<dyn sumcheck::Instance + '_>;

    /// The values of both operands, once all variables are bound; of a view the first one is its source's.
    ///
    /// # Errors
    /// [`PcsError::Backend`], also for a failure in an earlier round: a round cannot return an error.
    fn operands(&self) -> Result<[K; 2], PcsError>;
}

/// The memory and the threads of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu;

impl Backend for Cpu {
    type Matrix = CommittedMatrix;
    type Layer = Layer;
    type Fractions<'a> = Fractions<'a>;
    type Table = Table;

    fn lay_out(&self, layers: &[IntegerLayer<'_>]) -> Result<Vec<Option<Layer>>, PcsError> {
        Ok(in_process(layers))
    }

    fn multiply(
        &self,
        layer: &Layer,
        operand: &ArrayD<i64>,
        shape: &[usize],
    ) -> Result<Option<ArrayD<i64>>, PcsError> {
        Ok(layer.multiply(operand, shape))
    }

    fn commit(&self, data: Uncommitted) -> Result<CommittedMatrix, PcsError> {
        Scheme::commit(data)
    }

    fn fractions<'a>(
        &self,
        statement: &lookup::Statement,
        compression: &Compression,
        cells: Witness<'a>,
    ) -> Result<Fractions<'a>, PcsError> {
        Ok(Fractions::new(statement, compression, cells))
    }

    fn fold_stage(&self, columns: &Columns<'_, '_>, instances: &[Instance]) -> Result<Vec<Table>, PcsError> {
        let tables = instances.par_iter().with_max_len(1);
        Ok(tables.map(|instance| columns.table(instance)).collect())
    }

    fn evaluate(&self, columns: &Columns<'_, '_>, column: ColumnId, point: &[K]) -> Result<K, PcsError> {
        Ok(columns.evaluate(column, point))
    }
}
