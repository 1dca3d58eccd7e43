//! The IDX format of MNIST, plain or gzip-compressed.
//!
//! ```text
//! 0, 0, type, rank     four bytes; the type of unsigned bytes is 8
//! size of each dimension, u32 big-endian
//! the elements, row-major
//! ```

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use thiserror::Error;

/// Why a file is not the IDX file it should be.
#[derive(Error)]
#[non_exhaustive]
pub enum IdxError {
    /// The file cannot be opened, read or decompressed.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        error: io::Error,
    },
    /// Not an IDX file, or one of another type or rank.
    #[error("{}: expected IDX magic {expected:#010x} (unsigned bytes, rank {rank}), found {found:#010x}", path.display())]
    WrongMagic {
        /// The file.
        path: PathBuf,
        /// Dimensions that were asked for.
        rank: u8,
        /// Magic number of such a file.
        expected: u32,
        /// The one in the file.
        found: u32,
    },
    /// The file ends inside its header.
    #[error("{}: the IDX header needs {expected} bytes, found {found}", path.display())]
    TruncatedHeader {
        /// The file.
        path: PathBuf,
        /// Bytes of the header.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The sizes in the header do not fit the elements.
    #[error("{}: the IDX header {shape:?} asks for {expected} elements, found {found}", path.display())]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Sizes in the header.
        shape: Vec<u32>,
        /// Their product.
        expected: u64,
        /// Elements that are there; one more than `expected` stands for any larger number.
        found: u64,
    },
}

zkml_core::debug_as_display!(IdxError);

/// Images of one channel and one byte a pixel, 0 black.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// Rows of each.
    pub height: usize,
    /// Columns of each.
    pub width: usize,
    pixels: Vec<u8>,
}

impl Images {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.pixels
            .len()
            .checked_div(self.height * self.width)
            .unwrap_or(0)
    }

    /// Pixels of one image, `height * width`, row-major.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let size = self.height * self.width;
        self.pixels
            .get(index.checked_mul(size)?..index.checked_add(1)?.checked_mul(size)?)
    }
}

/// Reads an IDX file of images `[count, height, width]`.
///
/// # Errors
/// [`IdxError`] with the path.
pub fn read_images(path: impl AsRef<Path>) -> Result<Images, IdxError> {
    let ([_, height, width], pixels) = read(path.as_ref())?;
    Ok(Images {
        height: height as usize,
        width: width as usize,
        pixels,
    })
}

/// Reads an IDX file of labels `[count]`.
///
/// # Errors
/// [`IdxError`] with the path.
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<u8>, IdxError> {
    let ([_], labels) = read(path.as_ref())?;
    Ok(labels)
}

fn read<const RANK: usize>(path: &Path) -> Result<([u32; RANK], Vec<u8>), IdxError> {
    let io = |error| IdxError::Io {
        path: path.to_path_buf(),
        error,
    };
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let compressed = file.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    if compressed {
        parse(path, GzDecoder::new(file))
    } else {
        parse(path, file)
    }
}

fn parse<const RANK: usize>(path: &Path, mut reader: impl Read) -> Result<([u32; RANK], Vec<u8>), IdxError> {
    let path = path.to_path_buf();
    let header_bytes = 4 + 4 * RANK;
    let mut header = Vec::new();
    if let Err(error) = (&mut reader).take(header_bytes as u64).read_to_end(&mut header) {
        return Err(IdxError::Io { path, error });
    }
    let (words, _) = header.as_chunks::<4>();
    let mut words = words.iter().map(|word| u32::from_be_bytes(*word));
    let expected = 0x0800 + RANK as u32;
    if let Some(found) = words.next().filter(|found| *found != expected) {
        return Err(IdxError::WrongMagic {
            path,
            rank: RANK as u8,
            expected,
            found,
        });
    }
    if header.len() < header_bytes {
        return Err(IdxError::TruncatedHeader {
            path,
            expected: header_bytes,
            found: header.len(),
        });
    }
    let mut shape = [0; RANK];
    shape.iter_mut().zip(words).for_each(|(size, word)| *size = word);

    // Memory follows the elements that are read, never the sizes in the header: a hostile header allocates nothing.
    let elements = shape
        .iter()
        .try_fold(1u64, |product, size| product.checked_mul(u64::from(*size)));
    let limit = elements.unwrap_or(u64::MAX).saturating_add(1);
    let mut data = Vec::new();
    if let Err(error) = reader.take(limit).read_to_end(&mut data) {
        return Err(IdxError::Io { path, error });
    }
    let found = data.len() as u64;
    if elements != Some(found) {
        let expected = elements.unwrap_or(u64::MAX);
        return Err(IdxError::WrongSize {
            path,
            shape: shape.to_vec(),
            expected,
            found,
        });
    }
    Ok((shape, data))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn asset(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples/assets")
            .join(name)
    }

    fn file(magic: u32, shape: &[u32], elements: usize) -> Vec<u8> {
        let words = std::iter::once(&magic).chain(shape);
        words
            .flat_map(|word| word.to_be_bytes())
            .chain((0..elements).map(|i| i as u8))
            .collect()
    }

    fn images(bytes: &[u8]) -> Result<Images, IdxError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read_images(file.path())
    }

    #[test]
    fn the_shipped_digits() {
        let digits = read_images(asset("mnist-t10k-first1000-images-idx3-ubyte.gz")).unwrap();
        let labels = read_labels(asset("mnist-t10k-first1000-labels-idx1-ubyte")).unwrap();
        assert_eq!((digits.len(), digits.height, digits.width), (1000, 28, 28));
        assert_eq!(labels.len(), 1000);
        assert_eq!(labels[..10], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
        assert!(digits.get(999).is_some() && digits.get(1000).is_none());
    }

    #[test]
    fn plain_and_compressed_files_are_the_same() {
        let plain = file(0x803, &[2, 3, 4], 24);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&plain).unwrap();
        let compressed = encoder.finish().unwrap();
        let read = images(&plain).unwrap();
        assert_eq!(read, images(&compressed).unwrap());
        assert_eq!(read.get(1).unwrap(), (12..24).collect::<Vec<u8>>());
        assert!(matches!(images(&compressed[..20]), Err(IdxError::Io { .. })));
    }

    #[test]
    fn wrong_files_are_refused() {
        let labels = file(0x801, &[24], 24);
        assert!(matches!(
            images(&labels),
            Err(IdxError::WrongMagic {
                found: 0x801,
                expected: 0x803,
                ..
            })
        ));
        assert!(matches!(
            images(b"PK\x03\x04...."),
            Err(IdxError::WrongMagic { .. })
        ));
        for length in 0..16 {
            let header = &file(0x803, &[0, 0, 0], 0)[..length];
            assert!(
                matches!(images(header), Err(IdxError::TruncatedHeader { found, .. }) if found == length)
            );
        }
        for (elements, found) in [(0, 0), (23, 23), (25, 25), (99, 25)] {
            let wrong = images(&file(0x803, &[2, 3, 4], elements));
            let Err(IdxError::WrongSize {
                expected: 24,
                found: other,
                ..
            }) = wrong
            else {
                panic!("{wrong:?}")
            };
            assert_eq!(other, found);
        }
        let huge = images(&file(0x803, &[u32::MAX; 3], 10));
        assert!(
            matches!(huge, Err(IdxError::WrongSize { found: 10, .. })),
            "{huge:?}"
        );
        let missing = read_labels(asset("missing")).unwrap_err().to_string();
        assert!(missing.contains("missing"), "{missing}");
    }
}
