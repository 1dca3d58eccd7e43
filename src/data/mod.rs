//! Reads the inputs of a network: images, arrays, and the files of well-known data sets.
//!
//! | file | what is in it |
//! |---|---|
//! | `.png`, `.jpg` | one image, grey or in colour |
//! | `.npy`, `.npz`, `.safetensors` | the network's input itself, as `f32`; bytes are pixels (`[C, H, W]`) |
//! | `.csv` | a row of numbers for each input, with or without the names of columns; one named `label` has the class |
//! | `.bin` | CIFAR-10 and CIFAR-100: records of labels and 32 x 32 pixels in three planes |
//! | `*idx3-ubyte`, `*idx3-ubyte.gz` | MNIST: grey images; labels from `*labels-idx1-ubyte` beside them |
//! | a folder | its images and arrays, by name |
//!
//! `FILE#7` is one of them, counted from 0 ([`Source`]). What a header announces is compared with the size of the file
//! before memory of that size is asked for.
//!
//! [`samples`] reads any of them; [`Sample::tensor`] makes the network's input of one.

mod array;
mod cifar;
mod doubt;
mod error;
pub mod idx;
mod image;
mod npy;
mod pick;
mod table;
mod tensors;

use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis, concatenate};
use zkml_core::files::{self, Foreign};
use zkml_core::quant::Preprocessing;

pub use doubt::doubt;
pub use error::DataError;
pub use image::Image;
pub use pick::Source;

use pick::Pick;
use table::Cells;

/// Names of the array that holds inputs, where a file has several.
const MAIN_NAMES: [&str; 2] = ["input", "images"];

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
        let tensor = self.shaped(shape, preprocessing)?;
        self.check(&tensor, f32::is_finite)?;
        Ok(tensor.insert_axis(Axis(0)))
    }

    fn shaped(
        &self,
        shape: &[usize],
        preprocessing: Option<&Preprocessing>,
    ) -> Result<ArrayD<f32>, DataError> {
        match (&self.content, preprocessing) {
            (Content::Image(image), Some(preprocessing)) => image.tensor(&self.place, shape, preprocessing),
            (Content::Image(_), None) => Err(DataError::NoImages {
                place: self.place.clone(),
                expected: shape.to_vec(),
            }),
            (Content::Tensor(tensor), _) if tensor.shape() == shape => Ok(tensor.clone()),
            (Content::Tensor(tensor), _) => Err(DataError::Shape {
                place: self.place.clone(),
                expected: format!("numbers of shape {shape:?}"),
                found: format!("{:?}", tensor.shape()),
            }),
        }
    }

    /// Refuses values of another kind than this.
    fn check(&self, tensor: &ArrayD<f32>, takes: impl Fn(f32) -> bool) -> Result<(), DataError> {
        if let Some((index, &value)) = tensor.indexed_iter().find(|(_, value)| !takes(**value)) {
            return Err(DataError::NotFinite {
                place: self.place.clone(),
                index: ndarray::Dimension::slice(&index).to_vec(),
                value,
            });
        }
        Ok(())
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
    joined(tensors)
}

/// As [`batch`], of numbers among which NaN is a missing value.
///
/// # Errors
/// Another shape; infinity; an image; no samples.
pub fn batch_with_missing(samples: &[Sample], shape: &[usize]) -> Result<ArrayD<f32>, DataError> {
    let tensor = |sample: &Sample| {
        let tensor = sample.shaped(shape, None)?;
        sample.check(&tensor, |value| !value.is_infinite())?;
        Ok(tensor.insert_axis(Axis(0)))
    };
    joined(samples.iter().map(tensor).collect::<Result<_, DataError>>()?)
}

fn joined(tensors: Vec<ArrayD<f32>>) -> Result<ArrayD<f32>, DataError> {
    let views: Vec<_> = tensors.iter().map(|tensor| tensor.view()).collect();
    concatenate(Axis(0), &views).map_err(|_| DataError::Empty {
        path: PathBuf::from("batch"),
    })
}

/// At most `limit` samples of a file or folder, or the one that `FILE#7` names ([`Source`]). `shape` is that of one
/// input, without the batch: an array with one axis more holds several samples. Example: for `[1, 28, 28]` an array
/// `[5, 1, 28, 28]` holds five.
///
/// # Errors
/// [`DataError`] with the path.
pub fn samples(path: &Path, shape: &[usize], limit: usize) -> Result<Vec<Sample>, DataError> {
    find(path, shape, limit, Cells::Numbers)
}

/// As [`samples`], for a model that takes missing values: in a table an empty cell, `NA`, `null` and other words of
/// pandas are NaN. [`batch_with_missing`] takes them.
///
/// # Errors
/// As [`samples`].
pub fn samples_with_missing(path: &Path, shape: &[usize], limit: usize) -> Result<Vec<Sample>, DataError> {
    find(path, shape, limit, Cells::OrMissing)
}

