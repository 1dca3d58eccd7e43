//! What setup may choose.

use core::ops::RangeInclusive;

use crate::pcs::CodeParameters;

/// What setup may choose.
#[derive(Debug, Clone)]
pub struct SetupOptions {
    /// Bits of proof of work before the positions are drawn, at least; just as many where the pass
    /// [`code_choice`](crate::optimize::circuit::code_choice) is switched off.
    pub grinding_bits: u32,
    /// The most bits of proof of work, if they are worth it: each makes do with fewer columns and doubles the hashes.
    pub maximum_grinding_bits: u32,
    /// Bytes of a node of the Merkle trees, 26 to 32. Shorter ones make proofs smaller and collisions cheaper: `4 digest_bytes` bits of
    /// work, 104 at least.
    pub digest_bytes: u32,
    /// Strides of narrow rows that are tried, `log2`; see [`RowCode`](crate::pcs::RowCode).
    pub log_strides: RangeInclusive<u32>,
    /// Bits of soundness that the opened columns alone give, with the proof of work; less by what the sum of all errors
    /// leaves over.
    pub query_bits: f64,
    /// How many bytes of proof one encoded cell of prover work is worth.
    pub bytes_per_cell: f64,
    /// With private weights: how many proofs the key can make before it must be [rotated](super::rotate). At least.
    pub proofs_per_key: u32,
    /// How many bytes of proof one byte of setup proof is worth.
    pub setup_weight: f64,
    /// The code, such as that of another key: proofs of both can then be [linked](crate::prove::link). Chosen if none is given.
    pub code: Option<CodeParameters>,
}

impl Default for SetupOptions {
    fn default() -> Self {
        Self {
            grinding_bits: 16,
            maximum_grinding_bits: 22,
            digest_bytes: 32,
            log_strides: 0..=3,
            query_bits: 104.0,
            bytes_per_cell: 0.012,
            proofs_per_key: 64,
            setup_weight: 1.0 / 64.0,
            code: None,
        }
    }
}
