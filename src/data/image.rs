//! Images: bytes, plane by plane.

use std::io::BufReader;
use std::path::Path;

use image::{DynamicImage, ImageReader, Limits};
use ndarray::ArrayD;
use zkml_core::files;
use zkml_core::quant::Preprocessing;

use super::DataError;

/// Most bytes of an image file. Decoders of JPEG read all of it.
const FILE_BYTES: u64 = 1 << 28;

/// Most pixels on a side of an image that is decoded.
const SIDE: u32 = 1 << 14;

/// Most bytes that a decoder allocates.
const DECODED_BYTES: u64 = 1 << 28;

/// An image of one byte a pixel and channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `channels * height * width`, row-major.
    bytes: Vec<u8>,
}

impl Image {
    /// An image from its planes; `None` for another number of bytes.
    pub fn from_planes(channels: usize, height: usize, width: usize, bytes: Vec<u8>) -> Option<Self> {
        let size = channels.checked_mul(height)?.checked_mul(width)?;
        (bytes.len() == size).then_some(Self {
            channels,
            height,
            width,
            bytes,
        })
    }

    /// Decodes a PNG or JPEG file.
    ///
    /// # Errors
    /// A file that cannot be read or decoded, or has more than 16,384 pixels on a side; transparent
    /// pixels, which have no one colour.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let io = |error| DataError::Io {
            path: path.to_path_buf(),
            error,
        };
        let (file, length) = files::open(path).map_err(io)?;
        if length > FILE_BYTES {
            return Err(DataError::Damaged {
                path: path.to_path_buf(),
                expected: format!("an image of at most {FILE_BYTES} bytes"),
                found: length.to_string(),
            });
        }
        let mut reader = ImageReader::new(BufReader::new(file))
            .with_guessed_format()
            .map_err(io)?;
        // What a header announces is compared with these before anything of that size is made.
        let mut limits = Limits::default();
        limits.max_image_width = Some(SIDE);
        limits.max_image_height = Some(SIDE);
        limits.max_alloc = Some(DECODED_BYTES);
        reader.limits(limits);
        let decoded = reader.decode().map_err(|error| DataError::Image {
            path: path.to_path_buf(),
            error,
        })?;
        Self::from_decoded(&path.display().to_string(), &decoded)
    }

    fn from_decoded(place: &str, decoded: &DynamicImage) -> Result<Self, DataError> {
        let (width, height) = (decoded.width() as usize, decoded.height() as usize);
        if decoded.color().has_alpha()
            && let Some(at) = decoded
                .to_rgba8()
                .pixels()
                .position(|pixel| pixel.0[3] != u8::MAX)
        {
            return Err(DataError::Pixel {
                place: place.to_owned(),
                expected: "opaque pixels",
                found: "a transparent one",
                pixel: [at / width.max(1), at % width.max(1)],
            });
        }
        let (channels, bytes) = if decoded.color().has_color() {
            let pixels = decoded.to_rgb8().into_raw();
            let plane = |channel: usize| pixels.iter().skip(channel).step_by(3).copied();
            (3, (0..3).flat_map(plane).collect())
        } else {
            (1, decoded.to_luma8().into_raw())
        };
        Ok(Self {
            channels,
            height,
            width,
            bytes,
        })
    }

    /// The byte of a pixel.
    pub fn byte(&self, channel: usize, row: usize, column: usize) -> Option<u8> {
        if row >= self.height || column >= self.width {
            return None;
        }
        self.bytes
            .get((channel * self.height + row) * self.width + column)
            .copied()
    }

    /// The input `[C, H, W]` of a network: grey images are repeated for each channel.
    pub(super) fn tensor(
        &self,
        place: &str,
        shape: &[usize],
        preprocessing: &Preprocessing,
    ) -> Result<ArrayD<f32>, DataError> {
        let pad = preprocessing.pad;
        let wrong = |expected: String| DataError::Shape {
            place: place.to_owned(),
            expected,
            found: format!(
                "{} x {} pixels of {} channels",
                self.height, self.width, self.channels
            ),
        };
        let &[channels, height, width] = shape else {
            return Err(wrong(format!("numbers of shape {shape:?}")));
        };
        let padded = if pad == 0 {
            String::new()
        } else {
            format!(" (the model adds {pad} on each side)")
        };
        if self.height + 2 * pad != height || self.width + 2 * pad != width {
            let (height, width) = (height.saturating_sub(2 * pad), width.saturating_sub(2 * pad));
            return Err(wrong(format!("{height} x {width} pixels{padded}")));
        }
        if self.channels != channels && self.channels != 1 && channels != 1 {
            return Err(wrong(format!("{channels} channels")));
        }
        if channels == 1 {
            self.check_grey(place)?;
        }
        let source = |channel: usize| if self.channels == channels { channel } else { 0 };
        Ok(ArrayD::from_shape_fn(shape, |index| {
            let inside = index[1]
                .checked_sub(pad)
                .zip(index[2].checked_sub(pad))
                .and_then(|(row, column)| self.byte(source(index[0]), row, column));
            preprocessing.apply(index[0], inside.unwrap_or(0))
        }))
    }

    /// Refuses an image with a pixel whose channels differ.
    fn check_grey(&self, place: &str) -> Result<(), DataError> {
        let plane = self.height * self.width;
        let differs = |at: &usize| {
            let first = self.bytes.get(*at);
            (1..self.channels).any(|channel| self.bytes.get(channel * plane + at) != first)
        };
        match (0..plane).find(differs) {
            None => Ok(()),
            Some(at) => Err(DataError::Pixel {
                place: place.to_owned(),
                expected: "a grey image",
                found: "a coloured pixel",
                pixel: [at / self.width.max(1), at % self.width.max(1)],
            }),
        }
    }
}
