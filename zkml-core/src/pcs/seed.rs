//! Where the randomness of a commitment comes from.

use core::fmt;

use super::error::PcsError;
use super::hash::{Digest, LANES};
use crate::field::{M61, P};

/// The secret that the salts and tails of one commitment come from. Fresh for every commitment, and as secret
/// as the data.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A fresh seed from the operating system.
    ///
    /// # Errors
    ///
    /// [`PcsError::Randomness`] where it has none.
    pub fn from_os() -> Result<Self, PcsError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| PcsError::Randomness(error.to_string()))?;
        Ok(Self(bytes))
    }

    /// A seed kept from an earlier commitment to the same data.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The seed, to be kept with the data.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn stream(&self, purpose: &[u8; 8], index: u64) -> blake3::OutputReader {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose);
        hasher.update(&index.to_le_bytes());
        hasher.finalize_xof()
    }

    /// The salts of columns `16 group .. 16 group + 15`: a stream of several blocks, which is hashed at once.
    pub(super) fn salts(&self, group: usize) -> [Digest; LANES] {
        let mut salts = [[0; 32]; LANES];
        self.stream(b"salt....", group as u64)
            .fill(salts.as_flattened_mut());
        salts
    }

    /// `count` uniform coefficients behind row `row`.
    pub(super) fn tail(&self, row: usize, count: usize) -> Vec<M61> {
        let mut stream = self.stream(b"tail....", row as u64);
        let words = core::iter::repeat_with(|| {
            let mut bytes = [0; 8];
            stream.fill(&mut bytes);
            u64::from_le_bytes(bytes) & P
        });
        words
            .filter(|word| *word < P)
            .map(M61::from_raw)
            .take(count)
            .collect()
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}
