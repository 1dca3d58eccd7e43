//! The binary files of CIFAR-10 and CIFAR-100.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zkml_core::files;

use super::pick::Pick;
use super::{Content, DataError, Image, Sample, sample};

/// Bytes of the pixels: three planes.
const PIXELS: usize = 3 * 32 * 32;

/// What a record has in front of its pixels. Its class is the last byte of that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records {
    name: &'static str,
    /// Bytes in front of the pixels.
    labels: usize,
    classes: u8,
}

pub(super) const CIFAR_10: Records = Records {
    name: "CIFAR-10",
    labels: 1,
    classes: 10,
};

/// A coarse label, of 20, and a fine one, of 100.
pub(super) const CIFAR_100: Records = Records {
    name: "CIFAR-100",
    labels: 2,
    classes: 100,
};

impl Records {
    /// Bytes of a record.
    pub(super) const fn bytes(self) -> usize {
        self.labels + PIXELS
    }
}

/// The images of a file, with their classes; of CIFAR-100 the fine ones. The size of the file says which of the two it
/// is: no file has as many records as would fit both (3074 of CIFAR-10).
pub(super) fn cifar(path: &Path, pick: Pick) -> Result<Vec<Sample>, DataError> {
    let io = |error| DataError::Io {
        path: path.to_path_buf(),
        error,
    };
    let damaged = |expected: String, found: String| DataError::Damaged {
        path: path.to_path_buf(),
        expected,
        found,
    };
    let (file, length) = files::open(path).map_err(io)?;
    let fits = |records: &Records| length.is_multiple_of(records.bytes() as u64);
    let Some(records) = [CIFAR_10, CIFAR_100].into_iter().find(fits) else {
        let [ten, hundred] = [CIFAR_10, CIFAR_100].map(Records::bytes);
        let expected = format!("records of CIFAR-10, {ten} bytes each, or of CIFAR-100, {hundred} bytes");
        return Err(damaged(
            expected,
            format!("{length} bytes, which is no multiple of either"),
        ));
    };
    let bytes = records.bytes() as u64;
    let count = usize::try_from(length / bytes).unwrap_or(usize::MAX);
    let range = pick.range(path, count)?;
    let mut file = BufReader::new(file);
    file.seek(SeekFrom::Start(range.start as u64 * bytes))
        .map_err(io)?;
    let mut read = |number: usize| {
        let mut record = Vec::new();
        (&mut file).take(bytes).read_to_end(&mut record).map_err(io)?;
        let expected = |what: String| format!("{what} in record {number} of {}", records.name);
        let parts = record.split_at_checked(records.labels);
        let image = parts.and_then(|(labels, pixels)| {
            Some((*labels.last()?, Image::from_planes(3, 32, 32, pixels.to_vec())?))
        });
        let (class, image) =
            image.ok_or_else(|| damaged(expected(format!("{bytes} bytes")), record.len().to_string()))?;
        if class >= records.classes {
            let what = expected(format!("a class below {}", records.classes));
            return Err(damaged(what, class.to_string()));
        }
        let class = Some(usize::from(class));
        Ok(sample(path, Some(number), class, Content::Image(image)))
    };
    range.map(&mut read).collect()
}
