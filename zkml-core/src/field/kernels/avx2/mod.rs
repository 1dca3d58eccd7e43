//! AVX2: four residues, products by 32-bit multiplications.
//!
//! A residue is `x_0 + 2^31 x_1` with limbs of 31 and 30 bits, so
//!
//! ```text
//! x y = (x_0 y_0 + 2 x_1 y_1) + 2^31 (x_0 y_1 + x_1 y_0)  mod p,
//! ```
//!
//! and both brackets stay in 64 bits even for the two products of a coordinate of `K`. AVX2 compares signed
//! words only: all values that are compared stay below `2^63`.

use core::arch::x86_64::*;
use core::mem::MaybeUninit;

use self::product::{Halves, all, limbs, product, products, reduce_once, shift};
use super::small::SmallLeaves;
use super::vector::{Pair, Vector};
use crate::field::mersenne61::reduce_wide;
use crate::field::{K, M61, P};

pub(super) mod blake3;
pub(super) mod int8;
pub(super) mod limb;
pub(super) mod panels;
mod product;

/// Four residues.
#[derive(Clone, Copy)]
pub(super) struct Lanes(__m256i);

#[inline(always)]
unsafe fn words(x: __m256i) -> [u64; 4] {
    // SAFETY: both are 32 bytes without padding.
    unsafe { core::mem::transmute(x) }
}

impl Vector for Lanes {
    const WIDTH: usize = 4;

    type Sum = Halves;

