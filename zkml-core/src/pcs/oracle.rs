//! What an opening asks of a committed matrix, wherever its rows are.
//!
//! A matrix may lie in this process, on a GPU, or in row ranges on several machines. The opening never sees its rows:
//! it asks for sums of rows, for columns, and for sums over tables that stay where they are. Each operation is called a
//! few times in an opening, with all its work in one call, and never from inside a parallel loop. What it returns is
//! never larger than a message or the opened columns.
//!
//! A matrix on several machines answers as the sum of its row ranges ([`combine`](MatrixOracle::combine),
//! [`value_of_combination`](MatrixOracle::value_of_combination), [`merge`](MatrixOracle::merge)), or as their
//! concatenation ([`columns`](MatrixOracle::columns)).

#![cfg(feature = "prover")]

use zeroize::Zeroizing;

use super::claim::Commitment;
use super::code::RowCode;
use super::error::PcsError;
use super::hash::Digest;
use super::plan::RowSum;
use crate::field::{K, M61};
use crate::sumcheck::{Evaluation, Evaluations, Instance};

/// The prover's data of a committed matrix.
///
/// Operations on data may fail, as a device or a connection may; the proof under way is then dropped.
/// What does not depend on data is known from the commitment on, and cannot.
pub trait MatrixOracle: Send + Sync {
    /// The commitment.
    fn commitment(&self) -> Commitment;

    /// The code of its rows.
    fn code(&self) -> RowCode;

    /// Sums of rows, without tails, with the claims on each, ready for a sumcheck over `variables` variables: the
    /// coordinates in a message.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn merge<'a>(
        &'a self,
        variables: usize,
        sums: Vec<(&RowSum, Vec<Evaluation>)>,
    ) -> Result<Box<dyn PartialMerge + 'a>, PcsError>;

    /// `sum_a weights[a] row_a`, the tail included.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn combine(&self, weights: &[K]) -> Result<Vec<K>, PcsError>;

    /// `<sum_a weights[a] row_a, eq>`, without tails: `eq` has an element for each cell of a row.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn value_of_combination(&self, weights: &[K], eq: &[K]) -> Result<K, PcsError>;

    /// The message over `K` of a mask: with `S` the stride of the rows, its coefficients at the places `c` modulo `S`
    /// have the rows `first + 2 c` and `first + 2 c + 1` as their two parts. The tail is included.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn full_message(&self, first: usize) -> Result<Zeroizing<Vec<K>>, PcsError>;

    /// The random coefficients after one row, zeros included.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn tail(&self, row: usize) -> Result<Zeroizing<Vec<M61>>, PcsError>;

    /// The salts of columns.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn salts(&self, symbols: &[usize]) -> Result<Vec<Digest>, PcsError>;

    /// The cells of columns, column after column.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn columns(&self, symbols: &[usize]) -> Result<Vec<M61>, PcsError>;

    /// The nodes of the tree that a verifier needs besides the columns.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn path(&self, symbols: &[usize]) -> Result<Vec<Digest>, PcsError>;
}

/// The part of one matrix in the sumcheck that merges claims to one point.
pub trait PartialMerge {
    /// What its claims add to the round polynomial at 0 and at 2.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn round(&mut self) -> Result<[K; 2], PcsError>;

    /// Sets the next variable of its sums to `challenge`.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn bind(&mut self, challenge: K) -> Result<(), PcsError>;

    /// The value of each sum at the point, once every variable is bound.
    ///
    /// # Errors
    /// [`PcsError::Backend`].
    fn values(&self) -> Result<Vec<K>, PcsError>;
}

impl PartialMerge for Evaluations<'_> {
    fn round(&mut self) -> Result<[K; 2], PcsError> {
        // The running claim is not looked at: the sums of all claims are known.
        let [zero, two, ..] = Instance::round(self, K::from(0u64));
        Ok([zero, two])
    }

    fn bind(&mut self, challenge: K) -> Result<(), PcsError> {
        Instance::bind(self, challenge);
        Ok(())
    }

    fn values(&self) -> Result<Vec<K>, PcsError> {
        Ok(self.finals().unwrap_or_default())
    }
}
