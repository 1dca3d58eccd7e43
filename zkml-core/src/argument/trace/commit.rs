//! A trace becomes rows, and these are committed.

use tracing::info_span;

use super::Trace;
use crate::argument::{SeparateTensors, Statement};
use crate::field::M61;
use crate::keys::ProveError;
use crate::masking::Pads;
use crate::pcs::{Keep, Rows, Tails, Uncommitted};
use crate::reduce::Backend;
use crate::secret::Seed;

impl Trace<'_> {
    /// Packs committed columns and multiplicities into rows and commits to them with randomness from `seed`. In zero
    /// knowledge, pads and masks come after them.
    ///
    /// # Errors
    /// [`ProveError::Commitment`].
    pub fn commit<B: Backend>(
        &self,
        backend: &B,
        statement: &Statement<'_>,
        seed: Seed,
    ) -> Result<(B::Matrix, Option<Pads>), ProveError> {
        let columns: Vec<_> = statement
            .committed
            .iter()
            .map(|&column| self.values.cells(column).to_base())
            .collect();
        let multiplicities = self.multiplicities.iter().map(Vec::as_slice);
        let cells: Vec<&[M61]> = columns.iter().map(AsRef::as_ref).chain(multiplicities).collect();
        let mut rows = info_span!("pack rows").in_scope(|| statement.trace.fill(&cells));
        let mut pads = None;
        let mut tails = Tails::NONE;
        if let Some(masking) = &statement.masking {
            let (drawn, cells) = Pads::draw(masking, &seed);
            rows.extend_from_slice(&cells);
            pads = Some(drawn);
            tails = Tails {
                length: masking.tail,
                full: masking.classes.saturating_mul(2),
            };
        }
        let matrix = backend.commit(Uncommitted {
            rows: Rows::Field(rows),
            code: statement.key.code.narrow(),
            seed,
            tails,
            keep: Keep::Codeword,
        })?;
        Ok((matrix, pads))
    }

    /// Commits to tensors outside of the trace. Their randomness is derived from the trace's `seed` under a label of
    /// their own.
    ///
    /// # Errors
    /// [`ProveError::Commitment`].
    pub fn commit_separate<B: Backend>(
        &self,
        backend: &B,
        statement: &Statement<'_>,
        tensors: &SeparateTensors,
        seed: &Seed,
    ) -> Result<B::Matrix, ProveError> {
        let cells: Vec<&[M61]> = tensors.columns.iter().map(|&id| self.values.base(id)).collect();
        Ok(backend.commit(Uncommitted {
            rows: Rows::Field(tensors.packing.fill(&cells)),
            code: statement.key.code.narrow(),
            seed: seed.derive(tensors.label()),
            tails: Tails {
                length: statement.tensor_tail(),
                full: 0,
            },
            keep: Keep::Codeword,
        })?)
    }
}
