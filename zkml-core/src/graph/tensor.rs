//! The integers of a parameter.

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::int8::{Int8Blocks, Int8Tensor};
use crate::secret::{Wiped, wipe};

/// Integers in memory: a byte each where all of them fit, and then possibly in shared memory; else four bytes each.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub enum IntTensor {
    /// In `[-128, 127]`.
    Int8(Int8Tensor),
    /// Likewise, in blocks.
    Int8Blocks(Int8Blocks),
    /// At least one of them is not.
    Int32(ArrayD<i32>),
}

crate::debug_without_values!(IntTensor, self => "IntTensor({:?})", self.shape());

impl IntTensor {
    /// Its sizes.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Int8(tensor) => tensor.shape(),
            Self::Int8Blocks(tensor) => tensor.shape(),
            Self::Int32(array) => array.shape(),
        }
    }

    /// Number of integers.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Has it no integers?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The integers in row-major order, copied.
    pub fn to_vec(&self) -> Vec<i32> {
        match self {
            Self::Int32(array) => array.iter().copied().collect(),
            bytes => Wiped(bytes.to_bytes().unwrap_or_default())
                .iter()
                .copied()
                .map(i32::from)
                .collect(),
        }
    }

    /// The integers in row-major order, copied, if each is a byte.
    pub fn to_bytes(&self) -> Option<Vec<i8>> {
        match self {
            Self::Int8(tensor) => Some(tensor.to_vec()),
            Self::Int8Blocks(tensor) => Some(tensor.to_vec()),
            Self::Int32(_) => None,
        }
    }

    /// The integers as an array, copied.
    pub fn to_array(&self) -> ArrayD<i32> {
        match self {
            Self::Int32(array) => array.clone(),
            // The number of values is that of the shape.
            bytes => ArrayD::from_shape_vec(bytes.shape(), bytes.to_vec())
                .unwrap_or_else(|_| ArrayD::default(vec![0])),
        }
    }
}

impl From<ArrayD<i32>> for IntTensor {
    fn from(array: ArrayD<i32>) -> Self {
        // Two loops without exits, which take a fraction of the time.
        let array = if array.is_standard_layout() {
            array
        } else {
            let standard = array.as_standard_layout().into_owned();
            forget(array);
            standard
        };
        let fits = |inside: bool, value: &i32| inside & (-128..128).contains(value);
        let tensor = match array.as_slice() {
            Some(values) if values.iter().fold(true, fits) => {
                let bytes = values.iter().map(|&value| value as i8).collect();
                Int8Tensor::new(array.shape(), bytes)
            }
            _ => None,
        };
        match tensor {
            Some(tensor) => {
                forget(array);
                Self::Int8(tensor)
            }
            None => Self::Int32(array),
        }
    }
}

/// Overwrites integers that may be secret.
fn forget(array: ArrayD<i32>) {
    wipe(&mut array.into_raw_vec_and_offset().0);
}

impl Drop for IntTensor {
    /// Bytes overwrite themselves, once nobody refers to them.
    fn drop(&mut self) {
        if let Self::Int32(array) = self {
            forget(core::mem::replace(array, ArrayD::default(vec![0])));
        }
    }
}

/// What is written down.
#[derive(Serialize, Deserialize)]
enum Stored {
    Int8 {
        shape: Vec<usize>,
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    Int32 {
        shape: Vec<usize>,
        values: Vec<i32>,
    },
}

impl Drop for Stored {
    /// It is a copy, of weights that may be secret.
    fn drop(&mut self) {
        match self {
            Self::Int8 { bytes, .. } => wipe(bytes),
            Self::Int32 { values, .. } => wipe(values),
        }
    }
}

impl From<IntTensor> for Stored {
    fn from(tensor: IntTensor) -> Self {
        let shape = tensor.shape().to_vec();
        match tensor.to_bytes() {
            Some(bytes) => Self::Int8 {
                shape,
                bytes: bytes.into_iter().map(i8::cast_unsigned).collect(),
            },
            None => Self::Int32 {
                shape,
                values: tensor.to_vec(),
            },
        }
    }
}

impl TryFrom<Stored> for IntTensor {
    type Error = &'static str;

    fn try_from(mut stored: Stored) -> Result<Self, Self::Error> {
        match &mut stored {
            Stored::Int8 { shape, bytes } => {
                let values = core::mem::take(bytes).into_iter().map(u8::cast_signed).collect();
                let tensor = Int8Tensor::new(shape, values);
                tensor
                    .map(Self::Int8)
                    .ok_or("a tensor whose shape is not that of its integers")
            }
            Stored::Int32 { shape, values } => {
                let array = ArrayD::from_shape_vec(core::mem::take(shape), core::mem::take(values));
                match array.map(Self::from) {
                    Ok(tensor @ Self::Int32(_)) => Ok(tensor),
                    Ok(_) => Err("integers of four bytes that fit one"),
                    Err(_) => Err("a tensor whose shape is not that of its integers"),
                }
            }
        }
    }
}
