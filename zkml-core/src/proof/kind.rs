//! The kinds of artifact and what ties a Rust type to one.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::FormatError;

/// What a container holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A quantized network with its weights, ready for setup.
    CompiledModel,
    /// What the prover needs: the circuit, the weights and their commitment.
    ProvingKey,
    /// What the verifier needs: the circuit and the commitment to the weights.
    VerifyingKey,
    /// A proof, with the public values it speaks of.
    Proof,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [
        Kind::CompiledModel,
        Kind::ProvingKey,
        Kind::VerifyingKey,
        Kind::Proof,
    ];

    /// The four bytes that follow "ZKML" in a container of this kind.
    pub const fn tag(self) -> [u8; 4] {
        match self {
            Kind::CompiledModel => *b"MODL",
            Kind::ProvingKey => *b"PKEY",
            Kind::VerifyingKey => *b"VKEY",
            Kind::Proof => *b"PROF",
        }
    }

    /// The kind with this tag, if there is one.
    pub fn from_tag(tag: [u8; 4]) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.tag() == tag)
    }

    /// Whether a file of this kind holds weights or secrets, and is for its owner alone.
    pub const fn is_secret(self) -> bool {
        matches!(self, Kind::CompiledModel | Kind::ProvingKey)
    }

    /// Name for people, such as "verifying key".
    pub const fn name(self) -> &'static str {
        match self {
            Kind::CompiledModel => "compiled model",
            Kind::ProvingKey => "proving key",
            Kind::VerifyingKey => "verifying key",
            Kind::Proof => "proof",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A type that travels in a container.
///
/// The serde form must be *deterministic* (no hash maps) and must hold no recursive types (their depth would
/// be chosen by the file) and no sequences of zero-sized values (a length of 2^60 would cost no bytes and be
/// read to its end). Byte strings should be `serde_bytes`, which reads them in one step.
pub trait Artifact: Serialize + DeserializeOwned {
    /// The kind, which is in the container's magic bytes.
    const KIND: Kind;
    /// Version of the encoding; raised with every change of the serde form. Other versions are refused.
    const VERSION: u32;
    /// Largest container of this kind, in bytes, header and checksum included. Larger files are refused
    /// before they are read, and larger artifacts are not written.
    const MAXIMUM_BYTES: u64;

    /// Calls `visit` with each name and each other text in it, what it is, and how many bytes it may have. A text that
    /// is [no name](crate::untrusted::check_text) is refused when the artifact is read or written.
    fn visit_texts(&self, _visit: &mut dyn FnMut(&'static str, &str, usize)) {}

    /// Looks at an encoding before it is decoded.
    ///
    /// # Errors
    /// [`FormatError::TooMany`] for what would take memory out of proportion.
    fn admit(_payload: &[u8]) -> Result<(), FormatError> {
        Ok(())
    }
}
