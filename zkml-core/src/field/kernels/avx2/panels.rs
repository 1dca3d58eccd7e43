//! The tiled product with int8 rows, by `vpmaddwd`: four limbs of four terms in an instruction.
//!
//! Limbs and values are widened to 16 bits: the byte form `vpmaddubsw` saturates (2 * 255 * 128 > 2^15).

use core::arch::x86_64::*;

use super::super::panels::{Block, LIMBS, Line, QUAD};

/// Vectors of sums of a line: of four limbs each, two sums for a limb.
const PARTS: usize = LIMBS / 4;

/// See `portable::panels::accumulate`.
#[target_feature(enable = "avx2")]
pub(in super::super) fn accumulate(block: Block<'_>, sums: &mut [i32]) {
    assert!(block.is_whole(sums) && block.terms.is_multiple_of(QUAD));
    for vector in 0..block.width {
        let mut row = 0;
        while row < block.count {
            // SAFETY: the rows from `row` on are there, as many as are taken; rows, lines and sums are whole.
            row += unsafe {
                match block.count - row {
                    2.. => tile::<2>(block, row, vector, sums),
                    _ => tile::<1>(block, row, vector, sums),
                }
            };
        }
    }
}

/// `ROWS` rows from `row` on times the limbs of one vector; returns how many rows these are.
#[inline(always)]
unsafe fn tile<const ROWS: usize>(block: Block<'_>, row: usize, vector: usize, sums: &mut [i32]) -> usize {
    // SAFETY: each row has `terms` values, four for each step; there are `width` lines for a step and 16 sums for a
    // row and vector.
    unsafe {
        let values = block.rows.as_ptr().add(row * block.row_length);
        let mut line: *const Line = block.lines.as_ptr().add(vector);
        let mut tile = [[_mm256_setzero_si256(); PARTS]; ROWS];
        for step in 0..block.terms / QUAD {
            let fours: [__m256i; ROWS] = core::array::from_fn(|k| {
                let four = values.add(k * block.row_length + QUAD * step).cast::<i32>();
                _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(four.read_unaligned())))
            });
            for part in 0..PARTS {
                let limbs = line.cast::<__m128i>().add(part).read();
                let limbs = _mm256_cvtepu8_epi16(limbs);
                for (tile, four) in tile.iter_mut().zip(fours) {
                    tile[part] = _mm256_add_epi32(tile[part], _mm256_madd_epi16(limbs, four));
                }
            }
            line = line.wrapping_add(block.width);
        }
        for (k, tile) in tile.into_iter().enumerate() {
            let first = (row + k) * block.stride + vector * LIMBS;
            for (part, sum) in tile.into_iter().enumerate() {
                let lanes: [i32; 8] = core::mem::transmute(sum);
                let own = sums[first + 4 * part..][..4].iter_mut();
                own.zip(lanes.chunks_exact(2))
                    .for_each(|(sum, pair)| *sum += pair[0] + pair[1]);
            }
        }
    }
    ROWS
}
