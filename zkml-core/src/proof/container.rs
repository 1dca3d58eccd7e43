//! Containers in memory: header, payload, checksum.

use super::canonical::check_canonical;
use super::header::{CHECKSUM_BYTES, HEADER_BYTES, Header, OVERHEAD_BYTES, check_limit, length};
use super::{Artifact, FormatError};

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
