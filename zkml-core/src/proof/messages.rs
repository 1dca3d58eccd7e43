//! A proof: the digest of its key and the prover's messages.

use serde::{Deserialize, Serialize};

use super::{Artifact, Kind};

/// The prover's messages, concatenated; what each byte means follows from the verifying key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Digest of the verifying key.
    pub key: [u8; 32],
    /// Number of the opening of the weights, counted by the prover: it says which commitment is opened. 0 for public
    /// weights.
    pub opening: u64,
    /// Messages in the order they are read; see `docs/protocol`.
    #[serde(with = "serde_bytes")]
    pub messages: Vec<u8>,
}

impl Artifact for Proof {
    const KIND: Kind = Kind::Proof;
    const VERSION: u32 = 3;
    const MAXIMUM_BYTES: u64 = 1 << 28;
}
