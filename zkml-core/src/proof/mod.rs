//! The wire format: how models, keys and proofs are stored and sent.
//!
//! Every artifact travels in the same container (`docs/file-formats.md`):
//!
//! ```text
//! offset      bytes    what
//! 0           4        "ZKML"
//! 4           4        tag of the kind, see `Kind`
//! 8           4        format version of the kind, u32 little-endian
//! 12          8        n, length of the payload, u64 little-endian
//! 20          n        payload: postcard encoding of the artifact
//! 20 + n      32       BLAKE3 of all bytes before
//! ```
//!
//! The encoding is canonical: a container that is accepted is the only one that decodes to its artifact. The
//! checksum finds accidents, not attacks: anyone can compute it. What is decoded is therefore hostile until
//! its own checks have passed, and reading never allocates more than a small multiple of the file.
//!
//! - `kind`: the kinds and the trait [`Artifact`], which ties a type to its kind, version and size limit
//! - `container`, `header`, `canonical`: [`to_bytes`], [`from_bytes`], [`Header`], and the check that an encoding is
//!   the one
//! - `file`: [`read_file`], [`inspect_file`] and, with the feature `prover`, `write_file`
//! - `replacement`, with the feature `prover`: a file in the making, which takes its name once it is whole
//! - `artifact`, `public`: [`Proof`], the artifact of one execution, and the [`PublicValues`] in it
//! - `skim`: a look at a proof before it is decoded, and [`read_proof`], which knows from the key how large it may be
//! - `section`, with the feature `prover`: containers with raw bytes after the encoding, which are used in place
//! - `error`: [`FormatError`] (bytes) and [`FileError`] (bytes of a file)

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod artifact;
mod canonical;
mod container;
mod error;
mod file;
mod header;
mod kind;
mod public;
#[cfg(feature = "prover")]
mod replacement;
#[cfg(feature = "prover")]
mod section;
mod skim;
#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;

pub use artifact::Proof;
pub use container::{from_bytes, to_bytes};
pub use error::{FileError, FormatError};
#[cfg(feature = "prover")]
pub use file::write_file;
pub use file::{inspect_file, read_file};
pub use header::{CHECKSUM_BYTES, HEADER_BYTES, Header, OVERHEAD_BYTES};
pub use kind::{Artifact, Kind};
pub use public::PublicValues;
#[cfg(feature = "prover")]
pub use replacement::{Replacement, replace_file};
#[cfg(feature = "prover")]
pub(crate) use section::{map_file_with_section, write_with_section};
pub use skim::{
    MAXIMUM_VALUES, Outline, ProofLimits, ProofOutline, outline_file, proof_from_bytes, read_proof,
};
