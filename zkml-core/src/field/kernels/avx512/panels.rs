//! The tiled product with int8 rows, by `vpdpbusd`: 16 limbs of four terms in an instruction.

use core::arch::x86_64::*;

use super::super::panels::{Block, LIMBS, Line, QUAD};

/// See `portable::panels::accumulate`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(in super::super) fn accumulate(block: Block<'_>, sums: &mut [i32]) {
    assert!(block.is_whole(sums) && block.terms.is_multiple_of(QUAD));
    // SAFETY: rows, lines and sums are whole.
    unsafe {
        match block.width {
            1 => rows::<1>(block, sums),
            2 => rows::<2>(block, sums),
            _ => rows::<3>(block, sums),
        }
    }
}

/// All rows, eight at a time.
#[inline(always)]
unsafe fn rows<const WIDTH: usize>(block: Block<'_>, sums: &mut [i32]) {
    let mut row = 0;
    while row < block.count {
        // SAFETY: the rows from `row` on are there, as many as are taken.
        row += unsafe {
            match block.count - row {
                8.. => tile::<8, WIDTH>(block, row, sums),
                4.. => tile::<4, WIDTH>(block, row, sums),
                2.. => tile::<2, WIDTH>(block, row, sums),
                _ => tile::<1, WIDTH>(block, row, sums),
            }
        };
    }
}

/// `ROWS` rows from `row` on; returns how many these are.
#[inline(always)]
unsafe fn tile<const ROWS: usize, const WIDTH: usize>(
    block: Block<'_>,
    row: usize,
    sums: &mut [i32],
) -> usize {
    // SAFETY: each row has `terms` values, four for each step; there are `WIDTH` lines for a step and `WIDTH` vectors
    // of sums for a row.
    unsafe {
        let values = block.rows.as_ptr().add(row * block.row_length);
        let mut lines: *const Line = block.lines.as_ptr();
        let mut tile = [[_mm512_setzero_si512(); WIDTH]; ROWS];
        for step in 0..block.terms / QUAD {
            let limbs: [__m512i; WIDTH] = core::array::from_fn(|v| _mm512_load_si512(lines.add(v).cast()));
            lines = lines.add(WIDTH);
            for (k, tile) in tile.iter_mut().enumerate() {
                let four = values.add(k * block.row_length + QUAD * step).cast::<i32>();
                let four = _mm512_set1_epi32(four.read_unaligned());
                for (sum, limbs) in tile.iter_mut().zip(limbs) {
                    *sum = _mm512_dpbusd_epi32(*sum, limbs, four);
                }
            }
        }
        for (k, tile) in tile.into_iter().enumerate() {
            for (v, sum) in tile.into_iter().enumerate() {
                let memory = sums.as_mut_ptr().add((row + k) * block.stride + v * LIMBS);
                let before = _mm512_loadu_si512(memory.cast());
                _mm512_storeu_si512(memory.cast(), _mm512_add_epi32(before, sum));
            }
        }
    }
    ROWS
}
