//! A proof: the digest of its key, the public values it speaks of, and the prover's messages.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::skim::admit;
use crate::graph::Lengths;

use super::{Artifact, FileError, FormatError, Kind, PublicValues, read_file};

/// Everything that a prover hands to a verifier. Nothing in it is believed before it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Digest of the verifying key.
    pub key: [u8; 32],
    /// Number of the opening of the weights, counted by the prover: it says which commitment is opened. 0 for public
    /// weights.
    pub opening: u64,
    /// The lengths of the text, where the key is for texts of any length. The verifier resizes the network to them.
    pub lengths: Option<Lengths>,
    /// The public inputs and outputs. The transcript binds them before the first message.
    pub public: PublicValues,
    /// The prover's messages in the order they are read, concatenated; what each byte means follows from the verifying
    /// key. See `docs/protocol`.
    #[serde(with = "serde_bytes")]
    pub messages: Vec<u8>,
}

impl Proof {
    /// Reads a file that [`save`](Self::save) or `zkml prove` wrote, of at most
    /// [`MAXIMUM_VALUES`](super::MAXIMUM_VALUES) public values. Whoever has the key reads it with
    /// [`read_proof`](super::read_proof): then no file is read that is larger than a proof of that key.
    ///
    /// # Errors
    /// As [`read_file`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        read_file(path)
    }

    /// Writes the proof, whole or not at all, over a file of that name.
    ///
    /// # Errors
    /// As [`write_file`](super::write_file).
    #[cfg(feature = "prover")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        super::write_file(path, self).map(|_| ())
    }
}

impl Artifact for Proof {
    const KIND: Kind = Kind::Proof;
    const VERSION: u32 = 5;
    const MAXIMUM_BYTES: u64 = 1 << 28;

    fn admit(payload: &[u8]) -> Result<(), FormatError> {
        admit(payload, None)
    }
}
