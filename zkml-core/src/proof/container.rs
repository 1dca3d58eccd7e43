//! Containers in memory: header, payload, checksum.

use postcard::ser_flavors::Flavor;
use serde::Serialize;

use super::canonical::check_canonical;
use super::header::{CHECKSUM_BYTES, HEADER_BYTES, Header, OVERHEAD_BYTES, check_limit, length};
use super::{Artifact, FormatError};
use crate::untrusted::{check_text, excerpt};

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
    check_texts(artifact)?;
    let size = encoded_size(artifact).map_err(encode)?;
    let payload_bytes = u64::try_from(size).unwrap_or(u64::MAX);
    let header = Header {
        kind: T::KIND,
        version: T::VERSION,
        payload_bytes,
    };
    check_limit::<T>(header.container_bytes())?;
    // All of it at once: a vector that grows leaves copies of what it held behind, and a model is secret.
    let mut bytes = Vec::with_capacity(size.saturating_add(HEADER_BYTES).saturating_add(CHECKSUM_BYTES));
    bytes.extend_from_slice(&header.to_bytes());
    let mut bytes = postcard::to_extend(artifact, bytes).map_err(encode)?;
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

/// Bytes of the encoding of a value.
pub(super) fn encoded_size<T: Serialize>(value: &T) -> postcard::Result<usize> {
    postcard::serialize_with_flavor(value, Size(0))
}

/// Counts the bytes of an encoding.
struct Size(usize);

impl Flavor for Size {
    type Output = usize;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0 = self.0.saturating_add(data.len());
        Ok(())
    }

    fn try_push(&mut self, _: u8) -> postcard::Result<()> {
        self.0 = self.0.saturating_add(1);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.0)
    }
}

/// Refuses names that people cannot be shown.
pub(super) fn check_texts<T: Artifact>(artifact: &T) -> Result<(), FormatError> {
    let mut first = Ok(());
    artifact.visit_texts(&mut |what, text, most| {
        if first.is_ok() {
            first = check_text(text, most).map_err(|error| FormatError::Name {
                kind: T::KIND,
                what,
                name: excerpt(text),
                error,
            });
        }
    });
    first
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
    T::admit(payload)?;
    decode_admitted(payload)
}

/// As [`decode`], of a payload that was looked at.
pub(super) fn decode_admitted<T: Artifact>(payload: &[u8]) -> Result<T, FormatError> {
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
    check_texts(&artifact)?;
    Ok(artifact)
}
