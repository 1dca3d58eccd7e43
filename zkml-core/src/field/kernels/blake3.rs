//! The compression function of BLAKE3 on several inputs at once, read from where the words of each input lie.
//!
//! A column of a matrix lies in runs of a few cells, one in each tile. Whoever hashes 16 neighbouring columns reads the
//! runs where they are; nothing is gathered. Half a block, four words, is the unit: so a salt of four words before the
//! cells costs nothing either.
//!
//! Reference: the BLAKE3 specification, section 2.2. The portable code is the compression function of the `blake3`
//! crate, one input after the other. With AVX2 the compiler makes two vectors of each array of 16 words.

use crate::field::M61;

/// Inputs that are compressed at once.
pub const LANES: usize = 16;

/// The chaining values of all inputs: word `k` of input `l` at `[k][l]`.
pub type State = [[u32; LANES]; 8];

/// Words of half a block.
pub const HALF: usize = 4;

/// Half a block of each input.
#[derive(Debug, Clone, Copy)]
pub struct Half<'a> {
    words: &'a [u64],
    /// Distance of the first words of neighbouring inputs.
    stride: usize,
}

impl<'a> Half<'a> {
    /// Zeros for all inputs.
    pub const ZERO: Half<'static> = Half {
        words: &[0; HALF],
        stride: 0,
    };

    /// Input `l` has the words `words[l * stride..][..4]`.
    ///
    /// # Panics
    ///
    /// If the words of the last input are not all there.
    pub fn new(words: &'a [u64], stride: usize) -> Self {
        assert!(
            words.len() >= (LANES - 1) * stride + HALF,
            "half a block for each input"
        );
        Self { words, stride }
    }

    /// [`Self::new`] of cells: a cell is hashed as its word.
    pub fn of_cells(cells: &'a [M61], stride: usize) -> Self {
        // SAFETY: an element is a word (asserted where it is defined).
        let words = unsafe { core::slice::from_raw_parts(cells.as_ptr().cast(), cells.len()) };
        Self::new(words, stride)
    }

    /// Asks for the words, which a compression will read soon.
    #[inline]
    pub fn prefetch(&self) {
        #[cfg(target_arch = "x86_64")]
        for lane in 0..LANES {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch may name any address.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(self.words.as_ptr().wrapping_add(lane * self.stride).cast())
            };
        }
    }

    /// The words of one input.
    #[inline(always)]
    pub(super) fn lane(&self, lane: usize) -> &'a [u64] {
        &self.words[lane * self.stride..][..HALF]
    }
}

/// The words that stand between the chaining value and the counter.
pub(super) const IV: [u32; 4] = [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A];

/// Which words of the message each round takes: for the columns, and for the diagonals.
pub(super) const ORDER: [[[usize; 8]; 2]; 7] = {
    const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut order = [[[0; 8]; 2]; 7];
    let mut words = [0; 16];
    let mut i = 0;
    while i < 16 {
        words[i] = i;
        i += 1;
    }
    let mut round = 0;
    while round < 7 {
        let mut next = [0; 16];
        let mut i = 0;
        while i < 16 {
            order[round][i / 8][i % 8] = words[i];
            next[i] = words[PERMUTATION[i]];
            i += 1;
        }
        words = next;
        round += 1;
    }
    order
};

/// The bytes of a block in the order of its words.
pub(super) fn block_bytes(halves: [Half<'_>; 2], lane: usize) -> [u8; 64] {
    let mut bytes = [0; 64];
    let words = halves.into_iter().flat_map(|half| half.lane(lane));
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}
