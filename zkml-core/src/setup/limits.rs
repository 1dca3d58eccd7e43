//! What setup carries: memory, and encoded cells.

use crate::argument::SETUP_CHUNK;
use crate::keys::{ProveError, WeightCommitments};
use crate::pcs::CodeParameters;

/// Most bytes of memory that setup takes: a machine of 24 GiB has them.
const MAXIMUM_BYTES: u64 = 22 << 30;

/// Bytes of a weight: the rows that are committed, and the copy that they are made from, if a caller keeps it.
const WEIGHT_BYTES: u64 = 2;

/// Bytes that the setup proof takes for a cell of one chunk: a copy of 4 bytes, and the tree of fractions.
const CHUNK_BYTES: u64 = 24;

/// Cells of weights that setup carries at most, if nothing else takes memory.
pub const MAXIMUM_WEIGHT_CELLS: u64 = (MAXIMUM_BYTES - (CHUNK_BYTES << SETUP_CHUNK)) / WEIGHT_BYTES;

/// Bytes of an element of `K`: for each chunk the opening has a row of them.
const ELEMENT_BYTES: u64 = 16;

/// Bytes of the nodes of a tree for a leaf.
const TREE_BYTES: u64 = 64;

/// Encoded cells of all commitments that any model may have.
const FEW_ENCODED_CELLS: u64 = 1 << 28;

/// Encoded cells of all commitments for a cell of the weights: one commitment of rate 1/16, or four of rate 1/4. More
/// take longer than all proofs of the key gain by them.
const ENCODED_CELLS: u64 = 16;

/// A quantity of a choice that is beyond what setup carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Excess {
    quantity: &'static str,
    found: u64,
    limit: u64,
}

impl Excess {
    /// What is too large, if anything is.
    pub(super) fn of(code: &CodeParameters, weights: &WeightCommitments) -> Option<Self> {
        let [rows, length, leaves] =
            [weights.rows, code.row_length(), code.codeword_length()].map(|size| size as u64);
        let (cells, count) = (rows.saturating_mul(length), weights.roots.len() as u64);
        let tails = rows.saturating_mul(code.tail as u64).saturating_mul(8);
        let chunks = cells.div_ceil(1 << SETUP_CHUNK);
        let merged = chunks.saturating_mul(length).saturating_mul(ELEMENT_BYTES);
        let kept = leaves.saturating_mul(TREE_BYTES).saturating_add(tails);
        let bytes = Self {
            quantity: "bytes of memory for the weights, their setup proof and the trees of their commitments",
            found: cells
                .saturating_mul(WEIGHT_BYTES)
                .saturating_add(cells.min(1 << SETUP_CHUNK).saturating_mul(CHUNK_BYTES))
                .saturating_add(count.saturating_mul(kept.saturating_add(merged))),
            limit: MAXIMUM_BYTES,
        };
        let encoded = Self {
            quantity: "encoded cells of weights in all commitments for this many proofs with one key",
            found: rows.saturating_mul(leaves).saturating_mul(count),
            limit: cells.saturating_mul(ENCODED_CELLS).max(FEW_ENCODED_CELLS),
        };
        [bytes, encoded].into_iter().find(|size| size.found > size.limit)
    }

    pub(super) fn error(self) -> ProveError {
        let Self {
            quantity,
            found,
            limit,
        } = self;
        ProveError::TooLarge {
            quantity,
            limit,
            found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excess(cells: u64, log_row: u32, log_codeword: u32, count: usize) -> Option<Excess> {
        let code = CodeParameters::for_target(log_row, 0, log_codeword, 16, 104.0).unwrap();
        let weights = WeightCommitments {
            roots: vec![[0; 32]; count],
            rows: cells.div_ceil(1 << log_row) as usize,
            openings: 2,
        };
        Excess::of(&code, &weights)
    }

    #[test]
    fn the_limit_is_what_memory_carries_and_names_it() {
        // SmolLM2 at rate 1/16, and at rate 1/4 with four commitments.
        assert_eq!(excess(135_000_000, 18, 22, 1), None);
        assert_eq!(excess(135_000_000, 18, 20, 4), None);
        // A billion weights, for one commitment or several.
        assert_eq!(excess(1_240_000_000, 20, 22, 1), None);
        assert_eq!(excess(1_240_000_000, 20, 22, 4), None);
        let error = excess(12_000_000_000, 20, 22, 1).unwrap().error().to_string();
        assert!(error.starts_with("bytes of memory for the weights"), "{error}");
        assert!(
            error.ends_with(&format!("setup takes at most {MAXIMUM_BYTES}")),
            "{error}"
        );
        let error = excess(135_000_000, 18, 20, 5).unwrap().error().to_string();
        assert!(error.starts_with("encoded cells of weights"), "{error}");
        // Small models may have many commitments.
        assert_eq!(excess(1 << 16, 10, 12, 256), None);
        assert!(excess(MAXIMUM_WEIGHT_CELLS, 18, 19, 1).is_some());
    }
}
