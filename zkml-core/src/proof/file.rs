//! Containers on disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::header::{CHECKSUM_BYTES, HEADER_BYTES};
use super::{Artifact, FileError, FormatError, Header, from_bytes};
use crate::files;

/// Reads the artifact of type `T` in a file.
///
/// Kind, version and size are checked on the header and the size of the file, before the rest is read.
///
/// # Errors
///
/// [`FileError::NotFound`], [`FileError::Io`], or [`FileError::Format`] as in [`from_bytes`].
pub fn read_file<T: Artifact>(path: impl AsRef<Path>) -> Result<T, FileError> {
    let path = path.as_ref();
    let (header, start, mut file, size) = open(path)?;
    let format = |error| FileError::Format {
        path: path.to_path_buf(),
        error,
    };
    header.check_artifact::<T>(size).map_err(format)?;
    // `size` is the announced size now, and within the limit of the kind.
    let bytes = rest_of(&mut file, &start, size).map_err(|error| io_error(path, "read", error))?;
    #[cfg(feature = "prover")]
    let bytes = crate::secret::Wiped(bytes);
    from_bytes(&bytes).map_err(format)
}

/// All bytes of a file of `size` bytes whose `start` was read.
pub(super) fn rest_of(file: &mut File, start: &[u8], size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    bytes.extend_from_slice(start);
    // One byte more than announced, so that a file that grows meanwhile is found out, and not read to its end.
    let mut rest = file.take(size.saturating_add(1).saturating_sub(to_u64(start.len())));
    rest.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the header of any container and checks size and checksum, without decoding the payload or holding it
/// in memory.
///
/// # Errors
///
/// [`FileError::NotFound`], [`FileError::Io`], or [`FileError::Format`] with the variants `WrongMagic`,
/// `UnknownKind`, `Truncated`, `TrailingBytes` and `Checksum`.
pub fn inspect_file(path: impl AsRef<Path>) -> Result<Header, FileError> {
    let path = path.as_ref();
    let (header, start, mut file, size) = open(path)?;
    let format = |error| FileError::Format {
        path: path.to_path_buf(),
        error,
    };
    header.check_size(size).map_err(format)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&start);
    let read = |error| io_error(path, "read", error);
    hasher
        .update_reader((&mut file).take(header.payload_bytes))
        .map_err(read)?;
    let mut checksum = Vec::with_capacity(CHECKSUM_BYTES);
    file.take(to_u64(CHECKSUM_BYTES))
        .read_to_end(&mut checksum)
        .map_err(read)?;
    if hasher.finalize() != *checksum {
        return Err(format(FormatError::Checksum));
    }
    Ok(header)
}

/// Writes an artifact to a file, whole or not at all.
///
/// The container is written to a temporary file in the same folder, flushed to disk and renamed to `path`. If anything
/// fails, what was at `path` is still there and the temporary file is removed. Returns the size in bytes. On Unix the
/// file gets the usual permissions (0666 less the umask), but that of a compiled model or proving key is for its owner
/// alone (0600).
///
/// # Errors
///
/// [`FileError::Format`] as in [`super::to_bytes`]; [`FileError::NotFound`] where the folder does not exist;
/// [`FileError::Io`].
#[cfg(feature = "prover")]
pub fn write_file<T: Artifact>(path: impl AsRef<Path>, artifact: &T) -> Result<u64, FileError> {
    super::Replacement::begin(path.as_ref(), T::KIND.is_secret())?.write(artifact)
}

/// Opens a container: its header, the bytes of the header, the file positioned after them, and its size.
pub(super) fn open(path: &Path) -> Result<(Header, [u8; HEADER_BYTES], File, u64), FileError> {
    let read = |error| io_error(path, "read", error);
    let (mut file, size) = files::open(path).map_err(read)?;
    let mut start = Vec::with_capacity(HEADER_BYTES);
    (&mut file)
        .take(to_u64(HEADER_BYTES))
        .read_to_end(&mut start)
        .map_err(read)?;
    let format = |error| FileError::Format {
        path: path.to_path_buf(),
        error,
    };
    let header = Header::parse(&start).map_err(format)?;
    let mut bytes = [0; HEADER_BYTES];
    bytes
        .iter_mut()
        .zip(start)
        .for_each(|(byte, value)| *byte = value);
    Ok((header, bytes, file, size))
}

pub(super) fn io_error(path: &Path, action: &'static str, error: io::Error) -> FileError {
    let path = path.to_path_buf();
    match error.kind() {
        io::ErrorKind::NotFound => FileError::NotFound { path },
        _ => FileError::Io { path, action, error },
    }
}

pub(super) fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
