//! An array in a file, of which the header is known and checked, and the inputs in it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use ndarray::{ArrayD, Axis, ShapeBuilder};

use super::pick::Pick;
use super::{Content, DataError, Image, Sample, sample};

/// Most bytes of an array that is decompressed, or has to be read whole because its first axis runs fastest.
const MAXIMUM_BYTES: u64 = 1 << 30;

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    BF16,
    F32,
    F64,
}

impl Element {
    /// Bytes of a number.
    fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::BF16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// The numbers in `bytes`, rounded to `f32`.
    fn values(self, bytes: &[u8], big_endian: bool) -> Vec<f32> {
        match self {
            Self::Bool => bytes.iter().map(|&byte| f32::from(u8::from(byte != 0))).collect(),
            Self::U8 => bytes.iter().map(|&byte| f32::from(byte)).collect(),
            Self::I8 => bytes.iter().map(|&byte| f32::from(byte.cast_signed())).collect(),
            Self::U16 => each(bytes, big_endian, |word| f32::from(u16::from_le_bytes(word))),
            Self::I16 => each(bytes, big_endian, |word| f32::from(i16::from_le_bytes(word))),
            Self::U32 => each(bytes, big_endian, |word| u32::from_le_bytes(word) as f32),
            Self::I32 => each(bytes, big_endian, |word| i32::from_le_bytes(word) as f32),
            Self::U64 => each(bytes, big_endian, |word| u64::from_le_bytes(word) as f32),
            Self::I64 => each(bytes, big_endian, |word| i64::from_le_bytes(word) as f32),
            Self::F16 => each(bytes, big_endian, |word| f16::from_le_bytes(word).to_f32()),
            Self::BF16 => each(bytes, big_endian, |word| bf16::from_le_bytes(word).to_f32()),
            Self::F32 => each(bytes, big_endian, f32::from_le_bytes),
            Self::F64 => each(bytes, big_endian, |word| f64::from_le_bytes(word) as f32),
        }
    }
}

fn each<const N: usize>(bytes: &[u8], big_endian: bool, value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<N>();
    let ordered = words.iter().map(|&word| {
        let mut word = word;
        if big_endian {
            word.reverse();
        }
        value(word)
    });
    ordered.collect()
}

/// Where numbers come from; what is left out is skipped.
pub(super) enum Numbers<'a> {
    File(BufReader<File>),
    Unpacked(Box<dyn Read + 'a>),
}

impl Numbers<'_> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        match self {
            Self::File(file) => {
                // A file whose size was checked is not so long that this overflows.
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                file.seek(SeekFrom::Current(bytes)).map(|_| ())
            }
            Self::Unpacked(reader) => io::copy(&mut reader.take(bytes), &mut io::sink()).map(|_| ()),
        }
    }

    /// Memory follows what is read, whatever was announced.
    fn read(&mut self, bytes: u64) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        match self {
            Self::File(file) => file.take(bytes).read_to_end(&mut read)?,
            Self::Unpacked(reader) => reader.take(bytes).read_to_end(&mut read)?,
        };
        Ok(read)
    }
}

/// What the header of an array says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) element: Element,
    pub(super) big_endian: bool,
    /// Whether the first axis runs fastest.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Bytes of all numbers; `None` beyond 64 bits.
    pub(super) fn bytes(&self) -> Option<u64> {
        bytes_of(&self.shape, self.element)
    }
}

fn bytes_of(shape: &[usize], element: Element) -> Option<u64> {
    let cells = shape.iter().try_fold(1u64, |product, &size| {
        product.checked_mul(u64::try_from(size).ok()?)
    })?;
    cells.checked_mul(element.bytes() as u64)
}

/// An array whose numbers are still in its file. That they are as many as the header says was checked.
pub(super) struct Array<'a> {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    pub(super) numbers: Numbers<'a>,
}

