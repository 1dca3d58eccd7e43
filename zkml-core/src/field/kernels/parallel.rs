//! Cutting work into chunks for rayon.
//!
//! Chunks have a fixed length, so that which element meets which instruction does not depend on the number
//! of threads; sums of field elements are exact, so their order does not matter.

use core::ops::Range;

use rayon::prelude::*;

use crate::field::K;

/// Elements in a chunk: 64 KiB of `K` per operand, small against the second-level cache.
pub(super) const CHUNK: usize = 1 << 12;

/// Below this many elements a kernel runs on the calling thread: waking another costs as much as the work.
pub(super) const THRESHOLD: usize = 1 << 15;

/// Adds up the results of `partial` over the chunks of `0..length`.
pub(super) fn sum_chunks<const N: usize>(
    length: usize,
    partial: impl Fn(Range<usize>) -> [K; N] + Sync,
) -> [K; N] {
    if length < THRESHOLD {
        return partial(0..length);
    }
    let chunks = length.div_ceil(CHUNK);
    (0..chunks)
        .into_par_iter()
        .map(|chunk| partial(chunk * CHUNK..length.min((chunk + 1) * CHUNK)))
        .reduce(
            || [K::default(); N],
            |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            },
        )
}

/// Runs `each` on the chunks of `values`, with the range that a chunk covers.
pub(super) fn for_chunks<T: Send>(values: &mut [T], each: impl Fn(Range<usize>, &mut [T]) + Sync) {
    let length = values.len();
    if length < THRESHOLD {
        return each(0..length, values);
    }
    values
        .par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(index, chunk)| {
            let start = index * CHUNK;
            each(start..start + chunk.len(), chunk);
        });
}

/// Runs `each` on the chunks of two slices of the same length, with the range that they cover.
pub(super) fn for_chunks_of_two<T: Send, S: Send>(
    first: &mut [T],
    second: &mut [S],
    each: impl Fn(Range<usize>, &mut [T], &mut [S]) + Sync,
) {
    let length = first.len().min(second.len());
    let (first, second) = (&mut first[..length], &mut second[..length]);
    if length < THRESHOLD {
        return each(0..length, first, second);
    }
    let pairs = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
    pairs.enumerate().for_each(|(index, (first, second))| {
        let start = index * CHUNK;
        each(start..start + first.len(), first, second);
    });
}
