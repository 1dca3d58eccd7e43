//! Labelled images of one or three channels, one byte a value.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use thiserror::Error;
use zkml::data::idx::{IdxError, read_images, read_labels};
use zkml::quant::Preprocessing;

use super::terminal::{Style, image};

/// Why there are no images.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ImagesError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    /// A file of MNIST is not what it should be.
    #[error(transparent)]
    Idx(#[from] IdxError),
    /// Another number of labels than of images.
    #[error("expected one label an image, found {labels} labels and {images} images")]
    Labels { labels: usize, images: usize },
    /// The file does not consist of whole records.
    #[error("{}: expected records of {record} bytes, found {found} bytes", path.display())]
    Records {
        path: PathBuf,
        record: usize,
        found: usize,
    },
}

/// Images with a class each.
#[derive(Debug, Clone)]
pub(crate) struct LabelledImages {
    /// 1 (grey) or 3 (red, green, blue).
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Image by image, channel by channel, row-major.
    values: Vec<u8>,
    labels: Vec<u8>,
}

impl LabelledImages {
    /// MNIST: images and labels as IDX files, plain or gzip-compressed.
    pub(crate) fn mnist(images: &Path, labels: &Path) -> Result<Self, ImagesError> {
        let (images, labels) = (read_images(images)?, read_labels(labels)?);
        if images.len() != labels.len() {
            return Err(ImagesError::Labels {
                labels: labels.len(),
                images: images.len(),
            });
        }
        Ok(Self {
            channels: 1,
            height: images.height,
            width: images.width,
            values: (0..images.len())
                .filter_map(|index| images.get(index))
                .flatten()
                .copied()
                .collect(),
            labels,
        })
    }

    /// CIFAR-10, binary version: a label byte, then the red, green and blue planes of 32 x 32, for each image.
    pub(crate) fn cifar10(path: &Path) -> Result<Self, ImagesError> {
        const RECORD: usize = 1 + 3 * 32 * 32;
        let bytes = fs::read(path).map_err(|error| ImagesError::Io {
            path: path.to_path_buf(),
            error,
        })?;
        let (records, rest) = bytes.as_chunks::<RECORD>();
        if !rest.is_empty() || records.is_empty() {
            return Err(ImagesError::Records {
                path: path.to_path_buf(),
                record: RECORD,
                found: bytes.len(),
            });
        }
        Ok(Self {
            channels: 3,
            height: 32,
            width: 32,
            values: records.iter().flat_map(|record| &record[1..]).copied().collect(),
            labels: records.iter().map(|record| record[0]).collect(),
        })
    }

    /// Number of images.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Class of an image.
    pub(crate) fn label(&self, index: usize) -> usize {
        self.labels.get(index).map_or(0, |&label| usize::from(label))
    }

    fn values(&self, index: usize) -> &[u8] {
        let size = self.channels * self.height * self.width;
        self.values
            .get(index * size..(index + 1) * size)
            .unwrap_or_default()
    }

    /// Red, green and blue of every pixel of an image, row-major.
    pub(crate) fn pixels(&self, index: usize) -> Vec<[u8; 3]> {
        let (values, plane) = (self.values(index), self.height * self.width);
        let value = |channel: usize, at: usize| values.get(channel * plane + at).copied().unwrap_or(0);
        let colour = |at| match self.channels {
            1 => [value(0, at); 3],
            _ => [value(0, at), value(1, at), value(2, at)],
        };
        (0..plane).map(colour).collect()
    }

    /// What a network takes: `count` images from `first` on, `[count, channels, height, width]` with the padding.
    pub(crate) fn tensor(&self, first: usize, count: usize, preprocessing: &Preprocessing) -> ArrayD<f32> {
        let (height, width, pad) = (self.height, self.width, preprocessing.pad);
        let shape = vec![count, self.channels, height + 2 * pad, width + 2 * pad];
        ArrayD::from_shape_fn(shape, |at| {
            let (row, column) = (at[2].wrapping_sub(pad), at[3].wrapping_sub(pad));
            let byte = if row < height && column < width {
                self.values(first + at[0])[(at[1] * height + row) * width + column]
            } else {
                0
            };
            preprocessing.apply(at[1], byte)
        })
    }

    /// An image as lines of text.
    pub(crate) fn text(&self, index: usize, style: Style) -> String {
        image(&self.pixels(index), self.width, style)
    }

    /// Writes an image as a PNG in which each pixel is a square of `scale` pixels a side.
    pub(crate) fn write_png(&self, index: usize, scale: usize, path: &Path) -> io::Result<()> {
        let pixels = self.pixels(index);
        let side = |size: usize| u32::try_from(size * scale).map_err(io::Error::other);
        let file = BufWriter::new(File::create(path)?);
        let mut encoder = png::Encoder::new(file, side(self.width)?, side(self.height)?);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        let rows = pixels.chunks(self.width.max(1)).flat_map(|row| {
            let line: Vec<u8> = row.iter().flat_map(|colour| colour.repeat(scale)).collect();
            line.repeat(scale)
        });
        let data: Vec<u8> = rows.collect();
        writer.write_image_data(&data).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cifar() -> LabelledImages {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets/cifar10-test-first1000.bin");
        LabelledImages::cifar10(&path).unwrap()
    }

    #[test]
    fn cifar_images_are_whole() {
        let images = cifar();
        assert_eq!((images.len(), images.channels), (1000, 3));
        // A cat, a ship, a ship, an aeroplane, a frog.
        assert_eq!([0, 1, 2, 3, 4].map(|index| images.label(index)), [3, 8, 8, 0, 6]);
        assert!((0..1000).all(|index| images.label(index) < 10));
    }

    #[test]
    fn tensors_are_padded_and_normalized() {
        let images = cifar();
        let preprocessing = Preprocessing {
            pad: 1,
            mean: vec![0.5, 0.0, 0.0],
            deviation: vec![0.5, 1.0, 1.0],
        };
        let tensor = images.tensor(7, 2, &preprocessing);
        assert_eq!(tensor.shape(), [2, 3, 34, 34]);
        assert_eq!(tensor[[0, 0, 0, 5]], -1.0);
        assert_eq!(tensor[[1, 2, 33, 33]], 0.0);
        let pixel = images.pixels(8)[32 * 3 + 4];
        assert_eq!(tensor[[1, 1, 4, 5]], f32::from(pixel[1]) / 255.0);
        assert_eq!(tensor[[1, 0, 4, 5]], (f32::from(pixel[0]) / 255.0 - 0.5) / 0.5);
    }

    #[test]
    fn pngs_can_be_read() {
        let images = cifar();
        let path = std::env::temp_dir().join(format!("zkml-images-{}.png", std::process::id()));
        images.write_png(3, 2, &path).unwrap();
        let decoder = png::Decoder::new(io::BufReader::new(File::open(&path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut data).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!((info.width, info.height), (64, 64));
        let pixels = images.pixels(3);
        for (at, colour) in data.chunks(3).enumerate() {
            assert_eq!(colour, pixels[at / 64 / 2 * 32 + at % 64 / 2], "{at}");
        }
    }

    #[test]
    fn half_a_record_is_refused() {
        let path = std::env::temp_dir().join(format!("zkml-cifar-{}.bin", std::process::id()));
        fs::write(&path, vec![0; 3073 + 9]).unwrap();
        let error = LabelledImages::cifar10(&path).unwrap_err();
        fs::remove_file(&path).unwrap();
        assert!(
            matches!(error, ImagesError::Records { found: 3082, .. }),
            "{error}"
        );
    }
}
