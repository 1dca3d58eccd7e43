//! AVX-512 with IFMA: eight residues, products by 52-bit multiply-adds.
//!
//! A residue is `x_0 + 2^52 x_1` with `x_1` of 9 bits (12 at most when loose). `vpmadd52` reads the low 52 bits
//! of a lane by itself, so splitting costs one shift. A product is seven multiply-adds into three words,
//!
//! ```text
//! w0   = lo(x_0 y_0)
//! w52  = hi(x_0 y_0) + lo(x_0 y_1) + lo(x_1 y_0)
//! w104 = hi(x_0 y_1) + hi(x_1 y_0) + lo(x_1 y_1)
//! ```
//!
//! whose sum `w0 + 2^52 w52 + 2^104 w104` is reduced once for a whole inner product, by `2^61 = 1`.

use core::arch::x86_64::*;
use core::mem::MaybeUninit;

use self::words::{Words, all, high, reduce, reduce_once, times_2_52};
use super::small::SmallLeaves;
use super::vector::{Pair, Vector};
use crate::field::mersenne61::reduce64;
use crate::field::{K, M61, P};

pub(super) mod blake3;
pub(super) mod int8;
pub(super) mod limb;
pub(super) mod panels;
mod words;

/// Eight residues.
#[derive(Clone, Copy)]
pub(super) struct Lanes(__m512i);

/// A factor `t` as [`Vector::lazy_mul`] uses it: `t` and `2^31 t mod p`, and the high limbs of both.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    t: __m512i,
    t_1: __m512i,
    shifted: __m512i,
    shifted_1: __m512i,
}

/// The eight lanes in the order in which `load_pair` leaves elements.
const PAIR_ORDER: [u64; 8] = [0, 4, 1, 5, 2, 6, 3, 7];

#[inline(always)]
unsafe fn indices(order: [u64; 8]) -> __m512i {
    // SAFETY: the array has 64 bytes.
    unsafe { _mm512_loadu_si512(order.as_ptr().cast()) }
}

impl Vector for Lanes {
    const WIDTH: usize = 8;

    type Sum = Words;

