//! The price of a choice of the code: proof bytes, setup proof bytes and prover work, all in bytes of proof.
//!
//! ```text
//! price = bytes of proof + bytes of setup proof * setup_weight
//!       + (encoded cells + CELLS_PER_LEAF * leaves + folded cells + CELLS_PER_RECOMPUTED * recomputed cells
//!          + CELLS_PER_HASH * hashes) * bytes_per_cell
//! ```
//!
//! with the two weights of [`SetupOptions`].

use super::SetupOptions;
use crate::field::packed_length;
use crate::keys::MAXIMUM_CODEWORD_BYTES;
use crate::pcs::recursive::expected_path_nodes;
use crate::pcs::{CodeParameters, RecursionParameters};

/// The price of a hash of the proof of work, in cells to encode and to hash.
pub const CELLS_PER_HASH: f64 = 1.5;

/// The price of a leaf besides its cells (its salt, and a node of the tree), in cells to encode and to hash.
pub const CELLS_PER_LEAF: f64 = 3.0;

/// The price of a cell of the weights in a column, where their encoding is not kept and each proof computes the columns
/// again that it opens; in cells to encode and to hash. Eight multiply-adds of bytes (`docs/performance.md`,
/// "Commitment").
pub const CELLS_PER_RECOMPUTED: f64 = 1.0 / 128.0;

/// What a choice costs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CodeCost {
    /// Bytes of a proof that depend on the choice: columns, salts, paths, and the row combination or its recursion.
    pub bytes: f64,
    /// Cells that the prover encodes and hashes for a proof.
    pub encoded_cells: f64,
    /// Leaves of the trace's tree.
    pub leaves: f64,
    /// Elements of the row combinations over which claims are merged.
    pub folded_cells: f64,
    /// Cells of the weights from which opened columns are computed again, once for each column; 0 where the prover keeps
    /// the encoding.
    pub recomputed_cells: f64,
    /// Hashes of the proof of work, as expected.
    pub hashes: f64,
    /// Bytes of the setup proof that depend on the choice.
    pub setup_bytes: f64,
}

impl CodeCost {
    /// All of it in bytes of proof.
    pub fn price(&self, options: &SetupOptions) -> f64 {
        let recomputed = self.recomputed_cells * CELLS_PER_RECOMPUTED;
        let cells = self.encoded_cells + self.leaves * CELLS_PER_LEAF + self.folded_cells + recomputed;
        let work = cells + self.hashes * CELLS_PER_HASH;
        self.bytes + work * options.bytes_per_cell + self.setup_bytes * options.setup_weight
    }

    /// As sizes of a report.
    pub fn sizes(&self) -> [(&'static str, u64); 3] {
        [
            ("bytes of columns and combination", self.bytes as u64),
            ("encoded cells", self.encoded_cells as u64),
            ("hashes of work", self.hashes as u64),
        ]
    }
}

/// Sizes of the committed matrices.
pub(super) struct Matrices {
    /// Rows of the trace, with masks.
    pub(super) trace_rows: usize,
    /// Rows of a commitment to the weights.
    pub(super) weight_rows: usize,
    /// Elements of the combinations of trace rows over which claims are merged.
    pub(super) trace_cells: usize,
    /// Elements of the combinations of weight rows over which claims are merged.
    pub(super) weight_cells: usize,
    /// Commitments to the weights.
    pub(super) commitments: usize,
}

impl Matrices {
    /// What a code for them costs.
    pub(super) fn cost(&self, code: &CodeParameters, recursion: &RecursionParameters) -> CodeCost {
        let queries = code.queries as f64;
        let (leaves, log_leaves) = (code.narrow().codeword_length(), code.narrow().log_codeword);
        let cell_bytes = |rows: usize| packed_length(rows.saturating_mul(code.queries)) as f64;
        let path = |log_codeword| {
            f64::from(code.digest_bytes) * expected_path_nodes(log_codeword, code.queries) + 32.0 * queries
        };
        let paths = path(code.log_codeword) + path(log_leaves);
        let combination = recursion.cost(code.message_length());
        let kept = self
            .weight_rows
            .saturating_mul(code.codeword_length())
            .saturating_mul(8)
            <= MAXIMUM_CODEWORD_BYTES;
        let recomputed = match kept {
            true => 0,
            false => self
                .weight_rows
                .saturating_mul(code.row_length())
                .saturating_mul(code.queries),
        };
        CodeCost {
            bytes: combination.bytes as f64 + cell_bytes(self.trace_rows + self.weight_rows) + paths,
            encoded_cells: (self.trace_rows * leaves + combination.encoded_cells) as f64,
            leaves: leaves as f64,
            folded_cells: (self.trace_cells + self.weight_cells) as f64,
            recomputed_cells: recomputed as f64,
            hashes: libm::exp2(f64::from(code.grinding_bits)) + combination.hashes,
            setup_bytes: self.commitments as f64 * (cell_bytes(self.weight_rows) + path(code.log_codeword)),
        }
    }
}
