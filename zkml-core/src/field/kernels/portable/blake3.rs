//! The compression function of BLAKE3, one input after the other.

use blake3::platform::Platform;

use super::super::blake3::{Half, LANES, State, block_bytes};

/// See `api::compress_blocks`.
pub(in super::super) fn compress(state: &mut State, halves: [Half<'_>; 2], counter: u64, flags: u32) {
    let platform = Platform::detect();
    for lane in 0..LANES {
        let mut value = core::array::from_fn(|word| state[word][lane]);
        platform.compress_in_place(&mut value, &block_bytes(halves, lane), 64, counter, flags as u8);
        for (row, word) in state.iter_mut().zip(value) {
            row[lane] = word;
        }
    }
}
