//! The IDX format of MNIST, plain or gzip-compressed.
//!
//! ```text
//! 0, 0, type, rank     four bytes; the type of unsigned bytes is 8
//! size of each dimension, u32 big-endian
//! the elements, row-major
//! ```

use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use thiserror::Error;
use zkml_core::files;

/// Most bytes of elements that are read at once.
const MAXIMUM_BYTES: u64 = 1 << 30;

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
    /// More elements than are read at once.
    #[error(
        "{}: expected at most {limit} bytes to be read at once, found an IDX header {shape:?}", path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Sizes in the header.
        shape: Vec<u32>,
        /// The most bytes.
        limit: u64,
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
    let file = IdxFile::open(path.as_ref())?;
    let all = 0..file.count();
    file.images(all)
}

/// Reads an IDX file of labels `[count]`.
///
/// # Errors
/// [`IdxError`] with the path.
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<u8>, IdxError> {
    let file = IdxFile::<1>::open(path.as_ref())?;
    let all = 0..file.count();
    file.records(all)
}

/// An IDX file of which the header was read.
pub(super) struct IdxFile<const RANK: usize> {
    path: PathBuf,
    shape: [u32; RANK],
    elements: Box<dyn Read>,
}

impl IdxFile<3> {
    /// The images of these numbers.
    pub(super) fn images(self, range: Range<usize>) -> Result<Images, IdxError> {
        let [_, height, width] = self.shape;
        Ok(Images {
            height: height as usize,
            width: width as usize,
            pixels: self.records(range)?,
        })
    }
}

impl<const RANK: usize> IdxFile<RANK> {
    pub(super) fn open(path: &Path) -> Result<Self, IdxError> {
        let io = |error| IdxError::Io {
            path: path.to_path_buf(),
            error,
        };
        let (file, length) = files::open(path).map_err(io)?;
        let mut file = BufReader::new(file);
        let compressed = file.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
        let mut elements: Box<dyn Read> = match compressed {
            true => Box::new(GzDecoder::new(file)),
            false => Box::new(file),
        };
        let shape = header(path, &mut elements)?;
        let file = Self {
            path: path.to_path_buf(),
            shape,
            elements,
        };
        // A compressed file tells its length at its end.
        let found = length.saturating_sub(HEADER_BYTES + 4 * RANK as u64);
        match compressed || file.size() == Some(found) {
            true => Ok(file),
            false => Err(file.wrong_size(found)),
        }
    }

    /// Number of records, the first size of the header.
    pub(super) fn count(&self) -> usize {
        self.shape.first().map_or(0, |count| *count as usize)
    }

    /// Elements of the whole file; `None` beyond 64 bits.
    fn size(&self) -> Option<u64> {
        let mut sizes = self.shape.iter();
        sizes.try_fold(1u64, |product, size| product.checked_mul(u64::from(*size)))
    }

    /// The elements of the records of these numbers. Memory follows what is read, never the sizes in the header.
    pub(super) fn records(mut self, range: Range<usize>) -> Result<Vec<u8>, IdxError> {
        let mut sizes = self.shape.iter().skip(1);
        let each = sizes.try_fold(1u64, |product, size| product.checked_mul(u64::from(*size)));
        let wanted = each.and_then(|each| each.checked_mul(range.len() as u64));
        let (Some(each), Some(wanted)) = (each, wanted.filter(|wanted| *wanted <= MAXIMUM_BYTES)) else {
            return Err(IdxError::TooLarge {
                path: self.path,
                shape: self.shape.to_vec(),
                limit: MAXIMUM_BYTES,
            });
        };
        let io = |error| IdxError::Io {
            path: self.path.clone(),
            error,
        };
        let skipped = each.saturating_mul(range.start as u64);
        let skipped = io::copy(&mut (&mut self.elements).take(skipped), &mut io::sink()).map_err(io)?;
        let mut data = Vec::new();
        // At the end, one byte more than there should be.
        let further = u64::from(range.end == self.count());
        (&mut self.elements)
            .take(wanted + further)
            .read_to_end(&mut data)
            .map_err(io)?;
        match data.len() as u64 == wanted {
            true => Ok(data),
            false => Err(self.wrong_size(skipped + data.len() as u64)),
        }
    }

    fn wrong_size(&self, found: u64) -> IdxError {
        IdxError::WrongSize {
            path: self.path.clone(),
            shape: self.shape.to_vec(),
            expected: self.size().unwrap_or(u64::MAX),
            found,
        }
    }
}

/// Bytes before the sizes.
const HEADER_BYTES: u64 = 4;

/// The sizes in the header.
fn header<const RANK: usize>(path: &Path, reader: &mut impl Read) -> Result<[u32; RANK], IdxError> {
    let path = path.to_path_buf();
    let header_bytes = HEADER_BYTES as usize + 4 * RANK;
    let mut header = Vec::new();
    if let Err(error) = reader.take(header_bytes as u64).read_to_end(&mut header) {
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
    Ok(shape)
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
        for (elements, found) in [(0, 0), (23, 23), (25, 25), (99, 99)] {
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
