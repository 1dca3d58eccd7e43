//! Where the prover's data lies, and where the loops over it run.
//!
//! Prover code asks a backend for a few large things: to commit to a matrix and to open it ([`MatrixOracle`]), to fold
//! the operands of a stage, to evaluate a column. It never hands it single cells, and never calls it from inside a
//! parallel loop: how the work is shared out among threads, devices or machines is the backend's own.
//!
//! There is one backend, [`Cpu`]: the memory and the threads of this process, with vector instructions chosen at run
//! time.

use rayon::prelude::*;

use super::Instance;
use super::tables::{Columns, Table};
use crate::circuit::ColumnId;
use crate::field::K;
use crate::pcs::{CommitmentScheme, CommittedMatrix, MatrixOracle, PcsError, Scheme, Uncommitted};
use crate::sumcheck;

/// Storage and kernels of the prover.
///
/// What a backend computes is exact, so any two backends make the same proof from the same randomness.
pub trait Backend: Clone + Send + Sync {
    /// A committed matrix where this backend keeps it.
    type Matrix: MatrixOracle;

    /// The tables of one instance of a stage where this backend keeps them.
    type Table: StageTable;

    /// Encodes the rows, hashes the columns and keeps what an opening needs.
    ///
    /// # Errors
    /// [`PcsError::Shape`] where the cells do not make whole rows; [`PcsError::Backend`].
    fn commit(&self, data: Uncommitted) -> Result<Self::Matrix, PcsError>;

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
    type Table = Table;

    fn commit(&self, data: Uncommitted) -> Result<CommittedMatrix, PcsError> {
        Scheme::commit(data)
    }

    fn fold_stage(&self, columns: &Columns<'_, '_>, instances: &[Instance]) -> Result<Vec<Table>, PcsError> {
        let tables = instances.par_iter().with_max_len(1);
        Ok(tables.map(|instance| columns.table(instance)).collect())
    }

    fn evaluate(&self, columns: &Columns<'_, '_>, column: ColumnId, point: &[K]) -> Result<K, PcsError> {
        Ok(columns.evaluate(column, point))
    }
}
