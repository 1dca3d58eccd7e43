//! The limb product with `vpdpbusd`: four rows of 16 columns by one limb in an instruction.

use core::arch::x86_64::*;

use super::super::limb_tiles::{self, DEPTH, LIMBS, Limbs, Packed, STRIP, Sums, Tile};
use crate::field::{K, P};

/// Groups of 16 columns; four rows make a dword.
struct Vnni;

/// The columns of dword `4 q + i` of group `g` are `16 q + 4 g + i`: what two byte and word interleavings leave.
const GROUPS: usize = STRIP / 16;

/// Writes four vectors `$row(0..4)` of bytes as dwords with a byte of each: bytes are interleaved, and then words.
macro_rules! interleave {
    ($row:ident, $target:ident, $low_bytes:ident, $high_bytes:ident, $low_words:ident, $high_words:ident) => {
        let (r0, r1, r2, r3) = ($row(0), $row(1), $row(2), $row(3));
        let (low_01, high_01) = ($low_bytes(r0, r1), $high_bytes(r0, r1));
        let (low_23, high_23) = ($low_bytes(r2, r3), $high_bytes(r2, r3));
        $target.write($low_words(low_01, low_23));
        $target.add(1).write($high_words(low_01, low_23));
        $target.add(2).write($low_words(high_01, high_23));
        $target.add(3).write($high_words(high_01, high_23));
    };
}

impl Tile for Vnni {
    #[inline(always)]
    unsafe fn pack(source: *const i8, row_length: usize, count: usize, width: usize, packed: &mut Packed) {
        let mask = u64::MAX >> (STRIP - width);
        for quad in 0..count.div_ceil(4) {
            // SAFETY: rows below `count` have `width` bytes, others are not read; each quad fills 256 bytes of
            // `packed`, which has room for DEPTH / 4 of them.
            unsafe {
                let row = |k: usize| {
                    let index = 4 * quad + k;
                    if index >= count {
                        return _mm512_setzero_si512();
                    }
                    let address = source.add(index * row_length);
                    _mm_prefetch::<_MM_HINT_T0>(address.wrapping_add(STRIP));
                    if width == STRIP {
                        _mm512_loadu_si512(address.cast())
                    } else {
                        _mm512_maskz_loadu_epi8(mask, address)
                    }
                };
                let target = packed.0.as_mut_ptr().add(256 * quad).cast::<__m512i>();
                interleave!(
                    row,
                    target,
                    _mm512_unpacklo_epi8,
                    _mm512_unpackhi_epi8,
                    _mm512_unpacklo_epi16,
                    _mm512_unpackhi_epi16
                );
            }
        }
    }

    #[inline(always)]
    unsafe fn limbs(coefficients: &[K], limbs: &mut Limbs) {
        for (quad, group) in coefficients.chunks(4).enumerate() {
            // SAFETY: an element of `K` is its 16 limbs; each quad fills 64 bytes of `limbs`, which has room for
            // DEPTH / 4 of them.
            unsafe {
                let bytes = |k: usize| match group.get(k) {
                    Some(x) => _mm_loadu_si128(core::ptr::from_ref(x).cast()),
                    None => _mm_setzero_si128(),
                };
                let target = limbs.0.as_mut_ptr().add(64 * quad).cast::<__m128i>();
                interleave!(
                    bytes,
                    target,
                    _mm_unpacklo_epi8,
                    _mm_unpackhi_epi8,
                    _mm_unpacklo_epi16,
                    _mm_unpackhi_epi16
                );
            }
        }
    }

