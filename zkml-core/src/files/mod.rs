//! Opening files that come from elsewhere: regular ones only, and never waiting for one.
//!
//! A named pipe without a writer blocks whoever opens it, and `/dev/zero` has no end. Every file that a command or the
//! library reads is opened here.
//!
//! - [`open`], [`read`], [`read_to_string`]; with the feature `prover` [`open_to_write`]
//! - [`Foreign`]: what a file is that should have been another

mod foreign;

pub use foreign::Foreign;

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file to read it; its length in bytes is that of this moment.
///
/// # Errors
/// Those of the operating system; [`io::ErrorKind::InvalidInput`] for a folder, pipe, socket or device, which says what
/// was found.
pub fn open(path: impl AsRef<Path>) -> io::Result<(File, u64)> {
    open_with(path.as_ref(), File::options().read(true))
}

/// Opens a regular file that is there, to read it and to write into it.
///
/// # Errors
/// As [`open`].
#[cfg(feature = "prover")]
pub fn open_to_write(path: impl AsRef<Path>) -> io::Result<File> {
    open_with(path.as_ref(), File::options().read(true).write(true)).map(|(file, _)| file)
}

fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<(File, u64)> {
    // Before, because opening a device may do something to it; and after, because the path may lead elsewhere by then.
    refuse_special(&std::fs::metadata(path)?)?;
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    refuse_special(&metadata)?;
    Ok((file, metadata.len()))
}

/// The bytes of a regular file of at most `limit` bytes. Memory follows what is read.
///
/// # Errors
/// As [`open`]; [`io::ErrorKind::FileTooLarge`].
pub fn read(path: impl AsRef<Path>, limit: u64) -> io::Result<Vec<u8>> {
    let (file, length) = open(path)?;
    let too_large = |found: String| {
        let message = format!("expected at most {limit} bytes, found {found}");
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    if length > limit {
        return Err(too_large(length.to_string()));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a file that grows meanwhile is found out.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_large("more".to_owned()));
    }
    Ok(bytes)
}

/// The text of a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`read`]; [`io::ErrorKind::InvalidData`] where it is not UTF-8.
pub fn read_to_string(path: impl AsRef<Path>, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("expected text in UTF-8, found another byte at offset {at}");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// What stands at a path, in words: "a folder", "a named pipe".
pub fn kind_of(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let special = [
            (kind.is_fifo(), "a named pipe"),
            (kind.is_socket(), "a socket"),
            (kind.is_char_device(), "a character device"),
            (kind.is_block_device(), "a block device"),
        ];
        if let Some((_, name)) = special.iter().find(|(is, _)| *is) {
            return name;
        }
    }
    match (kind.is_dir(), kind.is_file(), kind.is_symlink()) {
        (true, _, _) => "a folder",
        (_, true, _) => "a regular file",
        (_, _, true) => "a symbolic link",
        _ => "something else",
    }
}

fn refuse_special(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let message = format!("expected a regular file, found {}", kind_of(metadata.file_type()));
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        let error = read(&path, 3).unwrap_err().to_string();
        assert_eq!(error, "expected at most 3 bytes, found 4");
        std::fs::write(&path, b"ab\xff").unwrap();
        let error = read_to_string(&path, 9).unwrap_err().to_string();
        assert_eq!(error, "expected text in UTF-8, found another byte at offset 2");
        let error = open(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "expected a regular file, found a folder");
        assert_eq!(
            open(path.join("b")).unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
    }

    /// A pipe without a writer would block whoever opens it, a device has no end, a socket cannot be opened at all.
    #[cfg(unix)]
    #[test]
    fn special_files_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, found) in [
            (pipe.as_path(), "a named pipe"),
            (&link, "a named pipe"),
            (&socket, "a socket"),
            (Path::new("/dev/zero"), "a character device"),
        ] {
            let error = open(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!(
                error.to_string(),
                format!("expected a regular file, found {found}")
            );
        }
    }
}
