//! What a key is made for.

use zkml_core::pcs::MIN_DIGEST_BYTES;
use zkml_core::setup::SetupOptions;

/// What counts in the proofs of a key. Longer codewords are more work, and make proofs smaller.
///
/// ```no_run
/// # fn main() -> Result<(), zkml::Error> {
/// # let model: zkml::QuantizedModel = unimplemented!();
/// let (prover, verifier) = model.favour(zkml::Favour::Size).setup()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Favour {
    /// Proofs as small as they get; they take many times as long to make.
    Size,
    /// Proofs that are made fast and are not much larger.
    #[default]
    Balance,
    /// Proofs that are made as fast as possible.
    Speed,
}

impl Favour {
    /// How many bytes of proof one encoded cell of work is worth, how much proof of work may be done for fewer of them,
    /// and how many bytes a node of a tree has.
    pub fn options(self) -> SetupOptions {
        let balance = SetupOptions::default();
        match self {
            Favour::Size => SetupOptions {
                bytes_per_cell: balance.bytes_per_cell / 4096.0,
                maximum_grinding_bits: 26,
                digest_bytes: MIN_DIGEST_BYTES,
                ..balance
            },
            Favour::Balance => balance,
            Favour::Speed => SetupOptions {
                bytes_per_cell: balance.bytes_per_cell * 16.0,
                ..balance
            },
        }
    }
}
