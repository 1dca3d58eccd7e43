//! Hashing of several inputs at once.

use super::kernels;
use crate::field::kernels::backend::{Backend, Kind, dispatch};
use crate::field::kernels::blake3::{Half, State};

kernels! {
    /// Compresses one block of each input into its chaining value. The first four words of each block are in the first
    /// half, the others in the second. `flags` are those of the BLAKE3 specification, table 3; a block has 64 bytes.
    fn compress_blocks(self, state: &mut State, halves: [Half<'_>; 2], counter: u64, flags: u32) {
        dispatch!(self, blake3::compress(state, halves, counter, flags));
    }
}
