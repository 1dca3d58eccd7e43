//! The options of setup: limits and weights of the search for a code.

use core::ops::RangeInclusive;

use crate::pcs::CodeParameters;

/// Limits and weights of the search for a code.
#[derive(Debug, Clone)]
pub struct SetupOptions {
    /// Least bits of proof of work before the positions are drawn. If the pass
    /// [`code_choice`](crate::optimize::circuit::code_choice) is switched off, it is exactly this number.
    pub grinding_bits: u32,
    /// Most bits of proof of work. A bit saves columns and doubles the hashes; it is taken where that lowers the price.
    pub maximum_grinding_bits: u32,
    /// Bytes of a node of the Merkle trees, 26 to 32. Shorter nodes make proofs smaller and collisions cheaper: a
    /// collision takes `4 digest_bytes` bits of work, 104 at least.
    pub digest_bytes: u32,
    /// `log2` of the strides of narrow rows that are tried; see [`RowCode`](crate::pcs::RowCode).
    pub log_strides: RangeInclusive<u32>,
    /// Bits of soundness of the opened columns with their proof of work. Setup lowers them as far as the sum of all
    /// errors allows.
    pub query_bits: f64,
    /// How many bytes of proof one encoded cell of prover work is worth.
    pub bytes_per_cell: f64,
    /// With private weights: the least number of proofs that the key can make before it must be
    /// [rotated](super::rotate).
    pub proofs_per_key: u32,
    /// How many bytes of proof one byte of setup proof is worth.
    pub setup_weight: f64,
    /// For a network that reads texts of any length: the tokens of the text whose proof should be cheapest.
    pub typical_tokens: u32,
    /// For such a network: the tokens of the longest text that can be proved with the key. Fewer where the network has
    /// no circuit for so many.
    pub maximum_tokens: u32,
    /// The code to use, such as that of another key: proofs of both can then be [linked](crate::prove::link). Chosen if
    /// `None`.
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
            typical_tokens: 64,
            maximum_tokens: 1024,
            code: None,
        }
    }
}
