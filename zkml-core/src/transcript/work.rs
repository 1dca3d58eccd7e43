//! Proof of work: nonces tried many at a time.
//!
//! A nonce works when `BLAKE3(tag | state | nonce | 0)` starts with enough zero bits; all in one block of 64 bytes, so
//! that lane `i` of a SIMD register tries nonce `i`.

// Counters of nonces; what wraps around would be found out by the search itself, which ends long before.
#![allow(clippy::arithmetic_side_effects)]

use blake3::IncrementCounter;
use blake3::platform::Platform;
use rayon::prelude::*;

use super::state::{GRIND, leading_zeros};

/// Nonces that are tried together.
const LANES: usize = 16;

/// Groups that one parallel task tries.
const GROUPS: u64 = 1 << 6;

/// Groups tried in parallel before the result is looked at: few enough to waste little, enough to occupy all threads.
const BATCH: u64 = 1 << 10;

/// BLAKE3's initial chaining value.
const IV: [u32; 8] = [
    0x6A09_E667,
    0xBB67_AE85,
    0x3C6E_F372,
    0xA54F_F53A,
    0x510E_527F,
    0x9B05_688C,
    0x1F83_D9AB,
    0x5BE0_CD19,
];

const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;

/// The smallest nonce with `bits` bits of work over `state`: the same on any number of threads.
pub(super) fn smallest_nonce(state: &[u8; 32], bits: u32) -> u64 {
    let platform = Platform::detect();
    (0..=u64::MAX / LANES as u64 / BATCH)
        .find_map(|batch| {
            (0..BATCH / GROUPS)
                .into_par_iter()
                .map(|part| batch * BATCH + part * GROUPS)
                .find_map_first(|first| {
                    let mut blocks = [block_of(state); LANES];
                    (first..first + GROUPS).find_map(|group| try_group(platform, &mut blocks, group, bits))
                })
        })
        .unwrap_or(u64::MAX)
}

/// The first nonce of a group that works; in the blocks it writes only the nonces.
fn try_group(platform: Platform, blocks: &mut [[u8; 64]; LANES], group: u64, bits: u32) -> Option<u64> {
    let first = group * LANES as u64;
    for (block, nonce) in blocks.iter_mut().zip(first..) {
        block[48..56].copy_from_slice(&nonce.to_le_bytes());
    }
    let mut digests = [[0u8; 32]; LANES];
    platform.hash_many(
        &blocks.each_ref(),
        &IV,
        0,
        IncrementCounter::No,
        0,
        CHUNK_START,
        CHUNK_END | ROOT,
        digests.as_flattened_mut(),
    );
    let works = |digest: &[u8; 32]| leading_zeros(digest) >= bits;
    digests.iter().position(works).map(|lane| first + lane as u64)
}

/// The block that is hashed for a nonce; the nonce follows the state.
fn block_of(state: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..16].copy_from_slice(GRIND);
    block[16..48].copy_from_slice(state);
    block
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use super::*;

    #[test]
    fn the_nonce_is_the_smallest_that_works_one_by_one() {
        for (seed, bits) in [(1u8, 1), (2, 5), (3, 9), (4, 12)] {
            let mut state = State::new("work");
            state.begin_grind(&format!("{seed}"), bits);
            let nonce = smallest_nonce(state.bytes(), bits);
            let expected = (0..).find(|nonce| state.nonce_works(*nonce, bits));
            assert_eq!(Some(nonce), expected);
        }
    }
}
