//! Reads the inputs of a network: images, arrays, and the files of well-known data sets.
//!
//! | file | what is in it |
//! |---|---|
//! | `.png`, `.jpg` | one image, grey or in colour |
//! | `.npy`, `.safetensors` | numbers: floats are the network's input itself, bytes are pixels (`[C, H, W]`) |
//! | `.bin` | CIFAR-10: records of a label and 32 x 32 pixels in three planes |
//! | `*idx3-ubyte`, `*idx3-ubyte.gz` | MNIST: grey images; labels from `*labels-idx1-ubyte` beside `*images-idx3-ubyte` |
//! | a folder | its images and arrays, by name |
//!
//! [`samples`] reads any of them; [`Sample::tensor`] makes the network's input of one.

mod error;
pub mod idx;
mod image;
mod numbers;

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis, concatenate};
use zkml_core::quant::Preprocessing;

pub use error::DataError;
pub use image::Image;

/// One input of a network, as it stands in its file.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Where it comes from, for errors: `digits.bin`, number 7.
    pub place: String,
    /// Its class, where the file tells.
    pub label: Option<usize>,
    /// Its pixels or numbers.
    pub content: Content,
}

/// The content of a [`Sample`].
#[derive(Debug, Clone)]
pub enum Content {
    /// Pixels, to be preprocessed.
    Image(Image),
    /// The network's input, without the batch.
    Tensor(ArrayD<f32>),
}

impl Sample {
    /// The input for a network that takes `shape` (without the batch), with a batch of one in front.
    ///
    /// # Errors
    /// Another size or number of channels, NaN or infinity, pixels for a network without preprocessing.
    pub fn tensor(
        &self,
        shape: &[usize],
        preprocessing: Option<&Preprocessing>,
    ) -> Result<ArrayD<f32>, DataError> {
        let tensor = match (&self.content, preprocessing) {
            (Content::Image(image), Some(preprocessing)) => {
                image.tensor(&self.place, shape, preprocessing)?
            }
            (Content::Image(_), None) => {
                return Err(DataError::NoImages {
                    place: self.place.clone(),
                    expected: shape.to_vec(),
                });
            }
            (Content::Tensor(tensor), _) if tensor.shape() == shape => tensor.clone(),
            (Content::Tensor(tensor), _) => {
                return Err(DataError::Shape {
                    place: self.place.clone(),
                    expected: format!("numbers of shape {shape:?}"),
                    found: format!("{:?}", tensor.shape()),
                });
            }
        };
        if let Some((index, &value)) = tensor.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(DataError::NotFinite {
                place: self.place.clone(),
                index: ndarray::Dimension::slice(&index).to_vec(),
                value,
            });
        }
        Ok(tensor.insert_axis(Axis(0)))
    }
}

/// The samples as one batch, joined along the first axis.
///
/// # Errors
/// As [`Sample::tensor`]; no samples.
pub fn batch(
    samples: &[Sample],
    shape: &[usize],
    preprocessing: Option<&Preprocessing>,
) -> Result<ArrayD<f32>, DataError> {
    let tensors = samples
        .iter()
        .map(|sample| sample.tensor(shape, preprocessing))
        .collect::<Result<Vec<_>, _>>()?;
    let views: Vec<_> = tensors.iter().map(|tensor| tensor.view()).collect();
    concatenate(Axis(0), &views).map_err(|_| DataError::Empty {
        path: PathBuf::from("batch"),
    })
}

/// At most `limit` samples of a file or folder. `shape` is that of one input, without the batch: an array with one axis
/// more holds several samples. Example: for `[1, 28, 28]` an array `[5, 1, 28, 28]` holds five.
///
/// # Errors
/// [`DataError`] with the path.
pub fn samples(path: &Path, shape: &[usize], limit: usize) -> Result<Vec<Sample>, DataError> {
    let io = |error| DataError::Io {
        path: path.to_path_buf(),
        error,
    };
    let found = if std::fs::metadata(path).map_err(io)?.is_dir() {
        let mut files: Vec<PathBuf> = std::fs::read_dir(path)
            .map_err(io)?
            .map(|entry| entry.map(|entry| entry.path()).map_err(io))
            .collect::<Result<_, _>>()?;
        files.retain(|file| matches!(extension(file).as_str(), "png" | "jpg" | "jpeg" | "npy"));
        files.sort();
        let mut found = Vec::new();
        for file in files {
            if found.len() >= limit {
                break;
            }
            found.extend(read(&file, shape, limit - found.len())?);
        }
        found
    } else {
        read(path, shape, limit)?
    };
    if found.is_empty() && limit > 0 {
        return Err(DataError::Empty {
            path: path.to_path_buf(),
        });
    }
    Ok(found)
}

