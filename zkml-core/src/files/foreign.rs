//! Files that people give in the place of others, known by their first bytes.

use core::fmt;

/// What a file is that should have been another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// What `torch.save` writes: a zip archive with a pickle, or since before 2020 a pickle.
    TorchCheckpoint,
    /// What `torch.jit.save` writes.
    TorchScript,
    /// What `torch.export.save` writes, `.pt2`.
    TorchExport,
    /// Any other Python pickle.
    Pickle,
    /// The text that stands in a repository for a large file, until `git lfs pull` puts the file there.
    LfsPointer,
    /// An ONNX model.
    Onnx,
    /// llama.cpp's format.
    Gguf,
    /// HDF5, as Keras writes it.
    Hdf5,
    /// One NumPy array.
    Npy,
    /// A zip archive of NumPy arrays.
    Npz,
    /// Any other zip archive.
    Zip,
    /// A gzip stream.
    Gzip,
    /// A PNG image.
    Png,
    /// A JPEG image.
    Jpeg,
    /// A web page, such as a server's answer to a download that needs a login.
    WebPage,
    /// A file of zkml.
    Zkml,
    /// Nothing at all.
    Empty,
}

/// Bytes that are looked at, from the beginning and from the end of a file.
const LOOKED_AT: usize = 1 << 16;

/// The beginnings of files with one.
const BEGINNINGS: &[(&[u8], Foreign)] = &[
    // The pickled number 0x1950a86a20f9469cfc6c, torch's mark before it used zip archives.
    (
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19",
        Foreign::TorchCheckpoint,
    ),
    (b"\x80\x02", Foreign::Pickle),
    (b"\x80\x03", Foreign::Pickle),
    (b"\x80\x04\x95", Foreign::Pickle),
    (b"\x80\x05\x95", Foreign::Pickle),
    (b"version https://git-lfs.github.com/spec/", Foreign::LfsPointer),
    (b"GGUF", Foreign::Gguf),
    (b"\x89HDF\r\n\x1a\n", Foreign::Hdf5),
    (b"\x93NUMPY", Foreign::Npy),
    (b"\x1f\x8b\x08", Foreign::Gzip),
    (b"\x89PNG\r\n\x1a\n", Foreign::Png),
    (b"\xff\xd8\xff", Foreign::Jpeg),
    (b"<!doctype html", Foreign::WebPage),
    (b"<html", Foreign::WebPage),
    (b"ZKML", Foreign::Zkml),
];

/// Names in zip archives that tell whose they are. `constants.pkl` comes first: such an archive has a `data.pkl`, too.
const MEMBERS: &[(&[u8], Foreign)] = &[
    (b"serialized_exported_program.json", Foreign::TorchExport),
    (b"models/model.json", Foreign::TorchExport),
    (b"/constants.pkl", Foreign::TorchScript),
    (b"/data.pkl", Foreign::TorchCheckpoint),
    (b".npy", Foreign::Npz),
];

impl Foreign {
    /// What these bytes of a whole file are, if they are one of these.
    pub fn of(bytes: &[u8]) -> Option<Foreign> {
        if bytes.is_empty() {
            return Some(Foreign::Empty);
        }
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            return Some(archive(bytes));
        }
        if is_onnx(bytes) {
            return Some(Foreign::Onnx);
        }
        let begins = |mark: &[u8]| {
            let start = bytes.get(..mark.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(mark))
        };
        let found = BEGINNINGS.iter().find(|(mark, _)| begins(mark));
        found.map(|(_, foreign)| *foreign)
    }
}

fn archive(bytes: &[u8]) -> Foreign {
    // The list of members is at the end; where they are many, the first one stands at the beginning.
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let end = &bytes[bytes.len().saturating_sub(LOOKED_AT)..];
    let has = |name: &[u8]| {
        [start, end]
            .iter()
            .any(|part| part.windows(name.len()).any(|window| window == name))
    };
    let found = MEMBERS.iter().find(|(name, _)| has(name));
    found.map_or(Foreign::Zip, |(_, foreign)| *foreign)
}

/// ONNX has no mark. It is a protocol buffer that begins with its version and, from all exporters, their name.
fn is_onnx(bytes: &[u8]) -> bool {
    let [8, version, 0x12, length, name @ ..] = bytes else {
        return false;
    };
    let name = name.get(..usize::from(*length));
    *version < 32
        && name.is_some_and(|name| !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic()))
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Foreign::TorchCheckpoint => "a PyTorch checkpoint, as `torch.save` writes it",
            Foreign::TorchScript => "a TorchScript archive, as `torch.jit.save` writes it",
            Foreign::TorchExport => "an exported program, as `torch.export.save` writes it",
            Foreign::Pickle => "a Python pickle",
            Foreign::LfsPointer => "a Git LFS pointer, for the file itself was not downloaded",
            Foreign::Onnx => "an ONNX model",
            Foreign::Gguf => "a GGUF file",
            Foreign::Hdf5 => "an HDF5 file, as Keras writes it",
            Foreign::Npy => "a NumPy array (.npy)",
            Foreign::Npz => "an archive of NumPy arrays (.npz)",
            Foreign::Zip => "a zip archive",
            Foreign::Gzip => "a gzip-compressed file",
            Foreign::Png => "a PNG image",
            Foreign::Jpeg => "a JPEG image",
            Foreign::WebPage => "a web page (HTML), not the file that it links to",
            Foreign::Zkml => "a file of zkml",
            Foreign::Empty => "an empty file",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_beginning() {
        for (bytes, expected) in [
            (
                &b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."[..],
                Foreign::TorchCheckpoint,
            ),
            (b"\x80\x04\x95\x0b\x00", Foreign::Pickle),
            (b"PK\x03\x04....archive/data.pkl", Foreign::TorchCheckpoint),
            (
                b"PK\x03\x04....net/data.pkl...net/constants.pkl",
                Foreign::TorchScript,
            ),
            (
                b"PK\x03\x04....serialized_exported_program.json",
                Foreign::TorchExport,
            ),
            (b"PK\x03\x04....images.npy", Foreign::Npz),
            (b"PK\x03\x04....notes.txt", Foreign::Zip),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:12",
                Foreign::LfsPointer,
            ),
            (b"\x08\x08\x12\x07pytorch\x1a", Foreign::Onnx),
            (b"<!DOCTYPE html>", Foreign::WebPage),
            (b"\x89PNG\r\n\x1a\n", Foreign::Png),
            (b"", Foreign::Empty),
        ] {
            assert_eq!(Foreign::of(bytes), Some(expected), "{}", bytes.escape_ascii());
        }
        // The length of a safetensors header, and a JSON text.
        for bytes in [&b"\x40\0\0\0\0\0\0\0{\"a\""[..], b"{\"weight_map\"", b"P"] {
            assert_eq!(Foreign::of(bytes), None);
        }
    }
}
