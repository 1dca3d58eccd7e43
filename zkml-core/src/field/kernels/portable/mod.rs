//! The reference: one residue at a time, plain integer arithmetic.

use core::mem::MaybeUninit;

use super::small::SmallLeaves;
use super::vector::{Pair, Vector};
use crate::field::mersenne61::{reduce_wide, reduce64, reduce128};
use crate::field::{K, M61, P};

pub(super) mod blake3;
pub(super) mod int8;
pub(super) mod limb;
pub(super) mod panels;

/// One canonical residue.
#[derive(Clone, Copy)]
pub(super) struct Scalar(u64);

/// A product below `2^124` brought below `2^62 + 2^61` without a comparison.
#[inline(always)]
fn partial(product: u128) -> u128 {
    u128::from((product as u64 & P) + (product >> 61) as u64)
}

#[inline(always)]
fn wide(a: Scalar, b: Scalar) -> u128 {
    u128::from(a.0) * u128::from(b.0)
}

impl Vector for Scalar {
    const WIDTH: usize = 1;

    /// Each term adds less than `2^63`, so it never overflows.
    type Sum = u128;

    #[inline(always)]
    unsafe fn splat(x: u64) -> Self {
        Scalar(x)
    }

    #[inline(always)]
    unsafe fn load(source: *const u64) -> Self {
        // SAFETY: valid for one word, as the caller vouches.
        Scalar(unsafe { source.read() })
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut u64) {
        // SAFETY: valid for one word, as the caller vouches.
        unsafe { target.write(self.0) }
    }

    #[inline(always)]
    unsafe fn load_in_pair_order(source: *const u64) -> Self {
        // SAFETY: the same contract.
        unsafe { Self::load(source) }
    }

    #[inline(always)]
    unsafe fn load_pair(source: *const u64) -> Pair<Self> {
        // SAFETY: valid for two words, as the caller vouches.
        unsafe {
            Pair {
                re: Scalar(source.read()),
                im: Scalar(source.add(1).read()),
            }
        }
    }

    #[inline(always)]
    unsafe fn store_pair(pair: Pair<Self>, target: *mut u64) {
        // SAFETY: valid for two words, as the caller vouches.
        unsafe {
            target.write(pair.re.0);
            target.add(1).write(pair.im.0);
        }
    }

    #[inline(always)]
    unsafe fn load_small(source: *const u32) -> Self {
        // SAFETY: valid for one integer, as the caller vouches.
        Scalar(u64::from(unsafe { source.read() }))
    }

    #[inline(always)]
    unsafe fn int_add(self, other: Self) -> Self {
        Scalar(self.0.wrapping_add(other.0))
    }

    #[inline(always)]
    unsafe fn int_sub(self, other: Self) -> Self {
        Scalar(self.0.wrapping_sub(other.0))
    }

    #[inline(always)]
    unsafe fn int_mul(self, other: Self) -> Self {
        Scalar(self.0.wrapping_mul(other.0))
    }

    #[inline(always)]
    unsafe fn sum_of(x: Self) -> u128 {
        u128::from(x.0)
    }

    // The width is 1 and `HALF` is below it, so nothing calls these. They are right for `HALF = 1`.
    #[inline(always)]
    unsafe fn load_blocks<const HALF: usize>(source: *const u64) -> (Self, Self) {
        // SAFETY: the same contract.
        let Pair { re, im } = unsafe { Self::load_pair(source) };
        (re, im)
    }

    #[inline(always)]
    unsafe fn store_blocks<const HALF: usize>(low: Self, high: Self, target: *mut u64) {
        // SAFETY: the same contract.
        unsafe { Self::store_pair(Pair { re: low, im: high }, target) }
    }

    #[inline(always)]
    unsafe fn load_twiddles<const HALF: usize>(source: *const u64) -> Self {
        // SAFETY: the same contract.
        unsafe { Self::load(source) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Scalar(reduce64(self.0 + other.0))
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        let (difference, borrow) = self.0.overflowing_sub(other.0);
        Scalar(if borrow {
            difference.wrapping_add(P)
        } else {
            difference
        })
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Scalar(reduce128(wide(self, other)))
    }

    #[inline(always)]
    unsafe fn mul_pair(a: Pair<Self>, b: Pair<Self>) -> Pair<Self> {
        let real = wide(a.re, b.re) + wide(a.im, Scalar(P - b.im.0));
        let imaginary = wide(a.re, b.im) + wide(a.im, b.re);
        Pair {
            re: Scalar(reduce128(real)),
            im: Scalar(reduce128(imaginary)),
        }
    }

    #[inline(always)]
    unsafe fn mul_add_pair(a: Pair<Self>, b: Pair<Self>, c: Pair<Self>) -> Pair<Self> {
        let real = wide(a.re, b.re) + wide(a.im, Scalar(P - b.im.0)) + u128::from(c.re.0);
        let imaginary = wide(a.re, b.im) + wide(a.im, b.re) + u128::from(c.im.0);
        Pair {
            re: Scalar(reduce128(real)),
            im: Scalar(reduce128(imaginary)),
        }
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        Scalar(reduce128(wide(self, b) + u128::from(c.0)))
    }

    // Words that a vector of another instruction set wrote may be lazy. Results here are canonical.
    type Factor = Self;

    #[inline(always)]
    unsafe fn factor(x: u64) -> Self {
        Scalar(x)
    }

    #[inline(always)]
    unsafe fn lazy_mul(self, factor: Self) -> Self {
        // SAFETY: nothing to vouch for.
        unsafe { self.canonical().mul(factor) }
    }

    #[inline(always)]
    unsafe fn shorten(self) -> Self {
        Scalar(reduce64(self.0))
    }

    #[inline(always)]
    unsafe fn canonical(self) -> Self {
        Scalar(reduce64(self.0))
    }

    #[inline(always)]
    unsafe fn no_sum() -> u128 {
        0
    }

    #[inline(always)]
    unsafe fn mac_base(sum: u128, a: Self, b: Self) -> u128 {
        sum + partial(wide(a, b))
    }

    #[inline(always)]
    unsafe fn mac_pair(sum: Pair<u128>, a: Pair<Self>, b: Pair<Self>) -> Pair<u128> {
        Pair {
            re: sum.re + partial(wide(a.re, b.re) + wide(a.im, Scalar(P - b.im.0))),
            im: sum.im + partial(wide(a.re, b.im) + wide(a.im, b.re)),
        }
    }

    #[inline(always)]
    unsafe fn flush(sum: u128) -> u128 {
        sum
    }

    #[inline(always)]
    unsafe fn reduce(sum: u128) -> Self {
        Scalar(reduce_wide(sum))
    }

    #[inline(always)]
    unsafe fn total(sum: u128) -> M61 {
        M61::from_raw(reduce_wide(sum))
    }
}

super::generic::instantiate!(Scalar);