fn read(path: &Path, shape: &[usize], limit: usize) -> Result<Vec<Sample>, DataError> {
    match extension(path).as_str() {
        "png" | "jpg" | "jpeg" => Ok(vec![sample(path, None, None, Content::Image(Image::read(path)?))]),
        "npy" => numbers::npy(path, shape, limit),
        "safetensors" => numbers::safetensors(path, shape, limit),
        "bin" => cifar(path, limit),
        _ if path.to_string_lossy().contains("idx3-ubyte") => mnist(path, limit),
        _ => Err(DataError::UnknownType {
            path: path.to_path_buf(),
        }),
    }
}

fn extension(path: &Path) -> String {
    path.extension()
        .map(|extension| extension.to_string_lossy().to_lowercase())
        .unwrap_or_default()
}

fn sample(path: &Path, number: Option<usize>, label: Option<usize>, content: Content) -> Sample {
    let place = match number {
        Some(number) => format!("{}, number {number}", path.display()),
        None => path.display().to_string(),
    };
    Sample {
        place,
        label,
        content,
    }
}

/// Bytes of a CIFAR-10 record: a label and three planes.
const CIFAR_RECORD: usize = 1 + 3 * 32 * 32;

fn cifar(path: &Path, limit: usize) -> Result<Vec<Sample>, DataError> {
    let bytes = std::fs::read(path).map_err(|error| DataError::Io {
        path: path.to_path_buf(),
        error,
    })?;
    if bytes.len() % CIFAR_RECORD != 0 {
        return Err(DataError::Damaged {
            path: path.to_path_buf(),
            expected: format!("CIFAR-10 records of {CIFAR_RECORD} bytes"),
            found: format!("{} bytes, which is no multiple", bytes.len()),
        });
    }
    let record = |(number, record): (usize, &[u8])| {
        let (label, pixels) = record.split_first()?;
        let image = Image::from_planes(3, 32, 32, pixels.to_vec())?;
        Some(sample(
            path,
            Some(number),
            Some(usize::from(*label)),
            Content::Image(image),
        ))
    };
    Ok(bytes
        .chunks_exact(CIFAR_RECORD)
        .enumerate()
        .take(limit)
        .filter_map(record)
        .collect())
}

/// The images, with their labels where the file of labels stands beside, under its usual name.
fn mnist(path: &Path, limit: usize) -> Result<Vec<Sample>, DataError> {
    let images = idx::read_images(path)?;
    let labels = match labels_beside(path) {
        None => Vec::new(),
        Some(beside) => {
            let labels = idx::read_labels(&beside)?;
            if labels.len() != images.len() {
                return Err(DataError::Damaged {
                    path: beside,
                    expected: format!(
                        "{} labels, one for each image of {}",
                        images.len(),
                        path.display()
                    ),
                    found: labels.len().to_string(),
                });
            }
            labels
        }
    };
    let image = |number| {
        let pixels = images.get(number)?.to_vec();
        let image = Image::from_planes(1, images.height, images.width, pixels)?;
        let label = labels.get(number).copied().map(usize::from);
        Some(sample(path, Some(number), label, Content::Image(image)))
    };
    Ok((0..images.len().min(limit)).filter_map(image).collect())
}

/// `t10k-labels-idx1-ubyte` beside `t10k-images-idx3-ubyte.gz`, compressed or not.
fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let (front, _) = name.split_once("images-idx3-ubyte")?;
    let candidates = ["", ".gz"].map(|end| images.with_file_name(format!("{front}labels-idx1-ubyte{end}")));
    candidates.into_iter().find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests;
