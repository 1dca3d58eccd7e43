//! Containers in memory: header, payload, checksum.

use postcard::ser_flavors::Flavor;

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

/// The container of `artifact`.
///
/// # Errors
///
/// [`FormatError::Encode`] where serde refuses, [`FormatError::TooLarge`] above [`Artifact::MAXIMUM_BYTES`].
pub fn to_bytes<T: Artifact>(artifact: &T) -> Result<Vec<u8>, FormatError> {
    let encode = |error: postcard::Error| FormatError::Encode {
        kind: T::KIND,
        reason: error.to_string(),
    };
    // The payload is written after a header of zeros, so that it is not copied once more.
    let mut bytes = postcard::to_extend(artifact, vec![0; HEADER_BYTES]).map_err(encode)?;
    let payload_bytes = length(&bytes).saturating_sub(length(&[0; HEADER_BYTES]));
    let header = Header {
        kind: T::KIND,
        version: T::VERSION,
        payload_bytes,
    };
    check_limit::<T>(header.container_bytes())?;
    bytes
        .iter_mut()
        .zip(header.to_bytes())
        .for_each(|(byte, value)| *byte = value);
    let checksum = blake3::hash(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    Ok(bytes)
}

/// Reads the artifact in a container.
///
/// # Errors
///
/// Every variant of [`FormatError`] but `Encode`: header, size limit, size, checksum, payload and canonical
/// encoding are checked in this order.
pub fn from_bytes<T: Artifact>(bytes: &[u8]) -> Result<T, FormatError> {
    decode(checked_payload::<T>(bytes)?)
}

/// The payload of a container of a `T`: header, size limit, size and checksum are checked.
pub(super) fn checked_payload<T: Artifact>(bytes: &[u8]) -> Result<&[u8], FormatError> {
    let header = Header::parse(bytes)?;
    header.check_artifact::<T>(length(bytes))?;
    let truncated = || FormatError::Truncated {
        expected: OVERHEAD_BYTES,
        found: length(bytes),
    };
    let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(truncated)?;
    let payload = content.get(HEADER_BYTES..).ok_or_else(truncated)?;
    if blake3::hash(content) != *checksum {
        return Err(FormatError::Checksum);
    }
    Ok(payload)
}

/// Decodes an artifact, up to the last byte and in canonical encoding.
pub(super) fn decode<T: Artifact>(payload: &[u8]) -> Result<T, FormatError> {
    let decode = |error: postcard::Error| FormatError::Decode {
        kind: T::KIND,
        reason: error.to_string(),
    };
    let (artifact, rest) = postcard::take_from_bytes(payload).map_err(decode)?;
    if !rest.is_empty() {
        let reason = format!("{} bytes are left at its end", rest.len());
        return Err(FormatError::Decode {
            kind: T::KIND,
            reason,
        });
    }
    check_canonical(&artifact, payload)?;
    Ok(artifact)
}

/// Checks that `payload` is what `artifact` encodes to. Postcard reads, for example, integers with needless
/// leading zeros; with them, one proof would have many encodings.
fn check_canonical<T: Artifact>(artifact: &T, payload: &[u8]) -> Result<(), FormatError> {
    let comparison = postcard::serialize_with_flavor(
        artifact,
        Comparison {
            rest: payload,
            equal: true,
        },
    )
    .map_err(|error| FormatError::Encode {
        kind: T::KIND,
        reason: error.to_string(),
    })?;
    if comparison.equal && comparison.rest.is_empty() {
        return Ok(());
    }
    let offset = length(payload).saturating_sub(length(comparison.rest));
    Err(FormatError::NonCanonical {
        kind: T::KIND,
        offset,
    })
}

/// Compares an encoding with expected bytes while it is made, without storing it.
struct Comparison<'a> {
    /// Expected bytes that are not yet compared, up to the first difference.
    rest: &'a [u8],
    equal: bool,
}

impl Flavor for Comparison<'_> {
    type Output = Self;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if !self.equal {
            return Ok(());
        }
        if let Some(rest) = self.rest.strip_prefix(data) {
            self.rest = rest;
        } else {
            let common = self
                .rest
                .iter()
                .zip(data)
                .take_while(|(expected, found)| expected == found)
                .count();
            self.rest = self.rest.get(common..).unwrap_or_default();
            self.equal = false;
        }
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<Self> {
        Ok(self)
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

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
