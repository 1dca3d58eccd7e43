//! What can be wrong with data.

use std::path::PathBuf;

use thiserror::Error;

use super::idx::IdxError;

/// Why a file cannot be read as inputs of a network.
#[derive(Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        error: std::io::Error,
    },
    /// A file whose name does not tell what is in it.
    #[error(
        "{}: expected a folder, .png, .jpg, .npy, .npz, .safetensors, .csv, .bin (CIFAR) or idx3-ubyte (MNIST), \
         found another name", path.display()
    )]
    UnknownType {
        /// The file.
        path: PathBuf,
    },
    /// An image that cannot be decoded.
    #[error("{}: expected a whole image, found: {error}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        error: image::ImageError,
    },
    /// A file that is not of its own format.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A file that is not the IDX file it should be.
    #[error(transparent)]
    Idx(#[from] IdxError),
    /// Numbers of a type that is no input.
    #[error("{}: expected numbers of 8 to 64 bits, integers, floats or bool, found {found}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The type in it.
        found: String,
    },
    /// A cell of a table that is no number, or a row of another length.
    #[error("{}, line {line}, column {column}: expected {expected}, found {found}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// Name of the column, or its number, counted from 1.
        column: String,
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },
    /// A file without an input of this number.
    #[error(
        "{}#{number}: expected a number below {count}, for inputs are counted from 0, found {number}", path.display()
    )]
    Number {
        /// The file.
        path: PathBuf,
        /// The number that was asked for.
        number: usize,
        /// How many inputs the file has.
        count: usize,
    },
    /// What follows the `#` behind the name of a file selects nothing in it.
    #[error(
        "{}#{found}: expected the number of an input after `#`, or in .npz and .safetensors the name of an array, \
         found `{found}`", path.display()
    )]
    Selection {
        /// The file.
        path: PathBuf,
        /// What stands there.
        found: String,
    },
    /// Another size than the network takes.
    #[error("{place}: expected {expected}, found {found}")]
    Shape {
        /// The sample.
        place: String,
        /// What the network takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An image in colour for a network of one channel, or one with transparent pixels.
    #[error("{place}: expected {expected}, found {found} at row {}, column {}", pixel[0], pixel[1])]
    Pixel {
        /// The sample.
        place: String,
        /// What every pixel should be.
        expected: &'static str,
        /// What one is.
        found: &'static str,
        /// Row and column of the first such pixel.
        pixel: [usize; 2],
    },
    /// An image for a network that does not take images.
    #[error(
        "{place}: expected numbers of shape {expected:?} (the model has no preprocessing of images), found an image"
    )]
    NoImages {
        /// The sample.
        place: String,
        /// Shape of the network's input.
        expected: Vec<usize>,
    },
    /// NaN or infinity.
    #[error("{place}: expected finite numbers, found {value} at {index:?}")]
    NotFinite {
        /// The sample.
        place: String,
        /// Where in the tensor.
        index: Vec<usize>,
        /// The value.
        value: f32,
    },
    /// No sample at all.
    #[error("{}: expected at least one image or array, found none", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
}

zkml_core::debug_as_display!(DataError);
