//! The header of a container.

use super::{Artifact, FormatError, Kind};

const MAGIC: [u8; 4] = *b"ZKML";

/// Bytes before the payload: magic, kind, version, payload length.
pub const HEADER_BYTES: usize = 20;
/// Bytes after the payload: its BLAKE3 checksum together with the header.
pub const CHECKSUM_BYTES: usize = 32;
/// Bytes of a container with an empty payload.
pub const OVERHEAD_BYTES: u64 = 52;

/// The first 20 bytes of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the container holds.
    pub kind: Kind,
    /// Version of the encoding of that kind.
    pub version: u32,
    /// Length of the payload in bytes, as announced. Hostile until compared with the actual size.
    pub payload_bytes: u64,
}

impl Header {
    /// Reads the header at the start of `bytes`, which may hold less than a container.
    ///
    /// Only the form is checked: that the magic bytes and the kind are known.
    ///
    /// # Errors
    ///
    /// [`FormatError::WrongMagic`], [`FormatError::UnknownKind`] or [`FormatError::Truncated`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let start = bytes.get(..MAGIC.len()).unwrap_or(bytes);
        if !MAGIC.starts_with(start) {
            return Err(FormatError::WrongMagic {
                found: start.to_vec(),
            });
        }
        let mut rest = bytes;
        let mut truncated = || FormatError::Truncated {
            expected: OVERHEAD_BYTES,
            found: length(bytes),
        };
        take::<4>(&mut rest).ok_or_else(&mut truncated)?;
        let tag = take(&mut rest).ok_or_else(&mut truncated)?;
        let kind = Kind::from_tag(tag).ok_or(FormatError::UnknownKind { found: tag })?;
        let version = u32::from_le_bytes(take(&mut rest).ok_or_else(&mut truncated)?);
        let payload_bytes = u64::from_le_bytes(take(&mut rest).ok_or_else(&mut truncated)?);
        Ok(Self {
            kind,
            version,
            payload_bytes,
        })
    }

    /// Size in bytes of the whole container, as announced.
    pub fn container_bytes(&self) -> u64 {
        self.payload_bytes.saturating_add(OVERHEAD_BYTES)
    }

    /// Checks the announced size against the actual one.
    pub(super) fn check_size(&self, actual: u64) -> Result<(), FormatError> {
        let expected = self.container_bytes();
        match actual.checked_sub(expected) {
            None => Err(FormatError::Truncated {
                expected,
                found: actual,
            }),
            Some(0) => Ok(()),
            Some(found) => Err(FormatError::TrailingBytes {
                offset: expected,
                found,
            }),
        }
    }

    /// Checks that this is the header of a `T`, within the size limit of `T` and of `actual` bytes.
    pub(super) fn check_artifact<T: Artifact>(&self, actual: u64) -> Result<(), FormatError> {
        if self.kind != T::KIND {
            return Err(FormatError::WrongKind {
                expected: T::KIND,
                found: self.kind,
            });
        }
        if self.version != T::VERSION {
            return Err(FormatError::WrongVersion {
                kind: T::KIND,
                expected: T::VERSION,
                found: self.version,
            });
        }
        check_limit::<T>(self.container_bytes().max(actual))?;
        self.check_size(actual)
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let fields = MAGIC
            .into_iter()
            .chain(self.kind.tag())
            .chain(self.version.to_le_bytes())
            .chain(self.payload_bytes.to_le_bytes());
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(byte, value)| *byte = value);
        bytes
    }
}

pub(super) fn check_limit<T: Artifact>(found: u64) -> Result<(), FormatError> {
    if found > T::MAXIMUM_BYTES {
        return Err(FormatError::TooLarge {
            kind: T::KIND,
            maximum: T::MAXIMUM_BYTES,
            found,
        });
    }
    Ok(())
}

/// Cuts `N` bytes off the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// The number of bytes.
pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
