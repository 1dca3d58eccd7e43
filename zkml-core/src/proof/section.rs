//! Containers with a section: raw bytes that are used where they stand in the file.
//!
//! ```text
//! payload offset   bytes    what
//! 0                8        m, length of the encoding, u64 little-endian
//! 8                m        postcard encoding of the artifact
//! 8 + m            ..       zeros, up to a multiple of 4096 bytes from the start of the file
//! ..               ..       the section, up to the end of the payload
//! ```
//!
//! The payload is that of any container: whoever checks size and checksum alone need not know of sections. The section
//! begins on a page and is never copied: it is written from where it is, and read by mapping the file. The artifact
//! says what the section must hold.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use zeroize::Zeroizing;

use super::container::{check_texts, checked_payload, decode, encoded_size};
use super::file::{io_error, open, to_u64};
use super::header::{HEADER_BYTES, check_limit, length};
use super::{Artifact, CHECKSUM_BYTES, FileError, FormatError, Header, Replacement};
use crate::int8::Int8Cells;
use crate::mapped::MappedFile;
use crate::secret::Wiped;

/// The section begins at a multiple of this many bytes: the size of a page, and more than any vector wants.
const ALIGNMENT: usize = 4096;

/// Bytes that are written at a time.
const CHUNK: usize = 1 << 16;

/// Writes an artifact with a section, as [`Replacement::write`] does; returns the size in bytes.
///
/// # Errors
///
/// As [`Replacement::write`].
pub(crate) fn write_with_section<T: Artifact>(
    file: Replacement,
    artifact: &T,
    section: &[i8],
) -> Result<u64, FileError> {
    let path = file.path().to_path_buf();
    let format = |error| FileError::Format {
        path: path.clone(),
        error,
    };
    let encode = |error: postcard::Error| {
        format(FormatError::Encode {
            kind: T::KIND,
            reason: error.to_string(),
        })
    };
    check_texts(artifact).map_err(format)?;
    // It holds the secret of a key, so it grows not once, and is overwritten in the end.
    let encoding = Vec::with_capacity(encoded_size(artifact).map_err(encode)?);
    let encoding = Wiped(postcard::to_extend(artifact, encoding).map_err(encode)?);
    let padding = section_start(encoding.len()).saturating_sub(encoding_end(encoding.len()));
    let payload = [8, encoding.len(), padding, section.len()];
    let header = Header {
        kind: T::KIND,
        version: T::VERSION,
        payload_bytes: payload.into_iter().map(to_u64).fold(0, u64::saturating_add),
    };
    check_limit::<T>(header.container_bytes()).map_err(format)?;
    file.finish(|file| {
        let mut out = Hashing {
            file,
            hasher: Zeroizing::new(blake3::Hasher::new()),
        };
        out.write(&header.to_bytes())?;
        out.write(&length(&encoding).to_le_bytes())?;
        out.write(&encoding)?;
        out.write(&vec![0; padding])?;
        let mut bytes = Wiped(Vec::with_capacity(CHUNK));
        for cells in section.chunks(CHUNK) {
            bytes.clear();
            bytes.extend(cells.iter().map(|cell| cell.cast_unsigned()));
            out.write(&bytes)?;
        }
        let checksum = out.hasher.finalize();
        out.file.write_all(checksum.as_bytes())
    })
}

/// Maps a file that was written with a section: the artifact, and the section as pages of the file.
///
/// The whole file is read once, for its checksum.
///
/// # Errors
///
/// As [`super::read_file`]; [`FormatError::Decode`] where the encoding or what is before the section is longer than the
/// payload, [`FormatError::NonCanonical`] where other bytes than zeros stand before the section.
pub(crate) fn map_file_with_section<T: Artifact>(path: &Path) -> Result<(T, Int8Cells), FileError> {
    let (header, _, file, size) = open(path)?;
    let format = |error| FileError::Format {
        path: path.to_path_buf(),
        error,
    };
    header.check_artifact::<T>(size).map_err(format)?;
    let map = MappedFile::new(&file).map_err(|error| io_error(path, "map", error))?;
    let (artifact, section) = split(&map).map_err(format)?;
    let cells = Int8Cells::mapped(map, section).ok_or_else(|| {
        format(FormatError::Truncated {
            expected: header.container_bytes(),
            found: size,
        })
    })?;
    Ok((artifact, cells))
}

/// The artifact in a container with a section, and where the section is.
fn split<T: Artifact>(bytes: &[u8]) -> Result<(T, Range<usize>), FormatError> {
    let payload = checked_payload::<T>(bytes)?;
    let short = |what: &str, wanted: String| FormatError::Decode {
        kind: T::KIND,
        reason: format!(
            "{what} should end at payload offset {wanted}, the payload has {} bytes",
            payload.len()
        ),
    };
    let (announced, rest) = payload
        .split_first_chunk()
        .ok_or_else(|| short("the length of the encoding", "8".into()))?;
    let announced = u64::from_le_bytes(*announced);
    let encoding = usize::try_from(announced)
        .ok()
        .and_then(|announced| rest.get(..announced))
        .ok_or_else(|| short("the encoding", announced.saturating_add(8).to_string()))?;
    let (end, start) = (encoding_end(encoding.len()), section_start(encoding.len()));
    let padding = bytes
        .get(end..start)
        .filter(|_| start <= payload.len().saturating_add(HEADER_BYTES))
        .ok_or_else(|| {
            let wanted = start.saturating_sub(HEADER_BYTES).to_string();
            short("what is before the section", wanted)
        })?;
    let artifact = decode(encoding)?;
    if let Some(place) = padding.iter().position(|byte| *byte != 0) {
        let offset = to_u64(end.saturating_add(place).saturating_sub(HEADER_BYTES));
        return Err(FormatError::NonCanonical {
            kind: T::KIND,
            offset,
        });
    }
    Ok((artifact, start..bytes.len().saturating_sub(CHECKSUM_BYTES)))
}

/// Where in the file an encoding of `length` bytes ends.
fn encoding_end(length: usize) -> usize {
    length.saturating_add(8).saturating_add(HEADER_BYTES)
}

/// Where in the file the section begins, after an encoding of `length` bytes.
fn section_start(length: usize) -> usize {
    let end = encoding_end(length);
    end.checked_next_multiple_of(ALIGNMENT).unwrap_or(usize::MAX)
}

/// A file and the hash of what was written to it.
struct Hashing<'a> {
    file: &'a mut File,
    /// The last bytes are in its state.
    hasher: Zeroizing<blake3::Hasher>,
}

impl Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }
}
