//! The product with patches by `vpmaddwd`: four bytes of data with four weights of 4 outputs, widened to 16 bits (the
//! byte form saturates).

use core::arch::x86_64::*;

use super::super::int8::{self, BLOCK, QUAD, Task, for_tiles};

/// Positions of a tile; with the four vectors of a block 12 registers of sums.
const POSITIONS: usize = 3;

/// See `int8::multiply`.
#[target_feature(enable = "avx2")]
pub(in super::super) fn multiply(task: &Task<'_>, out: &mut [i32]) {
    for_tiles(task, POSITIONS, out, |positions, out| {
        for block in 0..task.blocks {
            // SAFETY: this function can only be reached with the instruction set.
            unsafe {
                if positions.len() == POSITIONS {
                    tile::<POSITIONS>(task, block, positions, out);
                } else {
                    let width = task.blocks * BLOCK;
                    for (position, out) in positions.iter().zip(out.chunks_exact_mut(width)) {
                        tile::<1>(task, block, core::slice::from_ref(position), out);
                    }
                }
            }
        }
    });
}

/// The sums of one block of outputs and `P` positions.
///
/// # Safety
/// AVX2 is there, there are `P` positions, and `block` is one of the task's.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn tile<const P: usize>(task: &Task<'_>, block: usize, positions: &[usize], out: &mut [i32]) {
    let width = task.blocks * BLOCK;
    assert!(positions.len() == P && block < task.blocks && out.len() == P * width);
    assert!(task.lines.len() == task.patches.segments.len() * task.quads * task.blocks);
    // Vector `v` has the outputs 4 v .. 4 v + 4, the first two and the last two terms of each apart.
    let mut sums = [[_mm256_setzero_si256(); 4]; P];
    let mut line = task.lines[block..].as_ptr();
    for segment in task.patches.segments {
        let starts: [*const u8; P] = task.starts(*segment, positions);
        for quad in 0..task.quads {
            // SAFETY: `lines` has a line of this block for each quad of each segment, and every start `quads` quads.
            unsafe {
                let weights: [__m256i; 4] = core::array::from_fn(|v| {
                    _mm256_cvtepi8_epi16(_mm_loadu_si128(line.cast::<__m128i>().add(v)))
                });
                line = line.wrapping_add(task.blocks);
                for (sums, start) in sums.iter_mut().zip(starts) {
                    let bytes = _mm_cvtsi32_si128(start.add(QUAD * quad).cast::<i32>().read_unaligned());
                    let bytes = _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(bytes));
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(bytes, weights));
                    }
                }
            }
        }
    }
    for (sums, out) in sums.iter().zip(out.chunks_exact_mut(width)) {
        for (v, sum) in sums.iter().enumerate() {
            let pairs = _mm_hadd_epi32(_mm256_castsi256_si128(*sum), _mm256_extracti128_si256::<1>(*sum));
            // SAFETY: four sums of this block.
            unsafe { _mm_storeu_si128(out[block * BLOCK + 4 * v..][..4].as_mut_ptr().cast(), pairs) };
        }
    }
}

/// See `int8::rescale`.
#[target_feature(enable = "avx2")]
pub(in super::super) fn rescale(x: &[i64], multiplier: i64, shift: u32, out: &mut [i64]) -> (i64, i64) {
    int8::rescale(x, multiplier, shift, out)
}
