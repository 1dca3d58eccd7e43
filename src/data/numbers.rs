//! Arrays: NumPy's `.npy` and `.safetensors`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use half::{bf16, f16};
use ndarray::{ArrayD, Axis};
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};
use safetensors::{Dtype, SafeTensors};

use super::{Content, DataError, Image, Sample, sample};

/// Numbers of a file: as they are, or bytes that are pixels.
enum Numbers {
    Real(ArrayD<f32>),
    Bytes(ArrayD<u8>),
}

/// The samples of a `.npy` file of `float32`, `float64` or `uint8`.
pub(super) fn npy(path: &Path, shape: &[usize], limit: usize) -> Result<Vec<Sample>, DataError> {
    let numbers = match read_npy::<f32>(path)? {
        Ok(array) => Numbers::Real(array),
        Err(_) => match read_npy::<f64>(path)? {
            Ok(array) => Numbers::Real(array.mapv(|value| value as f32)),
            Err(_) => match read_npy::<u8>(path)? {
                Ok(array) => Numbers::Bytes(array),
                Err(found) => {
                    return Err(DataError::Type {
                        path: path.to_path_buf(),
                        found,
                    });
                }
            },
        },
    };
    split(path, numbers, shape, limit)
}

/// The array, or the name of its element type if that is not `T`.
fn read_npy<T: ReadableElement>(path: &Path) -> Result<Result<ArrayD<T>, String>, DataError> {
    let file = File::open(path).map_err(|error| DataError::Io {
        path: path.to_path_buf(),
        error,
    })?;
    match ArrayD::<T>::read_npy(BufReader::new(file)) {
        Ok(array) => Ok(Ok(array)),
        Err(ReadNpyError::WrongDescriptor(found)) => Ok(Err(found.to_string())),
        Err(error) => Err(DataError::Damaged {
            path: path.to_path_buf(),
            expected: "a whole .npy file".into(),
            found: error.to_string(),
        }),
    }
}

/// The samples of the one tensor in a `.safetensors` file, or of the one named `input` or `images`.
pub(super) fn safetensors(path: &Path, shape: &[usize], limit: usize) -> Result<Vec<Sample>, DataError> {
    let bytes = std::fs::read(path).map_err(|error| DataError::Io {
        path: path.to_path_buf(),
        error,
    })?;
    let damaged = |found: String| DataError::Damaged {
        path: path.to_path_buf(),
        expected: "a whole safetensors file with one tensor, or one named `input` or `images`".into(),
        found,
    };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
    let names = file.names();
    let name = match names.as_slice() {
        [name] => name,
        _ => names
            .iter()
            .find(|name| matches!(**name, "input" | "images"))
            .ok_or_else(|| damaged(format!("{} tensors", names.len())))?,
    };
    let tensor = file.tensor(name).map_err(|error| damaged(error.to_string()))?;
    let data = tensor.data();
    let values: Vec<f32> = match tensor.dtype() {
        Dtype::F32 => elements(data, f32::from_le_bytes),
        Dtype::F64 => elements(data, |bytes| f64::from_le_bytes(bytes) as f32),
        Dtype::F16 => elements(data, |bytes| f16::from_le_bytes(bytes).to_f32()),
        Dtype::BF16 => elements(data, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        Dtype::U8 => {
            let array = ArrayD::from_shape_vec(tensor.shape(), data.to_vec());
            let array = array.map_err(|error| damaged(error.to_string()))?;
            return split(path, Numbers::Bytes(array), shape, limit);
        }
        other => {
            return Err(DataError::Type {
                path: path.to_path_buf(),
                found: format!("{other:?}"),
            });
        }
    };
    let array = ArrayD::from_shape_vec(tensor.shape(), values).map_err(|error| damaged(error.to_string()))?;
    split(path, Numbers::Real(array), shape, limit)
}

fn elements<const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = data.as_chunks::<N>();
    chunks.iter().map(|bytes| value(*bytes)).collect()
}

/// The array as one sample. If it has one axis more than `shape`, one sample for each index of its first axis.
fn split(path: &Path, numbers: Numbers, shape: &[usize], limit: usize) -> Result<Vec<Sample>, DataError> {
    match numbers {
        Numbers::Real(array) => pieces(&array, shape.len(), limit)
            .into_iter()
            .map(|(number, piece)| Ok(sample(path, number, None, Content::Tensor(piece))))
            .collect(),
        Numbers::Bytes(array) => pieces(&array, shape.len(), limit)
            .into_iter()
            .map(|(number, piece)| {
                let image = match *piece.shape() {
                    [channels, height, width] => {
                        Image::from_planes(channels, height, width, piece.iter().copied().collect())
                    }
                    [height, width] => Image::from_planes(1, height, width, piece.iter().copied().collect()),
                    _ => None,
                };
                let image = image.ok_or_else(|| DataError::Shape {
                    place: path.display().to_string(),
                    expected: "bytes of shape [channels, height, width]".into(),
                    found: format!("{:?}", piece.shape()),
                })?;
                Ok(sample(path, number, None, Content::Image(image)))
            })
            .collect(),
    }
}

fn pieces<T: Clone>(array: &ArrayD<T>, rank: usize, limit: usize) -> Vec<(Option<usize>, ArrayD<T>)> {
    if array.ndim() != rank + 1 {
        return vec![(None, array.clone())];
    }
    let pieces = array.axis_iter(Axis(0)).take(limit).enumerate();
    pieces
        .map(|(number, piece)| (Some(number), piece.to_owned()))
        .collect()
}
