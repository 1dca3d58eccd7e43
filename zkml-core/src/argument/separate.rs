//! Tensors that are committed apart from the trace: the private outputs, and the private input if asked for.
//!
//! Each proof carries the root of such a matrix right after that of its trace (`input.root`, `output.root`), before
//! anything is drawn; it is opened together with the other matrices. The commitment is salted, fresh unless it is
//! taken over from another proof, and holds nothing but that tensor. Its rows have randomness for two openings: the
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
    /// Where they stand.
    pub packing: Packing,
}

impl SeparateTensors {
    /// Those of a circuit that has any, in the order of their roots.
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

    /// The root that a proof of `statement` gives; two proofs with the same one speak of the same tensors.
    ///
    /// It means something for a proof that was verified.
    pub fn root(&self, statement: &Statement<'_>, proof: &Proof) -> Option<[u8; 32]> {
        // Behind that of the trace.
        let index = statement.separate.iter().position(|tensors| tensors == self)?;
        let roots = proof.messages.as_chunks::<32>().0;
        roots.get(index.checked_add(1)?).copied()
    }

    /// Where its cells stand: what must agree, besides the root, for two proofs to speak of the same tensors.
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
