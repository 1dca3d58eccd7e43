//! The limb product with `vpmaddwd`: two rows of 8 columns by one limb in an instruction.
//!
//! Limbs and values are widened to 16 bits: the byte form `vpmaddubsw` saturates (2 * 255 * 128 > 2^15).

use core::arch::x86_64::*;

use super::super::limb::join;
use super::super::limb_tiles::{self, DEPTH, LIMBS, Limbs, Packed, STRIP, Sums, Tile};
use crate::field::K;

/// Groups of 8 columns; two rows make a dword.
struct Words;

/// Group `2 b + h` has the columns `16 b + 4 h + i` and `16 b + 8 + 4 h + i`, `i < 4`: what a word interleaving leaves.
const GROUPS: usize = STRIP / 8;

impl Tile for Words {
    #[inline(always)]
    unsafe fn pack(source: *const i8, row_length: usize, count: usize, width: usize, packed: &mut Packed) {
        for pair in 0..count.div_ceil(2) {
            // SAFETY: rows below `count` have `width` bytes, others are not read; each pair fills 256 bytes of
            // `packed`, which has room for DEPTH / 2 of them.
            unsafe {
                let mut copies = [[0i8; STRIP]; 2];
                for (k, copy) in copies.iter_mut().enumerate() {
                    let index = 2 * pair + k;
                    if index < count {
                        core::ptr::copy_nonoverlapping(
                            source.add(index * row_length),
                            copy.as_mut_ptr(),
                            width,
                        );
                    }
                }
                let target = packed.0.as_mut_ptr().add(4 * STRIP * pair).cast::<__m256i>();
                for b in 0..STRIP / 16 {
                    let first = _mm256_cvtepi8_epi16(_mm_loadu_si128(copies[0].as_ptr().add(16 * b).cast()));
                    let second = _mm256_cvtepi8_epi16(_mm_loadu_si128(copies[1].as_ptr().add(16 * b).cast()));
                    target.add(2 * b).write(_mm256_unpacklo_epi16(first, second));
                    target.add(2 * b + 1).write(_mm256_unpackhi_epi16(first, second));
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn limbs(coefficients: &[K], limbs: &mut Limbs) {
        for (pair, group) in coefficients.chunks(2).enumerate() {
            // SAFETY: an element of `K` is its 16 limbs; each pair fills 64 bytes of `limbs`, which has room for
            // DEPTH / 2 of them.
            unsafe {
                let words = |k: usize| match group.get(k) {
                    Some(x) => _mm256_cvtepu8_epi16(_mm_loadu_si128(core::ptr::from_ref(x).cast())),
                    None => _mm256_setzero_si256(),
                };
                let (first, second) = (words(0), words(1));
                let (low, high) = (
                    _mm256_unpacklo_epi16(first, second),
                    _mm256_unpackhi_epi16(first, second),
                );
                let target = limbs.0.as_mut_ptr().add(64 * pair).cast::<__m256i>();
                target.write(_mm256_permute2x128_si256::<0x20>(low, high));
                target.add(1).write(_mm256_permute2x128_si256::<0x31>(low, high));
            }
        }
    }

    #[inline(always)]
    unsafe fn accumulate(packed: &Packed, limbs: &Limbs, count: usize, sums: &mut Sums) {
        debug_assert!(count <= DEPTH);
        for group in 0..GROUPS {
            for half in 0..2 {
                // SAFETY: 8 vectors of sums for each group and half; pairs stay below DEPTH / 2.
                unsafe {
                    let memory = sums.as_mut_ptr().add(8 * (LIMBS * group + 8 * half));
                    let mut sums = [_mm256_setzero_si256(); 8];
                    for (l, sum) in sums.iter_mut().enumerate() {
                        *sum = _mm256_loadu_si256(memory.add(8 * l).cast());
                    }
                    for pair in 0..count.div_ceil(2) {
                        let data = packed
                            .0
                            .as_ptr()
                            .add(4 * STRIP * pair + 32 * group)
                            .cast::<__m256i>()
                            .read();
                        let limb = limbs.0.as_ptr().add(64 * pair + 32 * half).cast::<i32>();
                        for (l, sum) in sums.iter_mut().enumerate() {
                            let limb = _mm256_set1_epi32(limb.add(l).read());
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(limb, data));
                        }
                    }
                    for (l, sum) in sums.into_iter().enumerate() {
                        _mm256_storeu_si256(memory.add(8 * l).cast(), sum);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn finish(sums: &Sums, out: &mut [K; STRIP]) {
        for group in 0..GROUPS {
            for lane in 0..8 {
                let limb = |l: usize| sums[8 * (LIMBS * group + l) + lane];
                let re = join(core::array::from_fn(limb));
                let im = join(core::array::from_fn(|l| limb(8 + l)));
                out[16 * (group / 2) + 4 * (group % 2) + 8 * (lane / 4) + lane % 4] = K::new(re, im);
            }
        }
    }

    #[inline(always)]
    unsafe fn dot_two(rows: [*const i8; 2], planes: *const u8, stride: usize, width: usize) -> [[i32; 8]; 2] {
        // SAFETY: 16 values at a time are read where they exist; a shorter rest goes through a copy. Planes are
        // readable to the next multiple of 64.
        unsafe {
            let mut sums = [[_mm256_setzero_si256(); 8]; 2];
            for (row, sums) in rows.into_iter().zip(&mut sums) {
                let mut start = 0;
                while start < width {
                    let values = if width - start >= 16 {
                        _mm_loadu_si128(row.add(start).cast())
                    } else {
                        let mut copy = [0i8; 16];
                        core::ptr::copy_nonoverlapping(row.add(start), copy.as_mut_ptr(), width - start);
                        _mm_loadu_si128(copy.as_ptr().cast())
                    };
                    let values = _mm256_cvtepi8_epi16(values);
                    for (l, sum) in sums.iter_mut().enumerate() {
                        let limbs = _mm_loadu_si128(planes.add(l * stride + start).cast());
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(_mm256_cvtepu8_epi16(limbs), values));
                    }
                    start += 16;
                }
            }
            let mut totals = [[0; 8]; 2];
            for (totals, sums) in totals.iter_mut().zip(sums) {
                for (total, sum) in totals.iter_mut().zip(sums) {
                    let lanes: [i32; 8] = core::mem::transmute(sum);
                    *total = lanes.iter().sum();
                }
            }
            totals
        }
    }
}

limb_tiles::entries!(Words, "avx2");