impl Array<'_> {
    /// The inputs of a network that takes `shape`. An array with one axis more holds several.
    pub(super) fn samples(mut self, shape: &[usize], pick: Pick) -> Result<Vec<Sample>, DataError> {
        let (count, each) = self.split(shape)?;
        let range = pick.range(&self.path, count.unwrap_or(1))?;
        let path = self.path.clone();
        let number = |index: usize| count.map(|_| index);
        let read = if self.header.fortran && self.header.shape.len() > 1 {
            self.transposed(range.clone(), count.is_some())?
        } else {
            self.rows(range.clone(), &each)?
        };
        let content = |values: Values| match values {
            Values::Pixels(bytes) => image(&path, &each, bytes).map(Content::Image),
            Values::Real(values) => ArrayD::from_shape_vec(each.as_slice(), values)
                .map(Content::Tensor)
                .map_err(|error| damaged(&path, format!("numbers of shape {each:?}"), error.to_string())),
        };
        range
            .zip(read)
            .map(|(index, values)| Ok(sample(&path, number(index), None, content(values)?)))
            .collect()
    }

    /// How many inputs the array holds, if it has an axis for them, and the shape of each.
    fn split(&self, shape: &[usize]) -> Result<(Option<usize>, Vec<usize>), DataError> {
        let own = self.header.shape.as_slice();
        let wrong = |expected: String| DataError::Shape {
            place: self.path.display().to_string(),
            expected,
            found: format!("{own:?}"),
        };
        let several = own.len() == shape.len() + 1;
        if let (&[channels, ..], [.., front, _, last]) = (shape, own)
            && shape.len() == 3
            && *last == channels
            && matches!(channels, 1 | 3)
            && !matches!(front, 1 | 3)
        {
            return Err(wrong(
                "channels in front, [channels, height, width]; `numpy.moveaxis(x, -1, -3)` brings them there"
                    .into(),
            ));
        }
        if self.header.element == Element::U8 {
            // Pixels; a network may want zeros around them, so that their number says nothing here.
            return match *own {
                [count, channels, height, width] if several => {
                    Ok((Some(count), vec![channels, height, width]))
                }
                // No image has so many channels: these are images without the axis.
                [count, height, width] if !matches!(count, 1 | 3) => {
                    Ok((Some(count), vec![1, height, width]))
                }
                [channels, height, width] => Ok((None, vec![channels, height, width])),
                [height, width] => Ok((None, vec![1, height, width])),
                _ => Err(wrong("bytes of shape [channels, height, width]".into())),
            };
        }
        if several && own[1..] == *shape {
            return Ok((Some(own[0]), shape.to_vec()));
        }
        if own == shape {
            return Ok((None, shape.to_vec()));
        }
        let batch: Vec<String> = shape.iter().map(usize::to_string).collect();
        Err(wrong(format!(
            "numbers of shape {shape:?} or [N, {}]",
            batch.join(", ")
        )))
    }

    /// Inputs that stand one after the other.
    fn rows(&mut self, range: Range<usize>, each: &[usize]) -> Result<Vec<Values>, DataError> {
        let element = self.header.element;
        let bytes = bytes_of(each, element).filter(|bytes| *bytes <= MAXIMUM_BYTES);
        let bytes = bytes.ok_or_else(|| self.too_large(format!("an input of shape {each:?}")))?;
        let skipped = bytes.saturating_mul(range.start as u64);
        self.numbers.skip(skipped).map_err(|error| self.io(error))?;
        let mut rows = Vec::new();
        for _ in range {
            rows.push(self.read(bytes)?);
        }
        Ok(rows)
    }

    /// Inputs whose numbers are spread over the whole array.
    fn transposed(&mut self, range: Range<usize>, several: bool) -> Result<Vec<Values>, DataError> {
        let shape = self.header.shape.clone();
        let bytes = self.header.bytes().filter(|bytes| *bytes <= MAXIMUM_BYTES);
        let bytes = bytes.ok_or_else(|| {
            let found = format!("shape {shape:?} in Fortran order; `numpy.ascontiguousarray` changes that");
            self.too_large(found)
        })?;
        let path = self.path.clone();
        let damaged = |error: ndarray::ShapeError| {
            damaged(&path, format!("numbers of shape {shape:?}"), error.to_string())
        };
        fn part<T: Clone>(array: &ArrayD<T>, index: usize, several: bool) -> Vec<T> {
            match several {
                true => array.index_axis(Axis(0), index).iter().cloned().collect(),
                false => array.iter().cloned().collect(),
            }
        }
        let layout = shape.as_slice().f();
        match self.read(bytes)? {
            Values::Pixels(bytes) => {
                let array = ArrayD::from_shape_vec(layout, bytes).map_err(damaged)?;
                Ok(range
                    .map(|index| Values::Pixels(part(&array, index, several)))
                    .collect())
            }
            Values::Real(values) => {
                let array = ArrayD::from_shape_vec(layout, values).map_err(damaged)?;
                Ok(range
                    .map(|index| Values::Real(part(&array, index, several)))
                    .collect())
            }
        }
    }

    fn read(&mut self, bytes: u64) -> Result<Values, DataError> {
        let read = self.numbers.read(bytes).map_err(|error| self.io(error))?;
        if read.len() as u64 != bytes {
            let found = format!("{} before the end of the file", read.len());
            return Err(damaged(&self.path, format!("{bytes} bytes of numbers"), found));
        }
        Ok(match self.header.element {
            Element::U8 => Values::Pixels(read),
            element => Values::Real(element.values(&read, self.header.big_endian)),
        })
    }

    fn too_large(&self, found: String) -> DataError {
        let expected = format!("at most {MAXIMUM_BYTES} bytes to be read at once");
        damaged(&self.path, expected, found)
    }

    fn io(&self, error: io::Error) -> DataError {
        DataError::Io {
            path: self.path.clone(),
            error,
        }
    }
}

/// Numbers of one input.
enum Values {
    Real(Vec<f32>),
    Pixels(Vec<u8>),
}

fn image(path: &Path, shape: &[usize], bytes: Vec<u8>) -> Result<Image, DataError> {
    let image = match *shape {
        [channels, height, width] => Image::from_planes(channels, height, width, bytes),
        _ => None,
    };
    image.ok_or_else(|| DataError::Shape {
        place: path.display().to_string(),
        expected: "bytes of shape [channels, height, width]".into(),
        found: format!("{shape:?}"),
    })
}

pub(super) fn damaged(path: &Path, expected: String, found: String) -> DataError {
    DataError::Damaged {
        path: path.to_path_buf(),
        expected,
        found,
    }
}
