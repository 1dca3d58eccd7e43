//! The choice between small proofs and fast ones.

use zkml_core::pcs::MIN_DIGEST_BYTES;
use zkml_core::setup::SetupOptions;

/// What the proofs of a key are optimized for. Longer codewords take more work and make proofs smaller.
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
    /// The options of setup for this choice: how many bytes of proof one encoded cell is worth, how much proof of work
    /// may save bytes, and how many bytes a node of a tree has.
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
