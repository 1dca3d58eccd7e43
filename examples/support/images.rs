//! Labelled images: what a network is asked about, shown in a terminal and as a file.

use std::io;
use std::path::Path;

use ndarray::ArrayD;
use zkml::data::idx::read_labels;
use zkml::data::{Content, DataError, Image, Sample, batch, samples};
use zkml::quant::Preprocessing;

use super::terminal::{Style, image};

/// Images of one size with a class each.
#[derive(Debug)]
pub(crate) struct LabelledImages {
    samples: Vec<Sample>,
    /// Channels, height and width of what the network takes.
    input: [usize; 3],
}

impl LabelledImages {
    /// The images of a file for a network that takes `input`; their labels, where they stand in another file.
    pub(crate) fn open(
        images: &Path,
        labels: Option<&Path>,
        input: [usize; 3],
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut samples = samples(images, &input, usize::MAX)?;
        if let Some(path) = labels {
            let labels = read_labels(path)?;
            if labels.len() != samples.len() {
                let (expected, found) = (samples.len(), labels.len());
                return Err(format!("{}: expected {expected} labels, found {found}", path.display()).into());
            }
            for (sample, label) in samples.iter_mut().zip(labels) {
                sample.label = Some(usize::from(label));
            }
        }
        Ok(Self { samples, input })
    }

    /// Number of images.
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Class of an image; 0 where it has none.
    pub(crate) fn label(&self, index: usize) -> usize {
        self.samples
            .get(index)
            .and_then(|sample| sample.label)
            .unwrap_or(0)
    }

    /// What the network takes: `count` images from `first` on, as one batch.
    pub(crate) fn tensor(
        &self,
        first: usize,
        count: usize,
        preprocessing: &Preprocessing,
    ) -> Result<ArrayD<f32>, DataError> {
        let chosen = self.samples.get(first..first + count).unwrap_or_default();
        batch(chosen, &self.input, Some(preprocessing))
    }

    fn image(&self, index: usize) -> Option<&Image> {
        match &self.samples.get(index)?.content {
            Content::Image(image) => Some(image),
            Content::Tensor(_) => None,
        }
    }

    /// An image as lines of text.
    pub(crate) fn text(&self, index: usize, style: Style) -> String {
        let Some(source) = self.image(index) else {
            return String::new();
        };
        let places = (0..source.height).flat_map(|row| (0..source.width).map(move |column| (row, column)));
        let pixels: Vec<[u8; 3]> = places.map(|(row, column)| colour(source, row, column)).collect();
        image(&pixels, source.width, style)
    }

    /// Writes an image as a PNG in which each pixel is a square of `scale` pixels a side.
    pub(crate) fn write_png(&self, index: usize, scale: u32, path: &Path) -> io::Result<()> {
        let Some(source) = self.image(index) else {
            return Ok(());
        };
        let side = |size: usize| u32::try_from(size).map_err(io::Error::other);
        let (width, height) = (side(source.width)? * scale, side(source.height)? * scale);
        let picture = image::RgbImage::from_fn(width, height, |x, y| {
            image::Rgb(colour(source, (y / scale) as usize, (x / scale) as usize))
        });
        picture.save(path).map_err(io::Error::other)
    }
}

/// Red, green and blue of a pixel; a grey one has them equal.
fn colour(source: &Image, row: usize, column: usize) -> [u8; 3] {
    core::array::from_fn(|channel| {
        let channel = if source.channels == 1 { 0 } else { channel };
        source.byte(channel, row, column).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cifar() -> LabelledImages {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets/cifar10-test-first1000.bin");
        LabelledImages::open(&path, None, [3, 32, 32]).unwrap()
    }

    #[test]
    fn cifar_images_are_whole() {
        let images = cifar();
        assert_eq!(images.len(), 1000);
        // A cat, a ship, a ship, an aeroplane, a frog.
        assert_eq!([0, 1, 2, 3, 4].map(|index| images.label(index)), [3, 8, 8, 0, 6]);
        assert!((0..1000).all(|index| images.label(index) < 10));
        let batch = images.tensor(7, 2, &Preprocessing::default()).unwrap();
        assert_eq!(batch.shape(), [2, 3, 32, 32]);
        assert!(images.tensor(999, 2, &Preprocessing::default()).is_err());
    }

    #[test]
    fn pngs_show_the_image() {
        let images = cifar();
        let path = std::env::temp_dir().join(format!("zkml-images-{}.png", std::process::id()));
        images.write_png(3, 2, &path).unwrap();
        let picture = Image::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((picture.width, picture.height), (64, 64));
        for (row, column) in [(0, 0), (5, 63), (40, 31), (63, 63)] {
            let source = images.image(3).unwrap();
            assert_eq!(colour(&picture, row, column), colour(source, row / 2, column / 2));
        }
    }
}
