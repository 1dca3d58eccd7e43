//! Files mapped into memory, read-only.
//!
//! Nothing is copied: pages are read when they are first touched, shared with every other process that maps the file,
//! and dropped by the operating system under pressure. A file that is replaced by renaming another over it stays what
//! it was for those who have mapped it. A file that is **truncated** while it is mapped takes the pages with it:
//! touching one of them ends the process (`SIGBUS`); one that is rewritten in place changes under the reader.

use core::ops::{Deref, Range};
use std::fs::File;
use std::io;

use memmap2::Mmap;

/// A whole file, mapped.
#[derive(Debug)]
pub(crate) struct MappedFile(Mmap);

impl MappedFile {
    /// Maps a file as long as it is now.
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        #[allow(unsafe_code)]
        // SAFETY: the map is read-only and private. As with every mapped file, nobody may truncate or rewrite it
        // while it is mapped; this is stated in the user guide. All reads go through bounds-checked slices of
        // plain bytes, for which every bit pattern is valid.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self(map))
    }

    /// Some of its bytes as signed integers.
    pub(crate) fn signed(&self, range: Range<usize>) -> Option<&[i8]> {
        let bytes = self.0.get(range)?;
        #[allow(unsafe_code)]
        // SAFETY: the slice is valid for as long as the map is borrowed; `i8` has the size and alignment of `u8`, and
        // every bit pattern is one of its values.
        let signed = unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast::<i8>(), bytes.len()) };
        Some(signed)
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
