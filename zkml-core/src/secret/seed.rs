//! Seeds: the secrets from which the randomness of commitments is derived.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::os_bytes;
use crate::field::{M61, P};

/// The secret that the salts and tails of one commitment come from. Fresh for every commitment, and as secret
/// as the data.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed {
    bytes: [u8; 32],
    /// Cells from these bytes, times a factor, are added to all cells: tests go along lines in the space of randomness.
    #[cfg(test)]
    #[zeroize(skip)]
    along: Option<([u8; 32], M61)>,
}

/// The operating system gave no random bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no randomness from the operating system: {0}")]
pub struct RandomnessError(pub(super) String);

/// Words of a stream that are made at once: 16 blocks of 64 bytes.
const WORDS: usize = 128;

impl Seed {
    /// The seed of a commitment without secrets, so that anyone can compute it again.
    pub const PUBLIC: Self = Self::from_bytes([0; 32]);

    /// A fresh seed from the operating system.
    ///
    /// # Errors
    ///
    /// [`RandomnessError`] where it has none.
    pub fn from_os() -> Result<Self, RandomnessError> {
        Ok(Self::from_bytes(*os_bytes()?))
    }

    /// A seed kept from an earlier commitment to the same data.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self {
            bytes,
            #[cfg(test)]
            along: None,
        }
    }

    /// A seed for another commitment of the same proof: it tells nothing of this one.
    pub fn derive(&self, purpose: &str) -> Self {
        let mut hasher = self.hasher();
        hasher.update(b"derive..");
        hasher.update(purpose.as_bytes());
        let derived = Self::from_bytes(*Zeroizing::new(hasher.finalize()).as_bytes());
        #[cfg(test)]
        if let Some((bytes, factor)) = self.along {
            return derived.along(&Self::from_bytes(bytes).derive(purpose), factor);
        }
        derived
    }

    /// The seed, to be kept with the data.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// A hasher under this seed, which is in its state.
    fn hasher(&self) -> Zeroizing<blake3::Hasher> {
        Zeroizing::new(blake3::Hasher::new_keyed(&self.bytes))
    }

    fn stream(&self, purpose: &[u8; 8], index: u64) -> Zeroizing<blake3::OutputReader> {
        let mut hasher = self.hasher();
        hasher.update(purpose);
        hasher.update(&index.to_le_bytes());
        Zeroizing::new(hasher.finalize_xof())
    }

    /// The salts of `LANES` columns, those of group `group`: a stream of several blocks, which is hashed at once.
    pub(crate) fn salts<const LANES: usize>(&self, group: usize) -> [[u8; 32]; LANES] {
        let mut salts = [[0; 32]; LANES];
        self.stream(b"salt....", group as u64)
            .fill(salts.as_flattened_mut());
        salts
    }

    /// The uniform coefficients of the tail of row `row`.
    pub(crate) fn fill_tail(&self, row: usize, tail: &mut [M61]) {
        self.fill(b"tail....", row as u64, tail);
    }

    /// Uniform cells of row `row`, for a row that is random itself: a pad or a mask.
    pub(crate) fn fill_row(&self, row: usize, cells: &mut [M61]) {
        self.fill(b"mask....", row as u64, cells);
    }

    fn fill(&self, purpose: &[u8; 8], index: u64, out: &mut [M61]) {
        let mut stream = self.stream(purpose, index);
        let mut bytes = Zeroizing::new([0; 8 * WORDS]);
        let mut rest = &mut *out;
        // The stream is read in whole blocks; a rejected word (probability 2^-61) is skipped.
        while !rest.is_empty() {
            stream.fill(bytes.as_mut_slice());
            let mut written = 0;
            let words = bytes.as_chunks::<8>().0.iter();
            for word in words
                .map(|word| u64::from_le_bytes(*word) & P)
                .filter(|word| *word < P)
            {
                let Some(cell) = rest.get_mut(written) else {
                    break;
                };
                *cell = M61::from_raw(word);
                written += 1;
            }
            rest = &mut rest[written..];
        }
        #[cfg(test)]
        self.go_along(purpose, index, out);
    }
}

#[cfg(test)]
impl Seed {
    /// Randomness that is this seed's plus `factor` times that of `other`. Salts are this seed's.
    pub(crate) fn along(mut self, other: &Self, factor: M61) -> Self {
        self.along = Some((other.bytes, factor));
        self
    }

    fn go_along(&self, purpose: &[u8; 8], index: u64, out: &mut [M61]) {
        if let Some((bytes, factor)) = self.along {
            let mut more = vec![M61::from_raw(0); out.len()];
            Self::from_bytes(bytes).fill(purpose, index, &mut more);
            out.iter_mut()
                .zip(more)
                .for_each(|(cell, more)| *cell += factor * more);
        }
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}
