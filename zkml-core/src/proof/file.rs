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
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    bytes.extend_from_slice(&start);
    // One byte more than announced, so that a file that grows meanwhile is found out, and not read to its end.
    let mut rest = (&mut file).take(size.saturating_add(1).saturating_sub(to_u64(start.len())));
    rest.read_to_end(&mut bytes)
        .map_err(|error| io_error(path, "read", error))?;
    from_bytes(&bytes).map_err(format)
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
    use std::io::Write;

    let path = path.as_ref();
    let bytes = super::to_bytes(artifact).map_err(|error| FileError::Format {
        path: path.to_path_buf(),
        error,
    })?;
    replace_file(path, T::KIND.is_secret(), |file| file.write_all(&bytes))?;
    Ok(to_u64(bytes.len()))
}

/// Puts what `write` writes in the place of the file at `path`, whole or not at all. A `secret` file is for its owner
/// alone.
///
/// # Errors
///
/// [`FileError::NotFound`] where the folder does not exist; [`FileError::Io`].
#[cfg(feature = "prover")]
pub fn replace_file(
    path: &Path,
    secret: bool,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), FileError> {
    let failed = |error| io_error(path, "write", error);
    // A device or pipe would be replaced by a file of its name, and `/dev/null` would be one for everybody.
    if let Ok(metadata) = std::fs::metadata(path)
        && !metadata.is_file()
    {
        let found = files::kind_of(metadata.file_type());
        let message = format!("expected a file or nothing in its place, found {found}");
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, message)));
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".zkml-").suffix(".partial");
    // Temporary files are private by default, and a verifying key is made to be handed on; a proving key is not.
    #[cfg(unix)]
    if !secret {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let mut temporary = builder.tempfile_in(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FileError::NotFound {
            path: folder.to_path_buf(),
        },
        _ => failed(error),
    })?;
    write(temporary.as_file_mut()).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    // The rename itself is on disk once the folder is.
    #[cfg(unix)]
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?;
    Ok(())
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
