//! Which inputs of a file are meant: the first ones, or with `FILE#7` one of them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::DataError;

/// Which inputs of a file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    /// At most so many, from the beginning.
    First(usize),
    /// The one of this number, counted from 0.
    Only(usize),
}

impl Pick {
    /// The numbers of the inputs, in a file of `count`.
    pub(super) fn range(self, path: &Path, count: usize) -> Result<Range<usize>, DataError> {
        match self {
            Pick::First(limit) => Ok(0..limit.min(count)),
            Pick::Only(number) if number < count => Ok(number..number + 1),
            Pick::Only(number) => Err(DataError::Number {
                path: path.to_path_buf(),
                number,
                count,
            }),
        }
    }
}

/// A file or folder of inputs, or with `#` a part of it.
///
/// `digits.npy#7` is the input of number 7, counted from 0, `mnist.npz#x_test` an array of an archive, and
/// `mnist.npz#x_test#7` an input in that array. A file whose own name has a `#` is found under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file or folder.
    pub path: PathBuf,
    /// The array or tensor in it.
    pub member: Option<String>,
    /// The number of the input.
    pub number: Option<usize>,
}

impl Source {
    /// Takes the text apart. Only what follows the path of a file that exists is a selection.
    ///
    /// # Errors
    /// [`DataError::Selection`].
    pub fn parse(text: &Path) -> Result<Self, DataError> {
        let whole = || Self {
            path: text.to_path_buf(),
            member: None,
            number: None,
        };
        let Some(name) = text.to_str().filter(|_| std::fs::symlink_metadata(text).is_err()) else {
            return Ok(whole());
        };
        let marks: Vec<(usize, &str)> = name.rmatch_indices('#').collect();
        let parts = marks.iter().map(|(at, _)| (&name[..*at], &name[at + 1..]));
        let mut parts = parts.filter(|(path, _)| !path.is_empty() && Path::new(path).exists());
        let Some((path, selection)) = parts.next() else {
            return Ok(whole());
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (member, number) = match selection.rsplit_once('#') {
            Some((member, number)) => (Some(member), Some(number)),
            None if is_number(selection) => (None, Some(selection)),
            None => (Some(selection), None),
        };
        let wrong = || DataError::Selection {
            path: path.into(),
            found: selection.to_owned(),
        };
        if member.is_some_and(str::is_empty) {
            return Err(wrong());
        }
        let number = number.map(|number| number.parse().map_err(|_| wrong()));
        Ok(Self {
            path: path.into(),
            member: member.map(str::to_owned),
            number: number.transpose()?,
        })
    }
}