    #[inline(always)]
    unsafe fn splat(x: u64) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe { Lanes(all(x)) }
    }

    #[inline(always)]
    unsafe fn load(source: *const u64) -> Self {
        // SAFETY: AVX2 is there and the words are valid, as the caller vouches.
        unsafe { Lanes(_mm256_loadu_si256(source.cast())) }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut u64) {
        // SAFETY: AVX2 is there and the words are valid, as the caller vouches.
        unsafe { _mm256_storeu_si256(target.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn load_in_pair_order(source: *const u64) -> Self {
        // SAFETY: AVX2 is there and the words are valid, as the caller vouches.
        unsafe { Lanes(_mm256_permute4x64_epi64::<0b11_01_10_00>(Self::load(source).0)) }
    }

    #[inline(always)]
    unsafe fn load_small(source: *const u32) -> Self {
        // SAFETY: AVX2 is there and the integers are valid, as the caller vouches.
        unsafe {
            let lanes = _mm256_cvtepu32_epi64(_mm_loadu_si128(source.cast()));
            Lanes(_mm256_permute4x64_epi64::<0b11_01_10_00>(lanes))
        }
    }

    #[inline(always)]
    unsafe fn int_add(self, other: Self) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe { Lanes(_mm256_add_epi64(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn int_sub(self, other: Self) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe { Lanes(_mm256_sub_epi64(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn int_mul(self, other: Self) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe { Lanes(_mm256_mul_epi32(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn load_pair(source: *const u64) -> Pair<Self> {
        // SAFETY: AVX2 is there and the words are valid, as the caller vouches.
        unsafe {
            let (a, b) = (Self::load(source).0, Self::load(source.add(4)).0);
            Pair {
                re: Lanes(_mm256_unpacklo_epi64(a, b)),
                im: Lanes(_mm256_unpackhi_epi64(a, b)),
            }
        }
    }

    #[inline(always)]
    unsafe fn store_pair(pair: Pair<Self>, target: *mut u64) {
        // SAFETY: AVX2 is there and the words are valid, as the caller vouches.
        unsafe {
            Lanes(_mm256_unpacklo_epi64(pair.re.0, pair.im.0)).store(target);
            Lanes(_mm256_unpackhi_epi64(pair.re.0, pair.im.0)).store(target.add(4));
        }
    }

    #[inline(always)]
    unsafe fn load_blocks<const HALF: usize>(source: *const u64) -> (Self, Self) {
        // SAFETY: AVX2 is there and the words are valid, as the caller vouches.
        unsafe {
            let (a, b) = (Self::load(source).0, Self::load(source.add(4)).0);
            if HALF == 1 {
                (
                    Lanes(_mm256_unpacklo_epi64(a, b)),
                    Lanes(_mm256_unpackhi_epi64(a, b)),
                )
            } else {
                (
                    Lanes(_mm256_permute2x128_si256::<0x20>(a, b)),
                    Lanes(_mm256_permute2x128_si256::<0x31>(a, b)),
                )
            }
        }
    }

    #[inline(always)]
    unsafe fn store_blocks<const HALF: usize>(low: Self, high: Self, target: *mut u64) {
        // SAFETY: AVX2 is there and the words are valid, as the caller vouches.
        unsafe {
            let (a, b) = if HALF == 1 {
                (
                    _mm256_unpacklo_epi64(low.0, high.0),
                    _mm256_unpackhi_epi64(low.0, high.0),
                )
            } else {
                (
                    _mm256_permute2x128_si256::<0x20>(low.0, high.0),
                    _mm256_permute2x128_si256::<0x31>(low.0, high.0),
                )
            };
            Lanes(a).store(target);
            Lanes(b).store(target.add(4));
        }
    }

    #[inline(always)]
    unsafe fn load_twiddles<const HALF: usize>(source: *const u64) -> Self {
        // SAFETY: AVX2 is there and the words are valid, as the caller vouches.
        unsafe {
            if HALF == 1 {
                Self::load_in_pair_order(source)
            } else {
                let two = _mm256_castsi128_si256(_mm_loadu_si128(source.cast()));
                Lanes(_mm256_permute4x64_epi64::<0b01_01_00_00>(two))
            }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe { Lanes(reduce_once(_mm256_add_epi64(self.0, other.0))) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe {
            let difference = _mm256_sub_epi64(self.0, other.0);
            let negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), difference);
            Lanes(_mm256_add_epi64(difference, _mm256_and_si256(negative, all(P))))
        }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe { product(limbs(self.0), limbs(other.0)).reduce() }
    }

    #[inline(always)]
    unsafe fn mul_pair(a: Pair<Self>, b: Pair<Self>) -> Pair<Self> {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe {
            let Pair { re, im } = products(a, b);
            Pair {
                re: re.reduce(),
                im: im.reduce(),
            }
        }
    }

    #[inline(always)]
    unsafe fn mul_add_pair(a: Pair<Self>, b: Pair<Self>, c: Pair<Self>) -> Pair<Self> {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe { Self::mul_pair(a, b).add(c) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe { self.mul(b).add(c) }
    }

    // The limbs have no room to spare: every lane is canonical here.
    type Factor = Self;

    #[inline(always)]
    unsafe fn factor(x: u64) -> Self {
        // SAFETY: as the caller vouches.
        unsafe { Self::splat(x) }
    }

    #[inline(always)]
    unsafe fn lazy_mul(self, factor: Self) -> Self {
        // SAFETY: as the caller vouches.
        unsafe { self.mul(factor) }
    }

    #[inline(always)]
    unsafe fn no_sum() -> Halves {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe {
            let zero = _mm256_setzero_si256();
            Halves {
                low_0: zero,
                low_32: zero,
                middle_0: zero,
                middle_32: zero,
            }
        }
    }

    #[inline(always)]
    unsafe fn mac_base(sum: Halves, a: Self, b: Self) -> Halves {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe { sum.add(product(limbs(a.0), limbs(b.0))) }
    }

    #[inline(always)]
    unsafe fn mac_pair(sum: Pair<Halves>, a: Pair<Self>, b: Pair<Self>) -> Pair<Halves> {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe {
            let Pair { re, im } = products(a, b);
            Pair {
                re: sum.re.add(re),
                im: sum.im.add(im),
            }
        }
    }

    #[inline(always)]
    unsafe fn flush(sum: Halves) -> Halves {
        sum
    }

    #[inline(always)]
    unsafe fn reduce(sum: Halves) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe {
            // 2^(31 + 32) = 2^2; fewer than 2^24 terms here.
            let low = _mm256_add_epi64(sum.low_0, shift::<32, 29>(sum.low_32));
            let middle = _mm256_add_epi64(
                shift::<31, 30>(sum.middle_0),
                _mm256_slli_epi64::<2>(sum.middle_32),
            );
            let total = _mm256_add_epi64(low, middle);
            let total = _mm256_add_epi64(_mm256_and_si256(total, all(P)), _mm256_srli_epi64::<61>(total));
            Lanes(reduce_once(total))
        }
    }

    #[inline(always)]
    unsafe fn total(sum: Halves) -> M61 {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe {
            let column = |x: __m256i| words(x).into_iter().map(u128::from).sum::<u128>();
            let low = column(sum.low_0) + (column(sum.low_32) << 32);
            let middle = column(sum.middle_0) + (column(sum.middle_32) << 32);
            M61::from_raw(reduce_wide(
                u128::from(reduce_wide(low)) + (u128::from(reduce_wide(middle)) << 31),
            ))
        }
    }
}

super::generic::instantiate!(Lanes, "avx2");
