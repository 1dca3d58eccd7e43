//! A proof: the digest of its key and the prover's messages.

use serde::{Deserialize, Serialize};

use super::{Artifact, Kind};

/// The prover's messages, concatenated; what each byte means follows from the verifying key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Digest of the verifying key.
    pub key: [u8; 32],
    /// Which of the key's commitments to the weights is opened.
    pub commitment: u32,
    /// Messages in the order they are read; see `docs/protocol`.
    #[serde(with = "serde_bytes")]
    pub messages: Vec<u8>,
}

impl Artifact for Proof {
    const KIND: Kind = Kind::Proof;
    const VERSION: u32 = 2;
    const MAXIMUM_BYTES: u64 = 1 << 28;
}
