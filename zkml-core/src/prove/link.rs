//! Links: the input of a proof is the very tensor that another proof committed to.
//!
//! A proof with private outputs, or with a committed input, leaves its prover a [`TensorSecret`] for each of these
//! commitments. As the input of a second proof it makes that proof's `input.root` the root of the first. So model B was
//! asked what model A answered, or both were asked one input. [`crate::argument::link`] says what a verifier compares.
//!
//! Both proofs open `t` columns of the same rows, so a row carries `2 t + 2` random coefficients. A third opening would
//! exceed them. So the second proof consumes the secret and hands out none, and a secret is neither copied nor written
//! to a file.

use core::fmt;

use ndarray::{ArrayD, IxDyn};
use zeroize::Zeroizing;

use crate::argument::{CommittedTensors, SeparateTensors, Statement, TensorLayout, Trace};
use crate::circuit::{ColumnId, Home};
use crate::field::{M61, to_i64_centered};
use crate::keys::{ProveError, ProvingKey};
use crate::pcs::{CommittedMatrix, MatrixOracle};
use crate::poly::PaddedShape;
use crate::reduce::Backend;

/// What a model is asked.
pub enum Input<'a, M = CommittedMatrix> {
    /// Quantized integers, in the shape of the model's input.
    Values(&'a ArrayD<i64>),
    /// The same for each input of a model with several.
    Several(&'a [ArrayD<i64>]),
    /// The tensor of another proof's commitment, and that commitment. The model must [commit to its
    /// input](crate::privacy::Privacy::commit_input).
    Committed(TensorSecret<M>),
}

impl<M> fmt::Debug for Input<'_, M> {
    /// Inputs may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(values) => write!(f, "Values({:?})", values.shape()),
            Self::Several(inputs) => write!(f, "Several({} inputs)", inputs.len()),
            Self::Committed(secret) => write!(f, "Committed({secret:?})"),
        }
    }
}

/// The tensors under a commitment of a proof, and the randomness of that commitment; as secret as the tensors.
///
/// For one further proof. Dropping it overwrites cells and randomness.
pub struct TensorSecret<M = CommittedMatrix> {
    matrix: Box<M>,
    commitment: CommittedTensors,
    /// The cells of the first tensor, padding included.
    cells: Zeroizing<Vec<M61>>,
    /// Random coefficients after each row.
    randomness: usize,
}

impl<M> fmt::Debug for TensorSecret<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TensorSecret({})", self.commitment)
    }
}

impl<M: MatrixOracle> TensorSecret<M> {
    /// The secret of the commitment to `tensors`, after its first opening.
    pub(super) fn new(
        statement: &Statement<'_>,
        tensors: &SeparateTensors,
        trace: &Trace<'_>,
        matrix: M,
    ) -> Self {
        let first = tensors.columns.first();
        let cells = first.map_or_else(Vec::new, |&column| trace.values.base(column).to_vec());
        Self {
            commitment: CommittedTensors {
                root: matrix.commitment().root,
                layout: tensors.layout(statement),
            },
            matrix: Box::new(matrix),
            cells: Zeroizing::new(cells),
            randomness: statement.tensor_tail(),
        }
    }

    /// The commitment: what the verifier of the first proof sees.
    pub fn commitment(&self) -> CommittedTensors {
        self.commitment.clone()
    }

    /// Whether it can be the input of `key`'s model. Proving makes the same check, but consumes the secret even where
    /// it fails.
    ///
    /// # Errors
    /// [`ProveError::Link`] with what differs; [`ProveError::InvariantViolation`] for an unusable key.
    pub fn fits<B: Backend>(&self, key: &ProvingKey<B>) -> Result<(), ProveError> {
        self.fits_statement(&Statement::new(&key.verifying)?).map(|_| ())
    }

    /// The input column that the tensor would fill.
    pub(super) fn fits_statement(&self, statement: &Statement<'_>) -> Result<ColumnId, ProveError> {
        let mut tensors = statement.separate.iter();
        let input = tensors.find(|tensors| tensors.home == Home::Input);
        let column = statement.circuit().tensors(Home::Input).next();
        let (Some(input), Some(column)) = (input, column) else {
            let expected = "one that commits to its input".to_owned();
            return Err(misfit("model", expected, "none".into()));
        };
        self.fits_layout(statement, &input.layout(statement))?;
        if !statement.inputs.is_empty() {
            let expected = "one with a single input".to_owned();
            return Err(misfit("model", expected, "several inputs".into()));
        }
        // A tail of `2 t + 2` means that the first proof opened `t` columns. The second must not open more.
        let first = (self.randomness / 2).saturating_sub(1);
        let queries = statement.key.code.queries;
        if queries > first {
            let expected = format!("at most {first}, for a tail of {}", self.randomness);
            return Err(misfit("opened columns", expected, queries.to_string()));
        }
        Ok(column)
    }

    /// Refuses a layout that differs from the commitment's.
    fn fits_layout(&self, statement: &Statement<'_>, wanted: &TensorLayout) -> Result<(), ProveError> {
        let (own, code) = (&self.commitment.layout, &statement.key.code);
        let numbers = [
            (
                "log2 of the row length",
                wanted.log_row as usize,
                own.log_row as usize,
            ),
            (
                "log2 of the codeword length",
                wanted.log_codeword as usize,
                own.log_codeword as usize,
            ),
            ("tail of the rows", wanted.tail, own.tail),
            (
                "log2 of the stride of rows",
                wanted.log_stride as usize,
                own.log_stride as usize,
            ),
            (
                "bytes of a node",
                code.digest_bytes as usize,
                self.matrix.code().digest_bytes as usize,
            ),
        ];
        for (what, wanted, own) in numbers {
            if wanted != own {
                return Err(misfit(what, wanted.to_string(), own.to_string()));
            }
        }
        if wanted.sizes != own.sizes {
            return Err(misfit(
                "sizes of the tensors, where padding lies between",
                format!("{:?}", wanted.sizes),
                format!("{:?}", own.sizes),
            ));
        }
        Ok(())
    }

    /// The cells of the first tensor, padding included.
    pub(super) fn cells(&self) -> &[M61] {
        &self.cells
    }

    /// Random coefficients after each row.
    #[cfg(test)]
    pub(super) fn randomness(&self) -> usize {
        self.randomness
    }

    pub(super) fn into_matrix(self) -> M {
        *self.matrix
    }
}

fn misfit(what: &'static str, expected: String, found: String) -> ProveError {
    ProveError::Link {
        what,
        expected,
        found,
    }
}

/// The integers of a padded tensor, without its padding, in shape `sizes`.
pub(super) fn integers(
    cells: &[M61],
    shape: &PaddedShape,
    sizes: &[usize],
) -> Result<ArrayD<i64>, ProveError> {
    let mut values = Vec::with_capacity(shape.logical_len());
    shape.for_each_cell(|_, padded| values.push(cells.get(padded).map_or(0, |&cell| to_i64_centered(cell))));
    let found = values.len();
    ArrayD::from_shape_vec(IxDyn(sizes), values).map_err(|_| ProveError::Link {
        what: "number of integers",
        expected: format!("{sizes:?}"),
        found: found.to_string(),
    })
}
