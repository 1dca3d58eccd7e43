//! Proofs about a tensor that another proof has committed to.
//!
//! A proof about private outputs, or with a committed input, leaves its prover a [`TensorSecret`] for each of these
//! commitments. Given as the input of a second proof, it makes that proof's `input.root` the very root of the first:
//! what model A answered is what model B was asked, or one input was asked of both. See [`crate::argument::link`] for
//! what a verifier compares.
//!
//! Both proofs open columns of the same rows, `t` each, so these carry `2 t + 2` random coefficients. A third opening
//! would be one too many: a secret is consumed by the proof that links to it, is neither copied nor written to a file,
//! and is not handed out again by that proof.

use core::fmt;

use ndarray::{ArrayD, IxDyn};
use zeroize::Zeroizing;

use crate::argument::{CommittedTensors, SeparateTensors, Statement, TensorLayout};
use crate::circuit::{ColumnId, Home};
use crate::field::{M61, to_i64_centered};
use crate::keys::{ProveError, ProvingKey};
use crate::pcs::{CommittedMatrix, Rows};
use crate::poly::PaddedShape;

/// What a model is asked.
#[derive(Debug)]
pub enum Input<'a> {
    /// Quantized integers, in the shape of the model's input.
    Values(&'a ArrayD<i64>),
    /// The same for each input of a model with several.
    Several(&'a [ArrayD<i64>]),
    /// The tensor of another proof's commitment, and that commitment. The model must [commit to its
    /// input](crate::privacy::Privacy::commit_input).
    Committed(TensorSecret),
}

/// The tensors behind a commitment of a proof, and the randomness they were committed with: as secret as the tensors.
///
/// For one further proof. Cells and randomness are overwritten when it is dropped.
pub struct TensorSecret {
    matrix: Box<CommittedMatrix>,
    layout: TensorLayout,
}

impl fmt::Debug for TensorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TensorSecret({})", self.commitment())
    }
}

impl TensorSecret {
    /// The secret of a commitment that `statement` describes, which one proof has opened.
    pub(super) fn new(statement: &Statement<'_>, tensors: &SeparateTensors, matrix: CommittedMatrix) -> Self {
        Self {
            matrix: Box::new(matrix),
            layout: tensors.layout(statement),
        }
    }

    /// The commitment: what the verifier of the first proof sees.
    pub fn commitment(&self) -> CommittedTensors {
        CommittedTensors {
            root: self.matrix.commitment().root,
            layout: self.layout.clone(),
        }
    }

    /// Can it be the input of `key`'s model? Proving asks the same, but has consumed the secret by then.
    ///
    /// # Errors
    /// [`ProveError::Link`] with what differs; [`ProveError::InvariantViolation`] for an unusable key.
    pub fn fits(&self, key: &ProvingKey) -> Result<(), ProveError> {
        self.fits_statement(&Statement::new(&key.verifying)?).map(|_| ())
    }

    /// The column it can be.
    pub(super) fn fits_statement(&self, statement: &Statement<'_>) -> Result<ColumnId, ProveError> {
        let link = |what, expected: String, found: String| {
            Err(ProveError::Link {
                what,
                expected,
                found,
            })
        };
        let input = statement
            .separate
            .iter()
            .find(|tensors| tensors.home == Home::Input);
        let column = statement.circuit().tensors(Home::Input).next();
        let (Some(input), Some(column)) = (input, column) else {
            return link("model", "one that commits to its input".into(), "none".into());
        };
        let (wanted, own, code) = (input.layout(statement), &self.layout, &statement.key.code);
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
                return link(what, wanted.to_string(), own.to_string());
            }
        }
        if wanted.sizes != own.sizes {
            return link(
                "sizes of the tensors, where padding lies between",
                format!("{:?}", wanted.sizes),
                format!("{:?}", own.sizes),
            );
        }
        // The first proof has opened `t` columns, this one opens as many as its own code says.
        let length = self.matrix.tails().length;
        let first = (length / 2).saturating_sub(1);
        if code.queries > first {
            return link(
                "opened columns",
                format!("at most {first}, for a tail of {length}"),
                code.queries.to_string(),
            );
        }
        Ok(column)
    }

    /// The cells of its one tensor, padding included: `shape` is that of the column.
    pub(super) fn cells(&self, shape: &PaddedShape) -> Zeroizing<Vec<M61>> {
        match self.matrix.rows() {
            Rows::Field(cells) => Zeroizing::new(cells.iter().copied().take(shape.padded_len()).collect()),
            Rows::Int8(_) => Zeroizing::default(),
        }
    }

    /// Random coefficients behind each row.
    #[cfg(test)]
    pub(super) fn randomness(&self) -> usize {
        self.matrix.tails().length
    }

    pub(super) fn into_matrix(self) -> CommittedMatrix {
        *self.matrix
    }
}

/// The integers of padded cells, in the sizes of a model's input.
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