    #[inline(always)]
    unsafe fn accumulate(packed: &Packed, limbs: &Limbs, count: usize, sums: &mut Sums) {
        debug_assert!(count <= DEPTH);
        for group in 0..GROUPS {
            // SAFETY: 16 vectors of sums for each group; quads stay below DEPTH / 4.
            unsafe {
                let memory = sums.as_mut_ptr().add(16 * LIMBS * group);
                let mut sums = [_mm512_setzero_si512(); LIMBS];
                for (l, sum) in sums.iter_mut().enumerate() {
                    *sum = _mm512_loadu_si512(memory.add(16 * l).cast());
                }
                let sums = accumulate_group(packed, limbs, count, group, sums);
                for (l, sum) in sums.into_iter().enumerate() {
                    _mm512_storeu_si512(memory.add(16 * l).cast(), sum);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn finish(sums: &Sums, out: &mut [K; STRIP]) {
        for group in 0..GROUPS {
            // SAFETY: 16 vectors of sums for each group.
            unsafe {
                let memory = sums.as_ptr().add(16 * LIMBS * group);
                let sums = core::array::from_fn(|l| _mm512_loadu_si512(memory.add(16 * l).cast()));
                finish_group(sums, group, out);
            }
        }
    }

    #[inline(always)]
    unsafe fn product(packed: &Packed, limbs: &Limbs, count: usize, out: &mut [K; STRIP]) {
        debug_assert!(count <= DEPTH);
        for group in 0..GROUPS {
            // SAFETY: as in `accumulate` and `finish`.
            unsafe {
                let none = [_mm512_setzero_si512(); LIMBS];
                finish_group(accumulate_group(packed, limbs, count, group, none), group, out);
            }
        }
    }

    #[inline(always)]
    unsafe fn dot_two(rows: [*const i8; 2], planes: *const u8, stride: usize, width: usize) -> [[i32; 8]; 2] {
        // SAFETY: full strips are inside rows and planes; the last one is masked in the rows.
        unsafe {
            let mut sums = [[_mm512_setzero_si512(); 8]; 2];
            let mut start = 0;
            while start < width {
                let mask = u64::MAX >> (STRIP - STRIP.min(width - start));
                let data = [
                    _mm512_maskz_loadu_epi8(mask, rows[0].add(start)),
                    _mm512_maskz_loadu_epi8(mask, rows[1].add(start)),
                ];
                let [first, second] = &mut sums;
                for (l, (first, second)) in first.iter_mut().zip(second).enumerate() {
                    let limbs = _mm512_loadu_si512(planes.add(l * stride + start).cast());
                    *first = _mm512_dpbusd_epi32(*first, limbs, data[0]);
                    *second = _mm512_dpbusd_epi32(*second, limbs, data[1]);
                }
                start += STRIP;
            }
            let mut totals = [[0; 8]; 2];
            for (totals, sums) in totals.iter_mut().zip(sums) {
                for (total, sum) in totals.iter_mut().zip(sums) {
                    *total = _mm512_reduce_add_epi32(sum);
                }
            }
            totals
        }
    }
}

/// Adds `limbs * packed` to the 16 sums of a group of columns, over `count <= DEPTH` rows.
#[inline(always)]
unsafe fn accumulate_group(
    packed: &Packed,
    limbs: &Limbs,
    count: usize,
    group: usize,
    mut sums: [__m512i; LIMBS],
) -> [__m512i; LIMBS] {
    for quad in 0..count.div_ceil(4) {
        // SAFETY: quads stay below DEPTH / 4; AVX-512 with VNNI is there, as the caller vouches.
        unsafe {
            let data = packed
                .0
                .as_ptr()
                .add(256 * quad + 64 * group)
                .cast::<__m512i>()
                .read();
            let limb = limbs.0.as_ptr().add(64 * quad).cast::<i32>();
            for (l, sum) in sums.iter_mut().enumerate() {
                *sum = _mm512_dpbusd_epi32(*sum, _mm512_set1_epi32(limb.add(l).read()), data);
            }
        }
    }
    sums
}

/// The elements whose 16 limbs are the sums of a group: dword `4 q + i` is column `16 q + 4 g + i`.
#[inline(always)]
unsafe fn finish_group(sums: [__m512i; LIMBS], group: usize, out: &mut [K; STRIP]) {
    // SAFETY: AVX-512 is there, as the caller vouches.
    unsafe { finish_half::<0>(&sums, group, out) };
    // SAFETY: as above.
    unsafe { finish_half::<1>(&sums, group, out) };
}

#[inline(always)]
unsafe fn finish_half<const HALF: i32>(sums: &[__m512i; LIMBS], group: usize, out: &mut [K; STRIP]) {
    // SAFETY: eight dwords (two q) of each of 16 limbs; the two stores go to four elements of `out` each.
    unsafe {
        let limb = |l: usize| _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64::<HALF>(sums[l]));
        let re = join(
            [limb(0), limb(1), limb(2), limb(3)],
            [limb(4), limb(5), limb(6), limb(7)],
        );
        let im = join(
            [limb(8), limb(9), limb(10), limb(11)],
            [limb(12), limb(13), limb(14), limb(15)],
        );
        let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
        let high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
        let target = out.as_mut_ptr().add(32 * HALF as usize + 4 * group);
        _mm512_storeu_si512(target.cast(), _mm512_permutex2var_epi64(re, low, im));
        _mm512_storeu_si512(target.add(16).cast(), _mm512_permutex2var_epi64(re, high, im));
    }
}

/// `sum_l 2^(8 l) limb_l mod p`, canonical, for eight columns.
#[inline(always)]
unsafe fn join(low: [__m512i; 4], high: [__m512i; 4]) -> __m512i {
    // SAFETY: AVX-512 is there, as the caller vouches.
    unsafe {
        let p = _mm512_set1_epi64(P as i64);
        // Each half is below 2^56 in absolute value; p more makes it positive.
        let half = |limbs: [__m512i; 4]| {
            let low = _mm512_add_epi64(limbs[0], _mm512_slli_epi64::<8>(limbs[1]));
            let high = _mm512_add_epi64(limbs[2], _mm512_slli_epi64::<8>(limbs[3]));
            _mm512_add_epi64(_mm512_add_epi64(low, p), _mm512_slli_epi64::<16>(high))
        };
        let (low, high) = (half(low), half(high));
        let shifted = _mm512_and_si512(_mm512_slli_epi64::<32>(high), p);
        let sum = _mm512_add_epi64(_mm512_add_epi64(low, shifted), _mm512_srli_epi64::<29>(high));
        let sum = _mm512_add_epi64(_mm512_and_si512(sum, p), _mm512_srli_epi64::<61>(sum));
        _mm512_min_epu64(sum, _mm512_sub_epi64(sum, p))
    }
}

limb_tiles::entries!(Vnni, "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni");
