//! A file in the making.
//!
//! It is begun before work whose result it will hold: a folder that cannot be written to, and a full disk, are then
//! noticed while nothing is lost. A proof costs one of its key's openings.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::file::{io_error, to_u64};
use super::{Artifact, FileError, to_bytes};
use crate::files;
use crate::secret::Wiped;

/// A temporary file in the folder of its place. It takes its name once it is whole, and is removed if it never is.
#[derive(Debug)]
pub struct Replacement {
    path: PathBuf,
    folder: PathBuf,
    temporary: NamedTempFile,
}

/// Bytes of a disk that are taken at a time.
const CHUNK: usize = 1 << 16;

impl Replacement {
    /// Begins a file that will be put at `path`. A `secret` file is for its owner alone (on Unix 0600); others get the
    /// usual permissions (0666 less the umask).
    ///
    /// # Errors
    ///
    /// [`FileError::NotFound`] where the folder does not exist; [`FileError::Io`], also where something other than a
    /// file is at `path`.
    pub fn begin(path: &Path, secret: bool) -> Result<Self, FileError> {
        let failed = |error| io_error(path, "write", error);
        // A device or a folder would be replaced, or would refuse that in the end.
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
        let temporary = builder.tempfile_in(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => FileError::NotFound {
                path: folder.to_path_buf(),
            },
            _ => failed(error),
        })?;
        Ok(Self {
            path: path.to_path_buf(),
            folder: folder.to_path_buf(),
            temporary,
        })
    }

    /// Takes room for so many bytes on the disk, by writing zeros.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`] where there is not as much.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), FileError> {
        let file = self.temporary.as_file_mut();
        let mut take = || {
            let (zeros, mut left) = (vec![0; CHUNK], bytes);
            while left > 0 {
                let now = zeros
                    .get(..usize::try_from(left).unwrap_or(CHUNK))
                    .unwrap_or(&zeros);
                file.write_all(now)?;
                left = left.saturating_sub(to_u64(now.len()));
            }
            file.sync_data()
        };
        take().map_err(|error| io_error(&self.path, "write", error))
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is meanwhile.
    pub fn temporary_path(&self) -> &Path {
        self.temporary.path()
    }

    /// Writes the file and puts it in its place. Returns its size in bytes. Whatever fails, what was at that place is
    /// still there.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`].
    pub fn finish(mut self, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<u64, FileError> {
        let failed = |error| io_error(&self.path, "write", error);
        let file = self.temporary.as_file_mut();
        let fill = || {
            file.rewind()?;
            write(file)?;
            let bytes = file.stream_position()?;
            // What was reserved and is not needed.
            file.set_len(bytes)?;
            file.sync_all()?;
            Ok(bytes)
        };
        let bytes = fill().map_err(failed)?;
        self.temporary
            .persist(&self.path)
            .map_err(|error| failed(error.error))?;
        // The rename itself is on disk once the folder is.
        #[cfg(unix)]
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        Ok(bytes)
    }

    /// Writes an artifact, as [`Self::finish`].
    ///
    /// # Errors
    ///
    /// [`FileError::Format`] as in [`to_bytes`]; [`FileError::Io`].
    pub fn write<T: Artifact>(self, artifact: &T) -> Result<u64, FileError> {
        let bytes = to_bytes(artifact).map_err(|error| FileError::Format {
            path: self.path.clone(),
            error,
        })?;
        let bytes = Wiped(bytes);
        self.finish(|file| file.write_all(&bytes))
    }
}

/// Puts what `write` writes in the place of the file at `path`, whole or not at all. A `secret` file is for its owner
/// alone.
///
/// # Errors
///
/// [`FileError::NotFound`] where the folder does not exist; [`FileError::Io`].
pub fn replace_file(
    path: &Path,
    secret: bool,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), FileError> {
    Replacement::begin(path, secret)?.finish(write).map(|_| ())
}
