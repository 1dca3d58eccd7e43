//! The product with patches by `vpdpbusd`: four bytes of data with four weights of 16 outputs.

use core::arch::x86_64::*;

use super::super::int8::{self, BLOCK, QUAD, Task, for_tiles};

/// Positions of a tile: with four blocks of outputs 24 registers of sums, 4 of weights, one of data.
const POSITIONS: usize = 6;

/// See `int8::multiply`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(in super::super) fn multiply(task: &Task<'_>, out: &mut [i32]) {
    for_tiles(task, POSITIONS, out, |positions, out| {
        // SAFETY: this function can only be reached with the instruction set.
        unsafe {
            match (task.blocks, positions.len()) {
                (4, 6) => tile::<4, 6>(task, positions, out),
                (4, 4) => tile::<4, 4>(task, positions, out),
                (2, 6) => tile::<2, 6>(task, positions, out),
                (1, 6) => tile::<1, 6>(task, positions, out),
                (blocks, _) => {
                    for (position, out) in positions.iter().zip(out.chunks_exact_mut(blocks * BLOCK)) {
                        let position = core::slice::from_ref(position);
                        match blocks {
                            4 => tile::<4, 1>(task, position, out),
                            3 => tile::<3, 1>(task, position, out),
                            2 => tile::<2, 1>(task, position, out),
                            _ => tile::<1, 1>(task, position, out),
                        }
                    }
                }
            }
        }
    });
}

/// The sums of `B` blocks of outputs and `P` positions.
///
/// # Safety
/// AVX-512 with VNNI is there; there are `P` positions, and the task has `B` blocks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn tile<const B: usize, const P: usize>(task: &Task<'_>, positions: &[usize], out: &mut [i32]) {
    assert!(positions.len() == P && task.blocks == B && out.len() == P * B * BLOCK);
    assert!(task.lines.len() == task.patches.segments.len() * task.quads * B);
    let mut sums = [[_mm512_setzero_si512(); B]; P];
    let mut line = task.lines.as_ptr();
    for segment in task.patches.segments {
        let starts: [*const u8; P] = task.starts(*segment, positions);
        for quad in 0..task.quads {
            // SAFETY: `lines` has B lines for each quad of each segment, and every start has `quads` quads.
            unsafe {
                let weights: [__m512i; B] = core::array::from_fn(|b| line.add(b).cast::<__m512i>().read());
                line = line.add(B);
                for (sums, start) in sums.iter_mut().zip(starts) {
                    let bytes = _mm512_set1_epi32(start.add(QUAD * quad).cast::<i32>().read_unaligned());
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = _mm512_dpbusd_epi32(*sum, bytes, weights);
                    }
                }
            }
        }
    }
    for (sums, out) in sums.iter().zip(out.chunks_exact_mut(B * BLOCK)) {
        for (sum, out) in sums.iter().zip(out.chunks_exact_mut(BLOCK)) {
            // SAFETY: 16 sums.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), *sum) };
        }
    }
}

/// See `int8::rescale`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(in super::super) fn rescale(x: &[i64], multiplier: i64, shift: u32, out: &mut [i64]) -> (i64, i64) {
    int8::rescale(x, multiplier, shift, out)
}
