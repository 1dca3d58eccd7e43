//! Products of residues by their limbs, sums of products, and their reduction modulo `p`.

use core::arch::x86_64::*;

use super::Lanes;
use crate::field::P;
use crate::field::kernels::vector::Pair;

/// Sums of the halves of `low + 2^31 middle`: `2^32` terms fit.
#[derive(Clone, Copy)]
pub(in crate::field::kernels) struct Halves {
    pub(super) low_0: __m256i,
    pub(super) low_32: __m256i,
    pub(super) middle_0: __m256i,
    pub(super) middle_32: __m256i,
}

/// `low + 2^31 middle`, with `low < 2^64` and `middle < 2^63`.
#[derive(Clone, Copy)]
pub(super) struct Product {
    low: __m256i,
    middle: __m256i,
}

#[inline(always)]
pub(super) unsafe fn all(x: u64) -> __m256i {
    // SAFETY: AVX2 is there, as the caller vouches.
    unsafe { _mm256_set1_epi64x(x as i64) }
}

/// `x mod p` for `x < 2 p`.
#[inline(always)]
pub(super) unsafe fn reduce_once(x: __m256i) -> __m256i {
    // SAFETY: AVX2 is there, as the caller vouches.
    unsafe {
        let difference = _mm256_sub_epi64(x, all(P));
        // Adds p back where the difference is negative: blends on the sign bit.
        _mm256_castpd_si256(_mm256_blendv_pd(
            _mm256_castsi256_pd(difference),
            _mm256_castsi256_pd(x),
            _mm256_castsi256_pd(difference),
        ))
    }
}

/// A word congruent to `2^UP x` modulo `p`, for `UP + DOWN = 61`: `2^UP (x mod 2^DOWN) + (x >> DOWN)`.
#[inline(always)]
pub(super) unsafe fn shift<const UP: i32, const DOWN: i32>(x: __m256i) -> __m256i {
    // SAFETY: AVX2 is there, as the caller vouches.
    unsafe {
        let low = _mm256_slli_epi64::<UP>(_mm256_and_si256(x, all((1 << DOWN) - 1)));
        _mm256_add_epi64(low, _mm256_srli_epi64::<DOWN>(x))
    }
}

/// Low limb (31 bits) and high limb (30 bits).
#[inline(always)]
pub(super) unsafe fn limbs(x: __m256i) -> (__m256i, __m256i) {
    // SAFETY: AVX2 is there, as the caller vouches.
    unsafe {
        (
            _mm256_and_si256(x, all((1 << 31) - 1)),
            _mm256_srli_epi64::<31>(x),
        )
    }
}

/// `x y` for canonical residues: `low < 2^62 + 2^61`, `middle < 2^62`.
#[inline(always)]
pub(super) unsafe fn product((x_0, x_1): (__m256i, __m256i), (y_0, y_1): (__m256i, __m256i)) -> Product {
    // SAFETY: AVX2 is there, as the caller vouches.
    unsafe {
        let high = _mm256_mul_epu32(x_1, y_1);
        let low = _mm256_add_epi64(_mm256_mul_epu32(x_0, y_0), _mm256_add_epi64(high, high));
        let middle = _mm256_add_epi64(_mm256_mul_epu32(x_0, y_1), _mm256_mul_epu32(x_1, y_0));
        Product { low, middle }
    }
}

impl Product {
    /// The sum of two results of [`product`].
    #[inline(always)]
    pub(super) unsafe fn add(self, other: Product) -> Product {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe {
            Product {
                low: _mm256_add_epi64(self.low, other.low),
                middle: _mm256_add_epi64(self.middle, other.middle),
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn reduce(self) -> Lanes {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe {
            let shifted = _mm256_slli_epi64::<31>(_mm256_and_si256(self.middle, all((1 << 30) - 1)));
            let low = _mm256_add_epi64(
                _mm256_and_si256(self.low, all(P)),
                _mm256_srli_epi64::<61>(self.low),
            );
            let sum = _mm256_add_epi64(
                _mm256_add_epi64(low, shifted),
                _mm256_srli_epi64::<30>(self.middle),
            );
            let sum = _mm256_add_epi64(_mm256_and_si256(sum, all(P)), _mm256_srli_epi64::<61>(sum));
            Lanes(reduce_once(sum))
        }
    }
}

impl Halves {
    #[inline(always)]
    pub(super) unsafe fn add(self, term: Product) -> Self {
        // SAFETY: AVX2 is there, as the caller vouches.
        unsafe {
            let low_32_bits = all(0xffff_ffff);
            Halves {
                low_0: _mm256_add_epi64(self.low_0, _mm256_and_si256(term.low, low_32_bits)),
                low_32: _mm256_add_epi64(self.low_32, _mm256_srli_epi64::<32>(term.low)),
                middle_0: _mm256_add_epi64(self.middle_0, _mm256_and_si256(term.middle, low_32_bits)),
                middle_32: _mm256_add_epi64(self.middle_32, _mm256_srli_epi64::<32>(term.middle)),
            }
        }
    }
}

/// The two coordinates of `a b`, each the sum of two products.
#[inline(always)]
pub(super) unsafe fn products(a: Pair<Lanes>, b: Pair<Lanes>) -> Pair<Product> {
    // SAFETY: AVX2 is there, as the caller vouches.
    unsafe {
        let (a0, a1) = (limbs(a.re.0), limbs(a.im.0));
        let (b0, b1) = (limbs(b.re.0), limbs(b.im.0));
        let minus_b1 = limbs(_mm256_sub_epi64(all(P), b.im.0));
        Pair {
            re: product(a0, b0).add(product(a1, minus_b1)),
            im: product(a0, b1).add(product(a1, b0)),
        }
    }
}
