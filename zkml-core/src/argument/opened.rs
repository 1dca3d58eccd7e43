//! What a proof opens: its commitments, and the claims left at the end as claims on their rows.

use super::{Statement, Subject};
use crate::pcs::{ClaimPoint, Commitment, Matrix};
use crate::privacy::Visibility;
use crate::reduce::{Claims, Point};
use crate::transcript::{Scalar, VerifyError};

impl Statement<'_> {
    /// The number of weight commitments that a proof opens, all at the same points. An answer opens one commitment. The
    /// setup proof opens all of them, and the previous key's if there is one.
    pub fn weight_copies(&self) -> usize {
        match self.subject {
            Subject::Answer => 1,
            Subject::Setup => self.key.commitments.opened_by_setup(self.key.previous),
        }
    }

    /// The commitments to the weights that a proof opens; `opening` is the number of an answer's opening.
    ///
    /// # Errors
    /// [`VerifyError::Opening`] for a number that the key does not have.
    pub fn weight_commitments(&self, opening: u64) -> Result<Vec<Commitment>, VerifyError> {
        let weights = &self.key.commitments;
        let commitment = |root: [u8; 32]| Commitment {
            root,
            rows: weights.rows,
            log_stride: 0,
        };
        let budget = match self.key.visibility {
            Visibility::Private => weights.budget(),
            Visibility::Public => 1,
        };
        let roots = weights.roots.iter().copied();
        match self.subject {
            Subject::Setup => Ok(roots.chain(self.key.previous).map(commitment).collect()),
            Subject::Answer => match weights.roots.get(weights.commitment_of(opening)) {
                Some(root) if opening < budget => Ok(vec![commitment(*root)]),
                _ => Err(VerifyError::Opening {
                    found: opening,
                    budget,
                }),
            },
        }
    }

    /// The claims left on committed columns, multiplicities and parameters, as claims on rows of the matrices.
    ///
    /// # Errors
    /// [`VerifyError::Key`] for a claim that does not fit the packing, which a valid key rules out.
    pub fn opening_claims<S: Scalar>(
        &self,
        claims: &Claims<S>,
        multiplicities: &[(Point, S)],
    ) -> Result<Vec<(ClaimPoint, S)>, VerifyError> {
        let trace = self.committed.iter().map(|&column| claims.of(column));
        let trace = trace.chain(multiplicities.iter().map(core::slice::from_ref));
        let weights = self.parameters.iter().map(|&column| claims.of(column));
        let trace = self
            .trace
            .slots
            .iter()
            .zip(trace)
            .map(|(slot, made)| (Matrix::Trace as usize, slot, made));
        let weights: Vec<_> = self.weights.slots.iter().zip(weights).collect();
        let copies = (0..self.weight_copies()).flat_map(|copy| {
            let matrix = (Matrix::Weights as usize).saturating_add(copy);
            weights.iter().map(move |(slot, made)| (matrix, *slot, *made))
        });
        let separate = self.separate.iter().enumerate().flat_map(|(index, tensors)| {
            let matrix = (Matrix::Weights as usize)
                .saturating_add(self.weight_copies())
                .saturating_add(index);
            let made = tensors.columns.iter().map(|&column| claims.of(column));
            tensors
                .packing
                .slots
                .iter()
                .zip(made)
                .map(move |(slot, made)| (matrix, slot, made))
        });
        let mut opened = Vec::new();
        for (matrix, slot, made) in trace.chain(copies).chain(separate) {
            for (point, value) in made {
                opened.push((slot.claim_point(matrix, point)?, value.clone()));
            }
        }
        Ok(opened)
    }
}