    #[inline(always)]
    unsafe fn splat(x: u64) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(all(x)) }
    }

    #[inline(always)]
    unsafe fn load(source: *const u64) -> Self {
        // SAFETY: AVX-512 is there and the words are valid, as the caller vouches.
        unsafe { Lanes(_mm512_loadu_si512(source.cast())) }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut u64) {
        // SAFETY: AVX-512 is there and the words are valid, as the caller vouches.
        unsafe { _mm512_storeu_si512(target.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn load_in_pair_order(source: *const u64) -> Self {
        // SAFETY: AVX-512 is there and the words are valid, as the caller vouches.
        unsafe {
            Lanes(_mm512_permutexvar_epi64(
                indices(PAIR_ORDER),
                Self::load(source).0,
            ))
        }
    }

    #[inline(always)]
    unsafe fn load_small(source: *const u32) -> Self {
        // SAFETY: AVX-512 is there and the integers are valid, as the caller vouches.
        unsafe {
            let lanes = _mm512_cvtepu32_epi64(_mm256_loadu_si256(source.cast()));
            Lanes(_mm512_permutexvar_epi64(indices(PAIR_ORDER), lanes))
        }
    }

    #[inline(always)]
    unsafe fn int_add(self, other: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(_mm512_add_epi64(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn int_sub(self, other: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(_mm512_sub_epi64(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn int_mul(self, other: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(_mm512_mul_epi32(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn load_pair(source: *const u64) -> Pair<Self> {
        // SAFETY: AVX-512 is there and the words are valid, as the caller vouches.
        unsafe {
            let (a, b) = (Self::load(source).0, Self::load(source.add(8)).0);
            Pair {
                re: Lanes(_mm512_unpacklo_epi64(a, b)),
                im: Lanes(_mm512_unpackhi_epi64(a, b)),
            }
        }
    }

    #[inline(always)]
    unsafe fn store_pair(pair: Pair<Self>, target: *mut u64) {
        // SAFETY: AVX-512 is there and the words are valid, as the caller vouches.
        unsafe {
            Lanes(_mm512_unpacklo_epi64(pair.re.0, pair.im.0)).store(target);
            Lanes(_mm512_unpackhi_epi64(pair.re.0, pair.im.0)).store(target.add(8));
        }
    }

    #[inline(always)]
    unsafe fn load_blocks<const HALF: usize>(source: *const u64) -> (Self, Self) {
        // SAFETY: AVX-512 is there and the words are valid, as the caller vouches.
        unsafe {
            let (a, b) = (Self::load(source).0, Self::load(source.add(8)).0);
            match HALF {
                1 => (
                    Lanes(_mm512_unpacklo_epi64(a, b)),
                    Lanes(_mm512_unpackhi_epi64(a, b)),
                ),
                2 => (
                    Lanes(_mm512_shuffle_i64x2::<0b10_00_10_00>(a, b)),
                    Lanes(_mm512_shuffle_i64x2::<0b11_01_11_01>(a, b)),
                ),
                _ => (
                    Lanes(_mm512_shuffle_i64x2::<0b01_00_01_00>(a, b)),
                    Lanes(_mm512_shuffle_i64x2::<0b11_10_11_10>(a, b)),
                ),
            }
        }
    }

    #[inline(always)]
    unsafe fn store_blocks<const HALF: usize>(low: Self, high: Self, target: *mut u64) {
        // SAFETY: AVX-512 is there and the words are valid, as the caller vouches.
        unsafe {
            let (a, b) = match HALF {
                1 => (
                    _mm512_unpacklo_epi64(low.0, high.0),
                    _mm512_unpackhi_epi64(low.0, high.0),
                ),
                2 => (
                    _mm512_permutex2var_epi64(low.0, indices([0, 1, 8, 9, 2, 3, 10, 11]), high.0),
                    _mm512_permutex2var_epi64(low.0, indices([4, 5, 12, 13, 6, 7, 14, 15]), high.0),
                ),
                _ => (
                    _mm512_shuffle_i64x2::<0b01_00_01_00>(low.0, high.0),
                    _mm512_shuffle_i64x2::<0b11_10_11_10>(low.0, high.0),
                ),
            };
            Lanes(a).store(target);
            Lanes(b).store(target.add(8));
        }
    }

    #[inline(always)]
    unsafe fn load_twiddles<const HALF: usize>(source: *const u64) -> Self {
        // SAFETY: AVX-512 is there and the words are valid, as the caller vouches.
        unsafe {
            match HALF {
                1 => Self::load_in_pair_order(source),
                2 => {
                    let four = _mm512_castsi256_si512(_mm256_loadu_si256(source.cast()));
                    Lanes(_mm512_permutexvar_epi64(indices([0, 0, 1, 1, 2, 2, 3, 3]), four))
                }
                _ => {
                    let two = _mm512_castsi128_si512(_mm_loadu_si128(source.cast()));
                    Lanes(_mm512_permutexvar_epi64(indices([0, 0, 0, 0, 1, 1, 1, 1]), two))
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(reduce_once(_mm512_add_epi64(self.0, other.0))) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            // A negative difference wraps to a word above `2^63`, and adding `p` makes it the residue.
            let difference = _mm512_sub_epi64(self.0, other.0);
            Lanes(_mm512_min_epu64(difference, _mm512_add_epi64(difference, all(P))))
        }
    }

    #[inline(always)]
    unsafe fn loose_add(self, other: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(_mm512_add_epi64(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn loose_sub(self, other: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(_mm512_add_epi64(self.0, _mm512_sub_epi64(all(P), other.0))) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            Lanes(
                Words::zero()
                    .mac(self.0, high(self.0), other.0, high(other.0))
                    .reduce_short(),
            )
        }
    }

    #[inline(always)]
    unsafe fn mul_pair(a: Pair<Self>, b: Pair<Self>) -> Pair<Self> {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let zero = Lanes(_mm512_setzero_si512());
            Self::mul_add_pair(a, b, Pair { re: zero, im: zero })
        }
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            Lanes(
                Words::from(c.0)
                    .mac(self.0, high(self.0), b.0, high(b.0))
                    .reduce_short(),
            )
        }
    }

    #[inline(always)]
    unsafe fn mul_add_pair(a: Pair<Self>, b: Pair<Self>, c: Pair<Self>) -> Pair<Self> {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let (a0, a1, b0, b1) = (a.re.0, a.im.0, b.re.0, b.im.0);
            let minus_b1 = _mm512_sub_epi64(all(P), b1);
            let (a0_1, a1_1, b0_1, b1_1) = (high(a0), high(a1), high(b0), high(b1));
            // The addend starts the sums, so it costs nothing.
            let (re, im) = (Words::from(c.re.0), Words::from(c.im.0));
            let re = re.mac(a0, a0_1, b0, b0_1).mac(a1, a1_1, minus_b1, high(minus_b1));
            let im = im.mac(a0, a0_1, b1, b1_1).mac(a1, a1_1, b0, b0_1);
            Pair {
                re: Lanes(re.reduce_short()),
                im: Lanes(im.reduce_short()),
            }
        }
    }

    type Factor = Factor;

    #[inline(always)]
    unsafe fn factor(x: u64) -> Factor {
        let shifted = (x << 31 & P) | (x >> 30);
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            Factor {
                t: all(x),
                t_1: all(x >> 52),
                shifted: all(shifted),
                shifted_1: all(shifted >> 52),
            }
        }
    }

    /// With `x = x_0 + 2^31 x_1`, `x_1 < 2^33`, the sum `x_0 t + x_1 (2^31 t mod p)` has no word at `2^104`: six
    /// multiply-adds, and `w0 < 2^53`, `w52 < 2^43`.
    #[inline(always)]
    unsafe fn lazy_mul(self, factor: Factor) -> Self {
        let Factor {
            t,
            t_1,
            shifted,
            shifted_1,
        } = factor;
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let zero = _mm512_setzero_si512();
            let x_0 = _mm512_and_si512(self.0, all((1 << 31) - 1));
            let x_1 = _mm512_srli_epi64::<31>(self.0);
            let w0 = _mm512_madd52lo_epu64(zero, x_0, t);
            let w0 = _mm512_madd52lo_epu64(w0, x_1, shifted);
            let w52 = _mm512_madd52hi_epu64(zero, x_0, t);
            let w52 = _mm512_madd52hi_epu64(w52, x_1, shifted);
            let w52 = _mm512_madd52lo_epu64(w52, x_0, t_1);
            let w52 = _mm512_madd52lo_epu64(w52, x_1, shifted_1);
            Lanes(_mm512_add_epi64(w0, times_2_52(w52)))
        }
    }

    #[inline(always)]
    unsafe fn lazy_add(self, other: Self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(_mm512_add_epi64(self.0, other.0)) }
    }

    #[inline(always)]
    unsafe fn lazy_sub(self, other: Self) -> Self {
        // A short lane is below 2 p, so the difference is not negative.
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(_mm512_sub_epi64(_mm512_add_epi64(self.0, all(2 * P)), other.0)) }
    }

    #[inline(always)]
    unsafe fn shorten(self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let low = _mm512_and_si512(self.0, all(P));
            Lanes(_mm512_add_epi64(low, _mm512_srli_epi64::<61>(self.0)))
        }
    }

    #[inline(always)]
    unsafe fn canonical(self) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(reduce(self.0)) }
    }

    #[inline(always)]
    unsafe fn no_sum() -> Words {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Words::zero() }
    }

    #[inline(always)]
    unsafe fn mac_base(sum: Words, a: Self, b: Self) -> Words {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { sum.mac(a.0, high(a.0), b.0, high(b.0)) }
    }

    #[inline(always)]
    unsafe fn sum_of(x: Self) -> Words {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Words::from(x.0) }
    }

    #[inline(always)]
    unsafe fn mac_small(sum: Words, x: Self, c: Self) -> Words {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { sum.mac_small(x.0, c.0, high(c.0)) }
    }

    #[inline(always)]
    unsafe fn mac_pair(sum: Pair<Words>, a: Pair<Self>, b: Pair<Self>) -> Pair<Words> {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            let (a0, a1, b0, b1) = (a.re.0, a.im.0, b.re.0, b.im.0);
            // A loose lane is at most 3 p.
            let minus_b1 = _mm512_sub_epi64(all(4 * P), b1);
            let (a0_1, a1_1, b0_1, b1_1) = (high(a0), high(a1), high(b0), high(b1));
            Pair {
                re: sum
                    .re
                    .mac(a0, a0_1, b0, b0_1)
                    .mac(a1, a1_1, minus_b1, high(minus_b1)),
                im: sum.im.mac(a0, a0_1, b1, b1_1).mac(a1, a1_1, b0, b0_1),
            }
        }
    }

    #[inline(always)]
    unsafe fn flush(sum: Words) -> Words {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            Words {
                w0: sum.reduce_long(),
                ..Words::zero()
            }
        }
    }

    #[inline(always)]
    unsafe fn reduce(sum: Words) -> Self {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe { Lanes(sum.reduce_long()) }
    }

    #[inline(always)]
    unsafe fn total(sum: Words) -> M61 {
        // SAFETY: AVX-512 is there, as the caller vouches.
        unsafe {
            // Eight canonical residues add up to less than 2^64.
            let lanes: [u64; 8] = core::mem::transmute(sum.reduce_long());
            M61::from_raw(reduce64(lanes.iter().sum()))
        }
    }
}

super::generic::instantiate!(Lanes, "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512ifma");
