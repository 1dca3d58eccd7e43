//! Sums of products in three words, by 52-bit multiply-adds, and their reduction modulo `p`.

use core::arch::x86_64::*;

use crate::field::P;

/// The three words of a sum of products. Each term in `K` adds less than `2^53` to `w0`, `3 * 2^53`
/// to `w52` and `2^24` to `w104`, so 512 of them fit.
#[derive(Clone, Copy)]
pub(in crate::field::kernels) struct Words {
    pub(super) w0: __m512i,
    pub(super) w52: __m512i,
    pub(super) w104: __m512i,
}

#[inline(always)]
pub(super) unsafe fn all(x: u64) -> __m512i {
    // SAFETY: AVX-512 is there, as the caller vouches.
    unsafe { _mm512_set1_epi64(x as i64) }
}

/// `x mod p` for `x < 2 p`: the smaller of `x` and `x - p` as unsigned words.
#[inline(always)]
pub(super) unsafe fn reduce_once(x: __m512i) -> __m512i {
    // SAFETY: AVX-512 is there, as the caller vouches.
    unsafe { _mm512_min_epu64(x, _mm512_sub_epi64(x, all(P))) }
}

/// `x mod p` for any `x`.
#[inline(always)]
pub(super) unsafe fn reduce(x: __m512i) -> __m512i {
    // SAFETY: AVX-512 is there, as the caller vouches.
    unsafe {
        reduce_once(_mm512_add_epi64(
            _mm512_and_si512(x, all(P)),
            _mm512_srli_epi64::<61>(x),
        ))
    }
}

/// A word below `2^61 + 2^55` that is congruent to `2^52 x` modulo `p`.
#[inline(always)]
pub(super) unsafe fn times_2_52(x: __m512i) -> __m512i {
    // SAFETY: AVX-512 is there, as the caller vouches.
    unsafe {
        let low = _mm512_and_si512(_mm512_slli_epi64::<52>(x), all(P));
        _mm512_add_epi64(low, _mm512_srli_epi64::<9>(x))
    }
}

impl Words {
    #[inline(always)]
    pub(super) unsafe fn zero() -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let zero = _mm512_setzero_si512();
            Words {
                w0: zero,
                w52: zero,
                w104: zero,
            }
        }
    }

    /// The sum that is `x` so far.
    #[inline(always)]
    pub(super) unsafe fn from(x: __m512i) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let zero = _mm512_setzero_si512();
            Words {
                w0: x,
                w52: zero,
                w104: zero,
            }
        }
    }

    /// Adds `x y`; `x_1`, `y_1` are the high limbs.
    #[inline(always)]
    pub(super) unsafe fn mac(self, x: __m512i, x_1: __m512i, y: __m512i, y_1: __m512i) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let w0 = _mm512_madd52lo_epu64(self.w0, x, y);
            let w52 = _mm512_madd52hi_epu64(self.w52, x, y);
            let w52 = _mm512_madd52lo_epu64(w52, x, y_1);
            let w52 = _mm512_madd52lo_epu64(w52, x_1, y);
            let w104 = _mm512_madd52hi_epu64(self.w104, x, y_1);
            let w104 = _mm512_madd52hi_epu64(w104, x_1, y);
            let w104 = _mm512_madd52lo_epu64(w104, x_1, y_1);
            Words { w0, w52, w104 }
        }
    }

    /// Adds `x y` for `x < 2^43`: then `x y_1 < 2^52`, and there is nothing at `2^104`.
    #[inline(always)]
    pub(super) unsafe fn mac_small(self, x: __m512i, y: __m512i, y_1: __m512i) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let w0 = _mm512_madd52lo_epu64(self.w0, x, y);
            let w52 = _mm512_madd52hi_epu64(self.w52, x, y);
            let w52 = _mm512_madd52lo_epu64(w52, x, y_1);
            Words {
                w0,
                w52,
                w104: self.w104,
            }
        }
    }

    /// The sum mod p, for at most two products of operands below `2^62` and `2^61` and one residue: then
    /// `w104 <= 2 (2^19 + 2^10 + 2^9)` and the sum of the three words stays below `2^63 + 2^62 + 2^56`.
    #[inline(always)]
    pub(super) unsafe fn reduce_short(self) -> __m512i {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let high = _mm512_slli_epi64::<43>(self.w104);
            reduce(_mm512_add_epi64(
                _mm512_add_epi64(self.w0, high),
                times_2_52(self.w52),
            ))
        }
    }

    /// The sum mod p for any words with `w104 < 2^52`.
    #[inline(always)]
    pub(super) unsafe fn reduce_long(self) -> __m512i {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let low = _mm512_add_epi64(
                _mm512_and_si512(self.w0, all(P)),
                _mm512_srli_epi64::<61>(self.w0),
            );
            // 2^104 = 2^43 mod p
            let high = _mm512_add_epi64(
                _mm512_and_si512(_mm512_slli_epi64::<43>(self.w104), all(P)),
                _mm512_srli_epi64::<18>(self.w104),
            );
            reduce(_mm512_add_epi64(
                _mm512_add_epi64(low, high),
                times_2_52(self.w52),
            ))
        }
    }
}

/// The high limb.
#[inline(always)]
pub(super) unsafe fn high(x: __m512i) -> __m512i {
    // SAFETY: AVX-512 is there, as the caller vouches.
    unsafe { _mm512_srli_epi64::<52>(x) }
}
