//! Signed bytes that are shared and never copied.

use core::fmt;
use core::ops::{Deref, Range};
use std::sync::Arc;

use crate::mapped::MappedFile;
use crate::secret::wipe;

/// Signed bytes, shared: a clone refers to the same memory.
#[derive(Clone)]
pub struct Int8Cells(Arc<Memory>);

enum Memory {
    /// Overwritten when nobody refers to it any more: weights may be secret.
    Owned(Vec<i8>),
    /// Pages of a file. They hold nothing that the file does not, so nothing is overwritten.
    Mapped(MappedFile, Range<usize>),
}

impl Int8Cells {
    /// A part of a mapped file; nothing if the file does not have it.
    pub(crate) fn mapped(file: MappedFile, range: Range<usize>) -> Option<Self> {
        file.signed(range.clone())?;
        Some(Self(Arc::new(Memory::Mapped(file, range))))
    }

    /// Whether both refer to the same memory.
    pub fn is_same_memory(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether they are pages of a file.
    pub fn is_mapped(&self) -> bool {
        matches!(*self.0, Memory::Mapped(..))
    }
}

impl From<Vec<i8>> for Int8Cells {
    fn from(cells: Vec<i8>) -> Self {
        Self(Arc::new(Memory::Owned(cells)))
    }
}

impl Deref for Int8Cells {
    type Target = [i8];

    fn deref(&self) -> &[i8] {
        match &*self.0 {
            Memory::Owned(cells) => cells,
            Memory::Mapped(file, range) => file.signed(range.clone()).unwrap_or_default(),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Self::Owned(cells) = self {
            wipe(cells);
        }
    }
}

impl fmt::Debug for Int8Cells {
    /// Weights may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Int8Cells({})", self.len())
    }
}
