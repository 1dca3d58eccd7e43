//! What several benchmarks share.

use zkml_core::field::{K, M61};

/// Deterministic pseudo-random words (splitmix64).
pub(crate) struct Stream(pub(crate) u64);

impl Stream {
    /// The next word.
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next `count` elements of `K`.
    pub(crate) fn elements(&mut self, count: usize) -> Vec<K> {
        (0..count)
            .map(|_| K::new(M61::from(self.word()), M61::from(self.word())))
            .collect()
    }
}
