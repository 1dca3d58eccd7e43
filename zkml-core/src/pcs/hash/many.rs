//! Many hashes of inputs of one length.
//!
//! This follows the BLAKE3 specification (chunks of 1024 bytes, left-balanced tree) on top of the SIMD compression of the
//! `blake3` crate, which that crate exposes without a stability promise; hence the exact version in the lock file, and a
//! test against its ordinary interface.

#![cfg(feature = "prover")]

use blake3::IncrementCounter;
use blake3::platform::{Platform, words_from_le_bytes_32};

use super::{BARE_LEAF_KEY, Digest, LANES, NODE_KEY};

/// Bytes of a chunk.
pub(super) const CHUNK: usize = 1024;
pub(super) const CHUNK_START: u8 = 1 << 0;
pub(super) const CHUNK_END: u8 = 1 << 1;
const PARENT: u8 = 1 << 2;
pub(super) const ROOT: u8 = 1 << 3;
pub(super) const KEYED: u8 = 1 << 4;

/// [`super::bare_leaf_digest`] of up to [`LANES`] leaves that lie one after the other in `bytes`, each of `length` bytes,
/// a positive multiple of 64.
pub fn bare_leaf_digests(bytes: &[u8], length: usize) -> [Digest; LANES] {
    Lanes::new(BARE_LEAF_KEY).hash(bytes, length)
}

/// [`super::node_digest`] of up to [`LANES`] pairs of neighbouring digests.
pub fn node_digests(digests: &[Digest]) -> [Digest; LANES] {
    Lanes::new(NODE_KEY).hash(digests.as_flattened(), 64)
}

/// The compression function on up to [`LANES`] inputs.
pub(super) struct Lanes {
    platform: Platform,
    pub(super) key: [u32; 8],
}

impl Lanes {
    pub(super) fn new(key: &Digest) -> Self {
        Self {
            platform: Platform::detect(),
            key: words_from_le_bytes_32(key),
        }
    }

    fn hash(&self, bytes: &[u8], length: usize) -> [Digest; LANES] {
        if length <= CHUNK {
            return self.chunk(bytes, length, 0, length, 0, ROOT);
        }
        let chunks: Vec<[Digest; LANES]> = (0..length.div_ceil(CHUNK))
            .map(|chunk| {
                let start = chunk * CHUNK;
                self.chunk(bytes, length, start, CHUNK.min(length - start), chunk as u64, 0)
            })
            .collect();
        self.merge(&chunks, ROOT)
    }

    /// The chaining value of the piece `start .. start + size` of each input.
    fn chunk(
        &self,
        bytes: &[u8],
        length: usize,
        start: usize,
        size: usize,
        counter: u64,
        root: u8,
    ) -> [Digest; LANES] {
        let pieces = bytes
            .chunks_exact(length)
            .filter_map(|input| input.get(start..start + size));
        let mut out = [[0; 32]; LANES];
        macro_rules! sizes {
            ($($blocks:literal)*) => { match size / 64 {
                $( $blocks => self.compress::<{ 64 * $blocks }>(
                    pieces, counter, KEYED, CHUNK_START, CHUNK_END | root, &mut out,
                ), )*
                _ => {}
            } };
        }
        sizes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
        out
    }

    /// The chaining value of the subtree over `chunks`: its left part is the largest full tree that
    /// leaves something.
    fn merge(&self, chunks: &[[Digest; LANES]], root: u8) -> [Digest; LANES] {
        if let [single] = chunks {
            return *single;
        }
        let (left, right) = chunks.split_at(chunks.len().next_power_of_two() / 2);
        self.parents(&self.merge(left, 0), &self.merge(right, 0), root)
    }

    /// The chaining values of the nodes over `left` and `right`.
    pub(super) fn parents(
        &self,
        left: &[Digest; LANES],
        right: &[Digest; LANES],
        root: u8,
    ) -> [Digest; LANES] {
        let mut pairs = [[[0; 32]; 2]; LANES];
        for (pair, (left, right)) in pairs.iter_mut().zip(left.iter().zip(right)) {
            *pair = [*left, *right];
        }
        let mut out = [[0; 32]; LANES];
        let parents = pairs.iter().map(|pair| pair.as_flattened());
        self.compress::<64>(parents, 0, KEYED | PARENT | root, 0, 0, &mut out);
        out
    }

    fn compress<'a, const SIZE: usize>(
        &self,
        inputs: impl Iterator<Item = &'a [u8]>,
        counter: u64,
        flags: u8,
        start: u8,
        end: u8,
        out: &mut [Digest; LANES],
    ) {
        let mut references = [&[0; SIZE]; LANES];
        let mut count = 0;
        for (reference, input) in references
            .iter_mut()
            .zip(inputs.filter_map(|input| input.first_chunk()))
        {
            *reference = input;
            count += 1;
        }
        self.platform.hash_many(
            &references[..count],
            &self.key,
            counter,
            IncrementCounter::No,
            flags,
            start,
            end,
            out.as_flattened_mut(),
        );
    }
}
