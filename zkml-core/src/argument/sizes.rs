//! Refuses keys whose proofs would be too large to write down or to verify.

use super::work::{arithmetic, recursion_work};
use super::{SECURITY_BITS, Statement};
use crate::circuit::Circuit;
use crate::error::SizesError;
use crate::field::encoding::packed_length;
use crate::keys::WeightsKey;
use crate::pcs::RowCode;
use crate::pcs::recursive::expected_path_nodes;
use crate::transcript::VerifyError;

/// Most multiplications a key may ask of its verifier: well under a minute.
const MAXIMUM_WORK: u64 = 1 << 32;

/// Bytes of a salt.
const SALT_BYTES: usize = 32;

/// Largest codeword, `log2`. Nothing as long is made: positions, points and paths take work by its logarithm, and
/// [`MAXIMUM_WORK`] bounds the claims on the last message. At this length the proximity term still has 103 bits.
const MAXIMUM_LOG_CODEWORD: u32 = 28;
/// Longest narrow row, in elements of `K`: 256 MB. The answers of the closing check are held as such rows.
const MAXIMUM_ROW: usize = 1 << 24;

/// Most elements of a row combination that is sent: it is held in memory before a message is read.
const MAXIMUM_SENT: usize = 1 << 22;

/// The sizes of an opening: rows that the proof commits to, rows of weights in all copies, the number of matrices and of
/// copies of the weights among them.
pub(super) struct Sizes {
    pub(super) trace_rows: usize,
    pub(super) weight_rows: usize,
    pub(super) matrices: usize,
    /// In zero knowledge?
    pub(super) hides: bool,
    pub(super) copies: usize,
}

/// Refuses keys for which no proof could be written down, or whose verification would not end in reasonable time.
pub(super) fn check_sizes(
    key: &WeightsKey,
    circuit: &Circuit,
    sizes: &Sizes,
    maximum: u64,
) -> Result<(), VerifyError> {
    let code = &key.code;
    // The limits below bound the bytes of a proof. With a single query any matrix would pass them.
    if code.query_bits() < SECURITY_BITS {
        return Err(VerifyError::from(SizesError::QueryBits {
            bits: code.query_bits(),
            least: SECURITY_BITS,
        }));
    }
    check_lengths(key)?;
    let work = arithmetic(circuit, code).saturating_add(recursion_work(key, sizes.hides));
    if work > MAXIMUM_WORK {
        return Err(VerifyError::from(SizesError::Work {
            found: work,
            most: MAXIMUM_WORK,
        }));
    }
    let bytes = proof_bytes(key, sizes);
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= maximum) {
        return Ok(());
    }
    Err(VerifyError::from(SizesError::ProofBytes {
        trace_rows: sizes.trace_rows,
        weight_rows: sizes.weight_rows,
        found: bytes,
        most: maximum,
    }))
}

/// Refuses rows and codewords that are too long for the verifier's memory.
fn check_lengths(key: &WeightsKey) -> Result<(), VerifyError> {
    let code = &key.code;
    let row = code.narrow().message_length();
    if code.log_codeword > MAXIMUM_LOG_CODEWORD {
        return Err(VerifyError::from(SizesError::LogCodeword {
            most: MAXIMUM_LOG_CODEWORD,
            found: code.log_codeword,
        }));
    }
    if row > MAXIMUM_ROW {
        return Err(VerifyError::from(SizesError::NarrowRow {
            most: MAXIMUM_ROW,
            found: row,
        }));
    }
    if key.recursion.levels.is_empty() && code.message_length() > MAXIMUM_SENT {
        return Err(VerifyError::from(SizesError::Combination {
            most: MAXIMUM_SENT,
            found: code.message_length(),
        }));
    }
    Ok(())
}

/// Bytes of the opening, about, and so of most of a proof; the rest is small. `zkml inspect` shows it, and keys for
/// which it is too large are refused.
pub fn opening_bytes(statement: &Statement<'_>) -> usize {
    let separate = statement.separate.iter();
    let separate = separate.fold(0usize, |rows, tensors| rows.saturating_add(tensors.packing.rows));
    let copies = statement.weight_copies();
    let sizes = Sizes {
        trace_rows: statement.trace_rows().saturating_add(separate),
        weight_rows: statement.weights.rows.saturating_mul(copies),
        matrices: statement.separate.len().saturating_add(copies).saturating_add(1),
        hides: statement.privacy.zero_knowledge(),
        copies,
    };
    proof_bytes(&statement.key, &sizes)
}

/// Bytes of a proof, about: the row combination or its recursion, the opened columns and their paths.
fn proof_bytes(key: &WeightsKey, sizes: &Sizes) -> usize {
    let code = &key.code;
    let rows = sizes.trace_rows.saturating_add(sizes.weight_rows);
    let columns = packed_length(rows.saturating_mul(code.queries));
    // For each matrix: the nodes of its paths, and a salt for each query. A float-to-integer cast saturates.
    let path = |rows: RowCode| {
        let nodes = expected_path_nodes(rows.log_codeword, code.queries) as usize;
        nodes
            .saturating_mul(code.digest_bytes as usize)
            .saturating_add(code.queries.saturating_mul(SALT_BYTES))
    };
    let wide = sizes.copies.saturating_mul(path(code.wide()));
    let narrow = sizes
        .matrices
        .saturating_sub(sizes.copies)
        .saturating_mul(path(code.narrow()));
    columns
        .saturating_add(wide)
        .saturating_add(narrow)
        .saturating_add(key.recursion.bytes(code.message_length()))
}

/// Most claims on weights that a setup proof may open, all commitments together.
const MAXIMUM_COPIED_CLAIMS: usize = 1 << 16;

/// Refuses keys whose setup proof would open more claims on weights than any real model has: in each commitment the
/// range of each of the `parts` of columns, and, for each padding, the column and its crop at one point.
pub(super) fn check_copies(circuit: &Circuit, parts: usize, copies: usize) -> Result<(), VerifyError> {
    let padding = circuit.equalities.len().saturating_mul(2);
    let claims = parts.saturating_add(padding).saturating_mul(copies);
    if copies > 1 && claims > MAXIMUM_COPIED_CLAIMS {
        return Err(VerifyError::from(SizesError::CopiedClaims {
            columns: circuit.columns.len(),
            commitments: copies,
            found: claims,
            most: MAXIMUM_COPIED_CLAIMS,
        }));
    }
    Ok(())
}
