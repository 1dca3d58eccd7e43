//! Why bytes or a file are not the artifact they should be.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::Kind;
use crate::untrusted::NameError;

/// Why bytes are not a valid container. Offsets and sizes are in bytes.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes are no zkml container at all.
    #[error("not a zkml file: expected it to start with \"ZKML\", found \"{}\"", found.escape_ascii())]
    WrongMagic {
        /// The first bytes, at most four.
        found: Vec<u8>,
    },
    /// A zkml container of a kind that this version does not know.
    #[error("unknown kind of zkml file: \"{}\"", found.escape_ascii())]
    UnknownKind {
        /// The tag of the kind.
        found: [u8; 4],
    },
    /// A zkml container of another kind.
    #[error("expected a {expected}, found a {found}")]
    WrongKind {
        /// The kind asked for.
        expected: Kind,
        /// The kind in the header.
        found: Kind,
    },
    /// The encoding has another version.
    #[error("the {kind} has format version {found}, expected version {expected}")]
    WrongVersion {
        /// What is being read.
        kind: Kind,
        /// The version that this build reads and writes.
        expected: u32,
        /// The version in the header.
        found: u32,
    },
    /// The container is larger than its kind may be.
    #[error("the {kind} has {found} bytes, more than the {maximum} that are allowed")]
    TooLarge {
        /// What is being read or written.
        kind: Kind,
        /// The limit of the kind.
        maximum: u64,
        /// Actual size, or the size that the header announces.
        found: u64,
    },
    /// A proof is larger than any of the model that a key is for.
    #[error(
        "the proof has {found} bytes, and one of this key's model has at most {maximum}: it is of another model, or was \
         altered"
    )]
    OtherProof {
        /// Bytes of the largest proof.
        maximum: u64,
        /// Actual size.
        found: u64,
    },
    /// A list is longer than it may be.
    #[error("expected at most {maximum} {what}, found {found}")]
    TooMany {
        /// What is counted.
        what: String,
        /// The most.
        maximum: u64,
        /// How many there are.
        found: u64,
    },
    /// A name that people would be shown is not fit for that.
    #[error("the {what} of the {kind} is refused, \"{name}\": {error}")]
    Name {
        /// What is being read or written.
        kind: Kind,
        /// What is named.
        what: &'static str,
        /// The beginning of the name, escaped.
        name: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// The container ends too early.
    #[error("truncated: expected {expected} bytes, found {found}")]
    Truncated {
        /// Bytes that the header implies; the size of the smallest container while the header is incomplete.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// Bytes follow the container.
    #[error("{found} bytes follow the end of the container at offset {offset}")]
    TrailingBytes {
        /// Offset at which the container ends.
        offset: u64,
        /// Bytes left over.
        found: u64,
    },
    /// The checksum does not fit the bytes before it.
    #[error("the checksum does not match: the file was altered or damaged")]
    Checksum,
    /// The payload is not the encoding of the artifact.
    #[error("the payload of the {kind} cannot be decoded: {reason}")]
    Decode {
        /// What is being read.
        kind: Kind,
        /// What the decoder says.
        reason: String,
    },
    /// The payload decodes, but the artifact's encoding is another one.
    #[error("the payload of the {kind} is not in canonical encoding, first at payload offset {offset}")]
    NonCanonical {
        /// What is being read.
        kind: Kind,
        /// First offset in the payload at which it differs from the canonical encoding.
        offset: u64,
    },
    /// The artifact cannot be encoded.
    #[error("the {kind} cannot be encoded: {reason}")]
    Encode {
        /// What is being written.
        kind: Kind,
        /// What the encoder says.
        reason: String,
    },
}

crate::debug_as_display!(FormatError);

/// Why a file could not be read or written. The messages are complete: they hold those of the inner errors.
#[derive(Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file, or for writing no such folder.
    #[error("{}: no such file or folder", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused or failed.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, such as "read".
        action: &'static str,
        /// What the operating system says.
        error: io::Error,
    },
    /// The file is not the artifact it should be, or the artifact cannot be put in a file.
    #[error("{}: {error}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: FormatError,
    },
}

crate::debug_as_display!(FileError);
