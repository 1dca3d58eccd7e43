//! Tensors with a commitment of their own: the private outputs, and the private input if asked for.
//!
//! Each proof carries the root of such a matrix right after the root of its trace (`input.root`, `output.root`), before
//! any challenge is drawn. The matrix is opened together with the others. The commitment is salted, and fresh unless it
//! is taken over from another proof. It holds nothing but that tensor. Its rows have randomness for two openings: the
//! proof that makes it, and one that [links](crate::argument::link) to it.

use crate::circuit::{Circuit, ColumnId, Home};
use crate::pcs::{Commitment, Extent, Packing, RowCode};
use crate::proof::Proof;
use crate::transcript::VerifyError;

use super::{Statement, TensorLayout};

/// The columns that live in one such commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeparateTensors {
    /// [`Home::Input`] or [`Home::Output`].
    pub home: Home,
    /// The columns, in the order of their packing.
    pub columns: Vec<ColumnId>,
    /// Their places.
    pub packing: Packing,
}

impl SeparateTensors {
    /// The separate commitments of a circuit, in the order of their roots: input, then outputs, where it has them.
    ///
    /// # Errors
    /// [`VerifyError::Key`] where they are larger than the address space.
    pub(crate) fn of(circuit: &Circuit, rows: RowCode) -> Result<Vec<Self>, VerifyError> {
        let mut list = Vec::new();
        for home in [Home::Input, Home::Output] {
            let columns: Vec<ColumnId> = circuit.tensors(home).collect();
            if columns.is_empty() {
                continue;
            }
            let sizes: Vec<Extent> = columns
                .iter()
                .map(|&id| Extent::full(circuit[id].shape.variables()))
                .collect();
            list.push(Self {
                home,
                columns,
                packing: Packing::new(&sizes, rows)?,
            });
        }
        Ok(list)
    }

    /// Label of the root's message.
    pub fn label(&self) -> &'static str {
        match self.home {
            Home::Trace => "trace.root",
            Home::Input => "input.root",
            Home::Output => "output.root",
        }
    }

    /// The root that a proof of `statement` gives. Two verified proofs with the same root and layout have the same
    /// tensors; of a proof that was not verified the root tells nothing.
    pub fn root(&self, statement: &Statement<'_>, proof: &Proof) -> Option<[u8; 32]> {
        // After the root of the trace.
        let index = statement.separate.iter().position(|tensors| tensors == self)?;
        let roots = proof.messages.as_chunks::<32>().0;
        roots.get(index.checked_add(1)?).copied()
    }

    /// The places of its cells. Two proofs have the same tensors if root and layout agree.
    pub fn layout(&self, statement: &Statement<'_>) -> TensorLayout {
        let shapes = self.columns.iter().map(|&id| &statement.circuit()[id].shape);
        TensorLayout::new(shapes, statement.key.code.narrow())
    }

    /// The commitment with that root.
    pub fn commitment(&self, root: [u8; 32]) -> Commitment {
        Commitment {
            root,
            rows: self.packing.rows,
            log_stride: self.packing.log_stride,
        }
    }
}