fn find(path: &Path, shape: &[usize], limit: usize, cells: Cells) -> Result<Vec<Sample>, DataError> {
    let Source { path, member, number } = Source::parse(path)?;
    let pick = number.map_or(Pick::First(limit), Pick::Only);
    let io = |error| DataError::Io {
        path: path.clone(),
        error,
    };
    let found = if std::fs::metadata(&path).map_err(io)?.is_dir() {
        if let Some(found) = member {
            return Err(DataError::Selection { path, found });
        }
        folder(&path, shape, pick)?
    } else {
        read(&path, member.as_deref(), (shape, cells), pick)?
    };
    match found.is_empty() && pick != Pick::First(0) {
        true => Err(DataError::Empty { path }),
        false => Ok(found),
    }
}

/// The images and arrays of a folder, in the order of their names.
fn folder(path: &Path, shape: &[usize], pick: Pick) -> Result<Vec<Sample>, DataError> {
    let io = |error| DataError::Io {
        path: path.to_path_buf(),
        error,
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(io)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(io))
        .collect::<Result<_, _>>()?;
    files.retain(|file| matches!(extension(file).as_str(), "png" | "jpg" | "jpeg" | "npy"));
    files.sort();
    let limit = match pick {
        Pick::First(limit) => limit,
        Pick::Only(number) => number.saturating_add(1),
    };
    let mut found = Vec::new();
    for file in files {
        if found.len() >= limit {
            break;
        }
        // No tables.
        let pick = Pick::First(limit - found.len());
        found.extend(read(&file, None, (shape, Cells::Numbers), pick)?);
    }
    let range = pick.range(path, found.len())?;
    Ok(found.drain(range).collect())
}

fn read(
    path: &Path,
    member: Option<&str>,
    (shape, cells): (&[usize], Cells),
    pick: Pick,
) -> Result<Vec<Sample>, DataError> {
    refuse_placeholder(path)?;
    let kind = extension(path);
    match kind.as_str() {
        "npz" => return npy::npz(path, member, shape, pick),
        "safetensors" => return tensors::safetensors(path, member, shape, pick),
        _ => {}
    }
    if let Some(member) = member {
        return Err(DataError::Selection {
            path: path.to_path_buf(),
            found: member.to_owned(),
        });
    }
    match kind.as_str() {
        "png" | "jpg" | "jpeg" => match pick.range(path, 1)?.is_empty() {
            true => Ok(Vec::new()),
            false => Ok(vec![sample(path, None, None, Content::Image(Image::read(path)?))]),
        },
        "npy" => npy::npy(path, shape, pick),
        "csv" => table::csv(path, (shape, cells), pick),
        "bin" => cifar::cifar(path, pick),
        _ if path.to_string_lossy().contains("idx3-ubyte") => mnist(path, pick),
        _ => Err(DataError::UnknownType {
            path: path.to_path_buf(),
        }),
    }
}

/// Refuses what stands in the place of a file that was not downloaded.
fn refuse_placeholder(path: &Path) -> Result<(), DataError> {
    let io = |error| DataError::Io {
        path: path.to_path_buf(),
        error,
    };
    let (file, _) = files::open(path).map_err(io)?;
    let mut start = Vec::new();
    file.take(64).read_to_end(&mut start).map_err(io)?;
    let (found, remedy) = match Foreign::of(&start) {
        Some(found @ Foreign::LfsPointer) => (found, "; `git lfs install` and `git lfs pull` fetch it"),
        Some(found @ Foreign::WebPage) => (found, ""),
        _ => return Ok(()),
    };
    Err(DataError::Damaged {
        path: path.to_path_buf(),
        expected: "images or numbers".into(),
        found: format!("{found}{remedy}"),
    })
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

/// The images, with their labels where the file of labels stands beside, under its usual name.
fn mnist(path: &Path, pick: Pick) -> Result<Vec<Sample>, DataError> {
    let file = idx::IdxFile::<3>::open(path)?;
    let range = pick.range(path, file.count())?;
    let labels = match labels_beside(path) {
        None => Vec::new(),
        Some(beside) => {
            let labels = idx::IdxFile::<1>::open(&beside)?;
            if labels.count() != file.count() {
                return Err(DataError::Damaged {
                    path: beside,
                    expected: format!(
                        "{} labels, one for each image of {}",
                        file.count(),
                        path.display()
                    ),
                    found: labels.count().to_string(),
                });
            }
            labels.records(range.clone())?
        }
    };
    let images = file.images(range.clone())?;
    let image = |number: usize| {
        let place = number - range.start;
        let pixels = images.get(place)?.to_vec();
        let image = Image::from_planes(1, images.height, images.width, pixels)?;
        let label = labels.get(place).copied().map(usize::from);
        Some(sample(path, Some(number), label, Content::Image(image)))
    };
    Ok(range.clone().filter_map(image).collect())
}

/// The file of labels that is read with a file of MNIST's images: `t10k-labels-idx1-ubyte` beside
/// `t10k-images-idx3-ubyte.gz`, compressed or not.
pub fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let (front, _) = name.split_once("images-idx3-ubyte")?;
    let candidates = ["", ".gz"].map(|end| images.with_file_name(format!("{front}labels-idx1-ubyte{end}")));
    candidates.into_iter().find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests;
